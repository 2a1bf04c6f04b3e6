"""What is read at an address: a guide, a record as its tool reads it, or an export."""

from typing import Any

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.types import InputRequiredResult
from pydantic import ValidationError

from clients.errors import NotFoundError
from server import offers
from server.calls import Calls
from server.offers import Offered
from tools import exports
from tools.desk import Desk
from tools.files import content_type
from tools.resources import JSON, MARKDOWN, Record
from tools.results import told

UNKNOWN = "Unknown resource. List the resources and their templates again."


async def resource(
    calls: Calls, offered: Offered, address: str, context: Context[Desk, Any] | None
) -> ReadResourceContents:
    """What is at an address.

    Raises:
        ResourceNotFoundError: Nothing that is offered, or that exists.
        ResourceError: It could not be read.
    """
    for guide in offers.guides(offered):
        if guide.address == address:
            return ReadResourceContents(guide.text, MARKDOWN)
    if context is None:
        raise ResourceNotFoundError(UNKNOWN)
    if found := offers.addressed(offered, address):
        record, arguments = found
        return ReadResourceContents(await _record(calls, record, arguments, context), JSON)
    desk = context.request_context.lifespan_context
    export = calls.exports.find(desk.principal(), address)
    if export is None or not any(tool.shares for tool in offered):
        raise ResourceNotFoundError(UNKNOWN)
    return ReadResourceContents(await exports.read(desk, export), content_type(export.file))


async def _record(
    calls: Calls, record: Record, arguments: dict[str, Any], context: Context[Desk, Any]
) -> str:
    """What a record's tool gives, in its words.

    Raises:
        ResourceNotFoundError: There is no such record, or the address is not one.
        ResourceError: It could not be read.
    """
    try:
        result = await calls.call(record.tool, arguments, context)
    except UnexpectedToolError as bug:
        raise UnexpectedResourceError(f"Error reading {record.address}") from bug
    except ToolError as refusal:
        match refusal.__cause__:
            case NotFoundError() | ValidationError() | ToolError():
                raise ResourceNotFoundError(str(refusal)) from None
            case _:  # the service, or the ledger
                raise ResourceError(str(refusal)) from None
    if isinstance(result, InputRequiredResult):  # no tool that reads asks anything
        raise UnexpectedResourceError(f"Error reading {record.address}")
    return told(result)
