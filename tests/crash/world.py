"""Several servers on one ledger, whose calls stop where they are told to, go on, or die there.

Time passes when it is told to. What is killed does nothing any more: neither what its `finally`
blocks hold nor the renewal of its lease.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
from anyio.abc import TaskGroup
from mcp import Client
from mcp.types import CallToolResult, InputRequiredResult, InputResponses

from server import instance
from server.sandbox import demarches
from server.sandbox.demarches.records import typed_id
from tests.support import Clock, Counter, Person, put, text
from tools.journal import RENEWED_EVERY, Ending, Evidence, Intent, Journal, Operation, Status

ANSWER_WITHIN = 60.0
"""Seconds a question stays open here: fewer than usual, for time passes in steps."""
NEVER = -1

Says = Literal["yes", "no", "closed", "mistyped"]
PEOPLE: dict[Says, Person] = {
    "yes": Person(),
    "no": Person("decline"),
    "closed": Person("cancel"),
    "mistyped": Person(content={"agreed": True, "typed": "1"}),
}
Onward = Literal["on", "killed", "cut off", "given up"]
"""How a stopped call goes on: the network may be cut off there, the client may give up."""


SIGNER = typed_id("Instructeur", 21)
"""Who decides through the service's own pages."""


class KilledError(Exception):
    """What keeps a killed process from doing anything else."""


@dataclass
class Asked:
    """A question put to a person, and what has come of it as far as persons know."""

    number: int
    motivation: str
    """No other question's: the service tells by it whose change arrived."""
    key: str
    text: str
    state: str
    earlier: int
    """How many writes had arrived at the service before."""
    agreed: bool = False
    refused: bool = False
    """Whether somebody refused, and was heard, before anybody agreed."""

    @property
    def name(self) -> str:
        """The operation's, in the ledger."""
        return hashlib.sha256(self.state.encode()).hexdigest()

    @property
    def arguments(self) -> dict[str, Any]:
        return {"number": self.number, "motivation": self.motivation}

    def answer(self, says: Says) -> InputResponses:
        return {self.key: PEOPLE[says].answer(self.text)}


@dataclass
class Call:
    """A call under way: it runs until it stops, or waits for another process, or ends."""

    stops: int = NEVER
    """At which of its moments, from 0."""
    onward: Onward = "on"
    place: str = ""
    """Where it has stopped; empty while it runs."""
    over: bool = False
    result: CallToolResult | InputRequiredResult | None = None
    """None if it is not over, or nobody was there to hear."""
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    halted: anyio.Event = field(default_factory=anyio.Event)
    goes: anyio.Event = field(default_factory=anyio.Event)

    async def stop(self, place: str) -> None:
        """Stay there until told how to go on."""
        self.place, self.goes = place, anyio.Event()
        self.halted.set()
        await self.goes.wait()
        self.place = ""

    async def go(self, onward: Onward) -> None:
        """Go on, and come back once it has stopped again, or ended."""
        self.onward, self.halted = onward, anyio.Event()
        if onward == "given up":
            self.scope.cancel()
        self.goes.set()
        await self.halted.wait()


class Time(Clock):
    """The ledger's time: a pause before a service is read again takes none of it."""

    async def sleep(self, seconds: float) -> None:
        pass


class World:
    """The service, the ledger and the processes. They outlive an example: opening costs most."""

    rows: sqlite3.Connection
    """Reads the ledger from outside."""

    def __init__(self, folder: Path, processes: int) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        self.seal = instance.throwaway_seal()
        self.time = Time()
        self.processes = [Process(self) for _ in range(processes)]
        self._begin()

    def renew(self) -> None:
        """Forget everything that arrived at the service, and all that was asked."""
        self._begin()
        self.rows.execute("DELETE FROM operations")
        self.rows.commit()

    def kept(self) -> dict[str, tuple[str, str]]:
        """The status of each operation, and what is recorded of it as a model reads it."""
        rows = self.rows.execute("SELECT id, status, result FROM operations")
        return {name: (status, self._read(result)) for name, status, result in rows}

    @property
    def writes(self) -> list[demarches.Write]:
        """What arrived at the service, from here or from its own pages."""
        return self.service.state.writes

    async def passes(self, seconds: float) -> None:
        """Let time pass, in steps at which whatever sleeps can wake up."""
        while seconds > 0:
            step = min(seconds, RENEWED_EVERY)
            self.time.now += step
            seconds -= step
            for process in self.processes:
                await process.wakes()

    async def decided_elsewhere(self, operation: str, number: int) -> None:
        """Somebody takes this decision through the service's own pages, if it lets them."""
        given = f'dossierId: "{typed_id("Dossier", number)}", instructeurId: "{SIGNER}"'
        reason = "" if operation == "dossierRepasserEnInstruction" else ', motivation: "Ailleurs."'
        query = f"mutation {{ {operation}(input: {{ {given}{reason} }}) {{ errors {{ message }} }} }}"
        headers = {"Authorization": "Bearer sandbox"}
        async with httpx.AsyncClient(
            transport=self.way, base_url="http://sandbox", headers=headers
        ) as http:
            reply = await http.post("/api/v2/graphql", json={"query": query})
        assert "errors" not in reply.json()


    def _begin(self) -> None:
        self.down = False
        self.service = demarches.create(now=partial(next, a_second_apart()))
        self.way = httpx.ASGITransport(app=self.service)

    def _read(self, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        return text(CallToolResult.model_validate_json(self.seal.open(sealed)))


def a_second_apart() -> Iterator[datetime]:
    """The service's times. It dates in seconds: no two changes at the same, whatever the speed."""
    return (datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=each) for each in count())


class Process(Counter):
    """A server with a client of its own, who makes one call at a time."""

    client: Client
    tasks: TaskGroup
    """What its calls run in."""

    def __init__(self, world: World) -> None:
        super().__init__(world.folder, clock=world.time, answer_within=ANSWER_WITHIN)
        self.seal = world.seal
        self.over["demarches"] = _Network(self, world)
        self.call: Call | None = None
        self._renewal: _Renewal | None = None

    def journal(self) -> Journal:
        return _Journal(
            lambda: instance.sqlite(self.folder / "ledger.db"),
            self.seal,
            answer_within=self.answer_within,
            clock=self.clock,
            sleep=self._sleep,
            process=self,
        )

    async def asks(self, number: int, motivation: str, earlier: int) -> Asked | None:
        """The question that it puts about this dossier; None if it refuses to."""
        arguments = {"number": number, "motivation": motivation}
        call = await self._called(Call(), arguments)
        if not isinstance(call.result, InputRequiredResult) or not call.result.request_state:
            return None
        key, text = put(call.result)
        return Asked(number, motivation, key, text, call.result.request_state, earlier)

    async def answers(self, asked: Asked, says: Says, stops: int) -> Call:
        """The call with which this answer comes back, as far as it goes by itself."""
        answer = {"input_responses": asked.answer(says), "request_state": asked.state}
        return await self._called(Call(stops), asked.arguments, **answer)

    async def reaches(self, place: str) -> None:
        """Be at a place where calls may stop.

        Raises:
            KilledError: The process dies there, or has died.
            httpx.ReadError: The network is cut off.
        """
        call = self.call
        if call is None:
            return
        if call.onward != "killed":
            if call.stops == 0:
                call.stops = NEVER
                await call.stop(place)
            call.stops -= call.stops > 0
        self._check(call)
        if call.onward == "cut off" and place in {"reading", "sending", "answering"}:
            call.onward = "on"
            raise httpx.ReadError("cut off")

    async def wakes(self) -> None:
        """Renew its lease if it is time to, and look again at what it was waiting for."""
        if self._renewal and self._renewal.due <= self.clock.now:
            await self._renewal.comes()
        if self.call and self.call.place == "waiting":
            await self.call.go("on")

    async def _called(self, call: Call, arguments: dict[str, Any], **answer: Any) -> Call:
        self.call = call
        self.tasks.start_soon(self._calls, call, arguments, answer)
        await call.halted.wait()
        return call

    async def _calls(self, call: Call, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        with call.scope:
            result = await self.client.session.call_tool(
                "accept_dossier", arguments, allow_input_required=True, **answer
            )
            call.result = None if call.onward == "killed" else result
        call.over, self.call = True, None
        call.halted.set()

    async def _sleep(self, seconds: float) -> None:
        """Sleep until time passes: to renew a lease, or else to wait for another process."""
        if seconds != RENEWED_EVERY:
            assert self.call
            await self.call.stop("waiting")
            self._check(self.call)
            return
        before, renewal = self._renewal, _Renewal(self.clock.now + seconds)
        self._renewal = renewal
        if before:
            before.done.set()
        try:
            await renewal.time.wait()
        finally:
            if not renewal.time.is_set():
                self._renewal = None

    def _check(self, call: Call) -> None:
        if call.onward == "killed":
            raise KilledError


@dataclass
class _Renewal:
    """A process asleep until it has a lease to renew."""

    due: float
    time: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)

    async def comes(self) -> None:
        self.time.set()
        await self.done.wait()


class _Network(httpx.AsyncBaseTransport):
    """The way to the service, on which a call may stop, or be cut off."""

    def __init__(self, process: Process, world: World) -> None:
        self._process = process
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        changes = b"dossierAccepter" in request.content
        await self._process.reaches("sending" if changes else "reading")
        if self._world.down:
            raise httpx.ConnectError("down")
        response = await self._world.way.handle_async_request(request)
        if changes:
            await self._process.reaches("answering")
        return response


class _Journal(Journal):
    """The ledger, before whose writes a call may stop."""

    def __init__(self, *args: Any, process: Process, **more: Any) -> None:
        super().__init__(*args, **more)
        self._process = process

    async def ask(self, name: str, intent: Intent, *, by_page: bool = False) -> Operation:
        await self._process.reaches("asking")
        return await super().ask(name, intent, by_page=by_page)

    async def begin(self, operation: Operation, evidence: Evidence) -> bool:
        await self._process.reaches("the intent")
        return await super().begin(operation, evidence)

    async def refuse(
        self, operation: str, ending: Literal["declined", "stale"], result: CallToolResult
    ) -> bool:
        await self._process.reaches("the refusal")
        return await super().refuse(operation, ending, result)

    async def end(self, operation: str, ending: Ending, result: CallToolResult) -> bool:
        await self._process.reaches("the outcome")
        return await super().end(operation, ending, result)
