"""What carries the requests to the services: the network, or the services in miniature."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import httpx
from starlette.applications import Starlette

from clients.http import Sleep
from clients.network import Ways
from clients.pace import Budget, OwnBudget
from server.settings import Settings

if TYPE_CHECKING:
    from server.shared import Shared


@dataclass(frozen=True, slots=True)
class Transports:
    """What carries the requests to each service, the network unless told otherwise."""

    covoiturage: httpx.AsyncBaseTransport | None = None
    demarches: httpx.AsyncBaseTransport | None = None
    emjpm: httpx.AsyncBaseTransport | None = None
    faire_simple: httpx.AsyncBaseTransport | None = None
    files: httpx.AsyncBaseTransport | None = None
    """What carries files of Démarches simplifiées: as its requests do, unless told otherwise."""
    sleep: Sleep = anyio.sleep
    """How to wait before asking a service again."""
    clock: Callable[[], float] = time.monotonic
    """The seconds that pass as one sleeps."""


class InProcess(httpx.AsyncBaseTransport):
    """The way to a service in this very process; what it drops is lost, as it is on a network."""

    def __init__(self, service: Starlette) -> None:
        self._to = httpx.ASGITransport(service)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._to.handle_async_request(request)
        except ConnectionError:
            raise httpx.ReadError("dropped", request=request) from None


class OnFirstUse(httpx.AsyncBaseTransport):
    """The way to a service in this process that is made when it is first called."""

    def __init__(self, make: Callable[[], InProcess]) -> None:
        self._make = make
        self._made: InProcess | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._made = self._made or self._make()
        return await self._made.handle_async_request(request)


@dataclass(frozen=True, slots=True)
class Common:
    """What the desks of one process have in common: no more than how fast services are called.

    A service counts the requests of this address, whoever they are made for.
    """

    shared: "Shared | None" = None
    """Where sign-ins are kept, each under a name of its own."""
    budgets: dict[tuple[str, int], Budget] = field(default_factory=dict[tuple[str, int], Budget])

    def budget(self, service: str, most: int, clock: Callable[[], float]) -> Budget:
        """The requests that a service lets through in a minute, if so many."""
        if (service, most) not in self.budgets:
            own = OwnBudget(most, clock=clock)
            shared = self.shared and self.shared.budget(service, most)
            self.budgets[service, most] = shared or own
        return self.budgets[service, most]


def kept(http: httpx.AsyncClient, stack: AsyncExitStack) -> httpx.AsyncClient:
    """The same client, closed with the stack."""
    stack.push_async_callback(http.aclose)
    return http


def network_ways(settings: Settings) -> Transports:
    """The ways to the services, timed if anybody looks at figures or traces."""
    if not settings.observed:
        return Transports()
    from server.observing import Observed  # noqa: PLC0415  (what a laptop never loads)

    return Transports(
        covoiturage=Observed("covoiturage", Ways()),
        demarches=Observed("demarches", Ways()),
        emjpm=Observed("emjpm", Ways()),
        faire_simple=Observed("faire_simple", Ways()),
        files=Observed("demarches", Ways()),
    )


def miniatures() -> Transports:
    """The services in miniature, fresh, each made when it is first called."""
    # Loading graphql-core and filling the services takes 0.3 s: not before they are needed.

    def covoiturage() -> InProcess:
        from server.sandbox import covoiturage  # noqa: PLC0415

        return InProcess(covoiturage.create())

    def demarches() -> InProcess:
        from server.sandbox import demarches  # noqa: PLC0415

        return InProcess(demarches.create())

    def emjpm() -> InProcess:
        from server.sandbox import emjpm  # noqa: PLC0415

        return InProcess(emjpm.create())

    def faire_simple() -> InProcess:
        from server.sandbox import faire_simple  # noqa: PLC0415

        return InProcess(faire_simple.create())

    return Transports(
        OnFirstUse(covoiturage),
        OnFirstUse(demarches),
        OnFirstUse(emjpm),
        OnFirstUse(faire_simple),
    )
