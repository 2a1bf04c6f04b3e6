"""Going through every dossier, whatever the service makes of a page.

What is too much for it is asked again in smaller pages; a dossier that cannot be read even alone
is told by its number, and hides no other.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import anyio
import httpx

from clients.demarches.exports import (
    ExportedPage,
    Gap,
    Lost,
    exported,
    first_number,
    ran_out_of_time,
    read_page,
)
from clients.demarches.exports import Read as ReadPage
from clients.demarches.failures import failure, refusal
from clients.demarches.wire import SERVICE, Reply, read, read_if_any
from clients.errors import ApiError, UnavailableError, UnexpectedReplyError
from clients.http import upstream

Ask = Callable[[str, int, str], Awaitable[httpx.Response]]
"""Sends an operation, for so many dossiers after a cursor."""
Take = Callable[[ExportedPage], Awaitable[None]]
"""Does something with a page."""
Given = TypeVar("Given")

LARGEST = 100
"""Dossiers of a page: the service gives no more."""
SMALLER = 4
"""What a page that is too much is divided by."""
LARGER_AFTER = 5
"""Pages in a row that succeed before a larger one is tried."""
MOST_LOST_IN_A_ROW = 10
"""Dossiers that cannot be read one after the other: from there on, it is no longer about them."""
LEAVING = 0.001
"""Seconds in which a request leaves, that whatever is computed at once would hold back."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A dossier that cannot be read even alone."""

    number: int
    before: str
    """The cursor that it follows."""


class Bookmark:
    """Where one is in a list that is read page by page, and never goes back."""

    def __init__(self, after: str) -> None:
        self.cursor = after
        """After what was read; kept where it was when nothing more comes."""
        self.ended = False
        self._met = {after}

    def move(self, end: str, *, more: bool) -> None:
        """Go to the end of a page; `more` follows, or nothing does.

        Raises:
            UnexpectedReplyError: The page leads back to what was read.
        """
        if more and end in self._met:
            raise UnexpectedReplyError(SERVICE, "a page leads back to what was read.")
        self._met.add(end)
        self.cursor = end or self.cursor
        self.ended = not more


class Scroll:
    """A place among the dossiers of a démarche, and the size of the pages to go on by."""

    def __init__(self, ask: Ask, *, after: str) -> None:
        self._ask = ask
        self._size = LARGEST
        self._given_in_a_row = 0
        self._lost_in_a_row = 0
        self._bookmark = Bookmark(after)
        self._before_loss: str | None = None

    @property
    def cursor(self) -> str:
        """After the last dossier that was read; where it was when nothing more comes."""
        return self._bookmark.cursor

    @property
    def resumption(self) -> str:
        """The cursor to start from another time: before the first dossier that was lost, if any."""
        return self.cursor if self._before_loss is None else self._before_loss

    async def through(self, take: Take) -> None:
        """Have `take` do its work with every page, each while the next one is waited for.

        Raises:
            ApiError: The service can give none, or not one of ten in a row. The page before may
                then be half taken, and the cursor is after it.
        """
        found = await self._next()
        while not self._bookmark.ended:
            found = await _meanwhile(self._next, partial(self._give, found, take))
        await self._give(found, take)

    async def _give(self, found: ReadPage | Skipped, take: Take) -> None:
        await take(await self._told(found))

    async def _next(self) -> ReadPage | Skipped:
        """What comes after the cursor, which goes after it."""
        while (found := await self._attempt()) is None:
            if self._size == 1:
                return await self._skip()
            self._size, self._given_in_a_row = max(1, self._size // SMALLER), 0
        self._bookmark.move(found.end, more=found.more)
        self._grow()
        return found

    async def _told(self, found: ReadPage | Skipped) -> ExportedPage:
        """What is to be known of what came, once what is missing from it is named."""
        if isinstance(found, Skipped):
            self._count_lost(1)
            self._hold(found.before)
            return ExportedPage((), (Lost(found.number, "", "it cannot be read, even alone."),))
        with upstream(SERVICE):
            page, gaps = exported(found)
        self._count_lost(0 if page.dossiers else len(gaps))
        lost = [await self._named(gap) for gap in gaps]
        if gaps:
            self._hold(gaps[0].before or found.after)
        return ExportedPage(page.dossiers, (*page.lost, *lost))

    async def _attempt(self) -> ReadPage | None:
        """The next page, or nothing if it is too much for the service.

        Raises:
            ApiError: A smaller one would not be given either.
        """
        with upstream(SERVICE):
            reply = await self._reply()
            if reply is None or (ran_out_of_time(reply) and self._size > 1):
                return None
            found = read_page(reply, self.cursor)
            if found is None and reply.cause not in _TOO_MUCH:
                raise failure(reply)
            return found

    async def _reply(self) -> Reply | None:
        try:
            response = await self._ask("export", self._size, self.cursor)
        except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.DecodingError):
            return None
        if response.status_code in _STRUGGLING:
            return None
        if not response.is_success and read_if_any(response).cause not in _TOO_MUCH:
            raise refusal(response)
        return read(response)

    async def _skip(self) -> Skipped:
        """Pass over the one dossier that follows, once its number is read."""
        before = self.cursor
        with upstream(SERVICE):
            number, cursor, more = await self._number(before)
        self._bookmark.move(cursor, more=more)
        return Skipped(number, before)

    async def _named(self, gap: Gap) -> Lost:
        """The number of a dossier that is missing from a page, if it can be known."""
        if gap.before is None:
            return Lost(0, "", gap.reason)
        try:
            with upstream(SERVICE):
                number, _, _ = await self._number(gap.before)
        except ApiError:
            number = 0
        return Lost(number, "", gap.reason)

    async def _number(self, after: str) -> tuple[int, str, bool]:
        response = await self._ask("numeros", 1, after)
        if not response.is_success:
            raise refusal(response)
        return first_number(read(response))

    def _hold(self, before: str) -> None:
        if self._before_loss is None:
            self._before_loss = before

    def _count_lost(self, lost: int) -> None:
        self._lost_in_a_row = self._lost_in_a_row + lost if lost else 0
        if self._lost_in_a_row > MOST_LOST_IN_A_ROW:
            told = f"more than {MOST_LOST_IN_A_ROW} dossiers in a row cannot be read."
            raise UnavailableError(SERVICE, told)

    def _grow(self) -> None:
        self._given_in_a_row += 1
        if self._given_in_a_row >= LARGER_AFTER:
            self._size, self._given_in_a_row = min(LARGEST, self._size * SMALLER), 0


async def _meanwhile(
    first: Callable[[], Awaitable[Given]], other: Callable[[], Awaitable[None]]
) -> Given:
    """What the first gives, once the other, which starts a little later, is done as well.

    One that fails stops both, and is raised as if it were alone.
    """
    given: list[Given] = []

    async def later() -> None:
        await anyio.sleep(LEAVING)
        await other()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(later)
            given.append(await first())
    except ExceptionGroup as failures:  # how a task group tells even of one failure
        raise failures.exceptions[0] from None
    return given[0]


_TOO_MUCH = {"timeout", "too_much", "invalid_null", "internal_server_error"}
"""Why a page may be refused that would be given if it were smaller."""
_STRUGGLING = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.REQUEST_TIMEOUT,
}
