"""What one principal may have changed in a day, whoever agrees to it: the limits of the settings.

They are counted from the ledger, so that they hold across restarts and for all the instances
together.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from pydantic import BaseModel

from tools.language import Say

A_DAY = 86_400.0
"""Seconds over which changes are counted, whatever the hour."""

Capped = Literal["refusals", "deletions", "dossiers", "messages"]


class Toll(BaseModel, frozen=True, hide_input_in_errors=True):
    """What a change counts for."""

    dossiers: frozenset[int] = frozenset()
    """Those that it is about: each counts once a day."""
    refused: frozenset[int] = frozenset()
    """Those that it refuses."""
    messages: int = 0
    deletions: int = 0

    def and_also(self, other: "Toll") -> "Toll":
        return Toll(
            dossiers=self.dossiers | other.dossiers,
            refused=self.refused | other.refused,
            messages=self.messages + other.messages,
            deletions=self.deletions + other.deletions,
        )

    def count(self, capped: Capped) -> int:
        counts: dict[Capped, int] = {
            "refusals": len(self.refused),
            "deletions": self.deletions,
            "dossiers": len(self.dossiers),
            "messages": self.messages,
        }
        return counts[capped]


FREE = Toll()
"""What no limit is about."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one of the last plans ended, and when."""

    refused: bool
    """Whether nothing was sent: the person said no, or it was void by then."""
    at: float


class FencedError(Exception, ABC):
    """The settings leave no room for a change: nothing of it was sent."""

    @abstractmethod
    def told(self, say: Say) -> str:
        """Why, and what to do next."""


class FullError(FencedError):
    """It would be one too many."""

    def __init__(self, capped: Capped, most: int, count: int) -> None:
        super().__init__()
        self._capped: Capped = capped
        self._most = most
        self._count = count

    def told(self, say: Say) -> str:
        what = _CALLED[self._capped]
        setting = f"GUICHET_FENCES_{self._capped.upper()}={self._most}"
        return say(
            fr=f"Ce serait trop ({what[0]}) : {self._count} en 24 heures, et {setting} n'en "
            "permet pas plus : rien n'a été changé. Attendez demain, ou voyez qui administre "
            "Guichet ; ne cherchez pas d'autre moyen.",
            en=f"That would be too many ({what[1]}): {self._count} within 24 hours, and {setting} "
            "allows no more: nothing was changed. Wait until tomorrow, or see whoever runs "
            "Guichet; look for no way round.",
        )


class LockedError(FencedError):
    """Too many of the last plans came to nothing."""

    def __init__(self, refused: int, minutes: int) -> None:
        super().__init__()
        self._refused = refused
        self._minutes = minutes

    def told(self, say: Say) -> str:
        return say(
            fr=f"Les {self._refused} dernières demandes ont été refusées ou étaient périmées : "
            f"plus rien n'est demandé avant {self._minutes} minutes "
            "(GUICHET_FENCES_LOCK_AFTER). Rien n'a été changé. Voyez avec la personne ce qu'elle "
            "veut vraiment, sans refaire l'appel d'ici là.",
            en=f"The last {self._refused} requests were refused or out of date: nothing more is "
            f"asked for another {self._minutes} minutes (GUICHET_FENCES_LOCK_AFTER). Nothing was "
            "changed. Settle with the person what they really want, without calling again until "
            "then.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fences:
    """The limits for each principal; None where there is none."""

    refusals: int | None = None
    deletions: int | None = None
    dossiers: int | None = None
    messages: int | None = None
    lock_after: int | None = None
    """Plans refused or stale in a row after which no other is put for a while."""
    lock_minutes: int = 60

    @property
    def any(self) -> bool:
        return bool(self._caps or self.lock_after)

    def check_room(self, toll: Toll, done: Iterable[Toll]) -> None:
        """Return if there is room for a change, after those that were begun in a day.

        Raises:
            FullError: There is not.
        """
        before = reduce(Toll.and_also, done, FREE)
        after = before.and_also(toll)
        for capped, most in self._caps.items():
            count = after.count(capped)
            if count > max(most, before.count(capped)):
                raise FullError(capped, most, count)

    def check_open(self, last: Sequence[Ending], now: float) -> None:
        """Return unless the last plans, the newest first, all came to nothing, and not long ago.

        Raises:
            LockedError: They did.
        """
        if not self.lock_after or len(last) < self.lock_after:
            return
        left = last[0].at + 60.0 * self.lock_minutes - now
        if left > 0 and all(ending.refused for ending in last[: self.lock_after]):
            raise LockedError(self.lock_after, int(left // 60) + 1)

    @property
    def _caps(self) -> dict[Capped, int]:
        caps: dict[Capped, int | None] = {
            "refusals": self.refusals,
            "deletions": self.deletions,
            "dossiers": self.dossiers,
            "messages": self.messages,
        }
        return {capped: most for capped, most in caps.items() if most is not None}


NONE = Fences()

_CALLED: dict[Capped, tuple[str, str]] = {
    "refusals": ("dossiers refusés", "dossiers refused"),
    "deletions": ("suppressions", "deletions"),
    "dossiers": ("dossiers différents modifiés", "distinct dossiers changed"),
    "messages": ("messages envoyés", "messages sent"),
}
