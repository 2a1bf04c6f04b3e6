"""`guichet call`: one tool, called by a person without any assistant, through a real MCP client."""

import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
import typer
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult
from mcp.types import Tool as ListedTool
from rich.console import Console
from rich.status import Status
from rich.text import Text

from clients.text import clean, one_line
from server.app import Connect
from server.build import MISUSE, build, configured, connection
from server.cli.arguments import Arguments, WrongUseError, arguments, nearest
from server.cli.terminal import Terminal
from server.doctor import why_not
from server.settings import Settings
from tools import TOOLS
from tools.desk import Desk, Present
from tools.journal import Journal
from tools.language import speaking
from tools.results import told

FAILED = 1
A_LOOK = 0.5
"""Seconds between two looks at whether the person has decided on the page."""


class NotOfferedError(Exception):
    """The settings do not offer the tool; says why."""


Looking = Callable[[float], Awaitable[None]]


def run(tool: str, words: Sequence[str], *, sandbox: bool, read_only: bool, raw: bool) -> int:
    """Call a tool; 0 if it did what was asked, 1 if it did not, 2 if it was asked wrongly."""
    settings = configured(sandbox=sandbox, read_only=read_only)
    console = Console(stderr=True)
    person = Terminal(console, speaking(settings.language)) if sys.stdin.isatty() else None
    asked = partial(called, settings, tool, words, console, person, sandbox=sandbox)
    try:
        result = anyio.run(asked)
    except WrongUseError as error:
        return _failure(f"{error}", MISUSE)
    except (NotOfferedError, MCPError) as error:
        return _failure(f"{error}", FAILED)
    except KeyboardInterrupt:
        return _failure("interrupted; `guichet journal list` tells what was done.", FAILED)
    return _shown(result, raw=raw)


async def called(
    settings: Settings,
    tool: str,
    words: Sequence[str],
    console: Console,
    person: Terminal | None,
    *,
    sandbox: bool,
    look: Looking = anyio.sleep,
) -> CallToolResult:
    """What a tool answers, once the person has decided if it is theirs to.

    Raises:
        WrongUseError: There is no such tool, or it takes no such arguments.
        NotOfferedError: The settings do not offer the tool.
    """
    connect, seal = connection(settings, sandbox=sandbox)
    page = _Page(console, look)
    server = build(settings, page.watching(connect), seal)
    given = _arguments(settings, await server.list_tools(), tool, words)
    async with Client(server, elicitation_callback=person) as client:
        while True:
            result = await _answer(client, tool, given, console)
            if not await page.decided():
                return result


class _Page:
    """The page where a person decides: it ends with this process, so it is waited for."""

    def __init__(self, console: Console, look: Looking) -> None:
        self._console = console
        self._look = look
        self._journal: Journal | None = None
        self._shown = ""
        """The operation that was put there, and not decided on yet."""

    def watching(self, connect: Connect) -> Connect:
        """The same desk, where what is shown on the page is seen."""

        @asynccontextmanager
        async def watched() -> AsyncGenerator[Desk]:
            async with connect() as desk:
                self._journal = desk.journal
                yield replace(desk, present=desk.present and self._seeing(desk.present))

        return watched

    async def decided(self) -> bool:
        """Whether something awaited a decision there, and got one."""
        operation, self._shown = self._shown, ""
        if not operation or self._journal is None:
            return False
        self._console.print("Decide on the page: that is waited for, ten minutes at most.")
        while found := await self._journal.find(operation):
            if found.status != "pending":
                return True
            if not self._journal.is_open(found):
                break
            await self._look(A_LOOK)
        self._console.print("Nobody decided there in time.")
        return False

    def _seeing(self, present: Present) -> Present:
        async def seen(operation: str) -> str:
            self._shown = operation
            return await present(operation)

        return seen


@dataclass(slots=True)
class _Progress:
    """How far a call is, on one line of the terminal; nothing where there is none."""

    console: Console
    _status: Status | None = field(default=None)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        if not self.console.is_terminal:
            return
        line = Text(one_line(message or f"{progress:.0f}"))  # a message of ours tells the count
        if self._status is None:
            self._status = self.console.status(line)
            self._status.start()
        self._status.update(line)

    def stop(self) -> None:
        if self._status:
            self._status.stop()


async def _answer(client: Client, tool: str, given: Arguments, console: Console) -> CallToolResult:
    progress = _Progress(console)
    try:
        return await client.call_tool(tool, given, progress_callback=progress)
    finally:
        progress.stop()


def _arguments(
    settings: Settings, offered: Sequence[ListedTool], name: str, words: Sequence[str]
) -> Arguments:
    listed = next((tool for tool in offered if tool.name == name), None)
    if listed:
        return arguments(listed.input_schema, words)
    known = next((tool for tool in TOOLS if tool.name == name), None)
    if known is None:
        raise WrongUseError(f"there is no tool {name}.{nearest(name, (t.name for t in TOOLS))}")
    raise NotOfferedError(f"{name} is not offered: {why_not(known, settings)}.")


def _shown(result: CallToolResult, *, raw: bool) -> int:
    """Show what came back: facts on stdout, what went wrong on stderr."""
    facts = result.structured_content
    if facts is not None:
        typer.echo(
            json.dumps(facts) if raw else clean(json.dumps(facts, indent=2, ensure_ascii=False))
        )
    else:
        typer.echo(clean(told(result)), err=result.is_error)
    return FAILED if result.is_error else 0


def _failure(why: str, code: int) -> int:
    typer.echo(f"guichet: {clean(why)}", err=True)
    return code
