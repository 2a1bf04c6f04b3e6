"""The process that serves: who it lets in at all, how long it waits, how it stops."""

import socket
import sys
import time
from urllib.parse import urlsplit

import uvicorn
from sse_starlette.sse import AppStatus

from server.app import Connect
from server.build import MISUSE
from server.http.app import PATH, address, create
from server.http.gate import LOOPBACK
from server.http.streams import Streams
from server.settings import Settings
from tools.sealing import Seal

HEADERS_WITHIN = 10.0
"""Seconds that a connection may take to say what it wants."""
LAST_WORDS = 100
"""Seconds left, when stopping, to the changes being made: longer than any may take."""
TICKS = 5
"""Of uvicorn, which ticks ten times a second, between two looks at who takes too long."""


def serve(settings: Settings, connect: Connect, seal: Seal, host: str, port: int) -> None:
    """Serve at `/mcp` until interrupted; refuses to where nobody would have to sign in."""
    if why_not := unfit(settings, host):
        sys.stderr.write(f"guichet: {why_not}\n")
        raise SystemExit(MISUSE)
    prepared(settings, connect, seal, host, port).run()


def unfit(settings: Settings, host: str) -> str:
    """Why these settings are not fit for being served there; empty if they are."""
    beyond = host not in LOOPBACK
    named = settings.http.public_url or settings.http.allowed_hosts
    if (beyond or named) and not settings.authenticates:
        where = host if beyond else urlsplit(settings.http.public_url or "").hostname
        return (
            f"{where or 'this server'} can be reached from elsewhere, and nobody would have to "
            "sign in. Make tokens with `guichet token create` or set GUICHET_OIDC_ISSUER; or serve "
            "on 127.0.0.1 without GUICHET_HTTP_PUBLIC_URL and GUICHET_HTTP_ALLOWED_HOSTS."
        )
    if beyond and not settings.http.public_url:
        return (
            f"{host or 'this server'} can be reached from elsewhere, by any name. Set "
            "GUICHET_HTTP_PUBLIC_URL, the one address that clients call, such as "
            "https://guichet.example."
        )
    return ""


def prepared(
    settings: Settings, connect: Connect, seal: Seal, host: str, port: int
) -> uvicorn.Server:
    """The server, ready to run; with httptools and uvloop where they are installed."""
    streams = Streams()
    AppStatus.disable_automatic_graceful_drain()  # it would cut answers off, writes included
    return Hurrying(
        uvicorn.Config(
            create(settings, connect, seal, host, port, streams),
            host=host,
            port=port,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # a header proves nothing about who calls
            reset_contextvars=True,  # or a connection's second request may inherit from its first
            timeout_graceful_shutdown=LAST_WORDS,
        ),
        streams,
        f"{address(settings, host, port)}{PATH}",
    )


class Hurrying(uvicorn.Server):
    """A server that hangs up on connections that begin a request, or none, and do not go on.

    Those that wait between two requests are closed sooner, by uvicorn itself.
    """

    headers_within = HEADERS_WITHIN

    def __init__(self, config: uvicorn.Config, streams: Streams, where: str) -> None:
        super().__init__(config)
        self._streams = streams
        self._where = where
        self._waiting: dict[object, tuple[object, float]] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:  # some versions of uvicorn return from a start that failed
            sys.stderr.write(f"guichet: serving on {self._where}\n")

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._hang_up(time.monotonic())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        await super().shutdown(sockets)

    def _hang_up(self, now: float) -> None:
        waiting: dict[object, tuple[object, float]] = {}
        for connection in list(self.server_state.connections):
            last = getattr(connection, "cycle", None)
            if last is not None and not last.response_complete:
                continue
            before, since = self._waiting.get(connection, (last, now))
            waiting[connection] = (last, since if before is last else now)
            if before is last and now - since > self.headers_within:
                connection.transport.close()
        self._waiting = waiting
