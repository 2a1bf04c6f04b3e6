"""What hosts that show MCP Apps show beside a call: a plan that awaits consent, read-only.

It decides nothing: it leads to the approval page, where the person decides. The view is given the
plan in the `_meta` of the result; the text of the result is complete without it.
"""

from typing import Any

from mcp.server.apps import APP_MIME_TYPE, Apps, client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.resources import FunctionResource
from mcp.types import CallToolRequestParams, CallToolResult

from tools.language import Say

PLAN = "ui://guichet/plan"
SHOWN = "guichet/plan"
"""The member of a result's `_meta` that holds the plan to show."""


class Views(Apps):
    """The MCP Apps extension, with the view of a plan and what it shows."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say
        self.add_resource(
            FunctionResource(
                uri=PLAN,
                name="plan",
                title=say(fr="Plan en attente d'accord", en="Plan awaiting consent"),
                description="What a change would do, and where the person decides.",
                mime_type=APP_MIME_TYPE,
                meta={"ui": {"csp": {}, "prefersBorder": True}},
                fn=self._document,
            )
        )

    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> HandlerResult:
        """Give the view the plan that this call put on the page, if the host can show it."""
        from server.views.showing import shown  # noqa: PLC0415  (loaded with the first call)
        from tools.replays import CALL  # noqa: PLC0415

        result, plan = await call_next(ctx), CALL.get().on_page
        if plan is None or not isinstance(result, CallToolResult) or not client_supports_apps(ctx):
            return result
        return result.model_copy(update={"meta": {SHOWN: shown(plan)}})

    def _document(self) -> str:
        from server.views.document import document  # noqa: PLC0415  (few hosts show it)

        return document(self._say)
