"""The parameters that tools about mesures share."""

import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from clients.emjpm import Status
from tools.parameters import Whole
from tools.understood import day

Filter = Literal["all", "en_attente", "en_cours", "eteinte"]
Offset = Annotated[Whole, Field(ge=0, description="How many to skip.")]
MesureId = Annotated[Whole, Field(gt=0, le=2**31 - 1, description="The mesure's `id`.")]

_SIGNS = re.compile(r"[^a-z0-9]+")


def wanted(status: Filter) -> Status | None:
    """What to ask the service for."""
    return None if status == "all" else status


def following(offset: int, given: int, total: int) -> int | None:
    """The offset of the next page, where so many rows were given; None on the last one."""
    end = offset + given
    return end if given and end < total else None


@lru_cache(maxsize=256)  # among thousands of mesures, the same few words
def plain(text: str) -> str:
    """The text as it is compared: small letters and digits alone, words apart."""
    letters = unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
    return _SIGNS.sub(" ", letters.lower()).strip()


def compact(text: str) -> str:
    """The same, in one word."""
    return plain(text).replace(" ", "")


def _day(text: str) -> str:
    """The date in the one form that compares as dates do, of the several that ISO has."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ValueError("a date such as 2026-09-01") from None


Day = Annotated[str, BeforeValidator(day), AfterValidator(_day)]
"""A date, or nothing."""
