"""Three instances behind one address, one of them killed with `kill -9` while all of them write.

They share a database on PostgreSQL and nothing else. Any request may reach any of them: a question
is put by one and answered to another. With LONG_INSTANCES set, leases run out in real time, and
reads go on for longer than a minute, faster than their service lets them.
"""

import os
import re
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx
import pytest
from anyio.abc import Process
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult
from sqlalchemy.exc import ProgrammingError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from clients.emjpm import SERVICE
from clients.known import EMJPM_A_MINUTE
from server.sandbox import demarches, emjpm
from server.shared import Shared
from tests.databases import State
from tests.server.signing_in import Counting, consented
from tests.support import MODES, Person, facts, listening, put, text
from tools.journal import LEASE, Journal
from tools.sealing import Seal

LONG = "LONG_INSTANCES" in os.environ
INSTANCES = 3
KILLED_AT = 2
"""Which of the acceptances that the first instance sends it does not outlive."""
MODERN = (200001, 200002, 200011, 200014, 200017, 200020, 200030, 200033)
LEGACY = (200036, 200038, 200041, 200044)
READS = 12
READ_FOR = 80.0
"""Seconds, where reads go on."""
LEFT = 60
"""What is then left, for the first minute, of the requests that eMJPM lets through."""
SPENT = f"""
INSERT INTO requests_sent (service, second, count)
VALUES ('{SERVICE}', CAST(extract(epoch FROM now()) AS bigint), {EMJPM_A_MINUTE - LEFT})
"""  # noqa: S608  (of our own names and numbers)
ALREADY, ASKED_ANEW = "est déjà accepté", "Une personne doit décider, sur la page"
UNDER_WAY = "en train d'être exécuté"
SECRET = "a secret for tests, long enough to be one"
CALLBACK = "http://127.0.0.1:8767/emjpm"
TAKEN_FOR_DEAD = 6.0
"""Seconds after which an operation is held to be a dead process's: none takes as long here."""

BURIED = f"""
UPDATE operations SET leased_until = leased_until - 100
WHERE status = 'executing' AND leased_until < extract(epoch FROM now()) + {LEASE - TAKEN_FOR_DEAD}
"""  # noqa: S608  (of our own numbers)

MOTIVATION = re.compile(rb"Dossier [0-9]{6}\.")

Given = TypeVar("Given")


@dataclass
class Services:
    """Démarches simplifiées, which kills the first instance at one moment, and eMJPM."""

    dossiers: Starlette = field(default_factory=demarches.create)
    mandataires: Starlette = field(default_factory=emjpm.create)
    victim: int = 0
    """The process to kill."""
    with_the_victim: set[bytes] = field(default_factory=set[bytes])
    """The motivations in the last request that the first instance was given about each dossier."""
    by_the_victim: int = 0
    """Acceptances that it sent."""
    reads: list[float] = field(default_factory=list[float])
    """When each request of mesures or of what goes with them arrived."""

    def __post_init__(self) -> None:
        self.oauth = Counting(self.mandataires)
        mounts = [Mount("/demarches", self.dossiers), Mount("/emjpm", self.oauth)]
        self._app = Starlette(routes=mounts)

    def given(self, rank: int, body: bytes) -> None:
        """Know which instance a call is given to."""
        for motivation in MOTIVATION.findall(body):
            self.with_the_victim.discard(motivation)
            if rank == 0:
                self.with_the_victim.add(motivation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if scope["path"].startswith("/emjpm/api/editors"):
            self.reads.append(anyio.current_time())
        if b"dossierAccepter" in body and self.with_the_victim & {*MOTIVATION.findall(body)}:
            self.by_the_victim += 1
            if self.by_the_victim == KILLED_AT:
                await self._app(scope, sent(body), to_nobody)  # applied, and nobody hears of it
                os.kill(self.victim, signal.SIGKILL)
                await Response(status_code=500)(scope, receive, send)
                return
        await self._app(scope, sent(body), send)


@dataclass
class Place:
    """The services, the instances behind their one address, and the ledger."""

    services: Services
    address: str
    state: State
    outcomes: dict[int, str] = field(default_factory=dict[int, str])
    """What the model was told of each dossier."""

    def journal(self) -> Journal:
        return Journal(lambda: self.state.url, Seal(SECRET.encode))

    async def ask_and_answer(self, host: Client, number: int) -> None:
        """In the era where a question comes back, and its answer goes wherever it goes."""
        call, arguments = host.session.call_tool, accepting(number)
        asked = await again(
            lambda: call("accept_dossier", arguments, allow_input_required=True),
            InputRequiredResult,
        )
        key, question = put(asked)
        done = await again(
            lambda: call(
                "accept_dossier",
                arguments,
                input_responses={key: Person().answer(question)},
                request_state=asked.request_state,
            ),
            CallToolResult,
        )
        self.outcomes[number] = outcome(done)

    async def be_sent_to_the_page(self, number: int) -> None:
        """In the eras where a client would have to be asked within a session."""
        async with Client(self.address, mode=MODES["2025-11-25"]) as host:
            asked = await again(
                lambda: host.call_tool("accept_dossier", accepting(number)), CallToolResult
            )
            assert text(asked).startswith(ASKED_ANEW)
            await self.agree(number)
            while number not in self.outcomes:
                done = await again(
                    lambda: host.call_tool("accept_dossier", accepting(number)), CallToolResult
                )
                if UNDER_WAY in text(done):
                    await anyio.sleep(1)  # an instance may have died: the others wait for its lease
                else:
                    self.outcomes[number] = outcome(done)

    async def agree(self, number: int) -> None:
        """What a person does on the page, whichever instance serves it."""
        journal = self.journal()
        waiting = [one for one in await journal.on_page("local") if one.subject == str(number)]
        assert await journal.approve(waiting[0].id)
        await journal.close()

    async def bury(self) -> None:
        """Find, for as long as there is anybody to wait for, that their leases have run out."""
        while True:
            await anyio.sleep(TAKEN_FOR_DEAD / 4)  # time has to pass: processes run on theirs
            with suppress(ProgrammingError):  # there is no ledger before somebody is asked
                await self.state.write(BURIED)


@pytest.fixture(name="place")
async def _place(tmp_path: Path, postgresql: State) -> AsyncGenerator[Place]:
    services = Services()
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(listening(services))
        await signed_in(services, postgresql, origin)
        ports = free_ports()
        started = [
            await stack.enter_async_context(instance(port, origin, postgresql, tmp_path))
            for port in ports
        ]
        services.victim = started[0].pid
        for port in ports:
            await accepts(port)
        address = await stack.enter_async_context(listening(balancer(ports, services)))
        yield Place(services, f"{address}/mcp", postgresql)


async def test_nothing_is_lost_or_doubled_when_one_of_three_instances_is_killed(place: Place):
    if LONG:
        await place.state.write(SPENT)
    began = anyio.current_time()
    with anyio.fail_after(300):
        async with anyio.create_task_group() as around:
            if not LONG:
                around.start_soon(place.bury)
            async with Client(place.address, elicitation_callback=Person()) as host:
                await all_at_once(place, host)
            around.cancel_scope.cancel()
    journal = place.journal()
    found = await journal.verified()
    await journal.close()
    told = await place.state.rows(
        "SELECT subject, status FROM operations WHERE status <> 'pending'"
    )

    arrived = Counter(write.number for write in place.services.dossiers.state.writes)
    applied = {number for number, came in place.outcomes.items() if came == "applied"}
    assert place.services.by_the_victim >= KILLED_AT
    assert set(place.outcomes.values()) <= {"applied", "not_applied"}, "nothing is left unknown"
    assert set(arrived.values()) == {1}, "more than one change for one consent"
    assert applied == arrived.keys(), "what is told is what was done"
    assert sorted(told) == sorted((str(n), came) for n, came in place.outcomes.items())
    assert not found.fault
    assert place.services.oauth.tokens == [200], "one instance renews, and the others know"
    if LONG:
        at_once = sum(each < began + 58 for each in place.services.reads)
        assert at_once <= LEFT < len(place.services.reads), "all that is let through, and no more"


async def all_at_once(place: Place, host: Client) -> None:
    """Changes in both eras, and reads of the service whose sign-in has to be renewed first."""
    async with anyio.create_task_group() as tasks:
        for number in MODERN:
            tasks.start_soon(place.ask_and_answer, host, number)
        for number in LEGACY:
            tasks.start_soon(place.be_sent_to_the_page, number)
        for _ in range(READS):
            tasks.start_soon(read, host)


async def read(host: Client) -> None:
    with anyio.move_on_after(READ_FOR):
        while True:
            listed = await again(lambda: host.call_tool("list_antennes", {}), CallToolResult)
            assert not listed.is_error, text(listed)
            if not LONG:
                return


def accepting(number: int) -> dict[str, Any]:
    return {"number": number, "motivation": f"Dossier {number}."}


async def again(call: Callable[[], Awaitable[object]], kind: type[Given]) -> Given:
    """What a call obtains, made again as long as whoever serves it dies."""
    for _ in range(5):
        try:
            given = await call()
        except MCPError:
            continue
        assert isinstance(given, kind), given
        return given
    raise AssertionError("nobody answers")


def outcome(result: CallToolResult) -> str:
    """What came of a change; what a call that is made again tells of one that was cut short."""
    if result.structured_content:
        return facts(result)["outcome"]
    told = text(result)
    return "applied" if ALREADY in told else "not_applied" if ASKED_ANEW in told else told


# The instances, and the way to them.


async def signed_in(services: Services, state: State, origin: str) -> None:
    """Somebody signed in long ago: the access token is over."""
    pair = await consented(services.mandataires, datetime.now(UTC))
    shared = Shared(state.url, Seal(SECRET.encode))
    await shared.sign_in(f"{origin}/emjpm 7").begin(pair.model_copy(update={"end": 0.0}))
    await shared.close()


@asynccontextmanager
async def instance(port: int, origin: str, state: State, folder: Path) -> AsyncGenerator[Process]:
    settings = {
        "SECRET": SECRET,
        "STATE_URL": state.url,
        "DEMARCHES_URL": f"{origin}/demarches/api/v2/graphql",
        "DEMARCHES_TOKEN": "sandbox",
        "DEMARCHES_INSTRUCTEUR": "camille.martin@exemple.gouv.fr",
        "EMJPM_URL": f"{origin}/emjpm",
        "EMJPM_CLIENT_ID": "7",
        "EMJPM_CLIENT_SECRET": "sandbox",
        "EMJPM_REDIRECT_URI": CALLBACK,
        "HTTP_STATELESS": "true",
    }
    command = [sys.executable, "-m", "server", "serve", "--http", "--port"]
    env = os.environ | {f"GUICHET_{name}": value for name, value in settings.items()}
    env |= {"XDG_STATE_HOME": str(folder), "BROWSER": "true"}  # which opens nothing
    async with await anyio.open_process([*command, str(port)], env=env, stderr=None) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def free_ports() -> list[int]:
    """Held together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(INSTANCES)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


async def accepts(port: int) -> None:
    """Return once an instance listens."""
    with anyio.fail_after(120):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return
            except OSError:
                await anyio.sleep(0.05)  # nothing else tells when another process listens


def balancer(ports: Sequence[int], services: Services) -> Starlette:
    """Sends each request to the next instance that listens, and none of them twice.

    Answers have turns of their own: whatever the order, each instance is given some.
    """
    turns = {answers: cycle(enumerate(ports)) for answers in (True, False)}
    limits = httpx.Limits(max_keepalive_connections=0)

    async def forward(request: Request) -> Response:
        body = await request.body()
        kept = {k: v for k, v in request.headers.items() if k not in {"host", "content-length"}}
        async with httpx.AsyncClient(timeout=120, limits=limits) as http:
            for _ in ports:
                rank, port = next(turns[b'"inputResponses"' in body])
                services.given(rank, body)
                try:
                    address = f"http://127.0.0.1:{port}/mcp"
                    reply = await http.post(address, content=body, headers=kept)
                except httpx.ConnectError:
                    continue
                except httpx.HTTPError:
                    break
                media = reply.headers.get("content-type")
                headers = {"Connection": "close"}  # one kept open may be closed as it is used again
                return Response(reply.content, reply.status_code, headers, media)
        return Response(status_code=502)

    return Starlette(routes=[Route("/mcp", forward, methods=["POST"])])


def sent(body: bytes) -> Receive:
    async def receiving() -> Message:
        return {"type": "http.request", "body": body}

    return receiving


async def to_nobody(message: Message) -> None:
    """Whoever asked is about to die."""
