"""The parameters that recur: what they accept, and what the model is told of them."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

PARIS = ZoneInfo("Europe/Paris")


def moment(text: str) -> datetime | None:
    """The time in a `Since`: in Paris unless it says otherwise, and none in an empty text."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=PARIS)


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number, not a boolean")  # noqa: TRY004  (pydantic reports ValueError)
    return value


def _a_moment(text: str) -> str:
    try:
        moment(text)
    except ValueError:
        raise ValueError("a date such as 2026-09-01 or 2026-09-01T14:30:00+02:00") from None
    return text


Whole = Annotated[int, BeforeValidator(_not_a_boolean)]
"""A whole number, also sent as text; never a boolean, which Python takes for one."""

Since = Annotated[str, AfterValidator(_a_moment)]
"""An ISO date or time, or nothing."""

DossierNumber = Annotated[
    Whole, Field(gt=0, le=2**31 - 1, description="The dossier's number, as on its page.")
]
DemarcheNumber = Annotated[
    Whole, Field(gt=0, le=2**31 - 1, description="The démarche's number, as on its page.")
]
GroupNumber = Annotated[Whole, Field(ge=0, le=2**31 - 1, description="Only this groupe's number.")]
"""0 for all of them."""

DryRun = Annotated[
    bool,
    Field(description="True: show what would be asked and sent; nothing is, and nobody is asked."),
]
