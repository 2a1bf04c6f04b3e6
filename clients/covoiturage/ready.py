"""The ready file: what a preparation writes, and an import reads, a row on each line.

Its rows are read together, by an expression that knows only what `Application` takes as it is: a
thirtieth of what the model takes for each. Whatever else a file holds goes through the model.
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
    """What names applications in the ready file; nothing for what is no uuid."""
    text = "\n".join(uuids)
    # The shape of them all, compared at once, takes half of what an expression does.
    if text.translate(_DIGITS) == "\n".join([_SHAPE] * len(uuids)):
        known = f'"cee_application_uuid":"{text.lower()}"'
        return known.replace("\n", '"\n"cee_application_uuid":"').split("\n")
    known = (uuid.lower() for uuid in found(_WHOLE_UUID, uuids))
    return [f'"cee_application_uuid":"{uuid}"' if uuid else "" for uuid in known]


def by_person(journey: str, phone_trunc: str, last_name_trunc: str) -> str:
    """What names an application whose uuid is not known."""
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

    Nothing in them needs escaping, since all of it was checked.
    """
    dated = [f',"datetime":"{date}"' if date else "" for date in dates] if any(dates) else dates
    return [
        f'{{"cee_application_type":"{kind}",{known},"identity_key":"{key}"{date},"line":{line}}}\n'
        if key
        else ""
        for kind, known, key, date, line in zip(kinds, known_by, keys, dated, numbers, strict=True)
    ]


def _ready(first: int, block: bytes) -> Rows | None:
    """The rows of these lines if each is as a preparation writes it, or as `json.dumps` does."""
    if not block.isascii():
        return None
    text = block.decode("ascii").replace('": ', '":').replace('", "', '","')
    rows = _ROW.findall(text.removesuffix("\n"))
    if not all(uuid or person for _, uuid, _, _, person, *_ in rows):
        return None
    return Rows(
        [
            Written(f"{{{kind}{specific},{key}{its_key},{uuid}{person}{date}}}")
            for kind, uuid, key, specific, person, its_key, date, _ in rows
        ],
        [int(row[-1]) if row[-1] else line for line, row in enumerate(rows, first)],
    )


def _alone(row: NumberedApplication | Problem | Doubt) -> Rows | Problem | Doubt:
    if isinstance(row, NumberedApplication):
        return Rows((row.application.written,), (row.line,))
    return row


_UUID = "[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"
_WHOLE_UUID = expression(f"({_UUID})")
_SHAPE = "00000000-0000-0000-0000-000000000000"
_DIGITS = str.maketrans("123456789abcdefABCDEF", "0" * 21)

_BY_UUID = f'"cee_application_uuid":"{_UUID}"'
_BY_PERSON = (
    '"journey_type":"(?:short|long)","phone_trunc":"\\+[0-9]{8,12}",'
    '"last_name_trunc":"[A-Z][A-Z ]{2}"'
)
_KIND = '"cee_application_type":"(?:specific|standardized)"'
_SPECIFIC = '"cee_application_type":"specific"'
_KEY = '"identity_key":"[a-f0-9]{64}"'
_DATE = f',"datetime":"{RFC3339}"'
_LINE = '(?:,"line":([1-9][0-9]{0,17}))?'
_ROW = expression(
    rf"\{{(?:({_KIND}),({_BY_UUID}),({_KEY})|({_SPECIFIC}),({_BY_PERSON}),({_KEY})({_DATE})){_LINE}\}}\r?"
)
