"""The rows of a ready file that name the same application: among any number, in little memory."""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

BUCKETS = 256
AT_ONCE = 20_000
"""Applications named more than once that are compared in one reading of the file."""
LINES = 1_000
"""Lines that are compared together."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that has to be left out."""

    line: int
    other: int
    """The line that names the same application."""
    is_conflict: bool
    """Whether that one gives it another key: which is right cannot be known, so both go."""


@dataclass(slots=True)
class _First:
    """The first row that names an application."""

    place: int
    """How many rows come before it in the ready file."""
    line: int
    key: bytes


class Repeats:
    """What names each application, as eight bytes; the rest is read again if two are the same.

    What is found takes four bytes more for each row of the ready file, however many repeat.
    """

    def __init__(self) -> None:
        self._buckets = tuple(array("q") for _ in range(BUCKETS))
        self._into = tuple(bucket.append for bucket in self._buckets)
        self._others = array("i")
        """By place, the line that names the same application: below 0 for another key."""

    def add(self, names: Iterable[str]) -> None:
        """Go on with what names the applications of these rows."""
        into = self._into
        for known_by in map(hash, names):
            into[known_by % BUCKETS](known_by)

    def found(self, ready: BinaryIO) -> Iterator[Sequence[Repeat]]:
        """The rows of the ready file to leave out, in its order, after each few lines.

        The first of the same rows stays; of two with different keys, none does.
        """
        repeated = array("q")
        for bucket in self._buckets:
            if len(set(bucket)) < len(bucket):
                repeated.extend(known for known, times in Counter(bucket).items() if times > 1)
            self._others.frombytes(bytes(len(bucket) * self._others.itemsize))
            del bucket[:]
            yield ()
        if not repeated:
            return
        for start in range(0, len(repeated), AT_ONCE):
            yield from self._compare(ready, frozenset(repeated[start : start + AT_ONCE]))
        for some in self._told(ready):
            yield [repeat for _, _, repeat in some]

    def spans(self, ready: BinaryIO) -> Iterator[tuple[int, int]]:
        """Where what was found is in the ready file, and how long it is, in bytes and in order."""
        start = end = 0
        for some in self._told(ready):
            for place, size, _ in some:
                if place != end:
                    if end > start:
                        yield start, end - start
                    start = place
                end = place + size
        if end > start:
            yield start, end - start

    def _compare(self, ready: BinaryIO, repeated: frozenset[int]) -> Iterator[Sequence[Repeat]]:
        """Note the repeats of these applications."""
        firsts = dict[str, _First]()
        for some in _lines(ready):
            for place, _, raw in some:
                told = _ROW.fullmatch(raw)
                if told and hash(known_by := (told["uuid"] or told["person"]).decode()) in repeated:
                    row = _First(place, int(told["line"]), told["key"])
                    self._note(firsts.setdefault(known_by, row), row)
            yield ()

    def _note(self, first: _First, row: _First) -> None:
        if row is first:
            return
        if row.key == first.key:
            self._others[row.place] = first.line
        else:
            self._others[row.place] = -first.line
            self._others[first.place] = self._others[first.place] or -row.line

    def _told(self, ready: BinaryIO) -> Iterator[Sequence[tuple[int, int, Repeat]]]:
        """Where each row to leave out starts, and its size, after each few lines."""
        for some in _lines(ready):
            found = list[tuple[int, int, Repeat]]()
            for place, start, raw in some:
                if other := self._others[place]:
                    told = _ROW.fullmatch(raw)
                    line = int(told["line"]) if told else 0
                    found.append((start, len(raw), Repeat(line, abs(other), other < 0)))
            yield found


def _lines(ready: BinaryIO) -> Iterator[Sequence[tuple[int, int, bytes]]]:
    """Each line of a file, after its place and where it starts, a few together."""
    ready.seek(0)
    place = start = 0
    while lines := list(islice(ready, LINES)):
        some = list[tuple[int, int, bytes]]()
        for raw in lines:
            some.append((place, start, raw))
            place, start = place + 1, start + len(raw)
        yield some


_ROW = re.compile(
    rb'\{"cee_application_type":"\w+",'
    rb'(?:"cee_application_uuid":"(?P<uuid>.*)"|(?P<person>"journey_type":.*)),'
    rb'"identity_key":"(?P<key>\w{64})".*,"line":(?P<line>\d+)\}\n'
)
