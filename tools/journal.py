"""The ledger of consents: what was asked, what was answered, what was sent, what came of it.

An operation is committed as `pending` when its question is put, as `executing` before its request
leaves, and as what came of it afterwards. A replay finds it here and gets the recorded result.
Nothing personal is kept in clear: a subject is a number, everything else is a mark or sealed. What
happened is also kept as entries chained by their marks, which show that none was altered: they
tell it alone, once the operations are purged.
"""

import math
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict, ValidationError

from tools.chain import Ledger, Verdict, verdict
from tools.fences import FREE, Fences, Toll
from tools.questions import Asked
from tools.sealing import BrokenSealError, Seal

ANSWER_WITHIN = 600.0
"""Seconds a question stays open, and an approval given on the page stays good."""
LEASE = 30.0
"""Seconds after which an operation whose process no longer says it is alive is abandoned."""
RENEWED_EVERY = 10.0
LOOKED_AT_AFTER = 0.05
"""Seconds before what another call executes is looked at; then twice as long, each time, up to…"""
LOOKED_AT_EVERY = 1.0
A_DAY = 86_400.0
READ_FOR = 7 * A_DAY
"""Seconds for which what is undetermined is read again: each reading holds up a call."""
MOST_AT_ONCE = 50
"""Changes of one principal among which one that is under way is looked for."""
ONCE = "once"
"""The goal of what must not be done again, even once the journal forgets that it was."""
SHORT = 16
"""How much of an identifier is shown: 64 bits, by which no two are alike."""

Ending = Literal["declined", "stale", "applied", "not_applied", "undetermined"]
Status = Literal["pending", "approved", "executing"] | Ending
Evidence = Literal[
    "",
    "form",
    "form, typed",
    "page",
    "relayed by the client, no human evidence",
    "nobody was asked",
]


class Operation(BaseModel):
    """One change, from the question to what came of it; dates are seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str
    principal: str
    tool: str
    subject: str
    goal: str = ""
    part_of: str = ""
    place: str = ""
    arguments: str
    question: str
    facts: str
    asked_at: float
    expires_at: float
    ended_at: float | None = None
    status: Status = "pending"
    evidence: Evidence = ""
    decided_by: str = ""
    """The principal who decided on the page, if it is another one."""
    toll: str = ""
    leased_until: float | None = None
    result: bytes | None = None
    asked: bytes | None = None
    plan: bytes | None = None
    by_page: bool = False

    @property
    def short(self) -> str:
        return self.id[:SHORT]


class Entry(BaseModel):
    """One thing that happened to an operation."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    number: int
    at: float
    operation: str
    event: Literal["asked"] | Status
    principal: str
    tool: str
    subject: str
    evidence: str
    decided_by: str
    arguments: str
    question: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be asked; texts are marked, or sealed, before they are kept."""

    principal: str
    tool: str
    subject: str
    arguments: str
    facts: str
    asked: Asked
    goal: str = ""
    keeps_facts: bool = False
    toll: Toll = FREE


class Journal:
    """The operations of one instance, shared by all its processes."""

    def __init__(
        self,
        url: Callable[[], str],
        seal: Seal,
        *,
        answer_within: float = ANSWER_WITHIN,
        keep_days: int | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Without a `clock`, the time is that of the database, if it has one, or this process's."""
        self.seal = seal
        self.answer_within = answer_within
        self.asking = anyio.Lock()
        """Held while the same question is looked for, then put if nobody did."""
        self._keep_days = keep_days
        self._purged_at = -A_DAY
        self._url = url
        self._clock = clock
        self._sleep = sleep
        self._opening = anyio.Lock()
        self._opened = None

    async def ask(self, name: str, intent: Intent, *, by_page: bool = False) -> Operation:
        """The operation for which a question is being put."""
        storage = await self._storage()
        await self._purge_if_due()
        mark, now, asked = self.seal.mark, self.now(), intent.asked.model_dump_json()
        operation = Operation(
            id=name,
            principal=intent.principal,
            tool=intent.tool,
            subject=intent.subject,
            goal=intent.goal,
            place=intent.asked.request.origin,
            toll="" if intent.toll == FREE else intent.toll.model_dump_json(),
            arguments=mark(intent.arguments),
            question=mark(asked),
            facts=mark(intent.facts),
            asked_at=now,
            expires_at=now + self.answer_within,
            asked=self.seal.close(asked.encode()) if by_page else None,
            plan=self.seal.close(intent.facts.encode()) if intent.keeps_facts else None,
            by_page=by_page,
        )
        await storage.ask(operation.model_dump())
        return operation

    async def part(self, whole: str, *, subject: str, goal: str, name: str = "") -> Operation:
        """A part of an operation that is being executed, itself committed as being executed.

        Raises:
            ToolError: A part of that name was begun already; without one, none is like another.
        """
        now = self.now()
        own: dict[str, object] = {
            "id": name or secrets.token_hex(32),
            "subject": subject,
            "goal": goal,
            "part_of": whole,
            "asked_at": now,
            "status": "executing",
            "leased_until": now + LEASE,
            "ended_at": None,  # whatever others made of the whole, should they take it for dead
            "result": None,
            "by_page": False,
            "told": False,
            "plan": None,
            "toll": "",  # that of the whole
        }
        row = await (await self._storage()).add_part(whole, own)
        if row is None:
            raise ToolError("The same is being done by another call: nothing was sent twice.")
        return Operation.model_validate(row)

    async def trials(self, key: str) -> list[Operation]:
        """The parts that were named after this key by `trial`, the first one first."""
        (found,) = await self.trials_of((key,))
        return found

    async def trials_of(self, keys: Sequence[str]) -> list[list[Operation]]:
        """The trials of each of these keys, looked for together."""
        found = await (await self._storage()).numbered(
            [partial(self._names_of_trial, key) for key in keys]
        )
        return [[Operation.model_validate(dict(row)) for row in rows] for rows in found]

    def _names_of_trial(self, key: str, earlier: int) -> Collection[str]:
        return self.seal.marks(_trial(key, earlier))

    def trial(self, key: str, earlier: int) -> str:
        """What a part is named after so many others of the same key: two cannot both be it."""
        return self.seal.mark(_trial(key, earlier))

    async def parts(self, whole: str) -> list[Operation]:
        """What an operation was carried out by, newest first."""
        rows = await (await self._storage()).parts(whole)
        return [Operation.model_validate(dict(row)) for row in rows]

    async def find(self, operation: str) -> Operation | None:
        """The operation recorded under this identifier."""
        row = await (await self._storage()).find(operation)
        return None if row is None else Operation.model_validate(dict(row))

    def now(self) -> float:
        """The time, on which all those who share the ledger agree once it is open."""
        if self._clock:
            return self._clock()
        return self._opened.now() if self._opened else time.time()

    async def applied(
        self, tools: Collection[str], *, place: str, goal: str, before: float
    ) -> bool:
        """Whether one of these tools had made a change there by then, its goal beginning so."""
        storage = await self._storage()
        return await storage.applied(tools, place=place, goal=goal, before=before)

    def is_open(self, operation: Operation) -> bool:
        """Whether the question may still be answered, or the approval used."""
        return operation.status in {"pending", "approved"} and self.now() < operation.expires_at

    def asked(self, operation: Operation) -> Asked | None:
        """What the page shows of a question that awaits its answer; None if nobody can read it."""
        try:
            return Asked.model_validate_json(self.seal.open(operation.asked or b""))
        except (BrokenSealError, ValidationError):  # of another secret, or of another version
            return None

    async def under_way(self, principal: str, tool: str, arguments: str) -> bool:
        """Whether this very call of this principal is being executed by a process that lives."""
        marks = self.seal.marks(arguments)
        return any(
            (one.tool, one.status) == (tool, "executing")
            and one.arguments in marks
            and (one.leased_until or 0.0) > self.now()
            for one in await self.recent(principal, MOST_AT_ONCE)
        )

    def plan(self, operation: Operation) -> str:
        """The facts that an operation which is not over was asked about, where they are a plan."""
        return self.seal.open(operation.plan).decode() if operation.plan else ""

    async def on_page(self, principal: str) -> list[Operation]:
        """What was put to this principal on the page and is not over, newest first."""
        rows = await (await self._storage()).on_page(principal)
        return [Operation.model_validate(dict(row)) for row in rows]

    async def others_on_page(self, principal: str, tools: Collection[str]) -> list[Operation]:
        """What these tools put on the page to anybody else, and is not over, newest first."""
        rows = await (await self._storage()).others_on_page(principal, tools)
        return [Operation.model_validate(dict(row)) for row in rows]

    async def approve(self, operation: str, *, by: str = "") -> bool:
        """Record that a person agreed on the page; false if the question was no longer open.

        `by` is another principal than the one who asked, if it is they who agreed.
        """
        values: dict[str, object] = {
            "status": "approved",
            "evidence": "page",
            "decided_by": by,
            "expires_at": self.now() + self.answer_within,
            "asked": None,
        }
        return await self._change(operation, values, "pending")

    async def told(self, operation: str) -> None:
        """Remember that the model knows how the page was answered."""
        await (await self._storage()).touch(operation, {"told": True})

    async def check_fences(self, principal: str, toll: Toll, fences: Fences) -> None:
        """Return if the settings leave room for a change of this principal.

        Raises:
            FencedError: They do not.
        """
        if fences.any:
            await (await self._storage()).check_fences(principal, toll, fences, now=self.now())

    async def begin(
        self, operation: Operation, evidence: Evidence, fences: Fences | None = None
    ) -> bool:
        """Commit the intent to send: true for one caller only, however many try.

        Raises:
            FencedError: The settings leave no room for it, counting what others began meanwhile.
        """
        values: dict[str, object] = {
            "status": "executing",
            "leased_until": self.now() + LEASE,
            "evidence": evidence,
            "told": True,
        }
        among = ("approved" if operation.by_page else "pending",)
        return await (await self._storage()).change(
            operation.id, values, clock=self.now, among=among, fences=fences
        )

    @asynccontextmanager
    async def lease(self, operation: str) -> AsyncGenerator[None]:
        """Say, for as long as the block runs, that this process is alive and executing."""
        storage = await self._storage()

        async def renewing() -> None:
            while True:
                await self._sleep(RENEWED_EVERY)
                with suppress(ToolError):  # a ledger that is busy must not cut the change short
                    await storage.touch(operation, {"leased_until": self.now() + LEASE})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(renewing)
            yield
            tasks.cancel_scope.cancel()

    async def refuse(
        self,
        operation: str,
        ending: Literal["declined", "stale"],
        result: CallToolResult,
        *,
        by: str | None = None,
    ) -> bool:
        """End a question for good, nothing having been sent; false if it has ended already.

        It ends whoever is cancelled meanwhile. `by` is another principal than the one who asked, if
        it is they who did not agree; empty, it is the one who asked.
        """
        ended = False
        with anyio.CancelScope(shield=True):
            ended = await self._end(operation, ending, result, "pending", "approved", by=by)
        return ended  # noqa: RET504  (types do not tell that the block ends)

    async def decline(self, operation: Operation, result: CallToolResult, *, by: str) -> bool:
        """Record that a person did not agree on the page; false if the question has ended already.

        The same call may have been put there by several processes: nothing is made of it any more,
        even where somebody agreed to it, and the refusal of this very question will be told.
        """
        with anyio.CancelScope(shield=True):
            for other in await self.on_page(operation.principal):
                is_same = (other.tool, other.arguments) == (operation.tool, operation.arguments)
                if is_same and other.id != operation.id and self.is_open(other):
                    await self.refuse(other.id, "declined", result, by=by)
                    await self.told(other.id)
        return await self.refuse(operation.id, "declined", result, by=by)

    async def end(self, operation: str, ending: Ending, result: CallToolResult) -> bool:
        """Record what came of an operation, as whoever executed it knows.

        It prevails over what others read of it, should they have taken its process for dead.
        """
        executed = ("executing", "undetermined", "not_applied", "applied")
        return await self._end(operation, ending, result, *executed)

    async def settle(self, operation: Operation, ending: Ending, result: CallToolResult) -> bool:
        """Record what reading shows of an operation; false if it changed meanwhile."""
        return await self._end(operation.id, ending, result, operation.status)

    def idle(self, operation: Operation) -> float:
        """Seconds since an operation was last known to be executed."""
        return self.now() - ((operation.leased_until or 0.0) - LEASE)

    async def result(self, operation: Operation) -> CallToolResult | None:
        """What came of an operation, waiting for the end of one that is being executed.

        None when its process died meanwhile: it is then among the unsettled.
        """
        pause = LOOKED_AT_AFTER
        while operation.result is None:
            if (operation.leased_until or 0.0) < self.now():
                return None
            await self._sleep(pause)
            pause = min(2 * pause, LOOKED_AT_EVERY)
            operation = await self.find(operation.id) or operation
        return self.recorded(operation)

    def recorded(self, operation: Operation) -> CallToolResult | None:
        """What came of an operation; None if it has not ended.

        Raises:
            ToolError: It was sealed under another secret.
        """
        if operation.result is None:
            return None
        try:
            return CallToolResult.model_validate_json(self.seal.open(operation.result))
        except BrokenSealError as error:
            raise ToolError(
                "What came of this operation was sealed under another secret than GUICHET_SECRET "
                "now is: it cannot be read."
            ) from error

    async def unsettled(self) -> list[Operation]:
        """What a process was executing when it died, and what nobody could read in a week since."""
        storage = await self._storage()
        rows = await storage.unsettled(self.now(), self.now() - READ_FOR)
        return [Operation.model_validate(dict(row)) for row in rows]

    async def recent(
        self, principal: str, most: int, after: Operation | None = None, whole: str = ""
    ) -> list[Operation]:
        """The newest operations of this principal, or those that come after one of them.

        Parts are left out; given the operation they are parts of, they alone are found.
        """
        place = (after.asked_at, after.id) if after else None
        rows = await (await self._storage()).recent(principal, most, place, whole)
        return [Operation.model_validate(dict(row)) for row in rows]

    async def last_sent(
        self, principal: str, tool: str, subject: str, places: Collection[str]
    ) -> Operation | None:
        """The last change of this subject by this tool that was made, or may have been, there."""
        rows = await (await self._storage()).sent(principal, tool, subject, places)
        found = [Operation.model_validate(dict(row)) for row in rows]
        return max(found, key=lambda sent: sent.ended_at or math.inf, default=None)

    async def named(self, principal: str, beginning: str) -> Operation | None:
        """The one operation of this principal whose identifier begins so."""
        rows = await (await self._storage()).named(principal, beginning)
        return Operation.model_validate(dict(rows[0])) if len(rows) == 1 else None

    async def entries(self, operation: str = "") -> list[Entry]:
        """What happened, oldest first: everything, or to one operation."""
        rows = await (await self._storage()).entries(operation)
        return [Entry.model_validate(dict(row)) for row in rows]

    async def ledger(self) -> Ledger:
        """Everything the database holds, as it holds it."""
        return await (await self._storage()).ledger()

    async def verified(self) -> Verdict:
        """Whether the journal is what this instance wrote, and all of it."""
        return verdict(await self.ledger(), self.seal.marks)

    async def purge(self, before: float) -> int:
        """How many entries, older than this, were deleted; the chain goes on from the last one."""
        return await (await self._storage()).purge(before, now=self.now())

    async def close(self) -> None:
        if self._opened:
            await self._opened.close()

    async def _end(
        self,
        operation: str,
        ending: Ending,
        result: CallToolResult,
        *among: Status,
        by: str | None = None,
    ) -> bool:
        sealed = self.seal.close(result.model_dump_json(by_alias=True, exclude_none=True).encode())
        values: dict[str, object] = {
            "status": ending,
            "ended_at": self.now(),
            "result": sealed,
            "asked": None,
            "plan": None,
        }
        if by is not None:
            values["decided_by"] = by
        return await self._change(operation, values, *among)

    async def _change(self, operation: str, values: dict[str, object], *among: Status) -> bool:
        storage = await self._storage()
        return await storage.change(operation, values, clock=self.now, among=among)

    async def _purge_if_due(self) -> None:
        """Forget what is older than the settings keep, before the first change and once a day."""
        now = self.now()
        if self._keep_days and now - self._purged_at >= A_DAY:
            self._purged_at = now
            await self.purge(now - self._keep_days * A_DAY)

    async def _storage(self):
        if self._opened:
            return self._opened
        async with self._opening:
            if self._opened is None:
                # Loading SQLAlchemy takes 0.3 s: not before the first change is asked for.
                from tools.database import Database, UnusableDatabaseError  # noqa: PLC0415
                from tools.storage import Storage  # noqa: PLC0415

                try:
                    url = self._url()
                    self.seal.read()
                except OSError as error:
                    raise UnusableDatabaseError(type(error).__name__) from error
                storage = Storage(Database(url), self.seal.mark)
                await storage.prepare()
                self._opened = storage
        return self._opened


def _trial(key: str, earlier: int) -> str:
    """What names a part after so many others of the same key, before it is marked."""
    return f"{key} {earlier}"
