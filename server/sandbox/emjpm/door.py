"""What stands before every route for editors: the quota first, then the token."""

import html
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

ISSUED = {"sandbox"}
"""The tokens that are good."""
BEARER = re.compile(r"Bearer\s(\S+)")

REQUESTS_A_MINUTE = 360
WINDOW = timedelta(minutes=1)

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


class Quota:
    """So many requests a minute from everyone together, refused ones included."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._count = 0
        self._reset = now()

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        self._tick()
        left = REQUESTS_A_MINUTE - self._count
        response = await call_next(request) if left >= 0 else _too_many()
        response.headers["X-RateLimit-Limit"] = str(REQUESTS_A_MINUTE)
        response.headers["X-RateLimit-Remaining"] = str(max(0, left))
        response.headers["X-RateLimit-Reset"] = str(math.ceil(self._reset.timestamp()))
        return response

    def _tick(self) -> None:
        now = self._now()
        if now >= self._reset:
            self._count, self._reset = 0, now + WINDOW
        self._count += 1


async def authenticate(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Let through whoever holds the token; tell the others as much as OAuth does."""
    return refusal(request) or await call_next(request)


def refusal(request: Request) -> Response | None:
    """Why a request may not come in, if it may not."""
    authorization = request.headers.get("authorization")
    in_query = "access_token" in request.query_params
    if authorization and in_query:
        return _oauth_error(400, "invalid_request", "only one authentication method is allowed")
    if in_query:
        return _oauth_error(400, "invalid_request", "do not send bearer tokens in query URLs")
    if not authorization:
        return Response(status_code=401)
    bearer = BEARER.fullmatch(authorization)
    if bearer is None:
        return _oauth_error(400, "invalid_request", "malformed authorization header")
    if bearer[1] not in ISSUED:
        return _oauth_error(401, "invalid_token", "access token is invalid")
    return None


async def not_found(request: Request, _: Exception) -> Response:
    """Express's page for a path or a method that is not routed: it knows no 405."""
    asked = html.escape(f"{request.method} {request.url.path}")
    return HTMLResponse(PAGE.format(asked=asked), status_code=404)


def _oauth_error(status: int, error: str, description: str) -> Response:
    kind = error.replace("_", " ").capitalize()
    return JSONResponse({"error": error, "error_description": f"{kind}: {description}"}, status)


def _too_many() -> Response:
    """A sentence, declared as HTML; the pause is always a whole window."""
    sentence = "Too many requests, please try again later."
    return HTMLResponse(sentence, 429, {"Retry-After": f"{WINDOW.total_seconds():.0f}"})
