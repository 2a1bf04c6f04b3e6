"""What is to be imported: rows at once, or what is left of a large file, chunk by chunk.

A chunk is known again by a mark of its rows, of the service and of the operator: whatever its file
is called, what the ledger says was done of it is not sent again.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from clients.covoiturage import MOST_ROWS, CovoiturageClient
from clients.covoiturage.applications import Application, dated, specific
from clients.http import Outgoing
from tools import refusals
from tools.covoiturage.chunks import Chunk, Identifications, Remarks
from tools.desk import Desk
from tools.journal import Operation

IMPORTS_TOGETHER = 4
"""Requests under way at once, at most: far from the 20,000 a minute that the service takes."""

Standing = Literal["new", "refused", "lost", "done"]
"""Never sent; refused, and so not made; sent, without an answer; imported, row by row."""


class Batch(BaseModel, frozen=True, hide_input_in_errors=True):
    """Rows to import at once, all of them valid, with where each came from."""

    file: str
    sha256: str
    rows: tuple[Application, ...]
    lines: tuple[int, ...]
    doubts: int = 0
    doubtful: tuple[int, ...] = ()
    """The first lines whose name or phone is unusual, though usable."""


class Portion(BaseModel, frozen=True, hide_input_in_errors=True):
    """A chunk of the plan, and what became of it before."""

    key: str
    rows: int
    standing: Standing
    trials: int
    """How many times it was sent."""


class Plan(BaseModel, frozen=True, hide_input_in_errors=True):
    """A file, chunk by chunk, and what will be sent of it."""

    file: str
    sha256: str
    portions: tuple[Portion, ...]
    specific: int
    """Of the rows to send."""
    days: tuple[str, ...]
    """The first and the last that they are dated of, if any is."""
    duplicates: int
    """In the whole file."""
    doubts: int
    doubtful: tuple[int, ...]
    """The first lines whose name or phone is unusual."""
    request: Outgoing
    """Any of those that will leave."""

    def rows(self, *standings: Standing) -> int:
        return sum(portion.rows for portion in self._among(standings))

    def requests(self, *standings: Standing) -> int:
        return sum(1 for _ in self._among(standings))

    @property
    def left(self) -> int:
        """How many rows will be sent."""
        return self.rows("new", "refused", "lost")

    def _among(self, standings: Collection[Standing]) -> Iterator[Portion]:
        return (portion for portion in self.portions if portion.standing in standings)


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are sent, and for whom."""

    desk: Desk
    origin: str
    operator: str = field(repr=False)

    def key(self, content: str) -> str:
        """What a chunk of this content is known again by: here, for this operator.

        It is written nowhere but sealed: the ledger names trials after a keyed mark of it.
        """
        return hashlib.sha256(f"{self.origin} {self.operator} {content}".encode()).hexdigest()


async def place(desk: Desk, covoiturage: CovoiturageClient, *, anew: bool = True) -> Place:
    """Where rows are sent, and for whom: the service is asked, which also tries the credentials.

    What it answered before will do where the first request to leave tries them just as well.

    Raises:
        ApiError: The credentials are wrong, or the service does not answer.
    """
    operator = await covoiturage.operator(anew=anew)
    return Place(desk, covoiturage.importation(()).origin, operator)


@dataclass(frozen=True, slots=True)
class Counted:
    """A chunk, without its rows."""

    content: str = field(repr=False)
    rows: int
    specific: int
    days: tuple[str, ...]
    """The first and the last, if any."""


class Count:
    """The chunks of a file, counted as they are read."""

    def __init__(self) -> None:
        self.chunks = list[Counted]()
        self.rows = 0
        self.identifications = Identifications()

    def add(self, chunk: Chunk) -> None:
        self.rows += len(chunk.rows)
        self.identifications.add(chunk.rows)
        days = dated(chunk.rows)
        bounds = (min(days), max(days)) if days else ()
        self.chunks.append(Counted(chunk.content, len(chunk.rows), specific(chunk.rows), bounds))


async def drawn(
    at: Place, count: Count, request: Outgoing, *, file: str, sha256: str, remarks: Remarks
) -> Plan:
    """The plan of a file that was counted, after what the ledger says of each chunk.

    Raises:
        ToolError: One of them is being sent.
    """
    keys = [at.key(chunk.content) for chunk in count.chunks]
    portions = [
        Portion(key=key, rows=chunk.rows, standing=standing, trials=trials)
        for key, chunk, (standing, trials) in zip(
            keys, count.chunks, await standings(at.desk, keys), strict=True
        )
    ]
    to_send = [
        chunk
        for chunk, portion in zip(count.chunks, portions, strict=True)
        if portion.standing != "done"
    ]
    days = sorted(day for chunk in to_send for day in chunk.days)
    body = f"{len(to_send)} requests, each with a JSON array of {MOST_ROWS} rows at most"
    return Plan(
        file=file,
        sha256=sha256,
        portions=tuple(portions),
        specific=sum(chunk.specific for chunk in to_send),
        days=(days[0], days[-1]) if days else (),
        duplicates=count.identifications.duplicates,
        doubts=remarks.doubts,
        doubtful=tuple(remarks.doubtful),
        request=replace(request, body=body),
    )


async def standings(desk: Desk, keys: Sequence[str]) -> list[tuple[Standing, int]]:
    """What became of each of these chunks, and how many times it was sent.

    Raises:
        ToolError: One of them is being sent.
    """
    return [_standing(desk, trials) for trials in await desk.journal.trials_of(keys)]


def _standing(desk: Desk, trials: Sequence[Operation]) -> tuple[Standing, int]:
    if any(_under_way(desk, trial) for trial in trials):
        raise ToolError(refusals.under_way(desk.say))
    met = {trial.status for trial in trials}
    if "applied" in met:
        return "done", len(trials)
    if met - {"not_applied"}:
        return "lost", len(trials)
    return "refused" if trials else "new", len(trials)


def _under_way(desk: Desk, trial: Operation) -> bool:
    return trial.status == "executing" and (trial.leased_until or 0.0) > desk.journal.now()
