"""The parameters that recur: what they accept, and what the model is told of them."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from tools.understood import day, demarche, dossier, group, several, whole

PARIS = ZoneInfo("Europe/Paris")


def moment(text: str) -> datetime | None:
    """The time in a `Since`: in Paris unless it says otherwise, and none in an empty text."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=PARIS)


def _a_moment(text: str) -> str:
    try:
        moment(text)
    except ValueError:
        raise ValueError("a date such as 2026-09-01 or 2026-09-01T14:30:00+02:00") from None
    return text


Whole = Annotated[int, BeforeValidator(whole)]
"""A whole number, also sent as text; never a boolean, which Python takes for one."""

Since = Annotated[str, BeforeValidator(day), AfterValidator(_a_moment)]
"""An ISO date or time, or a date as people write it, or nothing."""

Several = BeforeValidator(several)
"""Lets a list be sent as a text whose commas separate."""

DossierNumber = Annotated[
    int,
    BeforeValidator(dossier),
    Field(gt=0, le=2**31 - 1, description="The dossier's number, as on its page."),
]
DemarcheNumber = Annotated[
    int,
    BeforeValidator(demarche),
    Field(gt=0, le=2**31 - 1, description="The démarche's number, as on its page."),
]
GroupNumber = Annotated[
    int,
    BeforeValidator(group),
    Field(ge=0, le=2**31 - 1, description="Only this groupe's number."),
]
"""0 for all of them."""

DryRun = Annotated[
    bool,
    Field(description="True: show what would be asked and sent; nothing is, and nobody is asked."),
]
