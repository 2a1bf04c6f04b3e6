"""What several instances share besides the ledger, in its database: sign-ins, budgets, tries.

Loaded only where there are several: it is of PostgreSQL, and of the extra `team`.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal

import anyio
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from clients.emjpm import LOGIN, SERVICE, Pair
from clients.errors import AccessDeniedError, UnavailableError
from clients.pace import WINDOW, OwnBudget, Wait
from server.approvals.passwords import A_MINUTE, MOST_FAILURES, OwnTries
from server.sign_ins import LOCKED_FOR, written
from tools.database import Database
from tools.sealing import BrokenSealError, Seal

ALONE = 5
"""The part of a budget that a process takes while it cannot know what the others do: a fifth."""
ANSWERED_WITHIN = 2.0
"""Seconds that a request waits for the database to count it."""
ASKED_AGAIN_AFTER = 10.0
"""Seconds after which a database that did not answer is asked again."""

TABLES = MetaData()

SIGN_INS = Table(
    "sign_ins",
    TABLES,
    Column("account", String, primary_key=True),
    Column("pair", LargeBinary, nullable=False),  # sealed
)
SENT = Table(
    "requests_sent",
    TABLES,
    Column("service", String, primary_key=True),
    Column("second", BigInteger, primary_key=True),  # since 1970
    Column("count", Integer, nullable=False),
)
PAUSES = Table(
    "pauses",
    TABLES,
    Column("service", String, primary_key=True),
    Column("until", Float, nullable=False),
)
TRIES = Table(
    "passwords_tried",
    TABLES,
    Column("principal", String, nullable=False, index=True),
    Column("at", Float, nullable=False),
)

_PAIR = TypeAdapter(Pair)


class Shared:
    """One database, opened when first needed, and what is kept there sealed."""

    def __init__(self, url: str, seal: Seal) -> None:
        self.seal = seal
        self._url = url
        self._opening = anyio.Lock()
        self._opened: Database | None = None

    def sign_in(self, account: str) -> "SharedSignIn":
        return SharedSignIn(self, account)

    def budget(self, service: str, most: int) -> "SharedBudget":
        return SharedBudget(self, service, most)

    def tries(self) -> "SharedTries":
        return SharedTries(self)

    async def database(self) -> Database:
        """The database, with its tables.

        Raises:
            UnusableDatabaseError: It cannot be opened.
        """
        async with self._opening:
            if self._opened is None:
                database = Database(self._url)
                try:
                    await database.write(TABLES.create_all, abandoned=True)
                except BaseException:
                    await database.close()
                    raise
                self._opened = database
        return self._opened

    async def close(self) -> None:
        if self._opened:
            await self._opened.close()


class SharedSignIn:
    """The pair of one account of one eMJPM, for every instance, and the lock that goes with it."""

    def __init__(self, shared: Shared, account: str) -> None:
        self._shared = shared
        self._account = account
        self._one_at_a_time = anyio.Lock()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """A block that no other instance, and no other task, is in.

        Raises:
            UnavailableError: Another has been in it for too long, or the database is down.
        """
        async with self._one_at_a_time:
            async with _database(self._shared) as database:
                lock = await database.lock(self._account, LOCKED_FOR)
            try:
                yield
            finally:
                await lock.release()

    async def read(self) -> Pair | None:
        """The pair, unless nobody signed in.

        Raises:
            AccessDeniedError: There is one, sealed under a secret that this instance has not.
            UnavailableError: The database is down.
        """
        query = select(SIGN_INS.c.pair).where(SIGN_INS.c.account == self._account)
        async with _database(self._shared) as database:
            sealed = await database.read(lambda connection: connection.execute(query).scalar())
        try:
            return sealed and _PAIR.validate_json(self._shared.seal.open(sealed))
        except (BrokenSealError, ValidationError):
            told = "the sign-in was sealed under another GUICHET_SECRET."
            raise AccessDeniedError(SERVICE, told, remedy=f"Run `{LOGIN}`.") from None

    async def write(self, pair: Pair) -> None:
        """Keep the pair in the place of the last one.

        Raises:
            UnavailableError: The database is down: whoever had the pair has lost it.
        """
        sealed = self._shared.seal.close(written(pair).encode())

        def replace(connection: Connection) -> None:
            connection.execute(delete(SIGN_INS).where(SIGN_INS.c.account == self._account))
            connection.execute(insert(SIGN_INS).values(account=self._account, pair=sealed))

        async with _database(self._shared) as database:
            await database.write(replace)

    async def begin(self, pair: Pair) -> Literal["database"]:
        """Keep the pair of somebody who signs in, and say where."""
        await self.write(pair)
        return "database"

    async def forget(self) -> None:
        """Keep nothing any more."""
        gone = delete(SIGN_INS).where(SIGN_INS.c.account == self._account)
        async with _database(self._shared) as database:
            await database.write(lambda connection: connection.execute(gone))

    def place(self) -> Literal["database"]:
        """Where the pair is kept if anywhere; the database is not asked."""
        return "database"


class SharedBudget:
    """So many requests in any minute, for all the instances together.

    They are counted by whole seconds, of the database's clock. While it does not answer, a process
    takes no more than its part of them, of which those it made just before.
    """

    def __init__(
        self,
        shared: Shared,
        service: str,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._service = service
        self._most = most
        self._clock = clock
        self._own = OwnBudget(max(1, most // ALONE), clock=clock)
        self._down_until = 0.0

    async def take(self) -> Wait | None:
        """Nothing, once a request is counted, which may then leave; or how long to wait first."""
        if self._clock() < self._down_until:
            return await self._own.take()
        try:
            with anyio.fail_after(ANSWERED_WITHIN):
                wait = await self._counted()
        except (ToolError, TimeoutError):
            self._down_until = self._clock() + ASKED_AGAIN_AFTER
            return await self._own.take()
        if wait is None:
            self._own.count()
        return wait

    async def close(self, seconds: float) -> None:
        """Let nothing through for so long, whichever the instance."""
        await self._own.close(seconds)
        try:
            with anyio.fail_after(ANSWERED_WITHIN):
                await self._closed(seconds)
        except (ToolError, TimeoutError):
            self._down_until = self._clock() + ASKED_AGAIN_AFTER

    async def _counted(self) -> Wait | None:
        database = await self._shared.database()

        def count(connection: Connection) -> Wait | None:
            return _taken(connection, self._service, self._most, database.now())

        return await database.write(count, among=self._service, abandoned=True)

    async def _closed(self, seconds: float) -> None:
        database = await self._shared.database()

        def close(connection: Connection) -> None:
            until = database.now() + seconds
            connection.execute(delete(PAUSES).where(PAUSES.c.service == self._service))
            connection.execute(insert(PAUSES).values(service=self._service, until=until))

        await database.write(close, among=self._service, abandoned=True)


class SharedTries:
    """The passwords that are tried at the page of any instance.

    While the database does not answer, a process counts those that it is given.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._own = OwnTries()

    async def take(self, principal: str) -> bool:
        """Whether one more may be tried for this principal, which then counts."""
        if not await self._own.take(principal):
            return False
        try:
            with anyio.fail_after(ANSWERED_WITHIN):
                return await self._counted(principal)
        except (ToolError, TimeoutError):
            return True

    async def forget(self, principal: str) -> None:
        """Hold nothing against this principal any more."""
        await self._own.forget(principal)
        with suppress(ToolError, TimeoutError), anyio.fail_after(ANSWERED_WITHIN):
            database, gone = await self._shared.database(), TRIES.c.principal == principal
            await database.write(
                lambda connection: connection.execute(delete(TRIES).where(gone)),
                among=TRIES.name,
                abandoned=True,
            )

    async def _counted(self, principal: str) -> bool:
        database = await self._shared.database()

        def count(connection: Connection) -> bool:
            return _tried(connection, principal, database.now())

        return await database.write(count, among=TRIES.name, abandoned=True)


def _taken(connection: Connection, service: str, most: int, now: float) -> Wait | None:
    """Nothing, once one more request is counted; or how long to wait first."""
    oldest = int(now - WINDOW)
    here = SENT.c.service == service
    connection.execute(delete(SENT).where(here, SENT.c.second < oldest))
    paused = select(PAUSES.c.until).where(PAUSES.c.service == service)
    query = select(
        func.coalesce(func.sum(SENT.c.count), 0),
        func.min(SENT.c.second),
        func.coalesce(paused.scalar_subquery(), 0.0),
    ).where(here)
    sent, first, until = connection.execute(query).one()
    if until > now:
        return Wait(until - now, asked=True)
    if sent >= most:
        return Wait(first + 1 + WINDOW - now)
    _add(connection, service, int(now))
    return None


def _add(connection: Connection, service: str, second: int) -> None:
    here = SENT.c.service == service, SENT.c.second == second
    more = update(SENT).where(*here).values(count=SENT.c.count + 1)
    if not connection.execute(more).rowcount:
        connection.execute(insert(SENT).values(service=service, second=second, count=1))


def _tried(connection: Connection, principal: str, now: float) -> bool:
    """Whether one more password may be tried for this principal, which then counts."""
    connection.execute(delete(TRIES).where(TRIES.c.at <= now - A_MINUTE))
    query = select(func.count()).where(TRIES.c.principal == principal)
    if connection.execute(query).scalar_one() >= MOST_FAILURES:
        return False
    connection.execute(insert(TRIES).values(principal=principal, at=now))
    return True


@asynccontextmanager
async def _database(shared: Shared) -> AsyncGenerator[Database]:
    """The database; a sign-in cannot be had without it."""
    try:
        yield await shared.database()
    except ToolError:
        told = "the sign-in cannot be had: the database of GUICHET_STATE_URL does not answer."
        remedy = "Nothing was changed. Try again in a minute."
        raise UnavailableError(SERVICE, told, remedy=remedy) from None
