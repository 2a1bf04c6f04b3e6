"""A bug is told in general, and logged in detail.

What an exception says may be anybody's data. Unless a tool raised it, the SDK repeats it to clients
of the older eras, and to whoever looks at its spans.
"""

import logging
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR
from pydantic import ValidationError

LOG = logging.getLogger(__name__)
TOLD = "Internal error: this is a bug, or this server cannot work as it is. Its log says more."


async def discreet(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware that tells of a bug nothing but that it is one.

    Raises:
        MCPError: What went wrong, in words that were meant for the client.
        ValidationError: The parameters are wrong; the SDK says that much, and nothing of them.
    """
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception:  # the top: whatever it is, the SDK would repeat what it says
        LOG.exception("%s was cut short", ctx.method)
        raise MCPError(INTERNAL_ERROR, TOLD) from None
