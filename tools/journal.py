"""The ledger of consents: what was asked, what was answered, what was sent, what came of it.

An operation is committed as `pending` when its question is put, as `executing` before its request
leaves, and as what came of it afterwards. A replay finds it here and gets the recorded result.
Nothing personal is kept in clear: a subject is a number, everything else is a mark or sealed.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import anyio
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict

from tools.sealing import Seal

ANSWER_WITHIN = 600.0
"""Seconds a question stays open."""
LEASE = 30.0
"""Seconds after which an operation whose process no longer says it is alive is abandoned."""
RENEWED_EVERY = 10.0
LOOKED_AT_EVERY = 0.1

Ending = Literal["declined", "stale", "applied", "not_applied", "undetermined"]
Status = Literal["pending", "executing"] | Ending
Evidence = Literal["form", "form, typed", "relayed by the client, no human evidence"]


class Operation(BaseModel):
    """One change, from the question to what came of it; dates are seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    principal: str
    tool: str
    subject: str
    arguments: str
    question: str
    facts: str
    asked_at: float
    expires_at: float
    status: Status = "pending"
    leased_until: float | None = None
    result: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be asked; texts are marked before they are kept."""

    principal: str
    tool: str
    subject: str
    arguments: str
    question: str
    facts: str


class Journal:
    """The operations of one instance, shared by all its processes."""

    def __init__(
        self,
        url: Callable[[], str],
        seal: Seal,
        *,
        answer_within: float = ANSWER_WITHIN,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.seal = seal
        self.answer_within = answer_within
        self._url = url
        self._clock = clock
        self._sleep = sleep
        self._opening = anyio.Lock()
        self._opened = None

    async def ask(self, name: str, intent: Intent) -> Operation:
        """The operation for which a question is being put."""
        mark, now = self.seal.mark, self._clock()
        operation = Operation(
            id=name,
            principal=intent.principal,
            tool=intent.tool,
            subject=intent.subject,
            arguments=mark(intent.arguments),
            question=mark(intent.question),
            facts=mark(intent.facts),
            asked_at=now,
            expires_at=now + self.answer_within,
        )
        await (await self._storage()).add(operation.model_dump())
        return operation

    async def find(self, operation: str) -> Operation | None:
        """The operation recorded under this identifier."""
        row = await (await self._storage()).find(operation)
        return None if row is None else Operation.model_validate(dict(row))

    def is_open(self, operation: Operation) -> bool:
        """Whether the question may still be answered."""
        return operation.status == "pending" and self._clock() < operation.expires_at

    async def begin(self, operation: str, evidence: Evidence) -> bool:
        """Commit the intent to send: true for one caller only, however many try."""
        now = self._clock()
        storage = await self._storage()
        return await storage.begin(operation, now=now, until=now + LEASE, evidence=evidence)

    @asynccontextmanager
    async def lease(self, operation: str) -> AsyncGenerator[None]:
        """Say, for as long as the block runs, that this process is alive and executing."""
        storage = await self._storage()

        async def renewing() -> None:
            while True:
                await self._sleep(RENEWED_EVERY)
                await storage.renew(operation, self._clock() + LEASE)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(renewing)
            yield
            tasks.cancel_scope.cancel()

    async def refuse(
        self, operation: str, ending: Literal["declined", "stale"], result: CallToolResult
    ) -> bool:
        """End a question for good, nothing having been sent; false if it has ended already."""
        return await self.end(operation, "pending", ending, result)

    async def end(
        self, operation: str, expected: Status, ending: Ending, result: CallToolResult
    ) -> bool:
        """Record what came of an operation; false if it is no longer in the expected state."""
        sealed = self.seal.close(result.model_dump_json(by_alias=True, exclude_none=True).encode())
        return await (await self._storage()).end(
            operation, expected=expected, status=ending, now=self._clock(), result=sealed
        )

    async def result(self, operation: Operation) -> CallToolResult | None:
        """What came of an operation, waiting for the end of one that is being executed.

        None when its process died meanwhile: it is then among the unsettled.
        """
        while operation.result is None:
            if (operation.leased_until or 0.0) < self._clock():
                return None
            await self._sleep(LOOKED_AT_EVERY)
            operation = await self.find(operation.id) or operation
        return CallToolResult.model_validate_json(self.seal.open(operation.result))

    async def unsettled(self) -> list[Operation]:
        """What a process was executing when it died, and what nobody could read since."""
        rows = await (await self._storage()).unsettled(self._clock())
        return [Operation.model_validate(dict(row)) for row in rows]

    async def close(self) -> None:
        if self._opened:
            await self._opened.close()

    async def _storage(self):
        async with self._opening:
            if self._opened is None:
                # Loading SQLAlchemy takes 0.3 s: not before the first change is asked for.
                from tools.storage import Storage, UnusableDatabaseError  # noqa: PLC0415

                try:
                    url = self._url()
                except OSError as error:
                    raise UnusableDatabaseError(type(error).__name__) from error
                storage = Storage(url)
                await storage.prepare()
                self._opened = storage
        return self._opened
