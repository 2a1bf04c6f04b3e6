"""The tool that verifies carpooling certificates, one or many at once."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, Field

from clients import ApiError
from clients.covoiturage import Certificate
from clients.covoiturage import Side as CertifiedSide
from clients.dates import zone
from clients.text import Line
from tools.covoiturage.dependencies import Covoiturage
from tools.dependencies import Reporting
from tools.language import counted
from tools.registry import read
from tools.results import Result, fitting

MOST_TOGETHER = 50
LONGEST_OPERATOR = 60
"""Characters, where there are many."""
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
    """A certificate, as the registry vouches for it; briefer when there are many."""

    uuid: UUID | None = None
    status: Literal["valid", "expired"] | None = None
    conclusion: str = Field(description="What this says, in one sentence.")
    created_at: datetime | None = None
    period: Period | None = None
    operator: Line = Field(default="", description="The carpooling company that asked for it.")
    identity_uuid: Line | None = Field(default=None, description="The person, for the registry.")
    positions: list[Position] = Field(default=[], description="The two places it was asked for.")
    driver: Side | None = None
    passenger: Side | None = None


class NotVerified(Result):
    """Certificates of which nothing can be said, for the same reason."""

    uuids: list[UUID]
    why: str


class Verifications(Verification):
    """One certificate, or each of those in `uuids`."""

    certificates: list[Verification] = Field(default=[], description="Of `uuids`, in their order.")
    not_verified: list[NotVerified] = Field(default=[], description="Of `uuids`, the others.")


def _named(text: str) -> str:
    """The uuid of a certificate, of which it may be given the link: that is not followed."""
    place = urlsplit(text.strip())
    if place.scheme not in {"http", "https"}:
        return str(UUID(text.strip())) if text else ""
    match _UUID.findall(place.path):
        case [uuid]:
            return uuid.lower()
        case _:
            raise ValueError("a link with one uuid in its path")


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Name = Annotated[str, AfterValidator(_named)]


async def verify_certificate(
    covoiturage: Covoiturage,
    report: Reporting,
    uuid: Annotated[Name, Field(description="As printed on it; or its link.")] = "",
    uuids: Annotated[
        tuple[Annotated[Name, Field(min_length=1)], ...],
        Field(max_length=MOST_TOGETHER, description="Instead: up to 50 of them."),
    ] = (),
) -> Verifications:
    """Verify a carpooling certificate: whether the registry knows it, and what it certifies.

    Use it when a person shows such a certificate, to an employer for instance. It tells a person's
    trips: ask only for the certificates at hand.
    """
    if bool(uuid) == bool(uuids):
        raise ToolError("Give uuid, or uuids, and not both: nothing was asked.")
    if uuid:
        return Verifications(**dict(_verification(await covoiturage.certificate(UUID(uuid)))))
    asked = [UUID(each) for each in uuids]
    total = len(set(asked))

    async def heard(done: int) -> None:
        await report(done, f"{done} certificates asked for of {total}.", total)

    found, missing = await covoiturage.certificates(asked, heard)
    if not found and len({str(error) for error in missing.values()}) == 1:
        raise next(iter(missing.values()))
    return _verifications([found[each] for each in dict.fromkeys(asked) if each in found], missing)


def _verifications(found: Sequence[Certificate], missing: Mapping[UUID, ApiError]) -> Verifications:
    """All that is known of each, if a result has room for it; else what matters most."""
    reasons = dict[str, list[UUID]]()
    for uuid, error in missing.items():
        reasons.setdefault(str(error), []).append(uuid)
    not_verified = [NotVerified(uuids=uuids, why=why) for why, uuids in reasons.items()]
    told = [_verification(each) for each in found]
    conclusion = f"{len(found)} of {len(found) + len(missing)} could be verified."
    if len(fitting(told, beside=not_verified)) < len(told):
        told = [_brief(each) for each in told]
        conclusion += " Trips, places and periods are left out: ask for fewer to have them."
    return Verifications(conclusion=conclusion, certificates=told, not_verified=not_verified)


def _brief(verification: Verification) -> Verification:
    return Verification(
        uuid=verification.uuid,
        status=verification.status,
        conclusion=verification.conclusion,
        operator=verification.operator[:LONGEST_OPERATOR],
    )


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
    """The moment on the clocks of the certificate's own timezone: the service answers in UTC.

    One so far away that it would have no year there stays in UTC.
    """
    there = zone(certificate.tz)
    with suppress(OverflowError):
        return moment.astimezone(there) if moment and there else moment
    return moment


def _concluded(
    certificate: Certificate, status: str, start_at: datetime | None, end_at: datetime | None
) -> str:
    period = " to ".join(f"{moment:%Y-%m-%d}" for moment in (start_at, end_at) if moment)
    driven, ridden = (side.total.trips or 0 for side in (certificate.driver, certificate.passenger))
    return (
        f"The registry knows this certificate and it is {status}: "
        f"{counted(driven, 'trip', 'trips')} as a driver and {ridden} as a passenger"
        f"{f', from {period}' if period else ''}."
    )


VERIFICATION = read(verify_certificate, "Verify a carpooling certificate", "covoiturage")
