"""What the server gives a tool about carpooling."""

from typing import Annotated

from mcp.server.mcpserver import Context, Resolve

from clients.covoiturage import CovoiturageClient
from tools.desk import Desk


async def covoiturage(ctx: Context[Desk]) -> CovoiturageClient:
    return ctx.request_context.lifespan_context.clients.covoiturage


Covoiturage = Annotated[CovoiturageClient, Resolve(covoiturage)]
