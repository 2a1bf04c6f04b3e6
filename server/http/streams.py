"""The streams that clients of the older eras leave open, to be told what they did not ask for."""

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send


class Streams:
    """An app whose standing streams can be ended; what answers a request ends by itself."""

    def __init__(self) -> None:
        self._open: set[anyio.CancelScope] = set()

    def over(self, app: ASGIApp) -> ASGIApp:
        """The same app, whose GET requests are ended by `close`."""

        async def ending(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] != "GET":
                await app(scope, receive, send)
                return
            with anyio.CancelScope() as standing:
                self._open.add(standing)
                try:
                    await app(scope, receive, send)
                finally:
                    self._open.discard(standing)
            if standing.cancelled_caught:
                await send({"type": "http.response.body"})

        return ending

    def close(self) -> None:
        """End them: their clients are told that nothing more will come."""
        for standing in self._open:
            standing.cancel()
