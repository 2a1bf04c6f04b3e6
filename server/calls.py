"""What a call gives: what its tool does, or why nothing, in words that say whose move it is."""

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult
from mcp.types import Tool as ListedTool
from pydantic import ValidationError

from clients import ApiError
from clients.errors import NotFoundError
from server import misfits
from server.app import CONFIRMATION, Result, Works
from tools import Tool
from tools.desk import Desk
from tools.exports import Exports
from tools.loading import Settling, work
from tools.mistaken import mistaken
from tools.registry import Work, registered
from tools.replays import once
from tools.results import MOST_BYTES, error, told
from tools.settling import settle_abandoned
from tools.understood import PAGES

MOST_ANSWER_BYTES = 10 * MOST_BYTES
"""Tools keep to a tenth of this by themselves; what slips through is cut off here."""


class Calls:
    """The calls of the tools that a server offers, each listed as its hosts are told of it."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        listed: Mapping[str, ListedTool],
        works: Works | None = None,
    ) -> None:
        self._tools = tools
        self._listed = listed
        self._works = works or work
        self._settlements = Settling()
        self.exports = Exports()

    async def call(
        self, name: str, arguments: dict[str, Any], context: Context[Desk, Any]
    ) -> Result:
        """What a tool gives.

        Raises:
            ToolError: It gives nothing; the text is for the model, and says what to do next.
            UnexpectedToolError: It has a bug, of which nobody is told.
        """
        if set(arguments) - set(self._listed[name].input_schema["properties"]):
            raise ToolError(_unknown_arguments(self._listed[name]))
        tool = self._tools[name]
        try:
            return await self._called(tool, arguments, context)
        except MCPError:
            raise
        except ToolError as error:
            raise self._told(error, tool, arguments, context) from error.__cause__
        except Exception as bug:  # the top: the SDK would tell the model what the bug says
            raise UnexpectedToolError(f"Error executing tool {name}") from bug

    async def _called(
        self, tool: Tool, arguments: dict[str, Any], context: Context[Desk, Any]
    ) -> Result:
        own = {key: value for key, value in arguments.items() if key != CONFIRMATION}
        work, desk = self._works(tool), context.request_context.lifespan_context
        PAGES.set(desk.pages)

        async def proceed() -> Result:
            return await registered(work).run(own, context, convert_result=True)

        if tool.needs == "ledger":
            await settle_abandoned(desk, self._settlements)
        if tool.rung is None:
            result = _bounded(await proceed())
            if tool.shares and isinstance(result, CallToolResult):
                self.exports.add(desk.principal(), result)
            return result
        code, meant = str(arguments.get(CONFIRMATION, "")), _meant(work, own)
        return await once(desk, self._settlements, tool.name, tool.rung, meant, code, proceed)

    def _told(
        self,
        error: ToolError,
        tool: Tool,
        arguments: dict[str, Any],
        context: Context[Desk, Any],
    ) -> ToolError:
        """The failure in our words alone: the SDK's repeat the tool's name, or what was given."""
        match error.__cause__:
            case NotFoundError() as cause:
                meant = _meant(self._works(tool), arguments)
                hint = mistaken(context.request_context.lifespan_context, meant)
                return ToolError(f"{cause} {hint}".rstrip())
            case ApiError() | ToolError() as cause:
                return ToolError(str(cause))
            case ValidationError() as cause if not isinstance(error, UnexpectedToolError):
                return ToolError(misfits.told(cause))
            case _:
                return error


def _meant(work: Work, arguments: dict[str, Any]) -> Mapping[str, object]:
    """The arguments as the tool takes them, however they were written: defaults included.

    A number, the same in quotes and the address of its page are one call, and one change at most.
    """
    accepted = registered(work).fn_metadata
    try:
        model = accepted.arg_model.model_validate(accepted.pre_parse_json(arguments))
    except ValidationError:  # nothing will be done
        return arguments
    return model.model_dump(mode="json")


def _bounded(result: Result) -> Result:
    """The result of a read, or what to do where it is larger than any should be."""
    if isinstance(result, CallToolResult) and len(told(result).encode()) > MOST_ANSWER_BYTES:
        return error("The answer is too large to be given. Ask for less: a page, or fewer details.")
    return result


def _unknown_arguments(tool: ListedTool) -> str:
    known = ", ".join(tool.input_schema["properties"])
    taken = f"no other arguments than {known}" if known else "no arguments"
    return f"Nothing was done: {tool.name} takes {taken}."
