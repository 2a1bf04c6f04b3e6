"""The ledger's rows, in SQL. Imported when the first change is asked for: it costs 0.3 s.

`operations` holds what is going on, one row an operation, and the only transition that matters is
atomic: a row becomes `executing` once, whoever tries and however many try at the same time.
`entries` holds what happened, one row an event, each marked together with the mark before it.
"""

import json
from collections.abc import Callable, Mapping, Sequence

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
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

Row = dict[str, object]

VERSION = 2
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
    Column("arguments", String, nullable=False),  # a mark, as are the next two
    Column("question", String, nullable=False),
    Column("facts", String, nullable=False),
    Column("evidence", String, nullable=False, default=""),
    Column("status", String, nullable=False, index=True),
    Column("leased_until", Float),
    Column("result", LargeBinary),  # sealed, as is the next
    Column("asked", LargeBinary),  # what the page shows, until the question is answered
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
)
VERSIONS = Table("guichet_schema", TABLES, Column("version", Integer, nullable=False))

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE operations ADD COLUMN asked BLOB",
        "ALTER TABLE operations ADD COLUMN by_page BOOLEAN DEFAULT 0 NOT NULL",
        "ALTER TABLE operations ADD COLUMN told BOOLEAN DEFAULT 0 NOT NULL",
    ),
}
"""What brings each version to the next, besides tables that are new; SQLite was the only one."""


class UnusableDatabaseError(Exception):
    """The database cannot be opened, or was written by a newer Guichet."""


class Storage:
    """The rows of one database, shared by every process of this instance."""

    def __init__(self, url: str, mark: Callable[[str], str]) -> None:
        self._engine = create_async_engine(url)
        self._mark = mark
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _durable)

    async def prepare(self) -> None:
        """Make the tables if this database has none, bring them up to date if they are older.

        Raises:
            UnusableDatabaseError: It cannot be opened, or was written by a newer Guichet.
        """
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(_prepared)
        except (SQLAlchemyError, OSError) as error:
            raise UnusableDatabaseError(type(error).__name__) from error

    async def add(self, row: Row) -> None:
        """Keep a new operation, and the entry that says so."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(OPERATIONS).values(row))
            await self._append(connection, str(row["id"]), "asked", row["asked_at"])

    async def find(self, operation: str) -> RowMapping | None:
        query = select(OPERATIONS).where(OPERATIONS.c.id == operation)
        async with self._engine.connect() as connection:
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
        async with self._engine.begin() as connection:
            if (await connection.execute(change)).rowcount != 1:
                return False
            await self._append(connection, operation, str(values["status"]), now)
            return True

    async def touch(self, operation: str, values: Row) -> None:
        """Change what no entry needs to tell."""
        change = update(OPERATIONS).where(OPERATIONS.c.id == operation).values(values)
        async with self._engine.begin() as connection:
            await connection.execute(change)

    async def unsettled(self, now: float) -> list[RowMapping]:
        """What was executing when its lease ran out, and what could not be determined."""
        return await self._operations(
            or_(
                and_(OPERATIONS.c.status == "executing", OPERATIONS.c.leased_until < now),
                OPERATIONS.c.status == "undetermined",
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

    async def recent(self, principal: str, most: int) -> list[RowMapping]:
        """The newest operations of this principal."""
        return (await self._operations(OPERATIONS.c.principal == principal))[:most]

    async def entries(self, operation: str = "") -> list[RowMapping]:
        """What happened, oldest first: everything, or to one operation."""
        query = select(ENTRIES).order_by(ENTRIES.c.number)
        if operation:
            query = query.where(ENTRIES.c.operation == operation)
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())

    async def head(self) -> RowMapping:
        """The newest entry's number and mark, and those of the last one purged."""
        async with self._engine.connect() as connection:
            return (await connection.execute(select(HEADS))).mappings().one()

    async def purge(self, before: float) -> int:
        """How many entries older than this were deleted, with the operations that had ended."""
        old = (
            select(ENTRIES).where(ENTRIES.c.at < before).order_by(ENTRIES.c.number.desc()).limit(1)
        )
        async with self._engine.begin() as connection:
            last = (await connection.execute(old)).mappings().one_or_none()
            if last is None:
                return 0
            gone = delete(ENTRIES).where(ENTRIES.c.number <= last["number"])
            count = (await connection.execute(gone)).rowcount
            await connection.execute(
                update(HEADS).values(purged=last["number"], purged_mark=last["mark"])
            )
            await connection.execute(delete(OPERATIONS).where(OPERATIONS.c.ended_at < before))
            return count

    async def close(self) -> None:
        await self._engine.dispose()

    async def _operations(self, condition: ColumnElement[bool]) -> list[RowMapping]:
        query = select(OPERATIONS).where(condition).order_by(OPERATIONS.c.asked_at.desc())
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())

    async def _append(
        self, connection: AsyncConnection, operation: str, happened: str, at: object
    ) -> None:
        """Add an entry to the chain, within the transaction that makes it true."""
        about = select(OPERATIONS).where(OPERATIONS.c.id == operation)
        row = (await connection.execute(about)).mappings().one()
        head = (await connection.execute(select(HEADS).with_for_update())).mappings().one()
        entry: Row = {name: row[name] for name in COPIED} | {
            "number": head["number"] + 1,
            "at": at,
            "operation": operation,
            "event": happened,
        }
        entry["mark"] = self._mark(linked(entry, head["mark"]))
        await connection.execute(insert(ENTRIES).values(entry))
        await connection.execute(update(HEADS).values(number=entry["number"], mark=entry["mark"]))


COPIED = ("principal", "tool", "subject", "evidence", "arguments", "question")
"""What an entry says of its operation, so that it can be read alone."""


def linked(entry: Mapping[str, object], previous: str) -> str:
    """What an entry's mark is made of: all it says, and the mark before it."""
    said = {name: entry[name] for name in (*COPIED, "number", "at", "operation", "event")}
    return json.dumps([previous, said], sort_keys=True)


def _prepared(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("BEGIN IMMEDIATE"))  # another process may be preparing it too
    old = _version(connection)
    TABLES.create_all(connection)
    if old is None:
        connection.execute(insert(VERSIONS).values(version=VERSION))
        connection.execute(insert(HEADS).values(id=1, number=0, mark="", purged=0, purged_mark=""))
    elif old > VERSION:
        raise UnusableDatabaseError("written by a newer Guichet")
    else:
        _migrate(connection, old)


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(VERSIONS.name):
        return None
    return connection.execute(select(VERSIONS.c.version)).scalar()


def _migrate(connection: Connection, old: int) -> None:
    for version in range(old, VERSION):
        for statement in MIGRATIONS[version]:
            connection.execute(text(statement))
    if not connection.execute(select(HEADS.c.id)).scalar():
        connection.execute(insert(HEADS).values(id=1, number=0, mark="", purged=0, purged_mark=""))
    connection.execute(update(VERSIONS).values(version=VERSION))


def _durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Survive a power cut (FULL), and let processes read while one writes (WAL)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
