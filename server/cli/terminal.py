"""Questions put to whoever is at the terminal, as a client's form would put them."""

import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from clients.text import clean, one_line
from server.cli.arguments import ANSWERS, Schema, properties
from tools.language import Say

Content = dict[str, str | int | float | bool | list[str] | None]


class Terminal:
    """A person at a terminal: reads what they are asked, ticks a box by a yes, types a number.

    A yes is the whole word, on purpose: a key that was hit by chance agrees to nothing.

    The result goes to stdout, and nothing else: everything here is on stderr.
    """

    def __init__(self, console: Console, say: Say, read: Callable[[], str] | None = None) -> None:
        self._console = console
        self._yes_or_no = say(fr="oui, en entier, ou non", en="yes, in full, or no")
        self._read = read or sys.stdin.readline

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        if not isinstance(params, ElicitRequestFormParams):
            return ElicitResult(action="decline")
        question = Text(clean(params.message))  # not markup: strangers' words are in it
        self._console.print(Panel(question, title="Guichet", border_style="yellow"))
        try:
            return self._answer(properties(params.requested_schema))
        except (KeyboardInterrupt, EOFError):
            self._console.print()
            return ElicitResult(action="cancel")

    def _answer(self, fields: Mapping[str, Schema]) -> ElicitResult:
        content: Content = {}
        for name, field in fields.items():
            label = one_line(str(field.get("title", name)))
            if field.get("type") != "boolean":
                content[name] = self._line(f"{label}: ")
            elif ANSWERS.get(self._line(f"{label} [{self._yes_or_no}]: ").lower()):
                content[name] = True
            else:
                return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=content)

    def _line(self, label: str) -> str:
        self._console.print(Text(label), end="")
        with _interruptible():
            line = self._read()
        if not line:
            raise EOFError
        return line.strip()


@contextmanager
def _interruptible() -> Generator[None]:
    """Ctrl+C ends what is being read: asyncio would only take note of it, and go on reading.

    Nothing else runs meanwhile, for the person is what is waited for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
