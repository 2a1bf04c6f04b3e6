"""A process that makes one change and dies where it is told to: what `test_kill` starts.

It holds a whole client and a whole server. Death is `kill -9`, by its own hand, at a named moment
or at the nth one; nothing in the product knows of it.
"""

import os
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import httpx
from mcp import Client
from mcp.types import CallToolResult, InputRequiredResult, InputResponses
from sqlalchemy import Engine, event

from server import connect, instance
from server.build import build
from server.sandboxed import sandboxed
from server.services.ways import Transports
from server.settings import Covoiturage, Demarches, Settings
from tests.support import ERAS, MODES, Person, put
from tools.desk import Desk
from tools.fences import Fences
from tools.journal import Evidence, Intent, Journal, Operation
from tools.sealing import Seal

LEGACY, MODERN = ERAS

QUESTION, INTENT, OUTCOME = "the question", "the intent", "the outcome"
"""What is committed, in the course of one change."""

NAME = "x-process"
"""The header that tells the services which process is calling."""

Arguments = Mapping[str, Any]


def before(committed: str) -> str:
    """The moment when it is written, and would be lost with the process: the commit comes next."""
    return f"before {committed} is committed"


def after(committed: str) -> str:
    return f"after {committed} is committed"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What processes share: services at an address, a ledger, a secret."""

    folder: Path
    address: str
    secret: bytes

    @property
    def seal(self) -> Seal:
        return Seal(lambda: self.secret)

    @property
    def ledger(self) -> str:
        return instance.sqlite(self.folder / "ledger.db")

    @property
    def settings(self) -> Settings:
        return sandboxed(Settings()).model_copy(
            update={
                "covoiturage": Covoiturage.model_validate(
                    {"url": f"{self.address}/covoiturage", "token": "sandbox"}
                ),
                "demarches": Demarches.model_validate(
                    {
                        "url": f"{self.address}/demarches/api/v2/graphql",
                        "token": "sandbox",
                        "instructeur": "camille.martin@exemple.gouv.fr",
                    }
                ),
            }
        )


@dataclass(frozen=True)
class Answer:
    """What a person answered, as it can be sent again: the answer and the state it goes with."""

    arguments: Arguments
    responses: InputResponses
    state: str


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What one process does: it sends answers already given, or a call of its own, or both."""

    name: str
    era: str
    tool: str
    arguments: Arguments
    answers: Sequence[Answer] = ()
    """Sent before its own call, each of them twice."""
    later: float = 0.0
    """Seconds by which its clock is ahead."""
    dies: str | int | None = None
    """The moment at which it dies: a named one, or the nth of all."""


@dataclass(frozen=True)
class Agreed:
    """A person agreed: said before anything else hears of it."""

    arguments: Arguments
    answer: Answer | None
    """None in the older era, where an answer lives within its call."""


@dataclass(frozen=True)
class Done:
    """The process came to its end."""

    result: CallToolResult
    replayed: Sequence[tuple[Answer, CallToolResult]]
    moments: int


@dataclass
class Fate:
    """Counts the moments of a process, up to its last."""

    dies: str | int | None
    met: int = 0

    def __call__(self, moment: str) -> None:
        if self.dies in (moment, self.met):
            os.kill(os.getpid(), signal.SIGKILL)
        self.met += 1


def run(site: Site, errand: Errand, told: Connection) -> None:
    """What a process does from its start, telling the one that started it."""
    tempfile.tempdir = str(site.folder)  # whoever is killed cannot clean up
    anyio.run(_run, site, errand, told)


async def _run(site: Site, errand: Errand, told: Connection) -> None:
    fate = Fate(errand.dies)
    server = build(site.settings, partial(_desk, site, errand, fate), site.seal)
    person = Person(before=partial(_agree, errand, told))
    async with Client(server, mode=MODES[errand.era], elicitation_callback=person) as host:
        replayed = [
            (answer, await _given(host, errand.tool, answer))
            for _ in ("once", "again")
            for answer in errand.answers
        ]
        result = await _called(host, errand, told)
    told.send(Done(result, replayed, fate.met))


def carry_out(site: Site, errand: Errand, told: Connection) -> None:
    """What a process does that carries a plan out, once a person agreed to it on the page."""
    tempfile.tempdir = str(site.folder)
    anyio.run(_carry_out, site, errand, told)


async def _carry_out(site: Site, errand: Errand, told: Connection) -> None:
    """It dies so many moments after the person agreed."""
    fate = Fate(None)
    server = build(site.settings, partial(_desk, site, errand, fate), site.seal)
    page = Journal(lambda: site.ledger, site.seal, clock=lambda: time.time() + errand.later)
    async with Client(server, mode=MODES[errand.era]) as host:
        result = await host.call_tool(errand.tool, dict(errand.arguments))
        waiting = [one for one in await page.on_page(connect.LOCAL) if page.is_open(one)]
        for operation in waiting:
            assert await page.approve(operation.id)
        if isinstance(errand.dies, int):
            fate.dies = fate.met + errand.dies
        if waiting:
            result = await host.call_tool(errand.tool, dict(errand.arguments))
    await page.close()
    told.send(Done(result, [], fate.met))


async def _called(host: Client, errand: Errand, told: Connection) -> CallToolResult:
    if errand.era == LEGACY:
        return await host.call_tool(errand.tool, dict(errand.arguments))
    first = await host.session.call_tool(
        errand.tool, dict(errand.arguments), allow_input_required=True
    )
    assert isinstance(first, InputRequiredResult)
    assert first.request_state is not None
    key, question = put(first)
    answer = Answer(errand.arguments, {key: Person().answer(question)}, first.request_state)
    told.send(Agreed(errand.arguments, answer))
    return await _given(host, errand.tool, answer)


async def _given(host: Client, tool: str, answer: Answer) -> CallToolResult:
    return await host.session.call_tool(
        tool,
        dict(answer.arguments),
        input_responses=answer.responses,
        request_state=answer.state,
    )


async def _agree(errand: Errand, told: Connection) -> None:
    told.send(Agreed(errand.arguments, None))


@asynccontextmanager
async def _desk(site: Site, errand: Errand, fate: Fate) -> AsyncGenerator[Desk]:
    network = _Network(errand.name, fate)
    transports = Transports(covoiturage=network, demarches=network)
    journal = _Journal(
        lambda: site.ledger, site.seal, clock=lambda: time.time() + errand.later, fate=fate
    )
    async with connect.sandbox(site.settings, site.seal, transports) as desk:
        yield replace(desk, journal=journal, sleep=_at_once, present=_unseen)
    await journal.close()


async def _unseen(_: str) -> str:
    """The page, which opens in nobody's browser."""
    return f"http://{connect.LOCAL}"


async def _at_once(_: float) -> None:
    """The services have had the time to end what they were doing."""


@dataclass
class _Network(httpx.AsyncBaseTransport):
    """The network, with the moments when a request leaves and when its answer has come."""

    name: str
    fate: Fate
    way: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers[NAME] = self.name
        self.fate("a request leaves")
        response = await self.way.handle_async_request(request)
        self.fate("an answer came")
        return response

    async def aclose(self) -> None:
        await self.way.aclose()


class _Journal(Journal):
    """The ledger, with the moments around each of its commits."""

    def __init__(self, *args: Any, fate: Fate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fate = fate
        self._committing = "the tables"
        event.listen(Engine, "commit", self._commits)

    async def ask(self, name: str, intent: Intent, *, by_page: bool = False) -> Operation:
        with self._moments(QUESTION):
            return await super().ask(name, intent, by_page=by_page)

    async def begin(
        self, operation: Operation, evidence: Evidence, fences: Fences | None = None
    ) -> bool:
        with self._moments(INTENT):
            return await super().begin(operation, evidence, fences)

    async def end(self, *args: Any, **kwargs: Any) -> bool:
        with self._moments(OUTCOME):
            return await super().end(*args, **kwargs)

    @contextmanager
    def _moments(self, committing: str) -> Generator[None]:
        self._committing = committing
        yield
        self._fate(after(committing))

    def _commits(self, _: object) -> None:
        self._fate(before(self._committing))
