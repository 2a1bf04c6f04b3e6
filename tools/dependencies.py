"""What the server gives a tool: parameters that the model neither sees nor fills."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from mcp.server.mcpserver import Context, Resolve

from clients import CovoiturageClient, DemarcheFiles, DemarchesClient, EmjpmClient
from tools.desk import Desk
from tools.files import Folder
from tools.language import Say

Progress = Callable[[int, str], Awaitable[None]]


async def covoiturage(ctx: Context[Desk]) -> CovoiturageClient:
    return ctx.request_context.lifespan_context.clients.covoiturage


async def demarches(ctx: Context[Desk]) -> DemarchesClient:
    return ctx.request_context.lifespan_context.clients.demarches


async def demarche_files(ctx: Context[Desk]) -> DemarcheFiles:
    return ctx.request_context.lifespan_context.clients.demarche_files


async def emjpm(ctx: Context[Desk]) -> EmjpmClient:
    return ctx.request_context.lifespan_context.clients.emjpm


async def folder(ctx: Context[Desk]) -> Folder:
    return ctx.request_context.lifespan_context.files


async def say(ctx: Context[Desk]) -> Say:
    return ctx.request_context.lifespan_context.say


async def configured(ctx: Context[Desk]) -> tuple[int, ...]:
    return ctx.request_context.lifespan_context.demarches


async def progress(ctx: Context[Desk]) -> Progress:
    """What tells whoever waits how far a long call has come."""

    async def report(done: int, of_what: str) -> None:
        await ctx.report_progress(done, message=f"{done} {of_what}")

    return report


async def signer(ctx: Context[Desk]) -> str:
    return ctx.request_context.lifespan_context.instructeur


Configured = Annotated[tuple[int, ...], Resolve(configured)]
"""The numbers of the démarches that the settings name."""
Covoiturage = Annotated[CovoiturageClient, Resolve(covoiturage)]
Demarches = Annotated[DemarchesClient, Resolve(demarches)]
Downloads = Annotated[DemarcheFiles, Resolve(demarche_files)]
Emjpm = Annotated[EmjpmClient, Resolve(emjpm)]
Files = Annotated[Folder, Resolve(folder)]
Reporting = Annotated[Progress, Resolve(progress)]
Saying = Annotated[Say, Resolve(say)]
Signer = Annotated[str, Resolve(signer)]
"""The instructeur who signs: an e-mail or an identifier, empty when the settings name none."""
