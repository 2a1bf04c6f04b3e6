"""Records longer than a result may be, given a page at a time: nothing is lost in between.

A record is made of sections, which hold rows. A page holds as many rows as fit; a row that no page
could hold is given as JSON text, in parts.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from tools.results import ENVELOPE_BYTES, MOST_BYTES, Result, size

Sections = Mapping[str, Sequence[Result]]


class Part(Result):
    """A stretch of a row that no result can hold."""

    section: str
    row: int = Field(description="Which row of the section, from 0.")
    text: str = Field(description="A stretch of the row's JSON: join those of every page.")
    start: int = Field(description="How many characters of it come before.")
    of: int = Field(description="How many characters it has in all.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page starts in a record, and the state of the record it is a place in."""

    section: str
    row: int = 0
    start: int = 0
    """Characters of the row that were given already."""
    state: int | None = None

    def __str__(self) -> str:
        return f"{self.section}.{self.row}.{self.start}.{self.state}"

    @classmethod
    def read(cls, after: str, sections: Sequence[str]) -> Self:
        """The place in a `next`; the first one, without any.

        Raises:
            ToolError: It is no such place, or it is in a section that is not asked for.
        """
        if not after:
            return cls(sections[0] if sections else "")
        found = _PLACE.fullmatch(after)
        if not found:
            raise ToolError("`after` is not a `next` of this tool: give one exactly as it came.")
        if found["section"] not in sections:
            raise ToolError("`after` goes on with what is not asked for now: ask for the same.")
        return cls(found["section"], *map(int, found.group("row", "start", "state")))

    def within(self, state: int) -> Self:
        """The same place, in a record in this state.

        Raises:
            ToolError: The record has changed: something would be lost, or told twice.
        """
        if self.state not in {None, state}:
            raise ToolError("It has changed since the page before: read it again without `after`.")
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows by section, or a part of one; a section that is reached is there, even empty."""

    rows: Mapping[str, Sequence[Result]]
    part: Part | None
    next: str
    """The `after` of the next page; nothing on the last."""


def page(sections: Sections, place: Place, *, beside: Sequence[Result]) -> Page:
    """As much of a record, from a place on, as a result may hold beside the rest."""
    room = MOST_BYTES - ENVELOPE_BYTES - sum(map(size, beside))
    ahead = list(_ahead(sections, place))
    if ahead and (place.start or size(ahead[0][1]) > room):
        return _parted(ahead, place.start, room)
    taken: list[tuple[Place, Result]] = []
    for where, row in ahead:
        room -= size(row)
        if room < 0:
            return Page(_by_section(sections, place, taken, where), None, str(where))
        taken.append((where, row))
    return Page(_by_section(sections, place, taken, None), None, "")


_PLACE = re.compile(
    r"(?P<section>[a-z_]{1,20})\.(?P<row>\d{1,9})\.(?P<start>\d{1,9})\.(?P<state>\d{1,12})",
    re.ASCII,
)


def _ahead(sections: Sections, place: Place) -> Iterator[tuple[Place, Result]]:
    """The rows from a place on, each with its own."""
    for section in _names(sections, place, None):
        skipped = place.row if section == place.section else 0
        for number, row in enumerate(sections[section][skipped:], start=skipped):
            yield Place(section, number, state=place.state), row


def _by_section(
    sections: Sections, first: Place, taken: Sequence[tuple[Place, Result]], last: Place | None
) -> dict[str, list[Result]]:
    """The rows that were taken; what has none is there only if it is empty."""
    rows = {
        section: [row for where, row in taken if where.section == section]
        for section in _names(sections, first, last)
    }
    return {section: held for section, held in rows.items() if held or not sections[section]}


def _names(sections: Sections, first: Place, last: Place | None) -> Sequence[str]:
    """The sections from one place to another, or to the end."""
    names = list(sections)
    end = names.index(last.section) + 1 if last else len(names)
    return names[names.index(first.section) : end] if first.section else []


def _parted(ahead: Sequence[tuple[Place, Result]], start: int, room: int) -> Page:
    """The stretch of a row that fits; the next one is its rest, or the row after it."""
    (place, row), *others = ahead
    text = row.model_dump_json(exclude_none=True)
    part = Part(section=place.section, row=place.row, text="", start=start, of=len(text))

    def stretch(length: int) -> Part:
        return part.model_copy(update={"text": text[start : start + length]})

    lengths = range(1, min(len(text) - start, room) + 1)  # a character takes a byte at least
    fitting = bisect_right(lengths, room, key=lambda length: size(stretch(length)))
    given = start + fitting
    rest = [replace(place, start=given)] if given < len(text) else [where for where, _ in others]
    return Page({}, stretch(fitting), str(rest[0]) if rest else "")
