"""Going through every dossier, whatever the service makes of a page.

What is too much for it is asked again in smaller pages; a dossier that cannot be read even alone
is told by its number, and hides no other.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx

from clients.demarches.exports import (
    ExportedPage,
    Gap,
    Lost,
    first_number,
    ran_out_of_time,
    read_page,
)
from clients.demarches.exports import Read as ReadPage
from clients.demarches.failures import failure, refusal
from clients.demarches.wire import SERVICE, Reply, read, read_if_any
from clients.errors import ApiError, UnavailableError
from clients.http import upstream

Ask = Callable[[str, int, str], Awaitable[httpx.Response]]
"""Sends an operation, for so many dossiers after a cursor."""

LARGEST = 100
"""Dossiers of a page: the service gives no more."""
SMALLER = 4
"""What a page that is too much is divided by."""
LARGER_AFTER = 5
"""Pages in a row that succeed before a larger one is tried."""
MOST_LOST_IN_A_ROW = 10
"""Dossiers that cannot be read one after the other: from there on, it is no longer about them."""


class Scroll:
    """A place among the dossiers of a démarche, and the size of the pages to go on by."""

    def __init__(self, ask: Ask, *, after: str) -> None:
        self._ask = ask
        self._size = LARGEST
        self._given_in_a_row = 0
        self._lost_in_a_row = 0
        self.cursor = after
        """After the last dossier that was read; kept where it was when nothing more comes."""
        self.ended = False
        self._before_loss: str | None = None

    @property
    def resumption(self) -> str:
        """The cursor to start from another time: before the first dossier that was lost, if any."""
        return self.cursor if self._before_loss is None else self._before_loss

    async def page(self) -> ExportedPage:
        """The next dossiers; the last page sets `ended`.

        Raises:
            ApiError: The service can give none, or not one of ten in a row.
        """
        while (found := await self._attempt()) is None:
            if self._size == 1:
                return await self._skip()
            self._size, self._given_in_a_row = max(1, self._size // SMALLER), 0
        self._count_lost(0 if found.page.dossiers else len(found.gaps))
        lost = [await self._named(gap) for gap in found.gaps]
        if found.gaps:
            self._hold(found.gaps[0].before or self.cursor)
        self._advance(found.end, more=found.more)
        self._grow()
        return ExportedPage(found.page.dossiers, (*found.page.lost, *lost))

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

    async def _skip(self) -> ExportedPage:
        """Pass over the one dossier that follows, once its number is read."""
        self._count_lost(1)
        with upstream(SERVICE):
            number, cursor, more = await self._number(self.cursor)
        self._hold(self.cursor)
        self._advance(cursor, more=more)
        return ExportedPage((), (Lost(number, "", "it cannot be read, even alone."),))

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

    def _advance(self, cursor: str, *, more: bool) -> None:
        self.cursor = cursor or self.cursor
        self.ended = not more


_TOO_MUCH = {"timeout", "too_much", "invalid_null", "internal_server_error"}
"""Why a page may be refused that would be given if it were smaller."""
_STRUGGLING = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.REQUEST_TIMEOUT,
}
