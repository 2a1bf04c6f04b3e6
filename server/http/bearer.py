"""Whoever calls shows a bearer token, or is told how to get one (RFC 6750, RFC 9728).

The SDK's own middleware tells neither which scopes to ask for nor, of a request that shows no
token, anything else than that its token is invalid.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.callers import CALLER, Caller, UnknowableError
from server.settings import SCOPES

LONGEST_TOKEN = 16_384

Recognise = Callable[[str], Awaitable[Caller | None]]
"""Whoever a token belongs to, if it is good."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is told to whoever may not pass."""

    scopes: tuple[str, ...]
    """Those to ask for at first."""
    metadata: str = ""
    """The address that tells where to get a token; none where only static tokens are accepted."""

    def unknown(self, *, wrong: bool) -> Response:
        """Nobody is recognised: no token is shown, or a wrong one."""
        error = "invalid_token" if wrong else ""
        return self._refusal(401, error, "A valid bearer token is needed.", self.scopes)

    def forbidden(self, scope: str = "") -> Response:
        """Whoever calls lacks this scope, or all of those to ask for."""
        held = CALLER.get().scopes & set(SCOPES)
        needed = (*sorted(held), scope) if scope else self.scopes
        return self._refusal(403, "insufficient_scope", f"It needs {' '.join(needed)}.", needed)

    def _refusal(
        self, status: int, error: str, description: str, scopes: tuple[str, ...]
    ) -> Response:
        told = {
            "error": error,
            "scope": " ".join(scopes),
            "resource_metadata": self.metadata,
        }
        parameters = ", ".join(f'{name}="{value}"' for name, value in told.items() if value)
        return JSONResponse(
            {"error": error or "unauthorized", "error_description": description},
            status,
            {"WWW-Authenticate": f"Bearer {parameters}"},
        )


class Bearer:
    """Lets through whoever is recognised and may do something, and remembers who they are."""

    def __init__(self, app: ASGIApp, recognise: Recognise, challenge: Challenge) -> None:
        self._app = app
        self._recognise = recognise
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _shown(Headers(scope=scope))
        try:
            caller = await self._recognise(token) if token else None
        except UnknowableError:
            await PlainTextResponse("Try again", 503, {"Retry-After": "10"})(scope, receive, send)
            return
        if caller is None:
            await self._challenge.unknown(wrong=bool(token))(scope, receive, send)
            return
        current = CALLER.set(caller)
        try:
            app = self._app if caller.scopes & set(SCOPES) else self._challenge.forbidden()
            await app({**scope, "user": _user(caller)}, receive, send)
        finally:
            CALLER.reset(current)


def _shown(headers: Headers) -> str:
    """The one token that a request shows."""
    shown = headers.getlist("authorization")
    kind, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return token.strip() if kind.lower() == "bearer" and len(token) <= LONGEST_TOKEN else ""


def _user(caller: Caller) -> AuthenticatedUser:
    """Whom the SDK ties a session to: nobody else may use it."""
    token = AccessToken(token="", client_id=caller.principal, scopes=sorted(caller.scopes))
    return AuthenticatedUser(token)
