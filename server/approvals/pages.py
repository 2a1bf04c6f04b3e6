"""The page's life: served on a free loopback port from the first plan on, as long as the desk."""

import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import anyio
from anyio.abc import TaskGroup

from server.approvals.browser import open_browser
from server.approvals.sessions import Sessions
from server.approvals.shield import HOSTS, on_loopback
from tools.journal import Journal
from tools.language import Say

if TYPE_CHECKING:
    from server.approvals.serving import PageServer

AGAIN_AFTER = 120.0
"""Seconds after which a plan that still waits is shown again, should the model still ask."""
BACKLOG = 64


def on_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


class Pages:
    """Shows plans to the person in their own browser.

    The browser comes in with a one-time key. Whoever can list this machine's processes may see it
    go by in the browser's command line: the browser is then the one refused, and its page says so.
    """

    def __init__(
        self,
        journal: Journal,
        say: Say,
        *,
        browse: Callable[[str], Awaitable[bool]] = open_browser,
        tell: Callable[[str], None] = on_stderr,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._say = say
        self._browse = browse
        self._tell = tell
        self._clock = clock
        self._sessions = Sessions(clock)
        self._stack = AsyncExitStack()
        self._lock = anyio.Lock()
        self._served: _Served | None = None
        self._shown: dict[str, tuple[str, float]] = {}
        """The operation last shown to each principal, and when."""

    async def __aenter__(self) -> Self:
        self._tasks: TaskGroup = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._served:
            self._served.server.should_exit = True
        await self._stack.aclose()

    async def present(self, operation: str) -> str:
        """The address of the list of plans, this one having been shown to whom it was put to."""
        async with self._lock:
            origin = self._serving().origin
            found = await self._journal.find(operation)
            if found and not await self._looked_at(found.principal):
                await self._show(origin, found.principal, operation)
        return f"{origin}/approvals"

    async def _looked_at(self, principal: str) -> bool:
        """Whether a page just opened still awaits an answer: it leads to the other plans."""
        operation, at = self._shown.get(principal, ("", 0.0))
        if not operation or self._clock() - at >= AGAIN_AFTER:
            return False
        shown = await self._journal.find(operation)
        return bool(shown and shown.status == "pending" and self._journal.is_open(shown))

    async def _show(self, origin: str, principal: str, operation: str) -> None:
        address = f"{origin}/approvals/enter?key={self._sessions.key(principal, operation)}"
        if not await self._browse(address):
            invitation = self._say(
                fr="une personne doit décider. Ouvrez cette adresse, qui ne sert qu'une fois :",
                en="a person must decide. Open this address, which serves once:",
            )
            self._tell(f"guichet: {invitation}\n{address}\n")
        self._shown[principal] = operation, self._clock()

    def _serving(self) -> "_Served":
        if self._served is None:
            # Loading jinja2 and uvicorn takes 0.05 s: not before a plan has to be shown.
            from server.approvals.app import create  # noqa: PLC0415
            from server.approvals.serving import PageServer  # noqa: PLC0415

            listening = _listening()
            port = listening.getsockname()[1]
            app = create(self._journal, self._say, self._sessions, on_loopback(port))
            server = PageServer(app)
            self._served = _Served(server, f"http://{HOSTS[0]}:{port}")
            self._tasks.start_soon(server.run_on, listening)
        return self._served


@dataclass(frozen=True, slots=True)
class _Served:
    server: "PageServer"
    origin: str


def _listening() -> socket.socket:
    """A port that accepts connections at once, even before anything answers on it."""
    return socket.create_server((HOSTS[0], 0), backlog=BACKLOG)
