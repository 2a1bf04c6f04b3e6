"""A file of CEE applications as people keep it, made ready to import: no request is made.

Ordinary rows are read by columns, a few hundred at a time, with compiled expressions. Whatever
these do not know goes through `applications`, row by row: both come to the same, and only the
second says what is wrong.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO

from clients.covoiturage.applications import Application, NumberedApplication, meant
from clients.covoiturage.dates import in_rfc3339, ordinary
from clients.covoiturage.headings import FIELDS, Headings, field_of, headings
from clients.covoiturage.identity import Names, identity_key, ordinary_numbers
from clients.covoiturage.repeats import Repeats
from clients.errors import RejectedError
from clients.rows import (
    LOST,
    OBJECTS,
    SEPARATORS,
    Doubt,
    Object,
    Problem,
    Records,
    Row,
    objects,
)
from clients.surveys import CHUNK, Survey, UnreadableError

ROWS = 250
"""Rows of a slice: a millisecond or two of work."""
MOST_NAMED = 30
"""Members left aside that are remembered of a file of objects."""

Record = tuple[int, Sequence[str]]
"""The line of a row, and its cells."""


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

    The file is read twice from its start, and no more of it is held than a slice.
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
        survey = Survey()
        while chunk := self._stream.read(CHUNK):
            survey.add(chunk)
            yield Slice()
        survey.end()
        self._decide(survey)
        records = Records(self._stream, survey.encoding)
        found = iter(records)
        self._understand(next(found, None))
        self.separator = records.separator
        while some := list(islice(found, ROWS)):
            yield self._slice(some, self.headings.fields)

    def _from_json(self) -> Iterator[Slice]:
        taken, aside = dict[str, str](), dict[str, None]()
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
            yield self._slice(told, FIELDS)

    def _decide(self, survey: Survey) -> None:
        """Take the file for Windows-1252 only if that is what it can only be."""
        if survey.lost:
            raise UnreadableError(survey.lost, LOST)
        if not survey.not_utf8:
            return
        if line := survey.beyond(_FRENCH_SIGNS):
            raise UnreadableError(
                line,
                "neither in UTF-8 nor, by its letters, in Windows-1252: names would be misread. "
                "Save it as UTF-8.",
            )
        self.encoding, self._names = "Windows-1252", Names(_SUSPECT)

    def _understand(self, header: Record | Problem | None) -> None:
        if not isinstance(header, tuple):
            raise UnreadableError(1, header.reason if header else "the file is empty.")
        line, cells = header
        try:
            self.headings = headings(cells)
        except RejectedError as error:
            mixed = " Its separators may be mixed." if _is_mixed(cells) else ""
            raise UnreadableError(line, f"{error.reason}{mixed}") from None

    def _slice(self, found: Sequence[Record | Problem], fields: Sequence[str]) -> Slice:
        problems = [item for item in found if isinstance(item, Problem)]
        rows = [item for item in found if isinstance(item, tuple)]
        whole = [row for row in rows if len(row[1]) == len(fields)]
        if len(whole) < len(rows):
            problems += [_misshapen(*row, fields) for row in rows if len(row[1]) != len(fields)]
        made = self._made(whole, fields)
        doubts = list[Doubt]()
        for place, (line, cells) in enumerate(whole):
            if not made[place]:
                exact = list(self._exact(line, dict(zip(fields, cells, strict=True))))
                problems += [item for item in exact if isinstance(item, Problem)]
                doubts += [item for item in exact if isinstance(item, Doubt)]
                made[place] = "".join(
                    self._told(item) for item in exact if isinstance(item, NumberedApplication)
                )
        ready = "".join(made).encode()
        problems.sort(key=lambda problem: problem.line)
        return Slice(ready, ready.count(b"\n"), problems, doubts)

    def _made(self, rows: Sequence[Record], fields: Sequence[str]) -> list[str]:
        """The line of the ready file for each ordinary row, and nothing for the others."""
        if not rows or not {"phone", "last_name"} <= {*fields}:
            return [""] * len(rows)
        columns = dict(zip(fields, zip(*(cells for _, cells in rows), strict=True), strict=True))
        nothing = ("",) * len(rows)
        last_names, written = columns["last_name"], columns.get("datetime", nothing)
        self.accented += len(rows) - sum(map(str.isascii, last_names))
        made, known_by = list[str](), list[str]()
        for line, kind, uuid, journey, date, number, name, documented in zip(
            (line for line, _ in rows),
            map(_KINDS.get, columns["cee_application_type"]),
            columns.get("cee_application_uuid", nothing),
            columns.get("journey_type", nothing),
            (in_rfc3339(text) if "/" in text else text for text in written),
            ordinary_numbers(columns["phone"]),
            map(self._names.__getitem__, last_names),
            map(any, zip(*(columns.get(name, nothing) for name in _MADE), strict=True)),
            strict=True,
        ):
            is_read = kind and number and name and not documented
            names = _ordinary(kind, uuid, journey, date, number, name) if is_read else ""
            if kind and names:
                key = identity_key(f"+33{number}", name)
                made.append(_line(kind, names, key, date, line))
                known_by.append(names)
            else:
                made.append("")
        self.repeats.add(known_by)
        self.dated += sum("/" in date for date, told in zip(written, made, strict=True) if told)
        return made

    def _exact(
        self, line: int, cells: Mapping[str, str]
    ) -> Iterator[NumberedApplication | Problem | Doubt]:
        """What is made of a row by the rules alone."""
        if self.encoding != "UTF-8" and _SUSPECT.search(cells.get("last_name", "")):
            yield Problem(line, "a letter of the last name may be misread: save it as UTF-8.")
            return
        told = {name: text for name, text in cells.items() if name}
        for name, values in (("cee_application_type", _KINDS), ("journey_type", _LENGTHS)):
            text = told.get(name, "").strip()
            told[name] = values.get(text.casefold(), text)
        date = told.get("datetime", "").strip()
        told["datetime"] = in_rfc3339(date)
        for found in meant(Row(line, told)):
            self.dated += isinstance(found, NumberedApplication) and told["datetime"] != date
            yield found

    def _told(self, numbered: NumberedApplication) -> str:
        row = numbered.application
        names = _named(row)
        self.repeats.add((names,))
        return _line(row.cee_application_type, names, row.identity_key, row.datetime, numbered.line)


def _ordinary(kind: str | None, uuid: str, journey: str, date: str, number: str, name: str) -> str:
    """What names the application of a row that compiled expressions vouch for, or nothing."""
    if uuid:
        return _by_uuid(uuid) if _UUID(uuid) and not (journey or date) else ""
    length = _LENGTHS.get(journey)
    if length and kind == "specific" and ordinary(date):
        return _by_person(length, f"+33{number[:-2]}", name[:3].ljust(3))
    return ""


def _named(row: Application) -> str:
    if row.cee_application_uuid:
        return _by_uuid(row.cee_application_uuid)
    return _by_person(row.journey_type, row.phone_trunc, row.last_name_trunc)


def _by_uuid(uuid: str) -> str:
    return f'"cee_application_uuid":"{uuid.lower()}"'


def _by_person(journey: str, phone_trunc: str, last_name_trunc: str) -> str:
    return (
        f'"journey_type":"{journey}","phone_trunc":"{phone_trunc}",'
        f'"last_name_trunc":"{last_name_trunc}"'
    )


def _line(kind: str, names: str, key: str, date: str, line: int) -> str:
    """A line of the ready file: nothing in it needs escaping, since all of it was checked."""
    dated = f',"datetime":"{date}"' if date else ""
    return (
        f'{{"cee_application_type":"{kind}",{names},"identity_key":"{key}"{dated},"line":{line}}}\n'
    )


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
    """What to say of a row that is not as wide as the header."""
    if len(cells) < len(fields) == len(_ANY_SEPARATOR.split(";".join(cells))):
        raise UnreadableError(line, "separated otherwise than the header: use one separator.")
    return Problem(line, f"{len(cells)} cells below a header of {len(fields)}.")


def _is_mixed(header: Sequence[str]) -> bool:
    return any(separator in cell for cell in header for separator in SEPARATORS)


_MADE = ("identity_key", "phone_trunc", "last_name_trunc")
_KINDS = {
    **dict.fromkeys(("specific", "spécifique", "specifique"), "specific"),
    **dict.fromkeys(
        ("standardized", "standardisé", "standardisée", "standardise", "standardisee"),
        "standardized",
    ),
}
_LENGTHS = {
    **dict.fromkeys(("short", "court", "courte", "courte distance"), "short"),
    **dict.fromkeys(("long", "longue", "longue distance"), "long"),
}
_UUID = re.compile(r"[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}").fullmatch
_ANY_SEPARATOR = re.compile("[" + "".join(SEPARATORS) + "]")
_CAPITALS = "ÀÂÄÆÇÈÉÊËÎÏÔÖÙÛÜŸŒ"
_FRENCH_SIGNS = f"{_CAPITALS}{_CAPITALS.lower()}«»‘’“”–—…€°\u00a0".encode("cp1252")
"""The letters of French and its typography: in other encodings, these bytes are mostly not."""
_SUSPECT = re.compile(rf"[a-zà-ÿœ][{_CAPITALS}]|[‘“”–—…€°«»]")
"""What would be odd in a name, and is what other encodings have in the place of its letters."""
