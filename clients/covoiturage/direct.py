"""Ordinary rows of CEE applications, read together: a column at a time, by few calls for each.

It knows nothing but what `applications` would take as it is, at a tenth of the cost. What it does
not know is left for that module to take, or to say what is wrong.

A call for each row takes a tenth of what the csv module takes to read it: of these, there are none
but those that make its key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress

from clients.covoiturage.columns import expression, found
from clients.covoiturage.dates import FRENCH, RFC3339, in_rfc3339, ordinary
from clients.covoiturage.identity import Names, ordinary_numbers
from clients.covoiturage.ready import by_person, by_uuid, ready_lines
from clients.rows import Record

KINDS = {
    **dict.fromkeys(("specific", "spécifique", "specifique"), "specific"),
    **dict.fromkeys(
        ("standardized", "standardisé", "standardisée", "standardise", "standardisee"),
        "standardized",
    ),
}
"""What the kinds of applications are called."""
LENGTHS = {
    **dict.fromkeys(("short", "court", "courte", "courte distance"), "short"),
    **dict.fromkeys(("long", "longue", "longue distance"), "long"),
}
"""What the types of journeys are called."""
DOCUMENTED = ("identity_key", "phone_trunc", "last_name_trunc")
"""Fields that are made from the phone and the last name."""

Columns = Mapping[str, Sequence[str]]
"""The cells of some rows, by field."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of some rows."""

    lines: list[str] = field(repr=False)
    """The line of the ready file for each, or nothing for one that is not ordinary."""
    names: Sequence[str] = field(default=(), repr=False)
    """What names the application of each ordinary one."""
    accented: int = 0
    """How many of these have a last name with more than plain letters."""
    dated: int = 0
    """How many of these have a French date."""


class Table:
    """A table whose columns are for these fields, in order; those for none are left aside."""

    def __init__(self, fields: Sequence[str], separator: str, names: Names) -> None:
        self.fields = fields
        self.separator = separator
        self._places = {name: place for place, name in enumerate(fields) if name}
        self.is_of_persons = {"phone", "last_name"} <= self._places.keys()
        """Whether rows tell the whole phone and name: no others are read here."""
        self._spelt = names.__getitem__

    def made_of_lines(self, text: str, numbers: Sequence[int]) -> Made:
        """What becomes of rows that are a line each, without quotation marks."""
        columns = self._cut(text, len(numbers))
        if columns is None:
            columns = self._columns(line.split(self.separator) for line in text.split("\n"))
        return self._made(columns, numbers)

    def made_of_cells(self, rows: Sequence[Record]) -> Made:
        """What becomes of rows, whatever their cells."""
        return self._made(self._columns(cells for _, cells in rows), [line for line, _ in rows])

    def _cut(self, text: str, count: int) -> Columns | None:
        """The columns of so many lines, cut at once; none if one is not as wide as the header."""
        cells = text.replace("\n", f"{self.separator}\n{self.separator}").split(self.separator)
        width, others = len(self.fields), count - 1
        every = width + 1  # the end of a line is a cell
        if len(cells) != width + others * every or cells[width::every].count("\n") != others:
            return None
        return {name: cells[place::every] for name, place in self._places.items()}

    def _columns(self, rows: Iterable[Sequence[str]]) -> Columns:
        """The columns of rows; one that is not as wide as the header is blank."""
        blank = ("",) * len(self.fields)
        columns = list(
            zip(*(row if len(row) == len(blank) else blank for row in rows), strict=True)
        )
        return {name: columns[place] for name, place in self._places.items()} if columns else {}

    def _made(self, columns: Columns, numbers: Sequence[int]) -> Made:
        if not (self.is_of_persons and numbers):
            return Made([""] * len(numbers))
        absent = ("",) * len(numbers)
        uuids, journeys, dates = (columns.get(name, absent) for name in _OF_A_FORM)
        last_names = columns["last_name"]
        kinds, moments = _kinds(columns), _moments(dates)
        phones, names = ordinary_numbers(columns["phone"]), [*map(self._spelt, last_names)]
        known_by = by_uuid(uuids)
        dated = any(dates)
        if dated or any(journeys):
            persons = _persons(kinds, journeys, moments, phones, names)
            rows = zip(uuids, journeys, dates, known_by, persons, strict=True)
            known_by = [
                ("" if journey or date else known) if uuid else person
                for uuid, journey, date, known, person in rows
            ]
        keys = _keys(kinds, known_by, phones, names)
        return Made(
            ready_lines(kinds, known_by, keys, moments, numbers),
            names=[*compress(known_by, keys)],
            accented=[*map(str.isascii, compress(last_names, keys))].count(False),
            dated="".join(compress(dates, keys)).count("/") // 2 if dated else 0,
        )


def _keys(
    kinds: Sequence[str | None],
    known_by: Sequence[str],
    phones: Sequence[str],
    names: Sequence[str],
) -> Sequence[str]:
    """The key of each row, or nothing for one that is not ordinary."""
    return [
        sha256(f"+33{phone}-{name}".encode()).hexdigest()
        if kind and known and phone and name
        else ""
        for kind, known, phone, name in zip(kinds, known_by, phones, names, strict=True)
    ]


def _kinds(columns: Columns) -> Sequence[str | None]:
    """What kind each row is of; none for one that also has what has to be made from its phone."""
    kinds = [*map(KINDS.get, columns["cee_application_type"])]
    for also in (columns[name] for name in DOCUMENTED if name in columns):
        if any(also):
            kinds = [None if told else kind for kind, told in zip(kinds, also, strict=True)]
    return kinds


def _moments(dates: Sequence[str]) -> Sequence[str]:
    """Dates in RFC 3339; nothing for those that are not certain."""
    if not any(dates):
        return dates
    return [_moment(date) if "/" in date else date for date in found(_DATE, dates)]


def _moment(french: str) -> str:
    date = in_rfc3339(french)
    return date if ordinary(date) else ""


def _persons(
    kinds: Sequence[str | None],
    journeys: Sequence[str],
    moments: Sequence[str],
    phones: Sequence[str],
    names: Sequence[str],
) -> Sequence[str]:
    """What names the application of each row by its person; nothing for one that cannot be."""
    lengths = map(LENGTHS.get, journeys)
    rows = zip(kinds, lengths, moments, phones, names, strict=True)
    return [
        by_person(journey, f"+33{phone[:-2]}", f"{name:3.3}")
        if kind == "specific" and journey and moment
        else ""
        for kind, journey, moment, phone, name in rows
    ]


_DATE = expression(f"({RFC3339}|{FRENCH})")
_OF_A_FORM = ("cee_application_uuid", "journey_type", "datetime")
"""The fields that only one of the two forms has."""
