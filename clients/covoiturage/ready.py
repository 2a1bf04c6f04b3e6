"""The ready file: what a preparation writes, and an import reads, a row on each line.

Its rows are read together, by expressions that know only what `Application` takes as it is, at a
tenth of the cost. Whatever else a file holds goes through that model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import BinaryIO

from clients.covoiturage.applications import (
    NumberedApplication,
    Written,
    numbered,
    one_by_one,
)
from clients.covoiturage.columns import expression, found
from clients.covoiturage.dates import RFC3339
from clients.rows import OBJECTS, Doubt, Problem, blocks
from clients.surveys import UnreadableError


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that come one after the other, as they are sent, and the lines that they are on."""

    written: Sequence[Written] = field(repr=False)
    lines: Sequence[int]


def written(stream: BinaryIO, *, name: str) -> Iterator[Rows | Problem | Doubt]:
    """What `numbered` finds in a file, with the rows as they are sent."""
    if PurePath(name).suffix.lower() not in OBJECTS:
        yield from map(_alone, numbered(stream, name=name))
        return
    try:
        for first, block in blocks(stream):
            if together := _ready(first, block):
                yield together
            else:
                yield from map(_alone, one_by_one(first, block))
    except UnreadableError as error:
        yield Problem(error.line, error.reason)


def by_uuid(uuids: Sequence[str]) -> Sequence[str]:
    """What names applications: their uuids in small letters, or nothing for what is no uuid."""
    text = "\n".join(uuids)
    small = text.lower()
    # The shape of them all, compared at once, takes a quarter of what an expression does.
    if f"{small}\n".translate(_DIGITS) == f"{_SHAPE}\n" * len(uuids):
        return uuids if small == text else small.split("\n")
    return [uuid.lower() for uuid in found(_WHOLE_UUID, uuids)]


def by_person(journey: str, phone_trunc: str, last_name_trunc: str) -> str:
    """What names an application whose uuid is not known: it has a date, and no other has."""
    return (
        f'"journey_type":"{journey}","phone_trunc":"{phone_trunc}",'
        f'"last_name_trunc":"{last_name_trunc}"'
    )


def ready_lines(
    kinds: Sequence[str | None],
    known_by: Sequence[str],
    keys: Sequence[str],
    dates: Sequence[str],
    numbers: Sequence[int],
) -> list[str]:
    """Lines of the ready file, or nothing for a row without a key.

    A row with a date is known by its person, any other by its uuid. Nothing in them needs escaping,
    since all of it was checked.
    """
    lines = list[str]()
    for kind, known, key, date, line in zip(kinds, known_by, keys, dates, numbers, strict=True):
        if not key:
            lines.append("")
        elif date:
            lines.append(
                f'{{"cee_application_type":"{kind}",{known},'
                f'"identity_key":"{key}","datetime":"{date}","line":{line}}}\n'
            )
        else:
            lines.append(
                f'{{"cee_application_type":"{kind}","cee_application_uuid":"{known}",'
                f'"identity_key":"{key}","line":{line}}}\n'
            )
    return lines


def _ready(first: int, block: bytes) -> Rows | None:
    """The rows of these lines if each is as a preparation writes it, or as `json.dumps` does."""
    if not block.isascii():
        return None
    text = block.decode("ascii").removesuffix("\n")
    if '": ' in text:
        text = text.replace('": ', '":').replace('", "', '","')
    rows = _BY_UUID_ROW.findall(text)
    if not all(kind for kind, *_ in rows):
        people = _BY_PERSON_ROW.findall(text)
        rows = [row if row[0] else other for row, other in zip(rows, people, strict=True)]
    if not all(kind for kind, *_ in rows):
        return None
    return Rows(
        [Written(f"{{{kind},{key},{known_by}{date}}}") for kind, known_by, key, date, _ in rows],
        [int(row[-1]) if row[-1] else line for line, row in enumerate(rows, first)],
    )


def _alone(row: NumberedApplication | Problem | Doubt) -> Rows | Problem | Doubt:
    if isinstance(row, NumberedApplication):
        return Rows((row.application.written,), (row.line,))
    return row


_UUID = "[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"
_WHOLE_UUID = expression(f"({_UUID})")
_SHAPE = "00000000-0000-0000-0000-000000000000"
_DIGITS = str.maketrans("123456789abcdef", "0" * 15)

_KIND = '"cee_application_type":"(?:specific|standardized)"'
_KEY = '"identity_key":"[a-f0-9]{64}"'
_LINE = '(?:,"line":([1-9][0-9]{0,8}))?'
_BY_UUID_ROW = expression(
    rf'\{{({_KIND}),("cee_application_uuid":"{_UUID}"),({_KEY})(){_LINE}\}}\r?'
)
_BY_PERSON_ROW = expression(
    r'\{("cee_application_type":"specific"),'
    r'("journey_type":"(?:short|long)","phone_trunc":"\+[0-9]{8,12}",'
    r'"last_name_trunc":"[A-Z][A-Z ]{2}"),'
    rf'({_KEY})(,"datetime":"{RFC3339}"){_LINE}\}}\r?'
)
"""Their groups: the kind, what names the application, the key and the date, sent in another order;
then the line."""
