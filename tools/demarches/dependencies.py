"""What the server gives a tool about dossiers."""

from typing import Annotated

from mcp.server.mcpserver import Context, Resolve

from clients.demarches import DemarcheFiles, DemarchesClient
from tools.desk import Desk


async def demarches(ctx: Context[Desk]) -> DemarchesClient:
    return ctx.request_context.lifespan_context.clients.demarches


async def demarche_files(ctx: Context[Desk]) -> DemarcheFiles:
    return ctx.request_context.lifespan_context.clients.demarche_files


async def configured(ctx: Context[Desk]) -> tuple[int, ...]:
    return ctx.request_context.lifespan_context.demarches


async def signer(ctx: Context[Desk]) -> str:
    return ctx.request_context.lifespan_context.instructeur


Demarches = Annotated[DemarchesClient, Resolve(demarches)]
Downloads = Annotated[DemarcheFiles, Resolve(demarche_files)]
Configured = Annotated[tuple[int, ...], Resolve(configured)]
"""The numbers of the démarches that the settings name."""
Signer = Annotated[str, Resolve(signer)]
"""The instructeur who signs: an e-mail or an identifier, empty when the settings name none."""
