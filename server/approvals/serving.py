"""What serves the page on this machine, beside the server of the protocol."""

import socket
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

LAST_WORDS = 1
"""Seconds left, when stopping, to the answers being sent."""


class PageServer(uvicorn.Server):
    """A server of one app, that stops when told to, closing what is open."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(quiet(app, LAST_WORDS))

    async def run_on(self, listening: socket.socket) -> None:
        with listening, anyio.CancelScope(shield=True):
            await self.serve([listening])

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are for the server of the protocol, which ends this one."""
        yield


def quiet(app: ASGIApp, last_words: int) -> uvicorn.Config:
    """What serves pages of this machine's own: addresses hold codes and keys, no log has them."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=last_words,
    )
