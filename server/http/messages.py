"""What is looked at of a message before the protocol does: that it can be read, and may be sent."""

from collections.abc import Callable

from mcp.types import INVALID_REQUEST, PARSE_ERROR
from pydantic_core import from_json
from starlette.responses import JSONResponse, Response

MOST_BYTES = 4 * 1024 * 1024
"""The longest message; rows of a file had better be in the file."""
ONE_MESSAGE = "Send one message, a JSON object, in each request."

Forbids = Callable[[str], Response | None]
"""Gives the refusal of a call of this tool, if it is refused."""


def refusal(body: bytes, forbids: Forbids = lambda _: None) -> Response | None:
    """The refusal of what is no object, is nested over 200 deep, or calls what may not be called.

    The body alone tells which tool is called: a header may say otherwise, or not be there.
    """
    try:
        message: object = from_json(body)
    except ValueError:
        return _refused(PARSE_ERROR, "Parse error")
    match message:
        case {"method": "tools/call", "params": {"name": str() as name}}:
            return forbids(name)
        case dict():
            return None
        case _:
            return _refused(INVALID_REQUEST, ONE_MESSAGE)


def _refused(code: int, why: str) -> Response:
    error = {"code": code, "message": why}
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)
