"""What a request must satisfy before anything is made of it: where it is sent to, how it is sent.

Any site can have a browser send requests here, under a name of its own (DNS rebinding) or from a
page of its own: Host and Origin tell them apart. A body is read whole before it is looked at, and a
client that takes its time over it, or sends too much, is cut off.
"""

import re
from collections.abc import Callable, Collection

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]*)?", re.ASCII | re.IGNORECASE)
BODY_WITHIN = 20.0
"""Seconds that a body may take to come."""

Check = Callable[[bytes], Response | None]
"""Gives the refusal of a body, if it is refused."""


class Gate:
    """Lets through what is addressed to one of our names, from a page of ours if from any.

    Blanks around the value of a header are no part of it (RFC 9110, 5.5); httptools leaves them.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        refusal = self._refusal(Headers(raw=headers))
        await (refusal or self._app)({**scope, "headers": headers}, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or _name(hosts[0]) not in self._names:
            return PlainTextResponse("Misdirected", 421)
        if any(not self._is_ours(origin) for origin in origins):
            return PlainTextResponse("Forbidden", 403)
        return None

    def _is_ours(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        name = _name(host)
        schemes = ("http", "https") if name in LOOPBACK else ("https",)
        return name in self._names and scheme in schemes


class Whole:
    """Hands over requests whose body came in time, is not too long, and passes a check."""

    def __init__(
        self, app: ASGIApp, most: int, check: Check = lambda _: None, within: float = BODY_WITHIN
    ) -> None:
        self._app = app
        self._most = most
        self._check = check
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await self._body(scope, receive)
        if isinstance(body, bytes):
            refusal = self._check(body) if scope["method"] == "POST" else None
            await (refusal or self._app)(scope, _again(body, receive), send)
        elif body:
            await body(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Response | None:
        """The body; or why it is refused; or nothing, if whoever sent it left."""
        too_long = PlainTextResponse("Too much was sent", 413)
        if _declared(scope) > self._most:
            return too_long
        body = bytearray()
        try:
            with anyio.fail_after(self._within):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    if len(body) > self._most:
                        return too_long
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            return PlainTextResponse("Too slow", 408)
        return None


def _name(host: str) -> str:
    """The name in `host[:port]`; nothing, in whatever else resembles it."""
    found = HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def _declared(scope: Scope) -> float:
    """How long the body is said to be; a number that no computer counts to is endless."""
    length = Headers(scope=scope).get("content-length", "")
    return float(length) if length.isdecimal() and length.isascii() else 0.0


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read once more, then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return first.pop() if first else await receive()

    return receiving
