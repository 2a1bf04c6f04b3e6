"""Carrying out a plan: a few chunks at a time, each an entry of the journal of its own.

Where some were refused before, or their answers lost, the first one leaves alone: if nothing has
changed, that one alone meets it again. Whatever goes wrong afterwards, those under way come to
their end, and none begins after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients import ApiError, Approval, LostAnswerError
from clients.covoiturage import CovoiturageClient
from clients.covoiturage.imports import ImportReport
from clients.errors import RejectedError
from tools.covoiturage.chunks import Chunk, Reading
from tools.covoiturage.plans import IMPORTS_TOGETHER, Place, Plan, Portion
from tools.dependencies import Progress
from tools.executing import part
from tools.journal import ONCE
from tools.results import Outcome
from tools.settling import Settlement

MOST_IN_A_ROW = 3
"""Chunks that the service may refuse for what they hold, one after the other, before all are."""

UNACCOUNTED = "the registry's answer does not account for every row of its request."
RESENT = "already imported or unknown: an answer was lost, and it was sent again."
LOST = "An answer was lost."
CHANGED = (
    "The file no longer holds what was agreed to, or the credentials are now another operator's."
)


class Answered(Outcome):
    """What became of the rows of a chunk: those of which nothing else is said were imported."""

    rows: int = 0
    failed: dict[str, list[int]] = Field(default={}, description="Places, from 0, by reason.")
    unsure: dict[str, list[int]] = Field(default={}, description="Likewise.")

    @property
    def imported(self) -> int:
        return self.rows - sum(map(len, (*self.failed.values(), *self.unsure.values())))


def answered(report: ImportReport, *, again: bool) -> Answered:
    """What a report says of each row; not much, of those that were sent again."""
    failed, unsure = dict[str, list[int]](), dict[str, list[int]]()
    named = set[int]()
    for failure in report.failures:
        if failure.index is None:
            continue
        named.add(failure.index)
        if again and failure.may_be_done:
            unsure.setdefault(RESENT, []).append(failure.index)
        else:
            failed.setdefault(failure.reason, []).append(failure.index)
    if report.unexplained:
        unsure[UNACCOUNTED] = [place for place in range(report.sent) if place not in named]
    return Answered(
        outcome="applied", conclusion="Answered.", rows=report.sent, failed=failed, unsure=unsure
    )


def _unanswered(subject: str) -> Answered:
    return Answered(outcome="undetermined", conclusion=f"The answer to {subject} was lost.")


CHUNK = Settlement(unread=_unanswered)
"""The service shows nothing of what it imported: a lost answer cannot be read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A chunk that is to be sent, as it was agreed to."""

    portion: Portion
    chunk: Chunk
    first: int
    """The rank in the file of its first row, from 1."""

    @property
    def subject(self) -> str:
        return f"rows {self.first}-{self.first + self.portion.rows - 1}"


class Agreed:
    """What a plan has left of its file, read again and found to be what was agreed to."""

    def __init__(self, file: Reading, plan: Plan, at: Place) -> None:
        self._file = file
        self._portions = iter(plan.portions)
        self._at = at
        self._read = 0
        self.told = list[Chunk]()
        """All the chunks that were read, without their rows."""

    async def item(self) -> Item | None:
        """The next chunk to send; None after the last.

        Raises:
            ToolError: The file holds something else there.
        """
        for portion in self._portions:
            chunk = await self._file.chunk()
            if chunk is None or self._at.key(chunk.content) != portion.key:
                raise ToolError(CHANGED)
            self.told.append(chunk.without_rows)
            first, self._read = self._read + 1, self._read + portion.rows
            if portion.standing != "done":
                return Item(portion, chunk, first)
        return None


@dataclass
class Sending:
    """A plan under way."""

    at: Place
    covoiturage: CovoiturageClient
    approval: Approval
    plan: Plan
    report: Progress
    stopped: str = ""
    """Why the rest is not sent; empty as long as it is."""
    made: bool = False
    """Whether something was imported, or may have been."""
    lost: bool = False
    """Whether nobody knows what became of some of it."""
    done: int = 0
    """Rows that were answered."""
    imported: int = 0
    """Those of them that were imported."""
    refused: int = 0
    """Chunks in a row, for what they hold."""
    read: Sequence[Chunk] = ()
    """The chunks of the file, without their rows, as far as it was read."""

    def __post_init__(self) -> None:
        self.total = self.plan.left
        self.withheld = (IMPORTS_TOGETHER - 1) * bool(self.plan.rows("refused", "lost"))
        """Turns that nobody has until the first chunk is answered."""
        self.at_first = IMPORTS_TOGETHER - self.withheld
        """How many leave at once, to begin with."""
        self.turns = anyio.Semaphore(self.at_first)
        """How many more may leave."""
        self.gone = anyio.Semaphore(0)
        """One for each that did, or could not."""

    @property
    def all_read(self) -> bool:
        """Whether these are all of its chunks."""
        return len(self.read) == len(self.plan.portions)

    async def all(self, file: Reading) -> None:
        """Send what the plan has left of this file, or as much of it as can be."""
        agreed = Agreed(file, self.plan, self.at)
        self.read = agreed.told
        ahead, items = anyio.create_memory_object_stream[Item | ToolError](IMPORTS_TOGETHER)
        async with items, anyio.create_task_group() as reading:
            reading.start_soon(self._read, agreed, ahead)
            async with anyio.create_task_group() as sending:
                await self._begin(items, sending)
            reading.cancel_scope.cancel()

    async def _read(self, agreed: Agreed, ahead: ObjectSendStream[Item | ToolError]) -> None:
        """Read what comes next, and why no more does, while what came before is under way.

        The thread that reads holds up whoever sends: the first ones are read one by one, each once
        the one before has left, then as many as leave together, once those before have.
        """
        lots = chain([1] * self.at_first, repeat(IMPORTS_TOGETHER))
        async with ahead:
            try:
                for lot in lots:
                    for _ in range(lot):
                        if (item := await agreed.item()) is None:
                            return
                        await ahead.send(item)
                    for _ in range(lot):
                        await self.gone.acquire()
            except ToolError as refusal:
                await ahead.send(refusal)

    async def _begin(
        self, items: ObjectReceiveStream[Item | ToolError], sending: TaskGroup
    ) -> None:
        """Begin to send each chunk when its turn comes, until nothing more is to be sent."""
        async for item in items:
            await self.turns.acquire()
            if self.stopped:
                break
            if isinstance(item, ToolError):
                self._stop(item)
                break
            sending.start_soon(self._send, item)

    async def _send(self, item: Item) -> None:
        """Send a chunk, and record what came of it; the next one leaves as soon as it is answered.

        It runs to its end: cancelled once its intent is committed, it would look like one that was
        lost.
        """
        journal, portion = self.at.desk.journal, item.portion

        async def body(approval: Approval) -> Answered:
            return await self._sent(item, approval)

        with anyio.CancelScope(shield=True):
            try:
                came, _ = await part(
                    self.at.desk,
                    CHUNK,
                    self.approval,
                    body,
                    subject=item.subject,
                    goal=ONCE,
                    name=journal.trial(portion.key, portion.trials),
                )
            except ToolError as unsent:  # the ledger cannot be written, or another call sends it
                self._stop(unsent)
                self.gone.release()
                self._give_turns()
                return
            self.made = self.made or came != "not_applied"
            self.lost = self.lost or came == "undetermined"
            self.done += portion.rows * (came == "applied")
        await self.report(self.done, f"{self.done} rows answered.", self.total)

    async def _sent(self, item: Item, approval: Approval) -> Answered:
        rows = item.chunk.rows
        self.gone.release()
        try:
            report = await self.covoiturage.import_identities(rows, patient=True, approval=approval)
        except ApiError as refusal:
            self._heed(refusal)
            raise
        finally:
            self._give_turns()
        self.refused = 0
        answer = answered(report, again=item.portion.standing == "lost")
        self.imported += answer.imported
        return answer

    def _give_turns(self) -> None:
        """Give its turn to the next chunk, and to those that were withheld."""
        for _ in range(1 + self.withheld):
            self.turns.release()
        self.withheld = 0

    def _stop(self, why: ToolError) -> None:
        self.stopped = self.stopped or str(why)

    def _heed(self, refusal: ApiError) -> None:
        """Stop at whatever is no matter of what a chunk holds."""
        if isinstance(refusal, RejectedError):
            self.refused += 1
            if self.refused < MOST_IN_A_ROW:
                return
        why = LOST if isinstance(refusal, LostAnswerError) else str(refusal)
        self.stopped = self.stopped or why
