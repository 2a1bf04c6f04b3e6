"""What hosts that show MCP Apps show beside a call: a plan that awaits consent, read-only.

It decides nothing: it leads to the approval page, where the person decides. The view is given the
plan in the `_meta` of the result; the text of the result is complete without it.
"""

from collections.abc import Iterable
from typing import Any

from mcp.server.apps import APP_MIME_TYPE, Apps, client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.resources import FunctionResource
from mcp.types import CallToolRequestParams, CallToolResult

from clients.text import clean, one_line
from tools.language import Say
from tools.replays import CALL, OnPage

PLAN = "ui://guichet/plan"
SHOWN = "guichet/plan"
"""The member of a result's `_meta` that holds the plan to show."""
MOST_CHARACTERS = 8_000
"""Of what changes, and of what others wrote: the page shows it all."""


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
        result, plan = await call_next(ctx), CALL.get().on_page
        if plan is None or not isinstance(result, CallToolResult) or not client_supports_apps(ctx):
            return result
        return result.model_copy(update={"meta": {SHOWN: shown(plan)}})

    def _document(self) -> str:
        from server.views.document import document  # noqa: PLC0415  (few hosts show it)

        return document(self._say)


def shown(plan: OnPage) -> dict[str, Any]:
    """The plan as the view shows it: cleaned, without the request, and cut if it is very long."""
    asked = plan.asked
    changes = [[one_line(each) for each in (c.field, c.before, c.after)] for c in asked.changes]
    words = [[each.label, clean(each.text)] for each in asked.words]
    told = list(_first(changes)), list(_first(words))
    return {
        "title": asked.title,
        "says": asked.says,
        "changes": told[0],
        "words": told[1],
        "more": len(changes) + len(words) - sum(map(len, told)),
        "page": plan.address,
    }


def _first(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    """The rows that come first, as many as are shown."""
    room = MOST_CHARACTERS
    for row in rows:
        room -= sum(map(len, row))
        if room < 0:
            return
        yield row
