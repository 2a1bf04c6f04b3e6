"""Calls of tools, as figures and on the spans that the SDK opens: names and outcomes, no argument.

Names are those of the OpenTelemetry conventions for MCP, where they have one.
"""

import time
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from opentelemetry import metrics, trace

from tools import TOOLS
from tools.desk import Desk

SERVICE = "guichet.service"
OUTCOME = "guichet.outcome"
"""`asked`, `read`, `refused`, or what came of a change: `applied`, `not_applied`…"""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

_SERVICES = {tool.name: tool.service or "guichet" for tool in TOOLS}
_DURATION = metrics.get_meter("guichet").create_histogram(
    "mcp.server.operation.duration",
    unit="s",
    description="How long a call took.",
    explicit_bucket_boundaries_advisory=SECONDS,
)


async def timed(ctx: ServerRequestContext[Desk, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, below the SDK's own span, that says which service and what came of it."""
    tool = (ctx.params or {}).get("name")
    if ctx.method != "tools/call" or not isinstance(tool, str) or tool not in _SERVICES:
        return await call_next(ctx)  # what a stranger calls a tool is no name of a series
    known = {SERVICE: _SERVICES[tool]}
    began, came = time.perf_counter(), dict[str, str]()
    try:
        result = await call_next(ctx)
        came = _came(result)
    except MCPError as error:
        came = {"error.type": str(error.error.code)}
        raise
    except BaseException as error:
        came = {"error.type": type(error).__qualname__}
        raise
    else:
        return result
    finally:
        trace.get_current_span().set_attributes({**known, **came})
        _DURATION.record(
            time.perf_counter() - began,
            {"mcp.method.name": ctx.method, "gen_ai.tool.name": tool, **known, **came},
        )


def _came(result: HandlerResult) -> dict[str, str]:
    """What came of a call, in one word, from the result as it goes out."""
    match result:
        case {"structuredContent": {"outcome": str() as told}}:
            pass
        case {"inputRequests": _}:
            told = "asked"
        case {"isError": True}:
            told = "refused"
        case _:
            told = "read"
    failed = isinstance(result, dict) and result.get("isError") is True
    return {OUTCOME: told, "error.type": "tool_error"} if failed else {OUTCOME: told}
