"""The MCP server: a catalogue of tools, on top of whatever desk it is given."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, RequestStateSecurity
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.server.mcpserver.tools import Tool as RegisteredTool
from mcp.server.request_state import AESGCMRequestStateCodec
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    GetPromptResult,
    InputRequiredResult,
)
from mcp.types import Prompt as ListedPrompt
from mcp.types import Resource as ListedResource
from mcp.types import ResourceTemplate as ListedTemplate
from mcp.types import Tool as ListedTool
from pydantic import AnyUrl, ValidationError

from clients import ApiError
from clients.errors import NotFoundError
from server import misfits, offers, pipes
from server.instructions import instructions
from server.offers import JSON, MARKDOWN
from server.schemas import closed, plain
from server.views import PLAN, Views
from tools import TOOLS, Tool, exports
from tools.demarches.mistaken import mistaken
from tools.desk import Desk
from tools.exports import Exports
from tools.files import content_type
from tools.language import Say, in_french
from tools.replays import once, remembering
from tools.resources import Record
from tools.results import MOST_BYTES, error, told
from tools.sealing import Seal
from tools.settling import settle_abandoned
from tools.understood import PAGES

Connect = Callable[[], AbstractAsyncContextManager[Desk]]
May = Callable[[Tool], bool]
"""Whether whoever makes the current call may call a tool."""
Result = CallToolResult | InputRequiredResult

A_DAY = 86_400.0
MOST_ANSWER_BYTES = 10 * MOST_BYTES
"""Tools keep to a tenth of this by themselves; what slips through is cut off here."""
UNKNOWN_RESOURCE = "Unknown resource. List the resources and their templates again."
CONFIRMATION = "confirmation"
"""The one argument that no tool declares: it exists only where the model may relay consent."""


class Server(MCPServer[Desk]):
    """An MCP server that tells the model what went wrong and whose move it is, in plain words."""

    def __init__(
        self,
        tools: Collection[Tool],
        connect: Connect,
        seal: Seal,
        *,
        say: Say = in_french,
        relays: bool = False,
        watching: Sequence[ServerMiddleware[Desk]] = (),
        may: May = lambda _: True,
    ) -> None:
        super().__init__(
            "guichet",
            title="Guichet",
            description="The counter where AI assistants meet French public services.",
            instructions=instructions(tools),
            version=version("guichet-mcp"),
            lifespan=lambda _: connect(),
            log_level="WARNING",  # at INFO, arguments and addresses reach the log
            subscriptions=False,  # the lists never change
            request_state_security=RequestStateSecurity(
                codec=_Codec(seal),
                ttl=A_DAY,  # the ledger closes questions much sooner, and says so in words
                bind_principal=lambda ctx: ctx.lifespan_context.principal(),
            ),
            tools=[_registered(tool) for tool in tools],
            extensions=[Views(say)],
        )
        self.middleware.insert(0, remembering)
        self.middleware.extend(watching)
        self._offered = {tool.name: tool for tool in tools}
        self._settlements = {tool.name: tool.settlement for tool in TOOLS if tool.settlement}
        self._say = say
        self._relays = relays
        self._exports = Exports()
        self._may = may
        self._listed: list[ListedTool] = []
        # What `completion()` takes is given neither the desk nor who asks.
        self._lowlevel_server.add_request_handler(
            "completion/complete", CompleteRequestParams, self._complete
        )

    async def run_stdio_async(self) -> None:
        """Serve on stdin and stdout until stdin ends."""
        low = self._lowlevel_server
        async with stdio_server(pipes.incoming(), pipes.outgoing()) as (incoming, outgoing):
            await low.run(incoming, outgoing, low.create_initialization_options())

    async def list_tools(self) -> list[ListedTool]:
        """The tools that whoever calls may call: to them, there are no others."""
        if not self._listed:
            self._listed = [self._presented(tool) for tool in await super().list_tools()]
        return [tool for tool in self._listed if self._may(self._offered[tool.name])]

    async def list_prompts(self) -> list[ListedPrompt]:
        prompts = offers.prompts(await self._available())
        return [offers.listed_prompt(prompt, self._say) for prompt in prompts]

    async def list_resources(self) -> list[ListedResource]:
        guides = offers.guides(await self._available())
        return [offers.listed_guide(guide) for guide in guides]

    async def list_resource_templates(self) -> list[ListedTemplate]:
        records = offers.records(await self._available())
        return [offers.listed_record(record) for record in records]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Desk, Any] | None = None,
    ) -> GetPromptResult:
        if context:
            PAGES.set(context.request_context.lifespan_context.pages)
        offered = await self._available()
        return offers.filled_in(offered, name, arguments or {}, self._say)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Desk, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        offered, address = await self._available(), str(uri)
        for guide in offers.guides(offered):
            if guide.address == address:
                return [ReadResourceContents(guide.text, MARKDOWN)]
        if address == PLAN:
            return await super().read_resource(uri, context)
        if context is None:
            raise ResourceNotFoundError(UNKNOWN_RESOURCE)
        if found := offers.addressed(offered, address):
            record, arguments = found
            return [ReadResourceContents(await self._record(record, arguments, context), JSON)]
        desk = context.request_context.lifespan_context
        export = self._exports.find(desk.principal(), address)
        if export is None or not any(tool.shares for tool in offered):
            raise ResourceNotFoundError(UNKNOWN_RESOURCE)
        return [ReadResourceContents(await exports.read(desk, export), content_type(export.file))]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Desk, Any] | None = None
    ) -> Result:
        listed = next((tool for tool in await self.list_tools() if tool.name == name), None)
        if listed is None or context is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name!r}. List the tools again.")
        if set(arguments) - set(listed.input_schema["properties"]):
            raise ToolError(_unknown_arguments(listed))
        try:
            return await self._called(name, arguments, context)
        except MCPError:
            raise
        except ToolError as error:
            meant = _meant(self._offered[name], arguments)
            hint = mistaken(context.request_context.lifespan_context, meant)
            raise _told(error, hint) from error.__cause__
        except Exception as bug:  # the top: the SDK would tell the model what the bug says
            raise UnexpectedToolError(f"Error executing tool {name}") from bug

    async def _called(
        self, name: str, arguments: dict[str, Any], context: Context[Desk, Any]
    ) -> Result:
        own = {key: value for key, value in arguments.items() if key != CONFIRMATION}
        tool, desk = self._offered[name], context.request_context.lifespan_context
        PAGES.set(desk.pages)

        async def proceed() -> Result:
            return await super(Server, self).call_tool(name, own, context)

        if tool.needs == "ledger":
            await settle_abandoned(desk, self._settlements)
        if tool.rung is None:
            result = _bounded(await proceed())
            if tool.shares and isinstance(result, CallToolResult):
                self._exports.add(desk.principal(), result)
            return result
        code, meant = str(arguments.get(CONFIRMATION, "")), _meant(tool, own)
        return await once(desk, self._settlements, name, tool.rung, meant, code, proceed)

    async def _record(
        self, record: Record, arguments: dict[str, Any], context: Context[Desk, Any]
    ) -> str:
        """What a record's tool gives, in its words.

        Raises:
            ResourceNotFoundError: There is no such record, or the address is not one.
            ResourceError: It could not be read.
        """
        try:
            result = await self.call_tool(record.tool, arguments, context)
        except UnexpectedToolError as bug:
            raise UnexpectedResourceError(f"Error reading {record.address}") from bug
        except ToolError as refusal:
            match refusal.__cause__:
                case ApiError() as cause if not isinstance(cause, NotFoundError):
                    raise ResourceError(str(refusal)) from None
                case _:
                    raise ResourceNotFoundError(str(refusal)) from None
        if isinstance(result, InputRequiredResult):  # no tool that reads asks anything
            raise UnexpectedResourceError(f"Error reading {record.address}")
        return told(result)

    async def _complete(
        self, ctx: ServerRequestContext[Desk], asked: CompleteRequestParams
    ) -> CompleteResult:
        offered = await self._available()
        found = await offers.completed(ctx.lifespan_context, offered, asked)
        return CompleteResult(completion=found)

    async def _available(self) -> list[Tool]:
        """The tools that whoever asks is told of: nothing else is offered without them."""
        return [self._offered[tool.name] for tool in await self.list_tools()]

    def _presented(self, tool: ListedTool) -> ListedTool:
        """A tool as hosts see it: closed to unknown arguments, without generated noise."""
        accepted = closed(plain(tool.input_schema))
        for parameter, choices in self._offered[tool.name].choices.items():
            accepted["properties"][parameter]["enum"] = list(choices)
        if self._relays and self._offered[tool.name].writes:
            accepted["properties"][CONFIRMATION] = {
                "type": "string",
                "default": "",
                "description": "The code a previous call gave, once the user agreed; else empty.",
            }
        given = tool.output_schema and plain(tool.output_schema)
        view = {"ui": {"resourceUri": PLAN}} if self._offered[tool.name].writes else None
        return tool.model_copy(
            update={"input_schema": accepted, "output_schema": given, "meta": view}
        )


class _Codec:
    """Seals the state of questions under the instance's secret, read when first needed.

    A question that was put under a previous secret can still be answered.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def seal(self, payload: bytes) -> str:
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._codec.unseal(token)

    @cached_property
    def _codec(self) -> AESGCMRequestStateCodec:
        return AESGCMRequestStateCodec(self._seal.keys("request state"))


@cache
def _registered(tool: Tool) -> RegisteredTool:
    """A tool as the SDK runs it, whichever the server: a signature takes 10 ms to analyse."""
    return RegisteredTool.from_function(
        tool.function,
        name=tool.name,
        title=tool.title,
        description=tool.description,
        annotations=tool.annotations,
    )


def _meant(tool: Tool, arguments: dict[str, Any]) -> Mapping[str, object]:
    """The arguments as the tool takes them, however they were written: defaults included.

    A number, the same in quotes and the address of its page are one call, and one change at most.
    """
    accepted = _registered(tool).fn_metadata
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


def _told(error: ToolError, hint: str) -> ToolError:
    """The failure in our words alone: the SDK's repeat the tool's name, or the caller's values."""
    match error.__cause__:
        case NotFoundError() as cause:
            return ToolError(f"{cause} {hint}".rstrip())
        case ApiError() | ToolError() as cause:
            return ToolError(str(cause))
        case ValidationError() as cause if not isinstance(error, UnexpectedToolError):
            return ToolError(misfits.told(cause))
        case _:
            return error


def _unknown_arguments(tool: ListedTool) -> str:
    known = ", ".join(tool.input_schema["properties"])
    return f"Nothing was done: {tool.name} takes no other arguments than {known}."
