"""What the README says, held against what the project does."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from clients.demarches import STATIC_HOSTS
from server.cli import app
from server.sandbox.covoiturage import certificates
from server.sandbox.demarches.population import registry
from server.settings import SERVICES, WHERE_TO_READ, Section, Settings, described, load
from tools import TOOLS, Tool

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_A_LINE = re.compile(r"`([^`\n]+)`")
OUR_COMMAND = re.compile(r"(?:^|(?<=[\s/]))guichet((?: +[^\s;&|]+)*) *$", re.MULTILINE)
NOTHING = "–"

SET_UP = [line for line in README.splitlines() if line.startswith("python3 -m venv ")]


def blocks(language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(README) if kind == language]


def spans(text: str) -> list[str]:
    return IN_A_LINE.findall(text)


def table(heading: str) -> dict[str, dict[str, str]]:
    """The rows of a section's table, by what their first cell names, as column and cell."""
    _, _, section = README.partition(f"\n## {heading}\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    columns, *rows = (re.split(r"\s*\|\s*", line.strip("| ")) for line in lines)
    return {row[0].strip("`"): dict(zip(columns, row, strict=True)) for row in rows}


def commands_named() -> Iterator[list[str]]:
    """What follows `guichet` wherever a command is given: its own command and its options."""
    for text in (*blocks("sh"), *spans(FENCED.sub("", README))):
        for found in OUR_COMMAND.findall(text):
            yield found.split()


def kind(tool: Tool) -> str:
    if tool.saves:
        return "saves a file"
    return "writes" if tool.writes else "reads"


def default(field: FieldInfo) -> str:
    """A default as a person would write it."""
    if field.default in (None, "", {}, ()):
        return NOTHING
    if field.default in (SERVICES, STATIC_HOSTS):
        return ",".join(field.default)
    told = str(field.default)
    return told.lower() if isinstance(field.default, bool) else told


def defaults() -> Mapping[str, str]:
    """What each variable is when nobody sets it."""
    found = dict.fromkeys(WHERE_TO_READ, NOTHING)
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            inner = section.model_fields.items()
            found |= {f"GUICHET_{name}_{n}".upper(): default(f) for n, f in inner}
        else:
            found[f"GUICHET_{name}".upper()] = default(field)
    return found


def test_two_commands_of_one_line_each_do_all_the_set_up():
    to_try, to_develop = SET_UP

    assert to_try.endswith("guichet demo")
    assert to_develop.endswith("pytest")
    assert "[dev]" in to_develop
    assert all(" -c constraints.txt " in line for line in SET_UP)
    assert [f"{line}\n" for line in SET_UP] == blocks("sh")[:2]


async def test_what_runs_before_a_merge_starts_with_the_second_of_them():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    (reading,) = (line for line in lines if line.startswith("setup="))
    told = await anyio.run_process(["bash", "-c", f'{reading}; printf %s "$setup"'], cwd=ROOT)

    assert told.stdout.decode() == SET_UP[1]
    assert 'bash -c "$setup"' in lines


def test_the_tools_are_those_of_the_catalogue():
    told = {name: row["kind"] for name, row in table("Tools").items()}

    assert told == {tool.name: kind(tool) for tool in TOOLS}


def test_only_what_writes_asks_a_person():
    told = table("Tools")
    asking = {name for name, row in told.items() if row["what the person is asked"] != "nothing"}

    assert asking == {tool.name for tool in TOOLS if tool.writes}


def test_what_a_person_must_do_is_what_the_catalogue_requires():
    told = {name: row["and must do"] for name, row in table("Tools").items()}

    assert told == {tool.name: tool.rung.value if tool.rung else "nothing" for tool in TOOLS}


def test_the_settings_are_those_the_server_reads():
    known = {name for name, _ in described()} | set(WHERE_TO_READ)

    assert set(table("Settings")) == known


def test_the_defaults_are_those_the_server_takes():
    told = {name: row["default"].strip("`") for name, row in table("Settings").items()}

    assert told == defaults()


def test_the_example_environment_has_every_setting_and_sets_none():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line[1:].partition("=")[0] for line in lines if line.startswith("#GUICHET_")]

    assert sorted(named) == sorted(table("Settings"))
    assert not [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("block", blocks("json"))
def test_an_entry_for_a_client_parses_and_sets_what_exists(block: str):
    entry = json.loads(block)["servers"]["guichet"]

    assert entry["command"] == "guichet"
    assert set(entry["env"]) <= set(table("Settings"))


def test_the_example_file_of_settings_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (example,) = blocks("toml")
    here = example.replace("/srv/guichet", str(tmp_path))
    (tmp_path / "guichet.toml").write_text(here, encoding="utf-8")
    monkeypatch.setenv("GUICHET_CONFIG", str(tmp_path / "guichet.toml"))

    settings = load()

    assert settings.demarches.instructeur == tomllib.loads(example)["demarches"]["instructeur"]
    assert isinstance(settings.demarches.tokens[1001], SecretStr)


def test_every_command_it_names_exists_with_its_options():
    root = get_command(app)
    commands = getattr(root, "commands", {})
    named = list(commands_named())

    assert ["demo"] in named
    for words in named:
        of_its_own = words and not words[0].startswith("-")
        command = commands[words[0]] if of_its_own else root
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


def test_the_certificates_it_gives_are_in_the_sandbox():
    known = {certificates.VALID, certificates.EXPIRED, certificates.AS_DOCUMENTED}

    assert known == {span for span in spans(README) if re.fullmatch(r"[0-9a-f-]{36}", span)}


def test_the_dossiers_it_gives_are_in_the_sandbox_in_that_state():
    dossiers = registry(lambda: datetime.now(UTC)).dossiers
    told = {int(number): row["state"] for number, row in table("The sandbox").items()}

    assert told
    assert told == {number: dossiers[number].state for number in told}


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https://)([^)]+)\)", README))
def test_what_it_links_to_is_there(target: str):
    assert (ROOT / target).is_file()
