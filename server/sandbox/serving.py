"""The services in miniature over a real socket, so that any client of theirs can be tried."""

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from server.sandbox import covoiturage, demarches, emjpm, faire_simple

HOST = "127.0.0.1"


class Slow:
    """An application that answers after a while, as a distant one does."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await anyio.sleep(self._seconds)
        await self._app(scope, receive, send)


def mounted() -> Starlette:
    """The four services, fresh, each under its name."""
    return Starlette(
        routes=[
            Mount("/covoiturage", covoiturage.create()),
            Mount("/demarches", demarches.create()),
            Mount("/emjpm", emjpm.create()),
            Mount("/faire_simple", faire_simple.create()),
        ]
    )


def serve(port: int, latency: float) -> None:
    """Serve until interrupted, with `latency` seconds before each answer."""
    uvicorn.run(Slow(mounted(), latency), host=HOST, port=port, log_config=None, access_log=False)
