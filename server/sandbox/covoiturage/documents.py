"""The JSON documents sent to the registry, and what it answers to those it cannot read."""

import json
from typing import NoReturn, TypeGuard

from starlette.requests import Request

MOST_BYTES = 2 * 1024 * 1024
"""The largest body that is read."""


class MiddlewareError(Exception):
    """What fails before a route is reached, named as JavaScript names it.

    Its status is 500 but for a few known messages: a malformed body and a malformed token are
    answered as if the server were at fault.
    """

    def __init__(self, name: str, message: str, *, status: int = 500) -> None:
        super().__init__(name, message)
        self.status = status
        self.document = {
            "id": 1,
            "jsonrpc": "2.0",
            "error": {"code": status, "data": name, "message": message},
        }


async def sent(request: Request) -> object:
    """The JSON document of a request; `{}` if it is empty or declared as anything but JSON.

    Raises:
        MiddlewareError: it is too large, malformed, or neither an object nor an array.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        return {}
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise MiddlewareError("PayloadTooLargeError", "request entity too large")
    try:
        document: object = json.loads(body or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError):
        document = None
    if not is_array(document) and not is_object(document):
        raise MiddlewareError("SyntaxError", "Unexpected token in JSON")
    return document


def is_array(document: object) -> TypeGuard[list[object]]:
    return isinstance(document, list)


def is_object(document: object) -> TypeGuard[dict[str, object]]:
    return isinstance(document, dict)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(constant)
