"""Dates as they are written in France, read as the services want them, and their timezones."""

import re
import unicodedata
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = (
    "janvier",
    "fevrier",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "aout",
    "septembre",
    "octobre",
    "novembre",
    "decembre",
)
_IN_FIGURES = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_IN_WORDS = re.compile(r"(?:le )?(\d{1,2})(?:er)? ([a-z]+) (\d{4})", re.ASCII)


def in_iso(text: str) -> str:
    """The ISO form of a day such as 22/11/2026 or 22 novembre 2026; any other text as it is.

    The day comes before the month, always.
    """
    plain = _folded(text)
    if found := _IN_FIGURES.fullmatch(plain):
        return _day(text, int(found[4]), int(found[3]), int(found[1]))
    if (found := _IN_WORDS.fullmatch(plain)) and found[2] in _MONTHS:
        return _day(text, int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
    return text


@lru_cache(maxsize=100)
def zone(name: str) -> ZoneInfo | None:
    """The timezone that a service calls so, if there is one."""
    # Looking for it among those that there are would read them all: 25 ms.
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # a folder of them; a path elsewhere
        return None


def _day(text: str, year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:  # there is no such day
        return text


def _folded(text: str) -> str:
    """In small letters without accents, single spaces between the words."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(letters.lower().split())
