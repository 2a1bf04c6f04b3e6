"""What stands before every route but those of OAuth: the quota first, then the token."""

import re
from collections.abc import Callable
from datetime import datetime

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.sandbox.emjpm.accounts import User
from server.sandbox.emjpm.failing import REQUESTS_A_MINUTE, too_many
from server.sandbox.emjpm.oauth import Grants, UnknownTokenError
from server.sandbox.emjpm.refusals import RefusedError, Silence
from server.sandbox.express import RateLimit
from server.sandbox.faults import Sleep

BEARER = re.compile(r"Bearer\s(\S+)")
LONGEST_ADDRESS = 255
"""Characters."""


class Limiter:
    """So many requests a minute from everyone together, refused ones included."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._limit = RateLimit(REQUESTS_A_MINUTE, now)

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        quota = self._limit.count()
        response = too_many() if quota.exceeded else await call_next(request)
        response.headers.update(quota.headers)
        return response


class Journal:
    """What writes every request down, in a column too narrow for some addresses."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        if len(f"{request.url.path}{query}") > LONGEST_ADDRESS:
            return Silence(self._sleep)
        return await call_next(request)


class Authentication:
    """Lets through whoever holds a token; tells the others as much as OAuth does."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        try:
            request.state.user = self._user(request)
        except RefusedError as refused:
            return JSONResponse(refused.document, refused.status)
        if request.state.user is None:
            return Response(status_code=401)
        return await call_next(request)

    def _user(self, request: Request) -> User | None:
        """Who asks; none, without a token.

        Raises:
            RefusedError: The token is not good, or not where it must be.
        """
        authorization = request.headers.get("authorization")
        in_query = "access_token" in request.query_params
        if authorization and in_query:
            raise _oauth_error(400, "invalid_request", "only one authentication method is allowed")
        if in_query:
            raise _oauth_error(400, "invalid_request", "do not send bearer tokens in query URLs")
        if not authorization:
            return None
        bearer = BEARER.fullmatch(authorization)
        if bearer is None:
            raise _oauth_error(400, "invalid_request", "malformed authorization header")
        try:
            return self._grants.user(bearer[1])
        except UnknownTokenError as error:
            raise _oauth_error(401, "invalid_token", error.reason) from None


def _oauth_error(status: int, error: str, description: str) -> RefusedError:
    kind = error.replace("_", " ").capitalize()
    told = f"{kind}: {description}"
    return RefusedError({"error": error, "error_description": told}, status)
