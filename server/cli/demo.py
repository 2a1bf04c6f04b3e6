"""The main job, shown: a real MCP client, on stdio, against the services in miniature."""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from rich.console import Console
from rich.panel import Panel
from rich.prompt import Prompt
from rich.text import Text

from server.build import configured
from server.connect import SAMPLE_FILE

VALID = "9415300a-7a51-4296-96d1-68636e46485d"
EXPIRED = "8a9d2da9-39e3-4db7-be8e-12b4d2179fda"
DEMARCHE = 1001
TO_ACCEPT, TO_DECLINE = 200001, 200002
PARTNER = "4201"
MOST_LINES = 18
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing answers there."""

Arguments = Mapping[str, object]


@dataclass
class Person:
    """Whoever is at the terminal; without one, somebody who agrees, and the demo says so."""

    console: Console
    asked: int = 0
    agrees: bool | None = field(default=None)
    """What the demo answers in their place, if anything."""
    agreed: bool = False

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        self.asked += 1
        question = Text(params.message)  # not markup: strangers' words are in it
        self.console.print(Panel(question, title="The server asks you", border_style="yellow"))
        self.agreed, typed = await self._answer(params.message)
        if not self.agreed:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"agreed": True, "typed": typed})

    async def _answer(self, question: str) -> tuple[bool, str]:
        expected = _asked_for(question)
        if self.agrees is not None or not sys.stdin.isatty():
            agrees = self.agrees is not False
            why = "for this step" if self.agrees is not None else "no terminal to ask at"
            what = f"yes, typing {expected}" if agrees else "no"
            self.console.print(f"[yellow]Answered {what} ({why}).[/]")
            return agrees, expected
        label = "Type what the question asks for, or nothing to decline"
        typed = await anyio.to_thread.run_sync(lambda: Prompt.ask(label, default=""))
        return bool(typed), typed


@dataclass(frozen=True, slots=True)
class Step:
    """One call, and what it has to give for the demo to have told the truth."""

    says: str
    tool: str
    arguments: Arguments
    holds: Callable[[CallToolResult, Person], bool]
    agrees: bool | None = None


def run() -> int:
    """Show every step; 0 only if each did what it says."""
    return anyio.run(_show)


async def _show() -> int:
    console = Console()
    person = Person(console)
    results: list[bool] = []
    async with Client(_server("--sandbox"), elicitation_callback=person) as client:
        names = ", ".join(tool.name for tool in (await client.list_tools()).tools)
        console.print(f"[bold]guichet --sandbox[/], over stdio, offers: {names}\n")
        results += [await _shown(console, client, person, step) for step in STEPS]
    elsewhere = {"GUICHET_EMJPM_URL": NOWHERE, "GUICHET_EMJPM_TOKEN": "nobody-listens"}
    async with Client(_server(**elsewhere), elicitation_callback=person) as client:
        results.append(await _shown(console, client, person, UNREACHABLE))
    done = all(results)
    console.print(f"[bold]{sum(results)} of {len(results)} steps did what they say.[/]")
    return 0 if done else 1


async def _shown(console: Console, client: Client, person: Person, step: Step) -> bool:
    console.rule(f"[bold]{step.says}")
    console.print(f"[cyan]{step.tool}[/] {dict(step.arguments)}")
    person.agrees, person.agreed = step.agrees, False
    result = await client.call_tool(step.tool, dict(step.arguments))
    colour = "red" if result.is_error else "green"
    console.print(Text("\n".join(_lines(result)), style=colour))
    held = step.holds(result, person)
    console.print("" if held else "[bold red]This is not what the step says.[/]\n")
    return held


def _server(*options: str, **variables: str) -> StdioServerParameters:
    """The server as a host starts it; isolated, since the working directory may hold anything."""
    language = configured(sandbox=True, read_only=False).language
    variables |= {"GUICHET_CONFIG": os.devnull, "GUICHET_LANGUAGE": language}
    return StdioServerParameters(
        command=sys.executable, args=["-I", "-m", "server", *options], env=variables
    )


def _lines(result: CallToolResult) -> list[str]:
    """What the model gets, laid out for a person, the beginning of it."""
    told = _text(result)
    if result.structured_content is not None:
        told = json.dumps(result.structured_content, indent=2, ensure_ascii=False)
    lines = told.splitlines()
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"… {more} more lines"] if more > 1 else lines


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def _asked_for(question: str) -> str:
    """What the question asks to be typed: it ends a line of ours, before any stranger's words."""
    found = re.search(r": (\d+)\.$", question, re.MULTILINE)
    return found[1] if found else ""


def _fact(result: CallToolResult, key: str) -> object:
    structured: dict[str, object] = result.structured_content or {}
    return structured.get(key)


def _gives(key: str, value: object) -> Callable[[CallToolResult, Person], bool]:
    return lambda result, _: _fact(result, key) == value


def _done_if_agreed(result: CallToolResult, person: Person) -> bool:
    done = _fact(result, "outcome") == "applied"
    return done if person.agreed else result.is_error


def _refused(result: CallToolResult, person: Person) -> bool:
    return result.is_error and not person.agreed


def _has(key: str) -> Callable[[CallToolResult, Person], bool]:
    return lambda result, _: bool(_fact(result, key))


STEPS = (
    Step(
        "A carpooling certificate is verified",
        "verify_certificate",
        {"uuid": VALID},
        _gives("status", "valid"),
    ),
    Step(
        "Another has expired", "verify_certificate", {"uuid": EXPIRED}, _gives("status", "expired")
    ),
    Step(
        "Dossiers that await a decision",
        "query_dossiers",
        {"demarche_number": DEMARCHE, "state": "en_instruction", "limit": 3},
        _has("dossiers"),
    ),
    Step(
        "One of them, as its applicant filled it in",
        "get_dossier",
        {"number": TO_ACCEPT, "include": ["champs"]},
        _has("champs"),
    ),
    Step(
        "It is accepted, once you agree",
        "accept_dossier",
        {"number": TO_ACCEPT, "motivation": "Dossier complet, conditions remplies."},
        _done_if_agreed,
    ),
    Step(
        "Another is not, because the answer is no",
        "accept_dossier",
        {"number": TO_DECLINE, "motivation": "Dossier complet."},
        _refused,
        agrees=False,
    ),
    Step(
        "CEE applications are imported from a file; names stay on this machine",
        "import_cee_identities",
        {"file": SAMPLE_FILE},
        _done_if_agreed,
    ),
    Step(
        "The mesures of a mandataire, newest first", "list_mesures", {"limit": 3}, _has("mesures")
    ),
    Step("A partner, in the service's own fields", "get_partner", {"uid": PARTNER}, _has("parts")),
    Step(
        "The partner is registered, once you agree",
        "set_partner_status",
        {"uid": PARTNER, "registered": True},
        _done_if_agreed,
    ),
)
UNREACHABLE = Step(
    "A service that cannot be reached",
    "list_mesures",
    {},
    lambda result, _: result.is_error and "cannot be reached" in _text(result),
)
