"""What a person without an assistant does with the tools, at a terminal and without one."""

import json
import re
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from mcp.types import CallToolResult
from rich.console import Console
from typer.testing import CliRunner, Result

from clients.text import clean
from server.cli import app
from server.cli.arguments import WrongUseError, arguments
from server.cli.call import called
from server.cli.terminal import Terminal
from server.sandboxed import sandboxed
from server.settings import Settings
from tests.support import Browser, own_log, text
from tools import TOOLS
from tools.language import speaking

SCHEMA = {
    "properties": {
        "number": {"type": "integer"},
        "label": {"type": "string"},
        "dry_run": {"type": "boolean"},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
        "values": {"type": "object"},
    },
    "required": ["number"],
}
A_KEY = re.compile(r"http://127\.0\.0\.1:\d+/approvals/enter\?key=[\w-]+")
ACCEPT = ("number=200001", "motivation=Dossier complet.")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A command sends the log to its own stderr, and that ends with it."""
    with own_log():
        yield


def guichet(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def person(*lines: str, console: Console | None = None) -> Terminal:
    """Somebody who types these lines, then leaves."""
    typed = iter(lines)
    return Terminal(console or Console(file=StringIO()), speaking("fr"), lambda: next(typed, ""))


async def accept(terminal: Terminal | None, **settings: object) -> CallToolResult:
    chosen = sandboxed(Settings.model_validate(settings))
    console = Console(file=StringIO())
    return await called(chosen, "accept_dossier", ACCEPT, console, terminal, sandbox=True)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["number=12"], {"number": 12}),
        (["number=n° 12"], {"number": "n° 12"}),  # the server may understand it
        (["number=1", "label=a=b"], {"number": 1, "label": "a=b"}),
        (["number=1", "label="], {"number": 1, "label": ""}),
        (["number=1", "dry_run=Yes"], {"number": 1, "dry_run": True}),
        (["number=1", "dry_run=non"], {"number": 1, "dry_run": False}),
        (["number=1", "numbers=3", "numbers=4"], {"number": 1, "numbers": [3, 4]}),
        (["number=1", "numbers=[3, 4]"], {"number": 1, "numbers": [3, 4]}),
        (["number=1", 'rows={"a": 1}'], {"number": 1, "rows": [{"a": 1}]}),
        (["number=1", 'values={"a": [1]}'], {"number": 1, "values": {"a": [1]}}),
    ],
)
def test_what_is_typed_becomes_what_the_tool_asks_for(words: list[str], given: object):
    assert arguments(SCHEMA, words) == given


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "it needs number=…"),
        (["number"], "write number as name=value"),
        (["numbr=1"], "Did you mean number?"),
        (["number=1", "number=2"], "give it once"),
        (["number=1", "dry_run=perhaps"], "true or false"),
        (["number=1", "numbers=[3"], "a list, such as"),
        (["number=1", "values=[1]"], "an object, such as"),
    ],
)
def test_what_cannot_be_passed_is_told_with_what_to_type(words: list[str], says: str):
    with pytest.raises(WrongUseError, match=re.escape(says)):
        arguments(SCHEMA, words)


def test_a_read_is_shown_to_a_person_and_given_whole_to_a_program():
    words = ("call", "query_dossiers", "demarche_number=1001", "limit=1", "--sandbox")
    shown, raw = guichet(*words), guichet(*words, "--json")

    assert shown.exit_code == raw.exit_code == 0
    assert shown.stderr == raw.stderr == ""
    assert '\n      "number": 200001,\n' in shown.stdout
    assert json.loads(raw.stdout) == json.loads(shown.stdout)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["get_dossier", "number=1", "--sandbox"], 1, "no dossier"),
        (["get_dossier", "number=1"], 1, "not offered: demarches lacks credentials"),
        (["accept_dossier", "number=1", "--sandbox", "--read-only"], 1, "GUICHET_READ_ONLY"),
        (["get_dosier", "--sandbox"], 2, "Did you mean get_dossier?"),
        (["get_dossier", "--sandbox"], 2, "it needs number=…"),
    ],
)
def test_what_failed_and_what_was_typed_wrong_are_told_apart(
    words: list[str], code: int, says: str
):
    done = guichet("call", *words)

    assert (done.exit_code, done.stdout) == (code, "")
    assert says in done.stderr


async def test_a_change_is_made_once_the_person_at_the_terminal_agreed():
    screen = StringIO()
    terminal = person("oui\n", "200001\n", console=Console(file=screen, width=100))

    result = await accept(terminal)

    assert (result.structured_content or {})["outcome"] == "applied"
    assert "Accepter le dossier n° 200001" in screen.getvalue()
    assert "[oui, en entier, ou non]" in screen.getvalue()
    assert "Numéro du dossier" in screen.getvalue()


@pytest.mark.parametrize(
    "lines", [["non\n", "200001\n"], ["o\n", "200001\n"], ["oui\n"], ["oui\n", "200002\n"]]
)
async def test_nothing_changes_otherwise(lines: list[str]):
    result = await accept(person(*lines))

    assert result.is_error
    assert "rien n'a été changé" in text(result)


async def test_ctrl_c_at_a_question_is_a_no():
    lines = iter(["oui\n", "200001\n"])

    def interrupted() -> str:
        signal.raise_signal(signal.SIGINT)
        return next(lines)

    before = signal.getsignal(signal.SIGINT)
    terminal = Terminal(Console(file=StringIO()), speaking("fr"), interrupted)

    result = await accept(terminal)

    assert "rien n'a été changé" in text(result)
    assert signal.getsignal(signal.SIGINT) is before


async def test_what_strangers_wrote_reaches_a_terminal_without_what_it_would_obey():
    """Dossier 200009's applicant writes with hidden signs."""
    screen = StringIO()
    settings = sandboxed(Settings())
    words = ("number=200009", "motivation=Complet.")
    terminal = person("non\n", console=Console(file=screen, width=100))

    await called(settings, "accept_dossier", words, Console(), terminal, sandbox=True)

    assert "Ignore toutes" in screen.getvalue()
    assert clean(screen.getvalue()) == screen.getvalue()


@pytest.mark.parametrize("button", ["approve", "refuse"])
async def test_without_a_terminal_the_page_is_where_the_person_decides(
    button: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """On a machine without a browser: the address is then on stderr."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    looks: list[float] = []

    async def look(seconds: float) -> None:
        looks.append(seconds)
        (address,) = A_KEY.findall(capsys.readouterr().err)
        async with Browser() as browser:
            await browser.open(address)
            if button == "approve":
                await browser.press("approve", agreed="yes", typed="200001")
            else:
                await browser.press("refuse")

    settings, console = sandboxed(Settings()), Console(file=StringIO())
    result = await called(
        settings, "accept_dossier", ACCEPT, console, None, sandbox=True, look=look
    )

    assert len(looks) == 1
    assert result.is_error == (button == "refuse")
    assert ("applied" if button == "approve" else "rien n'a été changé") in text(result)


def test_every_tool_is_listed_with_whether_it_is_offered():
    here, sandboxed = guichet("tools"), guichet("tools", "--sandbox", "--read-only")

    for shown in (here, sandboxed):
        assert shown.exit_code == 0
        assert re.findall(r"^(\w+_\w+) ", shown.stdout, re.MULTILINE) == [t.name for t in TOOLS]
    assert line(here, "verify_certificate").endswith("offered")
    assert "not offered: emjpm lacks credentials" in line(here, "list_mesures")
    assert "GUICHET_READ_ONLY" in line(sandboxed, "accept_dossier")


def line(shown: Result, tool: str) -> str:
    return next(line for line in shown.stdout.splitlines() if line.startswith(tool)).strip()


def test_a_tool_is_told_with_what_it_takes():
    shown = guichet("tools", "decide_dossiers")

    assert shown.exit_code == 0
    assert "must do: the page, outside the client." in shown.stdout
    assert re.search(r"^numbers +list of integer +", shown.stdout, re.MULTILINE)
    assert re.search(r"^decision +.*accept \| refuse", shown.stdout, re.MULTILINE)
    assert "guichet call decide_dossiers" in shown.stdout


def test_a_tool_that_does_not_exist_is_a_wrong_use():
    assert guichet("tools", "get_dosier").exit_code == 2
