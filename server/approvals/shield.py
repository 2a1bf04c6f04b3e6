"""What every request must satisfy before anything looks at it, and what every answer carries."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
METHODS = ("GET", "POST")
ANSWERED_WITH = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # not no-referrer: forms would come without their Origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def on_loopback(port: int) -> tuple[str, ...]:
    """Where a page of this machine is, at this port."""
    return tuple(f"http://{host}:{port}" for host in HOSTS)


class Shield:
    """Lets through what a browser sends from this very page, at one of these very addresses.

    Any site can have a browser send requests to a loopback port, under a name of its own (DNS
    rebinding) or from a page of its own (forged forms): Host and Origin tell them apart.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = {origin.partition("://")[2]: origin for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ANSWERED_WITH)
            await send(message)

        if scope["type"] == "http":
            await (self._refusal(scope) or self._app)(scope, receive, sending)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._origins:
            return PlainTextResponse("Misdirected", 421)
        if scope["method"] not in METHODS:
            return PlainTextResponse("Not allowed", 405, {"Allow": ", ".join(METHODS)})
        if scope["method"] == "POST" and headers.getlist("origin") != [self._origins[host]]:
            return PlainTextResponse("Forbidden", 403)
        return None
