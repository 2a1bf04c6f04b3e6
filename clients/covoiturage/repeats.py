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
LINES = 2_000
"""Lines that are compared together."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that has to be left out."""

    start: int
    """Where it is in the ready file, in bytes, as is its size."""
    size: int
    line: int
    other: int
    """The line that names the same application."""
    is_conflict: bool
    """Whether that one gives it another key: which is right cannot be known, so both go."""


@dataclass(slots=True)
class _First:
    """The first row that names an application."""

    start: int
    size: int
    line: int
    key: bytes
    is_out: bool = False


class Repeats:
    """What names each application, as eight bytes; the rest is read again if two are the same."""

    def __init__(self) -> None:
        self._buckets = tuple(array("q") for _ in range(BUCKETS))

    def add(self, names: Iterable[str]) -> None:
        """Go on with what names the applications of these rows."""
        buckets = self._buckets
        for known_by in map(hash, names):
            buckets[known_by % BUCKETS].append(known_by)

    def found(self, ready: BinaryIO) -> Iterator[Sequence[Repeat]]:
        """The rows of the ready file to leave out, after each few lines; in no order.

        The first of the same rows stays; of two with different keys, none does.
        """
        repeated = array("q")
        for bucket in self._buckets:
            if len(set(bucket)) < len(bucket):
                repeated.extend(known for known, times in Counter(bucket).items() if times > 1)
            yield ()
        for start in range(0, len(repeated), AT_ONCE):
            yield from _among(ready, frozenset(repeated[start : start + AT_ONCE]))


def _among(ready: BinaryIO, repeated: frozenset[int]) -> Iterator[Sequence[Repeat]]:
    """The repeats of these applications."""
    ready.seek(0)
    firsts, start = dict[str, _First](), 0
    while lines := list(islice(ready, LINES)):
        found = list[Repeat]()
        for raw in lines:
            told = _ROW.fullmatch(raw)
            if told and hash(names := told[1].decode()) in repeated:
                row = _First(start, len(raw), int(told[3]), told[2])
                found += _compared(firsts.setdefault(names, row), row)
            start += len(raw)
        yield found


def _compared(first: _First, row: _First) -> Iterator[Repeat]:
    if row is first:
        return
    is_conflict = row.key != first.key
    yield Repeat(row.start, row.size, row.line, first.line, is_conflict)
    if is_conflict and not first.is_out:
        first.is_out = True
        yield Repeat(first.start, first.size, first.line, row.line, is_conflict)


_ROW = re.compile(
    rb'\{"cee_application_type":"\w+",(.*),"identity_key":"(\w{64})".*,"line":(\d+)\}\n'
)
