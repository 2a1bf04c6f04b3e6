"""A database that processes share, and all in which SQLite differs here from PostgreSQL.

Whoever writes first waits to be the only one who does, on either: nobody who reads before writing
is ever told to start again, and what must follow what others wrote (the chain of the journal) does.
On PostgreSQL this is an advisory lock of the transaction. It can be taken before there is any
table, a row of which `FOR UPDATE` would lock; and, unlike a serialisable transaction, it never
fails because of what somebody else did.
"""

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

PATIENCE = 10
"""Seconds that a writer waits for its turn, and that a database has to answer."""
TRIED_AGAIN_AFTER = 0.01
LOCKED_AGAIN_AFTER = 0.05
AT_ONCE = 5
"""Connections that a process keeps to a database on a server, and readers it has at once."""
LEDGER = "ledger"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to one kind of database."""

    alone: str
    """What makes the transactions that write wait for one another, before they read anything; it
    gives the time, where the clocks of processes may differ."""
    settings: Sequence[str]
    """What each connection begins with."""
    binary: str
    options: Mapping[str, Any]


KINDS = {
    "sqlite": Kind(
        alone="BEGIN IMMEDIATE",
        # Wait for one's turn, survive a power cut (FULL), erase what is deleted.
        settings=(
            f"PRAGMA busy_timeout={PATIENCE * 1000}",
            "PRAGMA synchronous=FULL",
            "PRAGMA secure_delete=ON",
        ),
        binary="BLOB",
        options=MappingProxyType({}),
    ),
    "postgresql": Kind(
        # A number that nobody else takes; the lock is had before the time is told.
        alone="SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision) "
        "FROM pg_advisory_xact_lock(7483928, hashtext(current_schema() || ' ' || :among))",
        # The same, whatever the server's own settings are. A process that froze, or whose machine
        # is gone, soon holds up nobody.
        settings=(
            f"SET lock_timeout = '{PATIENCE}s'",
            "SET synchronous_commit = on",
            f"SET idle_in_transaction_session_timeout = '{PATIENCE}s'",
            "SET tcp_keepalives_idle = 10",
            "SET tcp_keepalives_interval = 5",
            "SET tcp_keepalives_count = 3",
        ),
        binary="BYTEA",
        options=MappingProxyType(
            {
                # Each statement sees what is committed by then, hence by those who went first.
                "isolation_level": "READ COMMITTED",
                "pool_pre_ping": True,  # a server that was started again is connected to again
                "pool_size": AT_ONCE,
                # A lock holds one for as long as it lasts: whoever has it must not lack another.
                "max_overflow": -1,
                "connect_args": {
                    "connect_timeout": PATIENCE,
                    "application_name": "guichet",
                    "keepalives_idle": 10,
                    "keepalives_interval": 5,
                    "keepalives_count": 3,
                    "tcp_user_timeout": PATIENCE * 1000,
                },
            }
        ),
    ),
}


TAKEN = text("SELECT pg_try_advisory_lock(7483929, hashtext(current_schema() || ' ' || :name))")


class UnusableDatabaseError(ToolError):
    """The database cannot be read or written, or was written by a newer Guichet.

    It says no more than the kind of failure: an error of SQLAlchemy quotes statements and values.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The ledger of consents cannot be used ({why}), and nothing is changed without "
            "it. Check GUICHET_STATE_URL, or the rights on the state directory."
        )


@contextmanager
def usable() -> Generator[None]:
    """A block whose failures to use a database say so."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise UnusableDatabaseError(type(error).__name__) from None


class Database:
    """Transactions on one database: functions of a connection, each carried out in a thread.

    A thread is gone to once for a transaction, whatever it is made of. An asynchronous driver goes
    to one several times for each statement, and took five times as long.

    Raises:
        UnusableDatabaseError: The address is none, or of a database that is not supported.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` is that of this process."""
        try:
            self._engine = create_engine(address(url), hide_parameters=True, **_options(url))
        except ModuleNotFoundError as missing:
            why = f"{missing.name} is not installed: the extra `team` brings psycopg"
            raise UnusableDatabaseError(why) from missing
        except (SQLAlchemyError, ImportError, ValueError) as error:  # it may quote a password
            raise UnusableDatabaseError(type(error).__name__) from None
        if self._engine.dialect.name not in KINDS:
            raise UnusableDatabaseError("neither SQLite nor PostgreSQL")
        self.kind = KINDS[self._engine.dialect.name]
        self.file = self._engine.url.database if self.kind is KINDS["sqlite"] else None
        """Where it is, if it is a file."""
        if self.kind is KINDS["sqlite"] and self.file in {None, "", ":memory:"}:
            raise UnusableDatabaseError("in memory, where each thread would have its own")
        self._alone = text(self.kind.alone)
        self._clock = clock
        self._ahead = 0.0
        self._writers = anyio.CapacityLimiter(1)
        self._others = anyio.CapacityLimiter(AT_ONCE)
        event.listen(self._engine, "connect", self._set_up)

    def now(self) -> float:
        """The time that those who share the database agree on, as of their last transaction."""
        return self._clock() + self._ahead

    async def make(self) -> None:
        """Make the file, where the database is one."""
        if self.file:
            await self._in_thread(partial(_opened, self.file))

    async def write(
        self, work: Callable[[Connection], T], *, among: str = LEDGER, abandoned: bool = False
    ) -> T:
        """What `work` gives, in a transaction of which no other writer is, from before it reads.

        It goes to its end whoever is cancelled meanwhile; if it is `abandoned`, without them. On
        PostgreSQL, those who write something else than the ledger may have turns of their own.
        """
        # The tasks of a process queue here: SQLite would have them sleep, and try again.
        with usable(), anyio.fail_after(PATIENCE):
            return await anyio.to_thread.run_sync(
                self._written, work, among, limiter=self._writers, abandon_on_cancel=abandoned
            )

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, without waiting for those who write."""
        return await self._in_thread(partial(self._read, work))

    async def lock(self, name: str, within: float) -> "Lock":
        """A lock that no other process has, for as long as need be; on PostgreSQL alone.

        Raises:
            UnusableDatabaseError: It could not be had in so many seconds.
        """
        lock = Lock(await self._in_thread(self._unbounded))
        try:
            with usable(), anyio.fail_after(within):
                while not await lock.taken(name):  # noqa: ASYNC110
                    await anyio.sleep(LOCKED_AGAIN_AFTER)  # whoever frees it tells nobody
        except BaseException:
            await lock.release()
            raise
        return lock

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._engine.dispose)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """What may be left to itself should whoever waits be cancelled."""
        with usable():
            return await anyio.to_thread.run_sync(
                work, limiter=self._others, abandon_on_cancel=True
            )

    def _written(self, work: Callable[[Connection], T], among: str) -> T:
        with self._engine.begin() as connection:
            told = connection.execute(self._alone, {"among": among})
            if told.returns_rows:
                self._ahead = told.scalar_one() - self._clock()
            return work(connection)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    def _unbounded(self) -> Connection:
        """A connection whose statements are each on their own."""
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _set_up(self, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for setting in self.kind.settings:
            cursor.execute(setting)
        cursor.close()
        connection.commit()  # what is set in a transaction is lost with it


class Lock:
    """A lock that lasts as long as its connection: the server frees it should the process die."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def taken(self, name: str) -> bool:
        """Whether the lock is had; cancelled or not, for a connection given up must not be used."""
        return await anyio.to_thread.run_sync(self._taken, name)

    async def release(self) -> None:
        with anyio.CancelScope(shield=True), suppress(SQLAlchemyError):
            await anyio.to_thread.run_sync(self._released)

    def _taken(self, name: str) -> bool:
        return bool(self._connection.execute(TAKEN, {"name": name}).scalar())

    def _released(self) -> None:
        self._connection.invalidate()
        self._connection.close()


def address(url: str) -> str:
    """What SQLAlchemy is given, even if it is written for the driver that 0.1.0 went through."""
    return url.replace("sqlite+aiosqlite:", "sqlite:", 1)


def _options(url: str) -> Mapping[str, Any]:
    kind = KINDS.get(url.partition(":")[0].partition("+")[0])
    return kind.options if kind else {}


def _opened(file: str) -> None:
    """Make the file if need be; processes read it while one writes (WAL).

    SQLite does not wait when two processes turn to WAL at once: whoever comes second tries again.
    """
    give_up_at = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
                time.sleep(TRIED_AGAIN_AFTER)
            else:
                return
