"""What the server gives a tool about mesures."""

from typing import Annotated

from mcp.server.mcpserver import Context, Resolve

from clients.emjpm import EmjpmClient
from tools.desk import Desk


async def emjpm(ctx: Context[Desk]) -> EmjpmClient:
    return ctx.request_context.lifespan_context.clients.emjpm


Emjpm = Annotated[EmjpmClient, Resolve(emjpm)]
