"""The tool that verifies carpooling certificates."""

from datetime import datetime
from functools import cache
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

from clients.covoiturage import Certificate
from clients.covoiturage import Side as CertifiedSide
from clients.text import Line
from tools.dependencies import Covoiturage
from tools.results import Result

MOST_TRIPS = 80
"""Entries of trips a side shows: both fit in a result, and the totals count them all."""

Moment = datetime
Meters = Annotated[float | None, Field(description="In metres.")]
EuroCents = Annotated[float | None, Field(description="In euro cents.")]


class Period(Result):
    start_at: datetime | None = None
    end_at: datetime | None = None
    timezone: Line = Field(description="The timezone of the period, such as Europe/Paris.")


class Position(Result):
    lat: float = Field(description="Decimal degrees, WGS 84.")
    lon: float = Field(description="Decimal degrees, WGS 84.")


class Total(Result):
    """What a side of the certificate adds up to."""

    trips: int | None = None
    week_trips: int | None = Field(None, description="Trips from Monday to Friday.")
    weekend_trips: int | None = None
    distance: Meters = None
    amount: EuroCents = None


class Trips(Result):
    """Trips that the registry counts together."""

    datetime: Moment | None = None
    trips: int | None = None
    distance: Meters = None
    amount: EuroCents = None


class Side(Result):
    """What the person did as a driver, or as a passenger."""

    total: Total
    trips: list[Trips]
    trips_left_out: int = Field(0, description="Entries of `trips` too many to show; all in total.")


class Verification(Result):
    """A certificate, as the registry vouches for it."""

    uuid: UUID
    status: Literal["valid", "expired"]
    conclusion: str = Field(description="What this says, in one sentence.")
    created_at: datetime | None = None
    period: Period
    operator: Line = Field(description="The carpooling company that asked for it.")
    identity_uuid: Line = Field(description="The person's identifier in the registry.")
    positions: list[Position] = Field(description="The two places it was asked for.")
    driver: Side
    passenger: Side


async def verify_certificate(
    covoiturage: Covoiturage,
    uuid: Annotated[UUID, Field(description="The certificate's identifier, as printed on it.")],
) -> Verification:
    """Verify a carpooling certificate: whether the registry knows it, and what it certifies.

    Use it when a person shows such a certificate, to an employer for instance. It tells a person's
    trips: ask only for the certificate at hand.
    """
    return _verification(await covoiturage.certificate(uuid))


def _verification(certificate: Certificate) -> Verification:
    status = "valid" if certificate.type == "ok" else "expired"
    start_at, end_at = (_there(certificate, m) for m in (certificate.start_at, certificate.end_at))
    return Verification(
        uuid=certificate.uuid,
        status=status,
        conclusion=_concluded(certificate, status, start_at, end_at),
        created_at=_there(certificate, certificate.created_at),
        period=Period(start_at=start_at, end_at=end_at, timezone=certificate.tz),
        operator=certificate.operator.name,
        identity_uuid=certificate.identity.uuid,
        positions=[Position(lat=place.lat, lon=place.lon) for place in certificate.positions[:10]],
        driver=_side(certificate.driver),
        passenger=_side(certificate.passenger),
    )


def _side(side: CertifiedSide) -> Side:
    trips = [Trips.model_validate(entry, from_attributes=True) for entry in side.trips]
    shown = trips[:MOST_TRIPS]
    return Side(
        total=Total.model_validate(side.total, from_attributes=True),
        trips=shown,
        trips_left_out=len(trips) - len(shown),
    )


def _there(certificate: Certificate, moment: datetime | None) -> datetime | None:
    """The moment on the clocks of the certificate's own timezone: the service answers in UTC."""
    zone = _zone(certificate.tz)
    return moment.astimezone(zone) if moment and zone else moment


@cache
def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in available_timezones() else None


def _concluded(
    certificate: Certificate, status: str, start_at: datetime | None, end_at: datetime | None
) -> str:
    period = " to ".join(f"{moment:%Y-%m-%d}" for moment in (start_at, end_at) if moment)
    driven, ridden = certificate.driver.total.trips or 0, certificate.passenger.total.trips or 0
    return (
        f"The registry knows this certificate and it is {status}: {driven} trips as a driver and "
        f"{ridden} as a passenger{f', from {period}' if period else ''}."
    )
