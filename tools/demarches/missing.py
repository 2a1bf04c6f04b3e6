"""What the service failed to give of an answer it otherwise gave."""

from collections.abc import Sequence

from clients.demarches import PartialError
from clients.text import Line
from tools.results import Result

MOST_MISSING = 20


class Missing(Result):
    """Something the service could not give."""

    path: Line
    reason: Line


def missing(problems: Sequence[PartialError], most: int = MOST_MISSING) -> list[Missing]:
    """The first things that are missing."""
    return [Missing(path=problem.path, reason=problem.reason) for problem in problems[:most]]
