"""The ledger's rows, in SQL. Imported when the first change is asked for: it costs 0.3 s.

`operations` holds what is going on, one row an operation, and the only transition that matters is
atomic: a row becomes `executing` once, whoever tries and however many try at the same time.
`entries` holds what happened, one row an event, in the chain that `tools.chain` describes.
"""

import sqlite3
import time
from collections.abc import AsyncGenerator, Collection, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import asdict, replace

import anyio
import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    and_,
    delete,
    event,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tools.chain import COPIED, Head, Ledger, Mark, linked, proven
from tools.journal import ONCE

Row = dict[str, object]

VERSION = 3
"""The schema's version, kept in the database: an older one is brought up, a newer one refused."""

TABLES = MetaData()

OPERATIONS = Table(
    "operations",
    TABLES,
    Column("id", String, primary_key=True),
    Column("asked_at", Float, nullable=False),  # seconds since 1970, as every date here
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("principal", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("subject", String, nullable=False),  # a number, never a name
    Column("goal", String, nullable=False, server_default=""),  # states, ids and marks
    Column("part_of", String, nullable=False, server_default="", index=True),  # an operation
    Column("place", String, nullable=False, server_default=""),  # where the service answers
    Column("arguments", String, nullable=False),  # a mark, as are the next two
    Column("question", String, nullable=False),
    Column("facts", String, nullable=False),
    Column("evidence", String, nullable=False, default=""),
    Column("status", String, nullable=False, index=True),
    Column("leased_until", Float),
    Column("result", LargeBinary),  # sealed, as are the next two
    Column("asked", LargeBinary),  # what the page shows, until the question is answered
    Column("plan", LargeBinary),  # what was read and is to be carried out, until it is over
    Column("by_page", Boolean, nullable=False, server_default="0"),
    Column("told", Boolean, nullable=False, server_default="0"),
)
ENTRIES = Table(
    "entries",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("operation", String, nullable=False, index=True),
    Column("event", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("arguments", String, nullable=False),
    Column("question", String, nullable=False),
    Column("mark", String, nullable=False),
)
HEADS = Table(
    "heads",
    TABLES,
    Column("id", Integer, primary_key=True),  # one row: the newest entry, and the last one purged
    Column("number", Integer, nullable=False),
    Column("mark", String, nullable=False),
    Column("purged", Integer, nullable=False),
    Column("purged_mark", String, nullable=False),
    Column("proof", String, nullable=False),  # a mark of the rest
)
VERSIONS = Table("guichet_schema", TABLES, Column("version", Integer, nullable=False))

PATIENCE = 10
"""Seconds that a writer waits for its turn."""
TRIED_AGAIN_AFTER = 0.01

ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7483928)",  # any number that nobody else takes
}
"""What makes the transactions that write wait for one another, before they read anything."""


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
def _usable() -> Generator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise UnusableDatabaseError(type(error).__name__) from None


class Storage:
    """The rows of one database, shared by every process of this instance.

    Raises:
        UnusableDatabaseError: The address is none, or of a database that is not supported.
    """

    def __init__(self, url: str, mark: Mark) -> None:
        try:
            self._engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise UnusableDatabaseError(type(error).__name__) from error
        if self._engine.dialect.name not in ALONE:
            raise UnusableDatabaseError("neither SQLite nor PostgreSQL")
        self._mark = mark
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _durable)

    async def prepare(self) -> None:
        """Make the tables if this database has none, bring them up to date if they are older.

        Raises:
            UnusableDatabaseError: It cannot be opened, or was written by a newer Guichet.
        """
        try:
            if self._engine.dialect.name == "sqlite":
                await anyio.to_thread.run_sync(_opened, self._engine.url.database or "")
            async with self._writing() as connection:
                await connection.run_sync(_prepared, self._mark)
        except UnusableDatabaseError:
            await self.close()
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            await self.close()
            raise UnusableDatabaseError(type(error).__name__) from error

    async def add(self, row: Row) -> bool:
        """Keep a new operation, and the entry that says so; false if there is one of that name."""
        happened = _event(row["status"])
        namesake = select(OPERATIONS.c.id).where(OPERATIONS.c.id == row["id"])
        async with self._writing() as connection:
            if (await connection.execute(namesake)).first():
                return False
            await connection.execute(insert(OPERATIONS).values(row))
            await connection.run_sync(_append, self._mark, row["id"], happened, row["asked_at"])
            return True

    async def forget(self, now: float) -> None:
        """Erase what was shown and planned of questions that nobody may answer any more."""
        over = and_(
            OPERATIONS.c.status.in_(("pending", "approved")),
            OPERATIONS.c.expires_at <= now,
            or_(OPERATIONS.c.asked.is_not(None), OPERATIONS.c.plan.is_not(None)),
        )
        async with self._writing() as connection:
            await connection.execute(update(OPERATIONS).where(over).values(asked=None, plan=None))

    async def find(self, operation: str) -> RowMapping | None:
        query = select(OPERATIONS).where(OPERATIONS.c.id == operation)
        async with self._reading() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    async def change(
        self, operation: str, values: Row, *, now: float, among: Sequence[str]
    ) -> bool:
        """Whether the operation was in one of these states, open, and has now changed.

        Its status is its event: the entry is written in the same transaction.
        """
        change = (
            update(OPERATIONS)
            .where(OPERATIONS.c.id == operation, OPERATIONS.c.status.in_(among))
            .values(values)
        )
        if values["status"] in {"executing", "approved"}:
            change = change.where(OPERATIONS.c.expires_at > now)
        async with self._writing() as connection:
            if (await connection.execute(change)).rowcount != 1:
                return False
            await connection.run_sync(_append, self._mark, operation, values["status"], now)
            return True

    async def touch(self, operation: str, values: Row) -> None:
        """Change what no entry needs to tell."""
        change = update(OPERATIONS).where(OPERATIONS.c.id == operation).values(values)
        async with self._writing() as connection:
            await connection.execute(change)

    async def unsettled(self, now: float, since: float) -> list[RowMapping]:
        """What was executing when its lease ran out, and what could not be determined since."""
        return await self._operations(
            or_(
                and_(OPERATIONS.c.status == "executing", OPERATIONS.c.leased_until < now),
                and_(OPERATIONS.c.status == "undetermined", OPERATIONS.c.asked_at > since),
            )
        )

    async def on_page(self, principal: str) -> list[RowMapping]:
        """What was put to this principal on the page and is not over, newest first."""
        return await self._operations(
            and_(
                OPERATIONS.c.principal == principal,
                OPERATIONS.c.by_page.is_(True),
                OPERATIONS.c.told.is_(False),
            )
        )

    async def recent(
        self, principal: str, most: int, before: tuple[float, str] | None = None, whole: str = ""
    ) -> list[RowMapping]:
        """The newest operations of this principal, or those before a time and an identifier.

        Parts are left out; given what they are parts of, they alone are found.
        """
        his = and_(OPERATIONS.c.principal == principal, OPERATIONS.c.part_of == whole)
        if before:
            earlier = tuple_(OPERATIONS.c.asked_at, OPERATIONS.c.id) < tuple_(*before)
            his = and_(his, earlier)
        return await self._operations(his, most)

    async def parts(self, whole: str) -> list[RowMapping]:
        """What an operation was carried out by, newest first."""
        return await self._operations(OPERATIONS.c.part_of == whole)

    async def sent(
        self, principal: str, tool: str, subject: str, places: Collection[str]
    ) -> list[RowMapping]:
        """What this principal had sent, or may have had, by this tool, on this subject, there."""
        return await self._operations(
            and_(
                OPERATIONS.c.principal == principal,
                OPERATIONS.c.tool == tool,
                OPERATIONS.c.subject == subject,
                OPERATIONS.c.place.in_(places),
                OPERATIONS.c.status.in_(("executing", "applied", "undetermined")),
            )
        )

    async def named(self, principal: str, beginning: str) -> list[RowMapping]:
        """The operations of this principal whose identifier begins so."""
        return await self._operations(
            and_(
                OPERATIONS.c.principal == principal,
                OPERATIONS.c.id.startswith(beginning, autoescape=True),
            )
        )

    async def applied(
        self, tools: Collection[str], *, place: str, goal: str, before: float
    ) -> bool:
        """Whether one of these tools had made a change there by then, its goal beginning so."""
        found = await self._operations(
            and_(
                OPERATIONS.c.status == "applied",
                OPERATIONS.c.tool.in_(tools),
                OPERATIONS.c.place == place,
                OPERATIONS.c.goal.startswith(goal, autoescape=True),
                OPERATIONS.c.ended_at < before,
            ),
            most=1,
        )
        return bool(found)

    async def entries(self, operation: str = "") -> list[RowMapping]:
        """What happened, oldest first: everything, or to one operation."""
        query = select(ENTRIES).order_by(ENTRIES.c.number)
        if operation:
            query = query.where(ENTRIES.c.operation == operation)
        async with self._reading() as connection:
            return list((await connection.execute(query)).mappings())

    async def ledger(self) -> Ledger:
        """All of it, while nobody writes."""
        entries, operations = select(ENTRIES).order_by(ENTRIES.c.number), select(OPERATIONS)
        async with self._writing() as connection:
            head, proof = await connection.run_sync(_head)
            return Ledger(
                _rows((await connection.execute(entries)).mappings()),
                head,
                proof,
                _rows((await connection.execute(operations)).mappings()),
            )

    async def purge(self, before: float, *, now: float) -> int:
        """How many entries were deleted: the oldest, as long as they are older than this.

        The operations that are over and that no entry tells of any more go with them, but for
        those that aim at `ONCE`. The head keeps the mark of the last one deleted: the chain goes
        on from there.
        """
        kept = select(func.min(ENTRIES.c.number)).where(ENTRIES.c.at >= before)
        over = or_(
            OPERATIONS.c.ended_at.is_not(None),
            and_(OPERATIONS.c.status.in_(("pending", "approved")), OPERATIONS.c.expires_at <= now),
        )
        async with self._writing() as connection:
            head, _ = await connection.run_sync(_head)
            first_kept = (await connection.execute(kept)).scalar() or head.number + 1
            last = select(ENTRIES).where(ENTRIES.c.number == first_kept - 1)
            gone = (await connection.execute(last)).mappings().one_or_none()
            if gone is None:
                return 0
            old = ENTRIES.c.number <= gone["number"]
            count = (await connection.execute(delete(ENTRIES).where(old))).rowcount
            untold = OPERATIONS.c.id.not_in(select(ENTRIES.c.operation))
            again = OPERATIONS.c.goal != ONCE
            await connection.execute(delete(OPERATIONS).where(over, untold, again))
            moved = replace(head, purged=gone["number"], purged_mark=gone["mark"])
            await connection.run_sync(_move, moved, self._mark)
            return count

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that no other writer is in, from before it reads to its end."""
        with _usable():
            async with self._engine.begin() as connection:
                await connection.execute(text(ALONE[self._engine.dialect.name]))
                yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncGenerator[AsyncConnection]:
        with _usable():
            async with self._engine.connect() as connection:
                yield connection

    async def _operations(
        self, condition: ColumnElement[bool], most: int | None = None
    ) -> list[RowMapping]:
        """Newest first."""
        newest = (OPERATIONS.c.asked_at.desc(), OPERATIONS.c.id.desc())
        query = select(OPERATIONS).where(condition).order_by(*newest).limit(most)
        async with self._reading() as connection:
            return list((await connection.execute(query)).mappings())


def _append(
    connection: Connection, mark: Mark, operation: object, happened: object, at: object
) -> None:
    """Add an entry to the chain, within the transaction that makes it true."""
    said = (OPERATIONS.c[name] for name in COPIED)
    about = select(*said).where(OPERATIONS.c.id == operation)
    row, (head, _) = connection.execute(about).mappings().one(), _head(connection)
    entry: Row = {name: row[name] for name in COPIED} | {
        "number": head.number + 1,
        "at": at,
        "operation": operation,
        "event": happened,
    }
    made = mark(linked(entry, head.mark))
    connection.execute(insert(ENTRIES).values(entry | {"mark": made}))
    _move(connection, replace(head, number=head.number + 1, mark=made), mark)


def _event(status: object) -> object:
    """What an entry calls an operation's coming to this status."""
    return "asked" if status == "pending" else status


def _rows(found: Iterable[RowMapping]) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in found]


def _head(connection: Connection) -> tuple[Head, str]:
    """The head, and its proof."""
    row = connection.execute(select(HEADS)).mappings().one()
    return Head(**{name: row[name] for name in asdict(Head())}), row["proof"]


def _move(connection: Connection, head: Head, mark: Mark) -> None:
    connection.execute(update(HEADS).values(asdict(head) | {"proof": mark(proven(head))}))


def _prepared(connection: Connection, mark: Mark) -> None:
    old = _version(connection)
    if old is None:
        TABLES.create_all(connection)
        connection.execute(insert(VERSIONS).values(version=VERSION))
        _begin(connection, mark)
    elif old > VERSION:
        raise UnusableDatabaseError("written by a newer Guichet")
    elif old < VERSION:
        for version in range(old, VERSION):
            MIGRATIONS[version](connection, mark)
        connection.execute(update(VERSIONS).values(version=VERSION))


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(VERSIONS.name):
        return None
    return connection.execute(select(VERSIONS.c.version)).scalar_one()


def _begin(connection: Connection, mark: Mark) -> None:
    """Put a head where there is no entry yet."""
    connection.execute(
        insert(HEADS).values(asdict(Head()) | {"id": 1, "proof": mark(proven(Head()))})
    )


def _from_1(connection: Connection, mark: Mark) -> None:
    """Version 1 had operations only, and SQLite only: each is now told of by an entry."""
    for column in (
        "asked BLOB",
        "by_page BOOLEAN DEFAULT 0 NOT NULL",
        "told BOOLEAN DEFAULT 0 NOT NULL",
    ):
        connection.execute(text(f"ALTER TABLE operations ADD COLUMN {column}"))
    TABLES.create_all(connection, [ENTRIES, HEADS])
    _begin(connection, mark)
    at = func.coalesce(OPERATIONS.c.ended_at, OPERATIONS.c.asked_at)
    known = select(OPERATIONS.c.id, OPERATIONS.c.status, at).order_by(at)
    for operation, status, ended_or_asked_at in connection.execute(known).all():
        _append(connection, mark, operation, _event(status), ended_or_asked_at)


def _from_2(connection: Connection, _: Mark) -> None:
    """Version 2 did not say what an operation aims at, where, nor what it is a part of."""
    binary = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
    for column in (
        *(f"{name} VARCHAR DEFAULT '' NOT NULL" for name in ("goal", "part_of", "place")),
        f"plan {binary}",
    ):
        connection.execute(text(f"ALTER TABLE operations ADD COLUMN {column}"))
    for index in OPERATIONS.indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS = {1: _from_1, 2: _from_2}
"""What brings each version to the next."""


def _opened(file: str) -> None:
    """Make the file if need be; processes read it while one writes (WAL).

    It fails here if it must: a file that aiosqlite cannot open leaves a thread behind. SQLite does
    not wait when two processes turn to WAL at once: whoever comes second tries again.
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


def _durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Wait for one's turn, survive a power cut (FULL), erase what is deleted."""
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={PATIENCE * 1000}", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
