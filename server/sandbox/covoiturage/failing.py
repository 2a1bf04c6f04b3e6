"""How the registry fails, when it is asked to."""

import math
from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.sandbox.express import quota_headers
from server.sandbox.faults import PAUSE, Failing, reserved

REQUESTS_A_WINDOW = 100
"""The limit of the routes that have none of their own."""


def reserved_uuid(rank: int) -> str:
    """The uuid that asks for a fault, whether a certificate's or an application's."""
    return f"00000000-0000-4000-8000-{rank:012}"


def too_many(seconds: int, headers: Mapping[str, str]) -> Response:
    """The refusal of one request too many, `seconds` before the window ends."""
    fault = {"error": {"code": 429, "message": "Too many requests"}}
    return JSONResponse(fault, 429, {**headers, "Retry-After": str(seconds)})


def _limited(reset: datetime) -> Response:
    seconds = math.ceil(PAUSE.total_seconds())
    return too_many(seconds, quota_headers(REQUESTS_A_WINDOW, 0, reset))


def _closed() -> Response:
    return JSONResponse({"code": 503, "error": "Service Unavailable"}, 503)


def _writes(request: Request, _: bytes) -> bool:
    """An import does; asking for a token is no change of anything."""
    return request.method == "POST" and "/policies/" in request.url.path


FAILING = Failing(
    reserved=reserved(reserved_uuid),
    limited=_limited,
    closed=_closed,
    writes=_writes,
    texts=("name", "error", "message"),
)
