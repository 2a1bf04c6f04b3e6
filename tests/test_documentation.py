"""What the documentation says, held against what the project does.

Its tables are written by `UPDATE_SNAPSHOTS=1 .venv/bin/pytest -n0 tests/test_documentation.py`.
"""

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command
from typer.testing import CliRunner

from clients.known import STATIC_HOSTS
from server.cli import app
from server.sandbox.covoiturage import certificates
from server.sandbox.demarches.population import registry
from server.settings import WHERE_TO_READ, Section, Settings, described, load
from tests.support import Counter, Person, own_log
from tools import TOOLS, Tool
from tools.catalogue import SERVICES

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
}
README, IN_FRENCH = PAGES["README.md"], PAGES["README.fr.md"]
LONGEST_README = 250
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_A_LINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")
WRITTEN = re.compile(r"<!-- (settings|tools: \w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
"""The tables that are made from the code."""
OUR_COMMAND = re.compile(r"(?:^|(?<=[\s/]))guichet((?: +[^\s;&|]+)*) *$", re.MULTILINE)
NOTHING = "–"

SET_UP = [line for line in README.splitlines() if line.startswith("python3 -m venv ")]


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(page) if kind == language]


def spans(text: str) -> list[str]:
    return IN_A_LINE.findall(text)


def rows(page: str, heading: str) -> dict[str, dict[str, str]]:
    """The rows of a section's table, by what their first cell names, as column and cell."""
    _, _, section = page.partition(f"\n## {heading}\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    columns, *held = (re.split(r"\s*\|\s*", line.strip("| ")) for line in lines)
    return {row[0].strip("`"): dict(zip(columns, row, strict=True)) for row in held}


def commands_named() -> Iterator[list[str]]:
    """What follows `guichet` wherever a command is given: its own command and its options."""
    for page in PAGES.values():
        for text in (*blocks(page, "sh"), *spans(FENCED.sub("", page))):
            for found in OUR_COMMAND.findall(text):
                yield shlex.split(found, comments=True)


def commands_to_try() -> list[list[str]]:
    """Those that are given whole and end by themselves; what they would change is only shown."""
    bare = (["call"], ["install"], ["token", "create"])
    known = {tuple(words): words for words in commands_named() if words not in bare}
    changing = {tool.name for tool in TOOLS if tool.writes}
    return [
        [*words, "dry_run=yes"] if changing.intersection(words) else words
        for words in known.values()
        if words and words[0] in ("call", "install", "token", "tools")
    ]


def table(columns: Iterable[str], held: Iterable[Iterable[str]]) -> str:
    head = tuple(columns)
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in (head, *held))
    first, _, rest = lines.partition("\n")
    return f"{first}\n{'|---' * len(head)}|\n{rest}"


def made_from_the_code(what: str) -> str:
    """A table as the code would have it."""
    if what == "settings":
        known = dict(described()) | WHERE_TO_READ
        held = (
            (f"`{name}`", known[name], value if value == NOTHING else f"`{value}`")
            for name, value in defaults().items()
        )
        return table(("variable", "what it is", "default"), held)
    service = what.removeprefix("tools: ")
    return table(
        ("tool", "what it does", "kind", "what the person must do"),
        (
            (f"`{tool.name}`", first_sentence(tool), kind(tool), tool.rung or "nothing")
            for tool in TOOLS
            if (tool.service or "ledger") == service
        ),
    )


def first_sentence(tool: Tool) -> str:
    sentence, _, _ = " ".join(tool.description.split()).partition(". ")
    return sentence.rstrip(".").replace(" (Démarches simplifiées)", "")


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
    assert [f"{line}\n" for line in SET_UP] == blocks(README, "sh")[:2]


@pytest.mark.skipif(sys.platform == "win32", reason="`.ci/run` is for a POSIX shell")
async def test_what_runs_before_a_merge_starts_with_the_second_of_them():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    (reading,) = (line for line in lines if line.startswith("setup="))
    told = await anyio.run_process(["bash", "-c", f'{reading}; printf %s "$setup"'], cwd=ROOT)

    assert told.stdout.decode() == SET_UP[1]
    assert 'bash -c "$setup"' in lines


def test_both_readmes_say_the_same_in_as_many_words_as_one_reads():
    for kinds in ("sh", "json"):
        assert blocks(README, kinds) == blocks(IN_FRENCH, kinds)
    headings, en_titres = (re.findall(r"^#+ ", page, re.MULTILINE) for page in (README, IN_FRENCH))
    assert headings == en_titres
    links, liens = (LINK.findall(page) for page in (README, IN_FRENCH))
    assert links[1:] == liens[1:], "each starts with a link to the other"
    assert max(len(page.splitlines()) for page in (README, IN_FRENCH)) <= LONGEST_README


@pytest.mark.parametrize(
    ("page", "language", "motivation"),
    [
        (README, "en", "Every document is in order."),
        (IN_FRENCH, "fr", "Toutes les pièces sont conformes."),
    ],
)
async def test_the_exchange_that_it_opens_with_is_a_real_one(
    counter: Counter, page: str, language: str, motivation: str
):
    counter.settings["language"] = language
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        result = await host.call_tool(
            "accept_dossier", {"number": 200002, "motivation": motivation}
        )
    asked, told = blocks(page, "text")
    (question,) = person.questions

    assert question == asked.strip()
    assert json.loads(result.model_dump_json())["structured_content"]["conclusion"] == told.strip()


@pytest.mark.parametrize(
    ("name", "what"),
    [(name, what) for name, page in PAGES.items() for what, _ in WRITTEN.findall(page)],
)
def test_a_table_of_tools_or_settings_is_what_the_code_says(name: str, what: str):
    """Run with `UPDATE_SNAPSHOTS=1` after an intended change, and review the difference."""
    made = made_from_the_code(what)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        page = (ROOT / name).read_text(encoding="utf-8")
        head, opening, rest = page.partition(f"<!-- {what} -->\n")
        _, closing, tail = rest.partition("<!-- end -->\n")
        (ROOT / name).write_text(f"{head}{opening}{made}{closing}{tail}", encoding="utf-8")

    assert f"<!-- {what} -->\n{made}<!-- end -->\n" in (ROOT / name).read_text(encoding="utf-8")


def test_every_tool_and_every_setting_is_in_a_table():
    written = [what for page in PAGES.values() for what, _ in WRITTEN.findall(page)]
    wanted = {"settings", *(f"tools: {tool.service or 'ledger'}" for tool in TOOLS)}

    assert sorted(written) == sorted(wanted)


def test_what_a_person_is_told_is_said_of_every_tool_that_writes():
    told = rows(PAGES["docs/consent.md"], "What each question says")

    assert set(told) == {tool.name for tool in TOOLS if tool.writes}


def test_the_example_environment_has_every_setting_and_sets_none():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line[1:].partition("=")[0] for line in lines if line.startswith("#GUICHET_")]

    assert sorted(named) == sorted({name for name, _ in described()} | set(WHERE_TO_READ))
    assert not [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("block", blocks(README, "json"))
def test_an_entry_for_a_client_parses_and_sets_what_exists(block: str):
    entry = json.loads(block)["servers"]["guichet"]

    assert entry["command"] == "guichet"
    assert set(entry["env"]) <= {name for name, _ in described()}


async def test_the_program_that_it_shows_gets_an_answer(tmp_path: Path):
    (program,) = blocks(PAGES["docs/install.md"], "python")
    guichet = Path(sys.executable).with_name("guichet").as_posix()
    script = tmp_path / "program.py"
    script.write_text(program.replace(".venv/bin/guichet", guichet), encoding="utf-8")

    with anyio.fail_after(60):
        ended = await anyio.run_process([sys.executable, str(script)])

    assert b"200001" in ended.stdout


def test_the_example_file_of_settings_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (example,) = blocks(PAGES["docs/settings.md"], "toml")
    here = example.replace("/srv/guichet", str(tmp_path))
    (tmp_path / "guichet.toml").write_text(here, encoding="utf-8")
    monkeypatch.setenv("GUICHET_CONFIG", str(tmp_path / "guichet.toml"))

    settings = load()

    assert settings.demarches.instructeur == tomllib.loads(example)["demarches"]["instructeur"]
    assert isinstance(settings.demarches.tokens[1001], SecretStr)


def test_every_command_it_names_exists_with_its_options():
    named = list(commands_named())

    assert ["demo"] in named
    for words in named:
        command = get_command(app)
        while words and (below := getattr(command, "commands", {})) and words[0][0] != "-":
            command = below[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


@pytest.mark.parametrize("words", commands_to_try(), ids=" ".join)
def test_a_command_that_it_gives_whole_does_what_is_asked(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    for variable in ("APPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "settings"))
    with own_log():
        done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, done.stderr


def test_the_certificates_it_gives_are_in_the_sandbox():
    known = {certificates.VALID, certificates.EXPIRED, certificates.AS_DOCUMENTED}

    assert known == {
        span for span in spans(PAGES["docs/sandbox.md"]) if re.fullmatch(r"[0-9a-f-]{36}", span)
    }


def test_the_dossiers_it_gives_are_in_the_sandbox_in_that_state():
    dossiers = registry(lambda: datetime.now(UTC)).dossiers
    held = rows(PAGES["docs/sandbox.md"], "Dossiers of démarche 1001")
    told = {int(number): row["state"] for number, row in held.items()}

    assert told
    assert told == {number: dossiers[number].state for number in told}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_links_to_is_there(name: str):
    targets = LINK.findall(PAGES[name])

    assert [each for each in targets if not (ROOT / name).parent.joinpath(each).is_file()] == []
