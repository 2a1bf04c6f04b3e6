"""A file of CEE applications as people keep it, made ready to import: no request is made.

Ordinary rows are read by columns, a few hundred at a time, with compiled expressions. Whatever
these do not know goes through `applications`, row by row: both come to the same, and only the
second says what is wrong.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO

from clients.covoiturage.applications import Application, NumberedApplication, meant
from clients.covoiturage.dates import in_rfc3339
from clients.covoiturage.direct import KINDS, LENGTHS, Made, Table
from clients.covoiturage.headings import FIELDS, Headings, field_of, headings
from clients.covoiturage.identity import Names
from clients.covoiturage.ready import by_person, by_uuid, ready_lines
from clients.covoiturage.repeats import Repeats
from clients.errors import RejectedError
from clients.rows import (
    LOST,
    OBJECTS,
    SEPARATORS,
    Doubt,
    Lines,
    Object,
    Problem,
    Record,
    Records,
    Row,
    objects,
)
from clients.surveys import Encoding, Signs, Survey, UnreadableError, chunks

ROWS = 500
"""Rows of a slice: two milliseconds of work."""
MOST_NAMED = 30
"""Members left aside that are remembered of a file of objects."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What came of a few rows."""

    ready: bytes = field(default=b"", repr=False)
    """Lines of the ready file."""
    rows: int = 0
    """How many those are."""
    problems: Sequence[Problem] = ()
    doubts: Sequence[Doubt] = ()


class Preparation:
    """A file being made ready, slice by slice; what was understood of it is known meanwhile.

    The file is read twice from its start, or three times if it is not in UTF-8, and no more of it
    is held than a slice.
    """

    def __init__(self, stream: BinaryIO, *, name: str) -> None:
        self._stream = stream
        self._is_csv = PurePath(name).suffix.lower() not in OBJECTS
        self._names = Names()
        self.encoding = "UTF-8"
        self.separator = ""
        self.headings = Headings((), (), ())
        self.repeats = Repeats()
        self.accented = 0
        """Rows whose last name is not in plain letters only."""
        self.dated = 0
        """Rows whose date was a French one."""

    def slices(self) -> Iterator[Slice]:
        """What comes of the file.

        Raises:
            UnreadableError: There is nothing to prepare in it, or it cannot be read to its end.
        """
        yield from self._from_csv() if self._is_csv else self._from_json()

    def _from_csv(self) -> Iterator[Slice]:
        records = Records(self._stream, (yield from self._surveyed()))
        pieces = records.pieces()
        self._understand(next(pieces, None))
        self.separator = records.separator
        table = Table(self.headings.fields, self.separator, self._names)
        apart = list[Record | Problem]()
        for piece in pieces:
            if not isinstance(piece, Lines):
                apart.append(piece)
            if apart and (isinstance(piece, Lines) or len(apart) == ROWS):
                yield self._of_cells(apart, table)
                apart = []
            if isinstance(piece, Lines):
                yield self._of_lines(piece, table)
        if apart:
            yield self._of_cells(apart, table)
        self._names.clear()  # repeats are looked for next, in the same room

    def _surveyed(self) -> Generator[Slice, None, Encoding]:
        """In what the file is, once it was gone through: Windows-1252 only if it can be no other.

        Nothing comes of it meanwhile but the occasions to end.
        """
        survey, signs = Survey(), Signs()
        for chunk in chunks(self._stream):
            survey.add(chunk)
            yield Slice()
        survey.end()
        for chunk in chunks(self._stream) if survey.not_utf8 else ():
            signs.add(chunk)
            yield Slice()
        if lost := survey.lost or signs.lost:
            raise UnreadableError(lost, LOST)
        if line := signs.beyond(_FRENCH_SIGNS):
            raise UnreadableError(
                line,
                "neither in UTF-8 nor, by its letters, in Windows-1252: names would be misread. "
                "Save it as UTF-8.",
            )
        if survey.not_utf8:
            self.encoding, self._names = "Windows-1252", Names(_SUSPECT)
        return survey.encoding

    def _from_json(self) -> Iterator[Slice]:
        taken, aside = dict[str, str](), dict[str, None]()
        table = Table(FIELDS, ";", self._names)
        found = objects(self._stream)
        while some := list(islice(found, ROWS)):
            told = [item if isinstance(item, Problem) else _cells(*item) for item in some]
            for item in some:
                for name, _ in () if isinstance(item, Problem) else item[1].pairs:
                    if is_for := field_of(name):
                        taken.setdefault(is_for, name)
                    elif len(aside) < MOST_NAMED:
                        aside.setdefault(name)
            self.headings = Headings(FIELDS, tuple(taken.items()), tuple(aside))
            yield self._of_cells(told, table)

    def _understand(self, header: Lines | Record | Problem | None) -> None:
        if isinstance(header, Problem):
            raise UnreadableError(header.line, header.reason)
        if not isinstance(header, tuple):
            raise UnreadableError(1, "the file is empty.")
        line, cells = header
        try:
            self.headings = headings(cells)
        except RejectedError as error:
            mixed = " Its separators may be mixed." if _is_mixed(cells) else ""
            raise UnreadableError(line, f"{error.reason}{mixed}") from None

    def _of_lines(self, lines: Lines, table: Table) -> Slice:
        numbers = lines.numbers
        made = table.made_of_lines(lines.text, numbers)
        texts = lines.text.split("\n") if len(made.names) < len(numbers) else ()
        return self._slice(
            made,
            (
                (place, (numbers[place], text.split(table.separator)))
                for place, text in enumerate(texts)
                if not made.lines[place]
            ),
            table,
        )

    def _of_cells(self, found: Sequence[Record | Problem], table: Table) -> Slice:
        problems = [item for item in found if isinstance(item, Problem)]
        rows = [item for item in found if isinstance(item, tuple)]
        made = table.made_of_cells(rows)
        rest = ((place, row) for place, row in enumerate(rows) if not made.lines[place])
        return self._slice(made, rest, table, problems)

    def _slice(
        self,
        made: Made,
        rest: Iterable[tuple[int, Record]],
        table: Table,
        problems: Sequence[Problem] = (),
    ) -> Slice:
        """What came of rows that were read together, and of the rest of them, one by one."""
        self.repeats.add(made.names)
        self.accented += made.accented
        self.dated += made.dated
        problems, doubts, ready = [*problems], list[Doubt](), len(made.names)
        for place, row in rest:
            for found in self._apart(row, table):
                if isinstance(found, Problem):
                    problems.append(found)
                elif isinstance(found, Doubt):
                    doubts.append(found)
                else:
                    made.lines[place] = self._told(found)
                    ready += 1
        problems.sort(key=lambda problem: problem.line)
        return Slice("".join(made.lines).encode(), ready, problems, doubts)

    def _apart(self, row: Record, table: Table) -> Iterator[NumberedApplication | Problem | Doubt]:
        """What is made of a row, if it holds something."""
        line, cells = row
        if not any(map(str.strip, cells)):
            return
        if len(cells) == len(table.fields):
            told = dict(zip(table.fields, cells, strict=True))
            self.accented += table.is_of_persons and not told["last_name"].isascii()
            yield from self._exact(line, told)
        else:
            yield _misshapen(line, cells, table.fields)

    def _exact(
        self, line: int, cells: Mapping[str, str]
    ) -> Iterator[NumberedApplication | Problem | Doubt]:
        """What is made of a row by the rules alone."""
        if self.encoding != "UTF-8" and _SUSPECT.search(cells.get("last_name", "")):
            yield Problem(line, "a letter of the last name may be misread: save it as UTF-8.")
            return
        told = {name: text for name, text in cells.items() if name}
        for name, values in (("cee_application_type", KINDS), ("journey_type", LENGTHS)):
            text = told.get(name, "").strip()
            told[name] = values.get(text.casefold(), text)
        date = told.get("datetime", "").strip()
        told["datetime"] = in_rfc3339(date)
        for found in meant(Row(line, told)):
            self.dated += isinstance(found, NumberedApplication) and told["datetime"] != date
            yield found

    def _told(self, numbered: NumberedApplication) -> str:
        row = numbered.application
        known_by = _known_by(row)
        self.repeats.add(known_by)
        (line,) = ready_lines(
            [row.cee_application_type],
            known_by,
            [row.identity_key],
            [row.datetime],
            [numbered.line],
        )
        return line


def _known_by(row: Application) -> Sequence[str]:
    if row.cee_application_uuid:
        return by_uuid([row.cee_application_uuid])
    return [by_person(row.journey_type, row.phone_trunc, row.last_name_trunc)]


def _cells(line: int, value: Object) -> Record | Problem:
    """An object as a row of `FIELDS`, without the members that are for none."""
    cells = dict[str, str]()
    for name, text in value.pairs:
        is_for = field_of(name)
        if is_for in cells:
            return Problem(line, f"{is_for}: more than one field is for it.")
        if is_for and not isinstance(text, str | None):
            return Problem(line, f"{is_for}: write a text, in quotation marks.")
        if is_for:
            cells[is_for] = f"{text or ''}"
    return line, [cells.get(name, "") for name in FIELDS]


def _misshapen(line: int, cells: Sequence[str], fields: Sequence[str]) -> Problem:
    """What to say of a row that is not as wide as the header: of that row alone."""
    is_mixed = len(cells) < len(fields) == len(_ANY_SEPARATOR.split(";".join(cells)))
    mixed = " Its separators may not be those of the header." if is_mixed else ""
    return Problem(line, f"{len(cells)} cells below a header of {len(fields)}.{mixed}")


def _is_mixed(header: Sequence[str]) -> bool:
    return any(separator in cell for cell in header for separator in SEPARATORS)


_ANY_SEPARATOR = re.compile("[" + "".join(SEPARATORS) + "]")
_CAPITALS = "ÀÂÄÆÇÈÉÊËÎÏÔÖÙÛÜŸŒ"
_FRENCH_SIGNS = f"{_CAPITALS}{_CAPITALS.lower()}«»‘’“”–—…€°\u00a0".encode("cp1252")
"""The letters of French and its typography: in other encodings, these bytes are mostly not."""
_SUSPECT = re.compile(rf"[a-zà-ÿœ][{_CAPITALS}]|[‘“”–—…€°«»]")
"""What would be odd in a name, and is what other encodings have in the place of its letters."""
