"""The desk of a process that one host starts: opened by the first request that needs it.

Most of what a host starts only lists. Loading what the desk is made of takes a tenth of a start.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from server.app import Connect

if TYPE_CHECKING:
    from tools.desk import Desk

NEEDING = frozenset({"tools/call", "resources/read", "prompts/get", "completion/complete"})
"""The requests that are answered at the desk."""


class Opening:
    """A desk that opens when first asked for, and stays open until it closes."""

    def __init__(self, connect: Connect, tasks: TaskGroup) -> None:
        self._connect = connect
        self._tasks = tasks
        self._lock = anyio.Lock()
        self._desk: Desk | None = None
        self.closing = anyio.Event()

    async def desk(self) -> "Desk":
        async with self._lock:
            desk = self._desk or await self._tasks.start(self._hold)
            self._desk = desk
            return desk

    async def _hold(self, *, task_status: "TaskStatus[Desk]") -> None:
        # In a task of its own: whoever asks first may be gone long before it closes.
        async with self._connect() as desk:
            task_status.started(desk)
            await self.closing.wait()


def on_first_use(connect: Connect) -> Connect:
    """The same desk, in whose place the server first has what opens it: see `at_the_desk`."""

    @asynccontextmanager
    async def opening() -> AsyncGenerator[Any]:
        async with anyio.create_task_group() as tasks:
            later = Opening(connect, tasks)
            try:
                yield later
            finally:
                later.closing.set()

    return opening


async def at_the_desk(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, before any that needs it, that gives the desk to the requests that do."""
    if ctx.method not in NEEDING:
        return await call_next(ctx)
    opening: Opening = ctx.lifespan_context
    return await call_next(replace(ctx, lifespan_context=await opening.desk()))
