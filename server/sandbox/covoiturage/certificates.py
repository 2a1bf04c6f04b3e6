"""Three certificates: valid, expired, and valid in the shape that only the documentation knows.

Besides, each uuid reserved for a fault is that of a valid one.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from server.sandbox.covoiturage.failing import reserved_uuid
from server.sandbox.faults import RANKS

VALID = "9415300a-7a51-4296-96d1-68636e46485d"
EXPIRED = "8a9d2da9-39e3-4db7-be8e-12b4d2179fda"
AS_DOCUMENTED = "0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c"

SATURDAY = 5

Role = Literal["driver", "passenger"]
Document = dict[str, object]


@dataclass(frozen=True)
class Day:
    """One person's trips of a day, in one role: metres and euro cents, in all."""

    date: date
    trips: int
    distance: int
    amount: int


@dataclass(frozen=True)
class Period:
    """What a certificate covers and when it was made, in the service's own writing."""

    start_at: str
    end_at: str
    created_at: str


def answers() -> dict[str, Document]:
    """What the holder of each uuid is answered.

    The running service wraps a certificate and always says "ok"; the documentation shows it bare,
    and has a type for expired ones.
    """
    return {
        VALID: _valid(VALID),
        EXPIRED: _wrapped(
            _certificate(
                EXPIRED,
                Period(
                    "2023-12-31T23:00:00.000Z",
                    "2024-01-31T23:00:00.000Z",
                    "2024-02-09T16:40:03.551Z",
                ),
                kind="expired",
                driver=[Day(date(2024, 1, 16), trips=2, distance=61_020, amount=740)],
            )
        ),
        AS_DOCUMENTED: _certificate(
            AS_DOCUMENTED,
            Period(
                "2025-01-01T00:00:00+0100", "2025-04-01T00:00:00+0200", "2025-04-10T08:30:00+0200"
            ),
            passenger=[
                Day(date(2025, 3, 29), trips=1, distance=12_400, amount=150),
                Day(date(2025, 3, 6), trips=2, distance=24_816, amount=300),
            ],
        ),
        **{reserved_uuid(rank): _valid(reserved_uuid(rank)) for rank in RANKS},
    }


def _valid(uuid: str) -> Document:
    return _wrapped(
        _certificate(
            uuid,
            Period(
                "2025-03-31T22:00:00.000Z",
                "2025-06-30T22:00:00.000Z",
                "2025-07-08T09:12:44.318Z",
            ),
            driver=[
                Day(date(2025, 6, 21), trips=1, distance=48_210, amount=390),
                Day(date(2025, 6, 12), trips=2, distance=37_464, amount=520),
                Day(date(2025, 5, 5), trips=2, distance=37_512, amount=520),
                Day(date(2025, 4, 14), trips=1, distance=18_730, amount=260),
            ],
            passenger=[
                Day(date(2025, 6, 22), trips=1, distance=48_195, amount=410),
                Day(date(2025, 4, 22), trips=2, distance=37_480, amount=300),
            ],
        )
    )


def _certificate(
    uuid: str,
    period: Period,
    *,
    kind: Literal["ok", "expired"] = "ok",
    driver: list[Day] | None = None,
    passenger: list[Day] | None = None,
) -> Document:
    return {
        "type": kind,
        "uuid": uuid,
        "tz": "Europe/Paris",
        "start_at": period.start_at,
        "end_at": period.end_at,
        "created_at": period.created_at,
        "positions": [{"lat": 47.218371, "lon": -1.553621}, {"lat": 47.277871, "lon": -2.213741}],
        "identity": {"uuid": "5c1f8e0e-2f0b-4f8e-9a53-6f1f5b0a7d11"},
        "operator": {
            "_id": 4,
            "uuid": "d9a1f3c2-6b7e-4c58-8f0d-2e4a6c8b0d13",
            "name": "Covoiturage du Bac à sable",
            "support": "aide@covoiturage.example",
        },
        "driver": _side("driver", driver or []),
        "passenger": _side("passenger", passenger or []),
    }


def _side(role: Role, days: list[Day]) -> Document:
    """A role's totals and its days, the latest first as given."""
    trips = sum(day.trips for day in days)
    weekend_trips = sum(day.trips for day in days if day.date.weekday() >= SATURDAY)
    return {
        "total": {
            "trips": trips,
            "week_trips": trips - weekend_trips,
            "weekend_trips": weekend_trips,
            "distance": sum(day.distance for day in days),
            "amount": sum(day.amount for day in days),
        },
        "trips": [
            {
                "type": role,
                "datetime": f"{day.date}T00:00:00.000Z",
                "trips": day.trips,
                "distance": day.distance,
                "amount": day.amount,
            }
            for day in days
        ],
    }


def _wrapped(certificate: Document) -> Document:
    return {"jsonrpc": "2.0", "id": 1, "result": {"meta": None, "data": certificate}}
