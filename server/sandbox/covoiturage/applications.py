"""CEE applications: those that wait for an identity key, and what becomes of one when it comes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from itertools import chain, islice
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from server.sandbox.covoiturage.failing import reserved_uuid
from server.sandbox.covoiturage.people import MANY, number_of, person
from server.sandbox.faults import RANKS

JourneyType = Literal["short", "long"]

OPERATOR = 4
"""The operator that the sandbox's credentials belong to."""
OTHER_OPERATOR = 5

TO_KEY = range(1000)
"""The operator's applications that have no identity key yet: 700 specific, 300 standardized."""
MORE_TO_KEY = range(MANY, 1_000_000)
"""Those of an operator at scale: none is made before it is asked for."""
KEYED = range(1000, 1006)
"""The operator's applications that have one."""
ELSEWHERE = range(1006, 1012)
"""Another operator's applications."""
UNKNOWN = 1012
"""An application that the registry has never heard of."""

STANDARDIZED = {2, 5, 8}
"""The last digits of the numbers of standardized applications."""
FIRST = datetime(2023, 1, 2, 6, tzinfo=UTC)
PACE = timedelta(hours=7)

COLUMNS = (
    "cee_application_type",
    "cee_application_uuid",
    "journey_type",
    "datetime",
    "phone",
    "last_name",
)


@dataclass(frozen=True)
class Application:
    """A request for an energy savings certificate, made when someone first shares a ride."""

    uuid: str
    operator_id: int
    is_specific: bool
    journey_type: JourneyType
    last_name_trunc: str
    phone_trunc: str
    datetime: datetime
    identity_key: str = ""


class Applications:
    """The registry's table. A key is written once: whatever prevents it looks the same outside."""

    def __init__(self) -> None:
        self.keyed: dict[str, str] = {}
        """The keys that were written, by uuid."""
        self._rows = {row.uuid: row for row in _rows()}
        self._specific = {_tuple(row): row.uuid for row in self._rows.values() if row.is_specific}

    def key(self, uuid: str, operator_id: int, identity_key: str) -> bool:
        """Whether the application, of either type, was this operator's and had no key."""
        row = self._rows.get(uuid.lower()) or _one_of_many(uuid.lower())
        if row is None or row.operator_id != operator_id or row.identity_key:
            return False
        if row.uuid in self.keyed:
            return False
        self.keyed[row.uuid] = identity_key
        return True

    def key_specific(
        self,
        *,
        operator_id: int,
        journey_type: str,
        last_name_trunc: str,
        phone_trunc: str,
        identity_key: str,
    ) -> bool:
        """Likewise, for the specific application of a person. Its date does not matter."""
        wanted = (operator_id, journey_type, last_name_trunc, phone_trunc)
        uuid = self._specific.get(wanted) or _specific_of_many(wanted)
        return self.key(uuid, operator_id, identity_key)


def application(number: int) -> Application:
    """The same application for the same number."""
    someone = person(number)
    return Application(
        uuid=_uuid(number),
        operator_id=OTHER_OPERATOR if number in ELSEWHERE else OPERATOR,
        is_specific=number % 10 not in STANDARDIZED,
        journey_type="long" if number % 3 == 0 else "short",
        last_name_trunc=someone.last_name_trunc,
        phone_trunc=someone.phone_trunc,
        datetime=FIRST + number % MANY * PACE,
        identity_key=f"{number:064x}" if number in KEYED else "",
    )


def operator_file(rows: int = 40) -> str:
    """The CSV that an operator would have of its first applications, people in full.

    All can be imported but the last two: one has its key already, the other is unknown to the
    registry.
    """
    most = len(TO_KEY) + len(MORE_TO_KEY) + 2
    if rows not in range(2, most + 1):
        raise ValueError(f"{rows} rows: there can be 2 to {most}")
    file = StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    to_key = islice(chain(TO_KEY, MORE_TO_KEY), rows - 2)
    table.writerows(_row(number) for number in chain(to_key, (KEYED[0], UNKNOWN)))
    return file.getvalue()


_OF_MANY = "cee00000-0000-4000-8000-"


@cache
def _rows() -> Sequence[Application]:
    """The rows of every fresh registry, which never change: a registry replaces its own."""
    return (*map(application, (*TO_KEY, *KEYED, *ELSEWHERE)), *map(_reserved, RANKS))


def _reserved(rank: int) -> Application:
    """The application that a fault is asked for with: standardized, and without a key."""
    standardized = min(STANDARDIZED)
    return replace(application(standardized), uuid=reserved_uuid(rank))


def _row(number: int) -> tuple[str, ...]:
    someone, asked = person(number), application(number)
    who = (someone.spellings[number % 3], someone.last_name)
    if asked.is_specific:
        return ("specific", "", asked.journey_type, f"{asked.datetime:%Y-%m-%dT%H:%M:%SZ}", *who)
    return ("standardized", asked.uuid, "", "", *who)


def _uuid(number: int) -> str:
    if number in MORE_TO_KEY:
        return f"{_OF_MANY}{number:012}"
    return str(uuid5(NAMESPACE_URL, f"https://covoiturage.sandbox/policies/cee/{number}"))


def _one_of_many(uuid: str) -> Application | None:
    """The application with this uuid, if it is one of those that are not kept."""
    digits = uuid.removeprefix(_OF_MANY)
    number = int(digits) if uuid.startswith(_OF_MANY) and digits.isdecimal() else 0
    return application(number) if number in MORE_TO_KEY else None


def _specific_of_many(wanted: tuple[int, str, str, str]) -> str:
    """The uuid of the specific application of this person, likewise."""
    number = number_of(wanted[-1])
    asked = application(number)
    return asked.uuid if number and asked.is_specific and _tuple(asked) == wanted else ""


def _tuple(row: Application) -> tuple[int, str, str, str]:
    return row.operator_id, row.journey_type, row.last_name_trunc, row.phone_trunc
