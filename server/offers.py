"""The prompts and the records that are offered: what fills them in, and what completes them."""

from collections.abc import Collection, Mapping, Sequence

from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    Completion,
    GetPromptResult,
    PromptMessage,
    PromptReference,
    TextContent,
)

from clients import ApiError
from tools import Tool
from tools.desk import Desk
from tools.language import Say
from tools.prompting import Known, Prompt
from tools.prompts import PROMPTS
from tools.resources import GUIDED, RECORDS, Guide, Record

MOST_VALUES = 100
"""What the protocol allows of values that complete one."""
Offered = Collection[Tool]


def prompts(offered: Offered) -> list[Prompt]:
    """Those whose tools are all offered."""
    names = {tool.name for tool in offered}
    return [prompt for prompt in PROMPTS if names.issuperset(prompt.tools)]


def guides(offered: Offered) -> list[Guide]:
    """Those of the services that have a tool here."""
    services = {tool.service for tool in offered}
    return [guide for guide in GUIDED if guide.service in services]


def records(offered: Offered) -> list[Record]:
    """Those whose tool is offered."""
    names = {tool.name for tool in offered}
    return [record for record in RECORDS if record.tool in names]


def filled_in(
    offered: Offered, name: str, given: Mapping[str, object], say: Say
) -> GetPromptResult:
    """A prompt as a host puts it in the conversation.

    Raises:
        MCPError: It is not offered, or what was filled in is not what it takes.
    """
    prompt = _named(offered, name)
    try:
        text = prompt.said(say, {key: str(value) for key, value in given.items()})
    except ValueError as misfit:
        raise MCPError(INVALID_PARAMS, str(misfit)) from None
    return GetPromptResult(
        description=prompt.description.by(say),
        messages=[PromptMessage(role="user", content=TextContent(type="text", text=text))],
    )


def addressed(offered: Offered, address: str) -> tuple[Record, dict[str, object]] | None:
    """The record that an address stands for, and what its tool is called with."""
    for record in records(offered):
        variables = UriTemplate.parse(record.address).match(address)
        if variables is not None:
            return record, record.arguments(variables)
    return None


async def completed(desk: Desk, offered: Offered, asked: CompleteRequestParams) -> Completion:
    """What may complete what is being typed, as far as it is known here.

    Raises:
        MCPError: It completes nothing that is offered.
    """
    values = await _values(desk, offered, asked)
    typed = asked.argument.value.casefold().strip()
    found = [value for value in values if typed in value.casefold()]
    return Completion(
        values=found[:MOST_VALUES], total=len(found), has_more=len(found) > MOST_VALUES
    )


async def _values(desk: Desk, offered: Offered, asked: CompleteRequestParams) -> Sequence[str]:
    name = asked.argument.name
    if isinstance(asked.ref, PromptReference):
        prompt = _named(offered, asked.ref.name)
        argument = next((each for each in prompt.arguments if each.name == name), None)
        if argument and argument.choices:
            return argument.choices
        return await _told(desk, argument and argument.known)
    for record in records(offered):
        if record.address == asked.ref.uri:
            return await _told(desk, record.known.get(name))
    raise MCPError(INVALID_PARAMS, "Unknown resource template: list them again.")


async def _told(desk: Desk, known: Known | None) -> Sequence[str]:
    """What a service, the ledger or the settings know; what cannot be asked knows nothing."""
    try:
        return await known(desk) if known else ()
    except (ApiError, ToolError):
        return ()


def _named(offered: Offered, name: str) -> Prompt:
    for prompt in prompts(offered):
        if prompt.name == name:
            return prompt
    raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name!r}. List the prompts again.")
