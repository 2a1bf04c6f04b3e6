"""The passwords by which people sign in to the page, tried one at a time and not too often."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio.to_thread import run_sync

from server.passwords import derived, fits, fresh

MOST_FAILURES = 5
"""Wrong passwords for one name within a minute; those of unknown names count together."""
A_MINUTE = 60.0


class TooManyError(Exception):
    """Too many passwords were wrong."""

    seconds = int(A_MINUTE)


@dataclass(frozen=True, slots=True)
class Entry:
    """What lets somebody in under a name."""

    principal: str
    kept: str
    """What is derived from their password."""


class Tries(Protocol):
    """The passwords that are tried, counted for all those who let the same people in."""

    async def take(self, principal: str) -> bool:
        """Whether one more may be tried for this principal, which then counts."""
        ...

    async def forget(self, principal: str) -> None:
        """Hold nothing against this principal any more: the last one was right."""
        ...


class OwnTries:
    """The passwords that are tried in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made = defaultdict[str, list[float]](list)

    async def take(self, principal: str) -> bool:
        now, made = self._clock(), self._made[principal]
        made[:] = [at for at in made if now - at < A_MINUTE]
        if len(made) >= MOST_FAILURES:
            return False
        made.append(now)
        return True

    async def forget(self, principal: str) -> None:
        self._made.pop(principal, None)


class Passwords:
    """Whoever knows the password of a name is its principal.

    A name that does not exist takes as long to be refused as one that does.
    """

    def __init__(self, entries: Mapping[str, Entry], tries: Tries) -> None:
        self._entries = entries
        self._tries = tries
        self._nobody = Entry("", derived(fresh()))
        self._one_at_a_time = anyio.Lock()

    def __len__(self) -> int:
        """How many people have one."""
        return len(self._entries)

    def kept(self, principal: str) -> str:
        """What is derived from the password of a principal; empty if they have none."""
        found = (entry.kept for entry in self._entries.values() if entry.principal == principal)
        return next(found, "")

    async def principal(self, name: str, password: str) -> str | None:
        """Who has this name, if this is the password.

        Raises:
            TooManyError: Others were wrong just before: this one was not looked at.
        """
        entry = self._entries.get(name, self._nobody)
        async with self._one_at_a_time:
            if not await self._tries.take(entry.principal):
                raise TooManyError
            if not await run_sync(fits, password, entry.kept) or not entry.principal:
                return None
            await self._tries.forget(entry.principal)
            return entry.principal
