"""How the registry fails, when it is asked to."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from server.sandbox.express import PAGE, quota_headers
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


def _error(code: int, data: str) -> Mapping[str, object]:
    told = {"code": code, "data": data, "message": "Unauthorized Error"}
    return {"jsonrpc": "2.0", "id": 1, "error": told}


def _writes(request: Request, _: bytes) -> bool:
    """An import does; asking for a token is no change of anything."""
    return request.method == "POST" and "/policies/" in request.url.path


def _page() -> Response:
    return HTMLResponse(PAGE.format(asked="POST /policies/cee/import/identity"), 404)


REFUSALS: Mapping[str, Callable[[], Response]] = {
    "faults": lambda: JSONResponse(["/0/phone_trunc: must be a valid truncated phone number"], 400),
    "sentence": lambda: JSONResponse("Date should be before 7 days from now", 400),
    "error": lambda: JSONResponse({"error": 'relation "applications" does not exist'}, 500),
    "conflict": lambda: JSONResponse({"datetime": "2024-01-31T08:00:00.000Z"}, 409),
    "rpc": lambda: JSONResponse(_error(-32501, "Unauthorized application"), 401),
    "middleware": lambda: JSONResponse(_error(401, "Error"), 401),
    "limited": lambda: too_many(60, {}),
    "maintenance": _closed,
    "disabled": lambda: JSONResponse({}, 405),
    "nothing": lambda: Response(status_code=404),
    "page": _page,
}
"""The eleven shapes in which the registry was seen to say no, by names of ours.

An import is refused so that asks for it by the header `Sandbox-Refusal`, or while `app.state.says`
holds the name.
"""

FAILING = Failing(
    reserved=reserved(reserved_uuid),
    limited=_limited,
    closed=_closed,
    writes=_writes,
    texts=("name", "error", "message"),
)
