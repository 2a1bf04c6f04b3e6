"""How fast a service may be called: so many requests a minute, whoever makes them."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio
import httpx

from clients.errors import UnavailableError
from clients.http import TOO_MANY_REQUESTS, Sleep, asked_pause

WINDOW = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request may not leave yet."""

    seconds: float
    asked: bool = False
    """Whether the service itself asked for it."""


class Budget(Protocol):
    """The requests that a service lets through, counted for all those who share its limit."""

    async def take(self) -> Wait | None:
        """Nothing, once a request is counted, which may then leave; or how long to wait first."""
        ...

    async def close(self, seconds: float) -> None:
        """Let nothing through for so long."""
        ...


class OwnBudget:
    """So many requests in any minute, for this process alone."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=most)
        self._closed_until = -math.inf

    async def take(self) -> Wait | None:
        now = self._clock()
        if now < self._closed_until:
            return Wait(self._closed_until - now, asked=True)
        if len(self._sent) == self._sent.maxlen and self._sent[0] + WINDOW > now:
            return Wait(self._sent[0] + WINDOW - now)
        self.count()
        return None

    async def close(self, seconds: float) -> None:
        self._closed_until = self._clock() + seconds

    def count(self) -> None:
        """Know of a request that leaves, whoever let it."""
        self._sent.append(self._clock())


class Pace:
    """Lets requests through within a budget, first come first served; the next one waits.

    Once the service says that it is too many, because others call it too, none leaves before the
    pause it asks for is over. Keep one for all the calls of a process: `keep` attaches it.
    """

    def __init__(self, service: str, budget: Budget, *, sleep: Sleep = anyio.sleep) -> None:
        self._service = service
        self._budget = budget
        self._sleep = sleep
        self._in_turn = anyio.Lock()

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
            while wait := await self._budget.take():
                if wait.asked:
                    remedy = f"Nothing was changed. Try again in {math.ceil(wait.seconds)} seconds."
                    raise UnavailableError(self._service, "too many requests.", remedy=remedy)
                await self._sleep(wait.seconds)

    async def heed(self, response: httpx.Response) -> None:
        """Take a pause if the service asks for one."""
        if response.status_code == TOO_MANY_REQUESTS:
            asked = asked_pause(response, time.time())
            await self._budget.close(min(WINDOW if asked is None else asked, WINDOW))
