"""A file of applications, a thousand rows at a time: what leaves together, and is known again."""

import hashlib
from array import array
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BufferedReader

from clients.covoiturage import MOST_ROWS
from clients.covoiturage.applications import Written, identified
from clients.covoiturage.ready import Rows, written
from clients.rows import Doubt, Problem
from tools.files import MEGABYTE, Folder

MOST_FILE_BYTES = 1_000 * MEGABYTE
MOST_SHOWN = 10
FEW = 4
"""Chunks that are read together, in a few milliseconds: a thread for each would cost as much."""
LOTS = 256
"""Among which identifications are spread, to be counted one lot at a time."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that leave together, and the lines that they are on."""

    rows: Sequence[Written] = field(repr=False)
    lines: Sequence[int]
    content: str = field(repr=False)
    """Tells it from any other by what is sent, and from those of the file that hold the same."""

    @property
    def without_rows(self) -> "Chunk":
        """What is left to remember of it: a few bytes where no line is left out between two."""
        following = range(self.lines[0], self.lines[0] + len(self.lines))
        follow = [*self.lines] == [*following]
        return Chunk((), following if follow else array("q", self.lines), self.content)


@dataclass
class Remarks:
    """What is wrong or doubtful in a file, as far as it was read."""

    problems: list[Problem] = field(default_factory=list[Problem])
    """The first ones."""
    wrong: int = 0
    doubtful: list[int] = field(default_factory=list[int])
    """The first lines."""
    doubts: int = 0
    _doubted: int = 0

    def add(self, found: Problem | Doubt) -> None:
        if isinstance(found, Problem):
            self.wrong += 1
            self.problems += [found] * (len(self.problems) < MOST_SHOWN)
        elif found.line != self._doubted:
            self._doubted = found.line
            self.doubts += 1
            self.doubtful += [found.line] * (len(self.doubtful) < MOST_SHOWN)


class Reading:
    """A file, open, from which chunks are taken in order, a few at a time.

    Taking them raises a ToolError if the file can no longer be read.
    """

    def __init__(self, files: Folder, file: BufferedReader, name: str) -> None:
        self._files = files
        self._file = file
        self._found = written(file, name=name)
        self._rows, self._lines = list[Written](), list[int]()
        """Those that come next."""
        self._met = Counter[str]()
        self.remarks = Remarks()

    async def chunks(self) -> Sequence[Chunk]:
        """The next chunks, of a thousand rows but for the last one; none at the end."""
        return await self._files.reading(self._few)

    async def chunk(self) -> Chunk | None:
        """The next chunk alone; none at the end."""
        return await self._files.reading(self._chunk)

    async def sha256(self) -> str:
        """What tells the file from any other, in hexadecimal; ask for it after the last chunk."""
        return await self._files.reading(self._sha256)

    def _few(self) -> Sequence[Chunk]:
        return [chunk for _ in range(FEW) if (chunk := self._chunk())]

    def _chunk(self) -> Chunk | None:
        while len(self._rows) < MOST_ROWS and (found := next(self._found, None)):
            if isinstance(found, Rows):
                self._rows += found.written
                self._lines += found.lines
            else:
                self.remarks.add(found)
        rows, self._rows = self._rows[:MOST_ROWS], self._rows[MOST_ROWS:]
        lines, self._lines = self._lines[:MOST_ROWS], self._lines[MOST_ROWS:]
        return Chunk(rows, lines, self._content(rows)) if rows else None

    def _content(self, rows: Sequence[Written]) -> str:
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        self._met[digest] += 1
        return f"{digest} {self._met[digest]}"

    def _sha256(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()


@asynccontextmanager
async def reading(files: Folder, name: str) -> AsyncGenerator[Reading]:
    """A file of the folder, to be read by chunks.

    Raises:
        ToolError: No folder is configured, it has no such readable file, or one too large.
    """
    async with files.opened(name, most=MOST_FILE_BYTES) as file:
        yield Reading(files, file, name)


class Identifications:
    """Which applications rows are for, and with which keys: sixteen bytes for each row."""

    def __init__(self) -> None:
        self._named = [array("q") for _ in range(LOTS)]
        self._keyed = [array("q") for _ in range(LOTS)]

    def add(self, rows: Sequence[Written]) -> None:
        for key, identification in identified(rows):
            named = hash(identification)
            self._named[named % LOTS].append(named)
            self._keyed[named % LOTS].append(hash((named, key)))

    @property
    def duplicates(self) -> int:
        """How many rows are for the same application as an earlier one."""
        return sum(len(lot) - len(set(lot)) for lot in self._named)

    @property
    def conflicts(self) -> int:
        """How many of them have another key than the first one."""
        lots = zip(self._named, self._keyed, strict=True)
        return sum(
            _others(named, keyed) for named, keyed in lots if len(set(keyed)) > len(set(named))
        )


def _others(named: Sequence[int], keyed: Sequence[int]) -> int:
    """How many of these rows have another key than the first one for the same application."""
    first = dict[int, int]()
    return sum(first.setdefault(name, key) != key for name, key in zip(named, keyed, strict=True))
