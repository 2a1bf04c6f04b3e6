"""The servers of a team whose principals work with credentials of their own, by profile.

Each has its own catalogue, desk, sessions and exports. It opens when somebody of the profile first
calls, and closes when the process stops: there are never more than there are profiles.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
from anyio.abc import TaskGroup, TaskStatus
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server import callers, connect
from server.app import Connect, Server
from server.build import build
from server.callers import CALLER
from server.services.ways import Common
from server.settings import Settings
from tools.desk import Desk
from tools.sealing import Seal

Front = Callable[[Settings, Server], ASGIApp]
"""Gives what calls go through to reach a server of these settings."""


@dataclass(frozen=True, slots=True)
class _House:
    """What the servers stand on while they run."""

    desk: Desk
    common: Common
    tasks: TaskGroup
    closing: anyio.Event


class Profiles:
    """Hands each call to the server of its caller's profile; whoever has none gets nowhere."""

    def __init__(self, settings: Settings, connect: Connect, seal: Seal, front: Front) -> None:
        self._settings = settings
        self._connect = connect
        self._seal = seal
        self._front = front
        self._open: dict[str, ASGIApp] = {}
        self._opening = defaultdict[str, anyio.Lock](anyio.Lock)
        self._house: _House | None = None

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Serve for as long as the block runs; `connect` gives what the desks have in common."""
        shared = connect.shared_state(self._settings, self._seal)
        async with self._connect() as desk, shared as kept, anyio.create_task_group() as tasks:
            self._house = _House(desk, Common(kept), tasks, anyio.Event())
            try:
                yield
            finally:
                self._house.closing.set()
                self._house = None
                self._open.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = CALLER.get().principal
        name = self._settings.profile_of(principal)
        app = _without_profile(principal) if name is None else await self._opened(name)
        await app(scope, receive, send)

    async def _opened(self, name: str) -> ASGIApp:
        if self._house is None:
            raise RuntimeError("calls are served while `run` runs")
        async with self._opening[name]:
            if name not in self._open:
                self._open[name] = await self._house.tasks.start(self._serve, name, self._house)
        return self._open[name]

    async def _serve(self, name: str, house: _House, *, task_status: TaskStatus[ASGIApp]) -> None:
        """Serve a profile until all is closed."""
        own = self._settings.of_profile(name)
        desk = partial(connect.profile, self._settings, name, house.desk, house.common)
        server = build(own, desk, self._seal, callers.may)
        app = self._front(own, server)
        async with server.session_manager.run():
            task_status.started(app)
            await house.closing.wait()


def _without_profile(principal: str) -> Response:
    """What is told to whoever is known and has nothing to work with here."""
    told = (
        f"No profile of this server names “{principal}”: nothing can be done on its behalf. "
        "Whoever runs the server can add it to the principals of a profile, in guichet.toml."
    )
    return JSONResponse({"error": "access_denied", "error_description": told}, 403)
