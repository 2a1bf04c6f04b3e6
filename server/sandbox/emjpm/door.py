"""What stands before every route for editors: the quota first, then the token."""

import re
from collections.abc import Callable
from datetime import datetime

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.sandbox.emjpm.failing import REQUESTS_A_MINUTE, too_many
from server.sandbox.express import RateLimit

ISSUED = {"sandbox"}
"""The tokens that are good."""
BEARER = re.compile(r"Bearer\s(\S+)")


class Limiter:
    """So many requests a minute from everyone together, refused ones included."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._limit = RateLimit(REQUESTS_A_MINUTE, now)

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        quota = self._limit.count()
        response = too_many() if quota.exceeded else await call_next(request)
        response.headers.update(quota.headers)
        return response


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


def _oauth_error(status: int, error: str, description: str) -> Response:
    kind = error.replace("_", " ").capitalize()
    return JSONResponse({"error": error, "error_description": f"{kind}: {description}"}, status)
