"""The MCP server: a catalogue of tools, on top of whatever desk it is given.

What is listed comes from the catalogue alone; what answers is loaded with the first that is asked.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from copy import deepcopy
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, RequestStateSecurity
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
    Prompt,
    Resource,
    ResourceTemplate,
)
from mcp.types import Tool as ListedTool
from pydantic import AnyUrl

from server import pipes
from server.bugs import discreet
from server.instructions import instructions
from server.spared import without
from server.views import PLAN, Views
from tools.catalogue import CATALOGUE, Tool
from tools.language import Language, speaking
from tools.sealing import Seal
from tools.understood import PAGES

if TYPE_CHECKING:  # half of what there is to load, and nothing that is listed
    from server.calls import Calls
    from tools.desk import Desk
    from tools.registry import Work

Connect = Callable[[], AbstractAsyncContextManager["Desk"]]
May = Callable[[Tool], bool]
"""Whether whoever makes the current call may call a tool."""
Works = Callable[[Tool], "Work"]
"""Loads what a tool does."""
Result = CallToolResult | InputRequiredResult

A_DAY = 86_400.0
CONFIRMATION = "confirmation"
"""The one argument that no tool declares: it exists only where the model may relay consent."""


class Server(MCPServer["Desk"]):
    """An MCP server that tells the model what went wrong and whose move it is, in plain words."""

    def __init__(
        self,
        tools: Collection[Tool],
        connect: Connect,
        seal: Seal,
        *,
        language: Language = "fr",
        relays: bool = False,
        watching: Sequence[ServerMiddleware["Desk"]] = (),
        may: May = lambda _: True,
        works: Works | None = None,
    ) -> None:
        """`works` tells what a tool does, where it is none of the catalogue."""

        with without("rich"):
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
                extensions=[Views(speaking(language))],
            )
        # Around all the SDK does, and within: the words of a bug would reach clients, and spans.
        self.middleware[:0] = [discreet, _remembering]
        self.middleware.extend([*watching, discreet])
        self._offered = {tool.name: tool for tool in tools}
        self._listed = {tool.name: _presented(tool, relays=relays) for tool in tools}
        self._language: Language = language
        self._may = may
        self._works = works
        # What `completion()` takes is given neither the desk nor who asks.
        self._lowlevel_server.add_request_handler(
            "completion/complete", CompleteRequestParams, self._complete
        )

    async def run_stdio_async(self) -> None:
        """Serve on stdin and stdout until stdin ends."""
        low = self._lowlevel_server
        async with stdio_server(pipes.incoming(), pipes.outgoing()) as (incoming, outgoing):
            # Left open by an interruption: were it closed, what the host says just then would be an
            # error instead.
            await low.run(incoming.clone(), outgoing, low.create_initialization_options())
            await incoming.aclose()

    async def list_tools(self) -> list[ListedTool]:
        """The tools that whoever calls may call: to them, there are no others."""
        return [self._listed[tool.name] for tool in self._available()]

    async def list_prompts(self) -> list[Prompt]:
        """Those whose tools are all offered."""
        names = {tool.name for tool in self._available()}
        return [
            prompt.by_language[self._language]
            for prompt in CATALOGUE.prompts
            if names.issuperset(prompt.tools)
        ]

    async def list_resources(self) -> list[Resource]:
        """The guides of the services that have a tool here."""
        services = {tool.service for tool in self._available()}
        return [guide.listed for guide in CATALOGUE.guides if guide.service in services]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The records whose tool is offered."""
        names = {tool.name for tool in self._available()}
        return [record.listed for record in CATALOGUE.records if record.tool in names]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: "Context[Desk, Any] | None" = None,
    ) -> GetPromptResult | InputRequiredResult:
        from server.offers import filled_in  # noqa: PLC0415  (as above)

        if context:
            PAGES.set(context.request_context.lifespan_context.pages)
        say = speaking(self._language)
        return filled_in(self._available(), name, arguments or {}, say)

    async def read_resource(
        self, uri: AnyUrl | str, context: "Context[Desk, Any] | None" = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        if str(uri) == PLAN:
            return await super().read_resource(uri, context)
        from server.reading import resource  # noqa: PLC0415  (as above)

        return [await resource(self._calls, self._available(), str(uri), context)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: "Context[Desk, Any] | None" = None
    ) -> Result:
        tool = self._offered.get(name)
        if tool is None or not self._may(tool) or context is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name!r}. List the tools again.")
        return await self._calls.call(name, arguments, context)

    async def _complete(
        self, ctx: "ServerRequestContext[Desk]", asked: CompleteRequestParams
    ) -> CompleteResult:
        from server.offers import completed  # noqa: PLC0415  (as above)

        found = await completed(ctx.lifespan_context, self._available(), asked)
        return CompleteResult(completion=found)

    def _available(self) -> list[Tool]:
        """The tools that whoever asks is told of: nothing else is offered without them."""
        return [tool for tool in self._offered.values() if self._may(tool)]

    @cached_property
    def _calls(self) -> "Calls":
        from server.calls import Calls  # noqa: PLC0415  (as above)

        return Calls(self._offered, self._listed, self._works)


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


async def _remembering(
    ctx: "ServerRequestContext[Desk, Any]", call_next: CallNext
) -> HandlerResult:
    """Middleware that knows one answer to a question from another, once a tool is called."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    from tools.replays import remembering  # noqa: PLC0415  (as above)

    return await remembering(ctx, call_next)


def _presented(tool: Tool, *, relays: bool) -> ListedTool:
    """A tool as hosts see it here: with what the settings leave to choose from."""
    if not tool.choices and not (relays and tool.writes):
        return tool.listed
    accepted = deepcopy(tool.listed.input_schema)
    for parameter, choices in tool.choices.items():
        accepted["properties"][parameter]["enum"] = list(choices)
    if relays and tool.writes:
        accepted["properties"][CONFIRMATION] = {
            "type": "string",
            "default": "",
            "description": "The code a previous call gave, once the user agreed; else empty.",
        }
    return tool.listed.model_copy(update={"input_schema": accepted})
