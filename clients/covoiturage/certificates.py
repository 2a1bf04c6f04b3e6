"""Certificates of carpooling: what an operator certified of a person's trips."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from clients.text import Line

Meters = Annotated[float, Field(ge=0)]
EuroCents = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]

_MEMBERS = TypeAdapter(dict[str, object])


class _Record(BaseModel):
    """What the service says, minus what it leaves out: None, no text, or no item."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        members = _MEMBERS.validate_python(values)
        return {name: value for name, value in members.items() if value is not None}


class Operator(_Record):
    """The carpooling company that asked for the certificate."""

    name: Line = ""
    uuid: Line = ""


class Holder(_Record):
    """The person it is about, under the service's own identifier."""

    uuid: Line = ""


class Position(_Record):
    """A place, in decimal degrees (WGS 84)."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class Total(_Record):
    """The sums of one side of the certificate."""

    trips: Count | None = None
    week_trips: Count | None = None
    weekend_trips: Count | None = None
    distance: Meters | None = None
    amount: EuroCents | None = None


class Trips(_Record):
    """Trips the service counts together, those of a day for instance."""

    type: Literal["driver", "passenger"] | None = None
    datetime: AwareDatetime | None = None
    trips: Count | None = None
    distance: Meters | None = None
    amount: EuroCents | None = None


class Side(_Record):
    """What the person did as a driver, or as a passenger."""

    total: Total = Total()
    trips: tuple[Trips, ...] = ()


class Certificate(_Record):
    """A certificate, `ok` or `expired`, over a period. It tells where a person goes: keep it so."""

    type: Literal["ok", "expired"]
    uuid: UUID
    tz: Line = ""
    start_at: AwareDatetime | None = None
    end_at: AwareDatetime | None = None
    created_at: AwareDatetime | None = None
    operator: Operator = Operator()
    identity: Holder = Field(default=Holder(), repr=False)
    positions: tuple[Position, ...] = Field(default=(), repr=False)
    driver: Side = Field(default=Side(), repr=False)
    passenger: Side = Field(default=Side(), repr=False)


def certified(reply: object) -> Certificate:
    """The certificate of a reply: bare as it is documented, or wrapped as it is served.

    Raises:
        ValidationError: It is not a certificate.
    """
    wrapped = _Reply.model_validate(reply).result
    return Certificate.model_validate(wrapped.data if wrapped else reply)


class _Result(_Record):
    data: object


class _Reply(_Record):
    result: _Result | None = None
