"""Ordinary rows of CEE applications, read together: an expression finds all their cells at once.

It knows nothing but what `applications` would take as it is, at a tenth of the cost. What it does
not know is left for that module to take, or to say what is wrong.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress
from operator import itemgetter

from clients.covoiturage.dates import FRENCH, RFC3339, in_rfc3339, ordinary
from clients.covoiturage.identity import Names, ordinary_numbers
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
UUID = r"[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"


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
        known = [name for name in fields if name]
        self.is_of_persons = {"phone", "last_name"} <= {*known}
        """Whether rows tell the whole phone and name: no others are read here."""
        self._lines, self._cells = _row(fields, separator), _row(known, separator)
        self._known = itemgetter(*(place for place, name in enumerate(fields) if name))
        self._found = tuple(name for name in known if name not in DOCUMENTED)
        self._names = names

    def made_of_lines(self, text: str, numbers: Sequence[int]) -> Made:
        """What becomes of rows that are a line each, without quotation marks."""
        return self._made(self._lines, text, numbers)

    def made_of_cells(self, rows: Sequence[Record]) -> Made:
        """What becomes of rows, whatever their cells."""
        texts = [
            self.separator.join(self._known(cells)) if len(cells) == len(self.fields) else ""
            for _, cells in rows
        ]
        text = "\n".join(texts)
        if text.count("\n") >= len(texts):
            text = "\n".join(text.replace("\n", "\r") for text in texts)
        return self._made(self._cells, text, [line for line, _ in rows])

    def _made(self, row: re.Pattern[str], text: str, numbers: Sequence[int]) -> Made:
        if not (self.is_of_persons and numbers):
            return Made([""] * len(numbers))
        # All the cells by one call, then all the phones by another. Each call that the loop makes
        # for a row takes a tenth of what the csv module takes to read it: hence no function there.
        columns = dict(zip(self._found, zip(*row.findall(text), strict=True), strict=True))
        nothing = ("",) * len(numbers)
        dates, last_names = columns.get("datetime", nothing), columns["last_name"]
        lines, names = list[str](), list[str]()
        for line, kind, uuid, journey, date, phone, name in zip(
            numbers,
            map(KINDS.get, columns["cee_application_type"]),
            columns.get("cee_application_uuid", nothing),
            map(LENGTHS.get, columns.get("journey_type", nothing)),
            _read(dates),
            ordinary_numbers(columns["phone"]),
            map(self._names.__getitem__, last_names),
            strict=True,
        ):
            if not (kind and phone and name):
                lines.append("")
            elif uuid and not journey and date == "":
                key = sha256(f"+33{phone}-{name}".encode()).hexdigest()
                known = f'"cee_application_uuid":"{uuid.lower()}"'
                names.append(known)
                lines.append(
                    f'{{"cee_application_type":"{kind}",{known},"identity_key":"{key}",'
                    f'"line":{line}}}\n'
                )
            elif kind == "specific" and journey and date and not uuid:
                key = sha256(f"+33{phone}-{name}".encode()).hexdigest()
                known = (
                    f'"journey_type":"{journey}","phone_trunc":"+33{phone[:-2]}",'
                    f'"last_name_trunc":"{(name + "  ")[:3]}"'
                )
                names.append(known)
                lines.append(
                    f'{{"cee_application_type":"{kind}",{known},"identity_key":"{key}",'
                    f'"datetime":"{date}","line":{line}}}\n'
                )
            else:
                lines.append("")
        return Made(
            lines,
            names,
            accented=0 if text.isascii() else _accented(compress(last_names, lines)),
            dated=_french(compress(dates, lines)) if "/" in text else 0,
        )


def by_uuid(uuid: str) -> str:
    """What names an application in a line of the ready file."""
    return f'"cee_application_uuid":"{uuid.lower()}"'


def by_person(journey: str, phone_trunc: str, last_name_trunc: str) -> str:
    """The same of an application whose uuid is not known."""
    return (
        f'"journey_type":"{journey}","phone_trunc":"{phone_trunc}",'
        f'"last_name_trunc":"{last_name_trunc}"'
    )


def ready_line(kind: str, names: str, key: str, date: str, line: int) -> str:
    """A line of the ready file: nothing in it needs escaping, since all of it was checked."""
    dated = f',"datetime":"{date}"' if date else ""
    return (
        f'{{"cee_application_type":"{kind}",{names},"identity_key":"{key}"{dated},"line":{line}}}\n'
    )


def _read(written: Sequence[str]) -> Sequence[str | None]:
    """Dates in RFC 3339, and none for what is a French one that is not certain."""
    if "/" not in "".join(written):
        return written
    return [_date(text) if "/" in text else text for text in written]


def _date(french: str) -> str | None:
    date = in_rfc3339(french)
    return date if ordinary(date) else None


def _accented(names: Iterable[str]) -> int:
    return list(map(str.isascii, names)).count(False)


def _french(dates: Iterable[str]) -> int:
    return sum("/" in date for date in dates)


def _one_of(words: Iterable[str]) -> str:
    return "|".join(words)


def _row(fields: Sequence[str], separator: str) -> re.Pattern[str]:
    """An ordinary row with its cells as groups, or any line, with none."""
    anything = rf"[^{separator}\r\n]*"
    cells = (_CELLS.get(name, f"({anything})") if name else anything for name in fields)
    return re.compile(rf"^{separator.join(cells)}$|^.*$", re.MULTILINE)


DOCUMENTED = ("identity_key", "phone_trunc", "last_name_trunc")
"""Fields that are made from the phone and the last name."""
_CELLS = {
    "cee_application_type": f"({_one_of(KINDS)})",
    "cee_application_uuid": f"({UUID}|)",
    "journey_type": f"({_one_of(LENGTHS)}|)",
    "datetime": f"({RFC3339}|{FRENCH}|)",
    **dict.fromkeys(DOCUMENTED, ""),
}
"""What an ordinary row has in each column; anything in the others."""
