"""The passwords by which people sign in to the page, tried one at a time and not too often."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


class Passwords:
    """Whoever knows the password of a name is its principal.

    A name that does not exist takes as long to be refused as one that does.
    """

    def __init__(self, entries: Mapping[str, Entry], clock: Callable[[], float]) -> None:
        self._entries = entries
        self._clock = clock
        self._nobody = Entry("", derived(fresh()))
        self._failures = defaultdict[str, list[float]](list)
        self._one_at_a_time = anyio.Lock()

    def __len__(self) -> int:
        """How many people have one."""
        return len(self._entries)

    async def principal(self, name: str, password: str) -> str | None:
        """Who has this name, if this is the password.

        Raises:
            TooManyError: Others were wrong just before: this one was not looked at.
        """
        entry = self._entries.get(name, self._nobody)
        async with self._one_at_a_time:
            failures = self._failures[entry.principal]
            failures[:] = [at for at in failures if self._clock() - at < A_MINUTE]
            if len(failures) >= MOST_FAILURES:
                raise TooManyError
            if await run_sync(fits, password, entry.kept) and entry.principal:
                failures.clear()
                return entry.principal
            failures.append(self._clock())
            return None
