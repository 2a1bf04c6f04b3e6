"""What the service owes to Express and its plug-ins, before any rule of its own."""

import html
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, TypeGuard

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

MOST_BYTES = 2 * 1024 * 1024
"""The largest body that is read."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>Cannot {asked}</pre>
</body>
</html>
"""


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


@dataclass(frozen=True)
class Quota:
    """Where a caller stands, and the headers that say so."""

    exceeded: bool
    headers: dict[str, str]


class RateLimit:
    """So many requests a minute, counted from the first one; here, everyone is one caller."""

    def __init__(self, limit: int, now: Callable[[], datetime]) -> None:
        self._limit = limit
        self._now = now
        self._count = 0
        self._reset = now()

    def count(self) -> Quota:
        """One more request. The reset is in epoch seconds, where the documentation says left."""
        now = self._now()
        if now >= self._reset:
            self._count, self._reset = 0, now + timedelta(minutes=1)
        self._count += 1
        headers = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(0, self._limit - self._count)),
            "X-RateLimit-Reset": str(math.ceil(self._reset.timestamp())),
        }
        if self._count <= self._limit:
            return Quota(exceeded=False, headers=headers)
        left = math.ceil((self._reset - now).total_seconds())
        return Quota(exceeded=True, headers=headers | {"Retry-After": str(left)})


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


async def not_found(request: Request, _: Exception) -> Response:
    """The page for a path or a method that is not routed: Express knows no 405."""
    asked = html.escape(f"{request.method} {request.url.path}")
    return HTMLResponse(PAGE.format(asked=asked), status_code=404)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(constant)
