"""Several servers on one ledger, each of whose calls can be told what befalls it, and when.

One thing happens at a time and time passes when it is told to: the same steps give the same world.
While something befalls a call its process is frozen, as that of a laptop that was closed: it does
not renew its lease. A process that is killed does nothing any more, not even in `finally` blocks,
and stands from its next call on for the one that was started in its place.
"""

import json
import logging
import re
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
from mcp import Client
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult

from server import instance
from server.app import Server
from server.sandbox import demarches
from server.sandbox.demarches.records import typed_id
from tests.support import ERAS, Clock, Counter, Person, put, text
from tools.desk import Desk
from tools.fences import Fences
from tools.journal import ANSWER_WITHIN, RENEWED_EVERY, Evidence, Journal, Operation

LEGACY, MODERN = ERAS
DOSSIERS = (200001, 200002)
DECIDED = 200004
"""A dossier that nobody can accept any more: to ask for it is refused at once."""
SIGNER = typed_id("Instructeur", 21)
"""Who decides through the service's own pages."""

Says = Literal["yes", "no", "closed", "mistyped"]
PEOPLE: dict[Says, Person] = {
    "yes": Person(),
    "no": Person("decline"),
    "closed": Person("cancel"),
    "mistyped": Person(content={"agreed": True, "typed": "1"}),
}
Moment = Literal[
    "", "reading", "read", "read again", "intent", "sending", "answering", "refusal", "outcome"
]
"""Where something befalls a call: between two of its steps, or nowhere."""
Ending = Literal["on", "killed", "cut off", "given up"]
"""How the call goes on from there: the network is cut off, or the client no longer wants it."""
Forged = Literal["", "by somebody else", "in other words"]
"""What is wrong with an answer that the person did not give."""


class KilledError(Exception):
    """What keeps a killed process from doing anything else."""


@dataclass
class Fate:
    """What is to befall a call."""

    moment: Moment = ""
    meanwhile: Callable[[], Awaitable[None]] | None = None
    ending: Ending = "on"


@dataclass
class Put:
    """A question put to a person, and what has come of it as far as persons know."""

    number: int
    motivation: str
    """No other question's: the service tells by it whose change arrived."""
    earlier: int
    """How many writes had arrived at the service before."""
    name: str = ""
    """The operation's, in the ledger."""
    version: int = 0
    """The dossier's, as the question shows it."""
    expires_at: float = 0.0
    question: tuple[str, str] = ("", "")
    state: str = ""
    code: str = ""
    """What carries an answer where no form can: without a state."""
    agreed: bool = False
    refused: bool = False
    """Whether it ended without anything being sent, for good."""

    @property
    def arguments(self) -> dict[str, Any]:
        return {"number": self.number, "motivation": self.motivation}


@dataclass
class Call:
    """A call under way."""

    fate: Fate
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)
    read: int | None = None
    """The version of the dossier that was last read."""
    read_again: bool = False
    """Whether it was read more than once."""
    dead: bool = False
    begun: tuple[int, float] | None = None
    """The dossier's version and the time, as its consent was used up."""


class World:
    """The service, the ledger and the processes. They outlive an example: opening costs most."""

    rows: sqlite3.Connection
    """Reads the ledger from outside."""
    put: list[Put]
    """The questions put before anything else happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seal = instance.throwaway_seal()
        self.clock = Clock()
        self.beginning = sqlite3.connect(":memory:", check_same_thread=False)
        self.started_at = self.clock.now
        self._begin()
        self.first, self.second = Process(self, MODERN), Process(self, MODERN)
        self.older = Process(self, LEGACY)
        self.relaying = Process(self, MODERN, consent="dangerously-relay")

    @property
    def processes(self) -> "tuple[Process, ...]":
        return self.first, self.second, self.older, self.relaying

    @property
    def writes(self) -> list[demarches.Write]:
        """What arrived at the service, from here or from its own pages."""
        return self.service.state.writes

    def keep(self) -> None:
        """Take the present for the beginning of every example."""
        self.rows.backup(self.beginning)
        self.started_at = self.clock.now

    def renew(self) -> None:
        """Go back to the beginning."""
        self._begin()
        self.clock.now = self.started_at
        self.beginning.backup(self.rows)

    def kept(self) -> dict[str, tuple[str, str]]:
        """The status of each operation, and what is recorded of it as a model reads it."""
        rows = self.rows.execute("SELECT id, status, result FROM operations")
        return {name: (status, self._read(result)) for name, status, result in rows}

    async def decided_elsewhere(self, operation: str, number: int) -> None:
        """Somebody takes this decision through the service's own pages, if it lets them."""
        given = f'dossierId: "{typed_id("Dossier", number)}", instructeurId: "{SIGNER}"'
        reason = "" if operation == "dossierRepasserEnInstruction" else ', motivation: "Ailleurs."'
        change = f"{operation}(input: {{ {given}{reason} }}) {{ errors {{ message }} }}"
        headers = {"Authorization": "Bearer sandbox"}
        async with httpx.AsyncClient(
            transport=self.way, base_url="http://sandbox", headers=headers
        ) as http:
            reply = await http.post("/api/v2/graphql", json={"query": f"mutation {{ {change} }}"})
        assert "errors" not in reply.json()

    def _begin(self) -> None:
        self.down = False
        self.versions: dict[int, int] = dict.fromkeys((*DOSSIERS, DECIDED), 0)
        """How many times each dossier's applicant has changed their e-mail."""
        self.service = demarches.create(lambda: datetime.fromtimestamp(self.clock.now, UTC))
        self.way = httpx.ASGITransport(app=self.service)
        self.unsound: list[str] = []
        """What should not have been sent."""

    def _read(self, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        return text(CallToolResult.model_validate_json(self.seal.open(sealed)))


class Process(Counter):
    """A server with a client of its own, who makes one call at a time."""

    client: Client

    def __init__(self, world: World, era: str, **settings: Any) -> None:
        super().__init__(world.folder, clock=world.clock, settings=settings)
        self.seal = world.seal
        self.world = world
        self.era = era
        self.over["demarches"] = _Network(self)
        self.person = Person()
        self.call: Call | None = None
        self.given: Put | None = None
        """What the call under way is about."""

    def server(self) -> Server:
        server = super().server()
        server.middleware.insert(0, self._until_over)
        return server

    def journal(self) -> Journal:
        return _Journal(
            lambda: instance.sqlite(self.folder / "ledger.db"),
            self.seal,
            clock=self.clock,
            sleep=self._sleep,
            process=self,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        asked = None if self.settings else self.person
        async with self.host(self.era, asked) as self.client:
            await self.looks_around()
            yield

    async def looks_around(self) -> None:
        """Make a call that is refused at once, after what was abandoned has been settled."""
        assert not await self.asks(DECIDED, "")

    async def asks(self, number: int, motivation: str) -> Put | None:
        """The question that it puts about this dossier; None if it refuses to."""
        asked = self._put(number, motivation)
        result = await self._called(asked, Fate(), {})
        if isinstance(result, InputRequiredResult):
            assert result.request_state
            asked.state, asked.question = result.request_state, put(result)
        elif result and (code := re.search(r"confirmation='([0-9a-f]+)'", text(result))):
            asked.code = code[1]
        return asked if asked.name else None

    async def asks_within(self, number: int, motivation: str, says: Says, fate: Fate) -> Put:
        """The question of a call of the older era, and its answer with it."""
        asked = self._put(number, motivation)
        self.person.action, self.person.content = PEOPLE[says].action, PEOPLE[says].content
        asked.agreed = says == "yes"
        await self._called(asked, fate, {})
        return asked

    async def answers(
        self, asked: Put, says: Says, fate: Fate, forged: Forged = ""
    ) -> CallToolResult | InputRequiredResult | None:
        """What the call obtains with which this answer comes back; nothing if it dies."""
        asked.agreed = asked.agreed or (says == "yes" and not forged)
        self.principal = "somebody else" if forged == "by somebody else" else "local"
        if asked.code:
            code = asked.code if says == "yes" else asked.code[::-1]
            more: dict[str, Any] = {"confirmation": code}
            answer: dict[str, Any] = {}
        else:
            key, question = asked.question
            responses = {key: PEOPLE[says].answer(question)}
            more, answer = {}, {"input_responses": responses, "request_state": asked.state}
        if forged == "in other words":
            more["motivation"] = f"{asked.motivation}!"
        try:
            return await self._called(asked, fate, more, **answer)
        finally:
            self.principal = "local"

    async def reaches(self, place: Moment) -> None:
        """Be at a place where something may befall the call.

        Raises:
            KilledError: The process dies there, or has died.
            httpx.ReadError: The network is cut off.
        """
        call = self.call
        if call is None:
            return
        if call.dead:
            raise KilledError
        if not place or call.fate.moment != place:
            return
        fate, call.fate = call.fate, Fate()
        if fate.meanwhile:
            await fate.meanwhile()
        match fate.ending:
            case "killed":
                call.dead = True
                raise KilledError
            case "cut off" if place in {"reading", "read", "read again", "sending", "answering"}:
                raise httpx.ReadError("cut off")
            case "given up":
                call.scope.cancel()
            case _:
                pass

    def _put(self, number: int, motivation: str) -> Put:
        return Put(number, motivation, len(self.world.writes))

    async def _called(
        self, asked: Put, fate: Fate, more: dict[str, Any], **answer: Any
    ) -> CallToolResult | InputRequiredResult | None:
        call = Call(fate)
        self.call, self.given, result = call, asked, None
        with call.scope, suppress(MCPError):  # the SDK's own refusal
            result = await self.client.session.call_tool(
                "accept_dossier", asked.arguments | more, allow_input_required=True, **answer
            )
        with anyio.CancelScope(shield=True):
            await call.over.wait()
        self.call = None
        if call.dead or not isinstance(result, CallToolResult | InputRequiredResult):
            return None
        return result

    async def _until_over(
        self, ctx: ServerRequestContext[Desk, Any], call_next: CallNext
    ) -> HandlerResult:
        call = self.call if ctx.method == "tools/call" else None
        try:
            return await call_next(ctx)
        finally:
            if call:
                call.over.set()

    async def _sleep(self, seconds: float) -> None:
        """Wait for another process, and find time passing; or to renew a lease, for ever."""
        if seconds == RENEWED_EVERY:
            await anyio.sleep_forever()
        self.clock.now += RENEWED_EVERY


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[World]:
    """A world where every process has started, and three questions have been put."""
    world = World(folder)
    logging.disable()  # what is killed leaves tracebacks, which take longer than the changes
    async with AsyncExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        stack.callback(world.beginning.close)
        for process in world.processes:
            await stack.enter_async_context(process.running())
        asking = (world.first, DOSSIERS[0]), (world.first, DOSSIERS[1]), (world.relaying, *DOSSIERS)
        found = [await p.asks(number, f"Question {i}.") for i, (p, number, *_) in enumerate(asking)]
        world.put = [each for each in found if each]
        ledger = sqlite3.connect(folder / "ledger.db", check_same_thread=False)
        world.rows = stack.enter_context(closing(ledger))
        world.keep()
        yield world


class _Network(httpx.AsyncBaseTransport):
    """The way to the service, on which something may befall a call."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        process, world, call = self._process, self._process.world, self._process.call
        if changes := b"dossierAccepter" in request.content:
            await process.reaches("sending")
            self._check()
        else:
            await process.reaches("reading")
        if world.down:
            raise httpx.ConnectError("down")
        response = await world.way.handle_async_request(request)
        if changes:
            await process.reaches("answering")
            return response
        document = json.loads(await response.aread())
        dossier = document["data"]["dossier"]
        version = world.versions[dossier["number"]]
        dossier["usager"]["email"] = f"usager-{version}@exemple.fr"
        if call:
            first, call.read = call.read is None, version
            call.read_again = not first
            await process.reaches("read" if first else "read again")
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(document).encode()))

    def _check(self) -> None:
        """Remember a change that is about to be sent and should not be."""
        call, given = self._process.call, self._process.given
        if call is None or given is None or call.begun is None:
            self._process.world.unsound.append("nothing was recorded first")
        elif call.begun[0] != given.version:
            self._process.world.unsound.append("the dossier had changed")
        elif call.begun[1] >= given.expires_at:
            self._process.world.unsound.append("the answer came too late")


class _Journal(Journal):
    """The ledger, before whose writes something may befall a call."""

    def __init__(self, *args: Any, process: Process, **more: Any) -> None:
        super().__init__(*args, **more)
        self._process = process

    async def ask(self, name: str, *args: Any, **more: Any) -> Operation:
        await self._process.reaches("")
        given, call = self._process.given, self._process.call
        if given and call and not given.name:
            given.name, given.version = name, call.read or 0
            given.expires_at = self._process.clock.now + ANSWER_WITHIN
        return await super().ask(name, *args, **more)

    async def begin(
        self, operation: Operation, evidence: Evidence, fences: Fences | None = None
    ) -> bool:
        process = self._process
        if process.call and process.given:
            # Nobody can know what changes once the last reading is over.
            now = process.world.versions[process.given.number]
            version = process.call.read if process.call.read_again else now
            process.call.begun = version or 0, process.clock.now
        await process.reaches("intent")
        return await super().begin(operation, evidence, fences)

    async def refuse(self, *args: Any, **more: Any) -> bool:
        await self._process.reaches("refusal")
        return await super().refuse(*args, **more)

    async def end(self, *args: Any, **more: Any) -> bool:
        await self._process.reaches("outcome")
        return await super().end(*args, **more)
