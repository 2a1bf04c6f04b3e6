"""The date of an application, as the registry takes it: RFC 3339, with a timezone.

A French date and time, `22/11/2024 08:30`, is one moment in Paris but on the two nights when the
clocks change: it is written so, and what is not certain is left as it is, to be refused.
"""

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = (
    r"[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
_HOUR = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
RFC3339 = rf"{_DAY}[T ]{_HOUR}:[0-5][0-9](?:\.[0-9]{{1,9}})?(?:Z|[+-]{_HOUR})"
"""Dates in RFC 3339, but for February 29ths, which may be none."""
FRENCH = "[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}[:h][0-9]{2}(?::[0-9]{2})?"
ordinary = re.compile(RFC3339).fullmatch

_GROUPS = re.compile(r"(\d\d)/(\d\d)/(\d{4}) ([01]\d|2[0-3])[:h](\d\d)(?::(\d\d))?", re.ASCII)
_PARIS = ZoneInfo("Europe/Paris")


def in_rfc3339(written: str) -> str:
    """A French date as the registry takes it; any other text as it is."""
    if not (found := _GROUPS.fullmatch(written)):
        return written
    day, month, year, hour, minute, second = found.groups("00")
    offset = _offset(f"{year}-{month}-{day}", hour, minute)
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset}" if offset else written


@lru_cache(maxsize=20_000)
def _offset(day: str, hour: str, minute: str) -> str:
    """What the clocks of Paris were ahead by, if it is certain."""
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}:{minute}:00").replace(tzinfo=_PARIS)
    except ValueError:  # the 31st of February
        return ""
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():  # twice, or never
        return ""
    offset = f"{moment:%z}"
    return f"{offset[:3]}:{offset[3:]}" if len(offset) == 5 else ""  # noqa: PLR2004  (+0100)
