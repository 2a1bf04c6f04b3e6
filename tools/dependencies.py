"""What the server gives a tool: parameters that the model neither sees nor fills."""

from contextlib import suppress
from typing import Annotated, Protocol

import anyio
from mcp.server.mcpserver import Context, Resolve
from mcp.shared.exceptions import MCPError

from tools.desk import Desk
from tools.files import Folder
from tools.language import Say


class Progress(Protocol):
    """Tells whoever waits how far a long call has come: how much, in words, and of how much."""

    async def __call__(self, done: int, told: str, total: int | None = None) -> None: ...


async def desk(ctx: Context[Desk]) -> Desk:
    return ctx.request_context.lifespan_context


async def folder(ctx: Context[Desk]) -> Folder:
    return ctx.request_context.lifespan_context.files


async def say(ctx: Context[Desk]) -> Say:
    return ctx.request_context.lifespan_context.say


async def progress(ctx: Context[Desk]) -> Progress:
    async def report(done: int, told: str, total: int | None = None) -> None:
        # Whoever asked may be gone: that is no reason to stop half-way.
        with suppress(MCPError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await ctx.report_progress(done, total, told)

    return report


Files = Annotated[Folder, Resolve(folder)]
Reporting = Annotated[Progress, Resolve(progress)]
Saying = Annotated[Say, Resolve(say)]
Counter = Annotated[Desk, Resolve(desk)]
