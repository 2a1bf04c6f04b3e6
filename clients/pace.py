"""How fast a service may be called: so many requests a minute, whoever makes them."""

import math
import time
from collections import deque
from collections.abc import Callable

import anyio
import httpx

from clients.errors import UnavailableError
from clients.http import TOO_MANY_REQUESTS, Sleep, asked_pause

WINDOW = 60.0
"""Seconds."""


class Pace:
    """Lets so many requests through in any minute, first come first served; the next one waits.

    Once the service says that it is too many, because others call it too, none leaves before the
    pause it asks for is over. Keep one for all the calls of a process: `keep` attaches it.
    """

    def __init__(
        self,
        service: str,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self._service = service
        self._clock = clock
        self._sleep = sleep
        self._in_turn = anyio.Lock()
        self._sent: deque[float] = deque(maxlen=most)
        self._closed_until = -math.inf

    def keep(self, http: httpx.AsyncClient) -> httpx.AsyncClient:
        """The same client, whose requests wait for their turn before their time is counted."""
        http.event_hooks = {"request": [self.turn], "response": [self.heed]}
        return http

    async def turn(self, _: httpx.Request) -> None:
        """Return once a request may leave.

        Raises:
            UnavailableError: The service asked for a pause that is not over.
        """
        async with self._in_turn:
            pause = self._closed_until - self._clock()
            if pause > 0:
                remedy = f"Nothing was changed. Try again in {math.ceil(pause)} seconds."
                raise UnavailableError(self._service, "too many requests.", remedy=remedy)
            if len(self._sent) == self._sent.maxlen:
                await self._wait(self._sent[0] + WINDOW - self._clock())
            self._sent.append(self._clock())

    async def heed(self, response: httpx.Response) -> None:
        """Take a pause if the service asks for one."""
        if response.status_code == TOO_MANY_REQUESTS:
            asked = asked_pause(response, time.time())
            self._closed_until = self._clock() + min(WINDOW if asked is None else asked, WINDOW)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)
