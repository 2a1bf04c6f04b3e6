"""What the server gives a tool: parameters that the model neither sees nor fills."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from mcp.server.mcpserver import Context, Resolve

from clients import CovoiturageClient, DemarchesClient, EmjpmClient, FaireSimpleClient
from tools.desk import Desk
from tools.files import Folder
from tools.language import Say

Progress = Callable[[float, float, str], Awaitable[None]]
"""Tells the caller how much is done, of how much, and in words."""


async def desk(ctx: Context[Desk]) -> Desk:
    return ctx.request_context.lifespan_context


async def covoiturage(ctx: Context[Desk]) -> CovoiturageClient:
    return ctx.request_context.lifespan_context.clients.covoiturage


async def demarches(ctx: Context[Desk]) -> DemarchesClient:
    return ctx.request_context.lifespan_context.clients.demarches


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


async def signer(ctx: Context[Desk]) -> str:
    return ctx.request_context.lifespan_context.instructeur


async def progress(ctx: Context[Desk]) -> Progress:
    return ctx.report_progress


Covoiturage = Annotated[CovoiturageClient, Resolve(covoiturage)]
Demarches = Annotated[DemarchesClient, Resolve(demarches)]
Emjpm = Annotated[EmjpmClient, Resolve(emjpm)]
FaireSimple = Annotated[FaireSimpleClient, Resolve(faire_simple)]
Files = Annotated[Folder, Resolve(folder)]
Saying = Annotated[Say, Resolve(say)]
Signer = Annotated[str, Resolve(signer)]
"""The instructeur who signs: an e-mail or an identifier, empty when the settings name none."""
Configured = Annotated[tuple[int, ...], Resolve(configured)]
"""The numbers of the démarches that the settings name."""
Reporting = Annotated[Progress, Resolve(progress)]
Counter = Annotated[Desk, Resolve(desk)]
