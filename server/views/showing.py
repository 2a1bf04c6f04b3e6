"""A plan as its view shows it."""

from collections.abc import Iterable
from typing import Any

from clients.text import clean, one_line
from tools.replays import OnPage

MOST_CHARACTERS = 8_000
"""Of what changes, and of what others wrote: the page shows it all."""


def shown(plan: OnPage) -> dict[str, Any]:
    """The plan as the view shows it: cleaned, without the request, and cut if it is very long."""
    asked = plan.asked
    changes = [[one_line(each) for each in (c.field, c.before, c.after)] for c in asked.changes]
    words = [[each.label, clean(each.text)] for each in asked.words]
    told = list(_first(changes)), list(_first(words))
    return {
        "title": asked.title,
        "says": asked.says,
        "changes": told[0],
        "words": told[1],
        "more": len(changes) + len(words) - sum(map(len, told)),
        "page": plan.address,
    }


def _first(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    """The rows that come first, as many as are shown."""
    room = MOST_CHARACTERS
    for row in rows:
        room -= sum(map(len, row))
        if room < 0:
            return
        yield row
