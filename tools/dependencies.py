"""What the server gives a tool: parameters that the model neither sees nor fills."""

from contextlib import suppress
from typing import Annotated, Protocol

import anyio
from mcp.server.mcpserver import Context, Resolve
from mcp.shared.exceptions import MCPError

from clients import (
    CovoiturageClient,
    DemarcheFiles,
    DemarchesClient,
    EmjpmClient,
    FaireSimpleClient,
)
from tools.desk import Desk
from tools.files import Folder
from tools.language import Say


class Progress(Protocol):
    """Tells whoever waits how far a long call has come: how much, in words, and of how much."""

    async def __call__(self, done: int, told: str, total: int | None = None) -> None: ...


async def desk(ctx: Context[Desk]) -> Desk:
    return ctx.request_context.lifespan_context


async def covoiturage(ctx: Context[Desk]) -> CovoiturageClient:
    return ctx.request_context.lifespan_context.clients.covoiturage


async def demarches(ctx: Context[Desk]) -> DemarchesClient:
    return ctx.request_context.lifespan_context.clients.demarches


async def demarche_files(ctx: Context[Desk]) -> DemarcheFiles:
    return ctx.request_context.lifespan_context.clients.demarche_files


async def emjpm(ctx: Context[Desk]) -> EmjpmClient:
    return ctx.request_context.lifespan_context.clients.emjpm


async def faire_simple(ctx: Context[Desk]) -> FaireSimpleClient:
    return ctx.request_context.lifespan_context.clients.faire_simple


async def folder(ctx: Context[Desk]) -> Folder:
    return ctx.request_context.lifespan_context.files


async def say(ctx: Context[Desk]) -> Say:
    return ctx.request_context.lifespan_context.say


async def configured(ctx: Context[Desk]) -> tuple[int, ...]:
    return ctx.request_context.lifespan_context.demarches


async def progress(ctx: Context[Desk]) -> Progress:
    async def report(done: int, told: str, total: int | None = None) -> None:
        # Whoever asked may be gone: that is no reason to stop half-way.
        with suppress(MCPError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await ctx.report_progress(done, total, told)

    return report


async def signer(ctx: Context[Desk]) -> str:
    return ctx.request_context.lifespan_context.instructeur


Covoiturage = Annotated[CovoiturageClient, Resolve(covoiturage)]
Demarches = Annotated[DemarchesClient, Resolve(demarches)]
Downloads = Annotated[DemarcheFiles, Resolve(demarche_files)]
Emjpm = Annotated[EmjpmClient, Resolve(emjpm)]
FaireSimple = Annotated[FaireSimpleClient, Resolve(faire_simple)]
Files = Annotated[Folder, Resolve(folder)]
Reporting = Annotated[Progress, Resolve(progress)]
Saying = Annotated[Say, Resolve(say)]
Signer = Annotated[str, Resolve(signer)]
"""The instructeur who signs: an e-mail or an identifier, empty when the settings name none."""
Configured = Annotated[tuple[int, ...], Resolve(configured)]
"""The numbers of the démarches that the settings name."""
Counter = Annotated[Desk, Resolve(desk)]
