"""The streams that clients of the older eras leave open, to be told what they did not ask for."""

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STOPPING = PlainTextResponse("Stopping", 503)
"""The answer to whoever asks for a stream that has not begun, and never will."""


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
            begun = False

            async def beginning(message: Message) -> None:
                nonlocal begun
                await send(message)
                begun = True

            with anyio.CancelScope() as standing:
                self._open.add(standing)
                try:
                    await app(scope, receive, beginning)
                finally:
                    self._open.discard(standing)
            if standing.cancelled_caught:
                await (_end if begun else STOPPING)(scope, receive, send)

        return ending

    def close(self) -> None:
        """End them: their clients are told that nothing more will come."""
        for standing in self._open:
            standing.cancel()


async def _end(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.body"})
