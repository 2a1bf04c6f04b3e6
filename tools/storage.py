"""The ledger's rows, in SQL. Imported when the first change is asked for: it costs 0.3 s.

One table, one row an operation. The only transition that matters is atomic: a row goes from
`pending` to `executing` once, whoever tries and however many try at the same time.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from mcp.server.mcpserver.exceptions import ToolError
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    and_,
    event,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

VERSION = 1
"""The schema's version, kept in the database; a newer one is refused."""

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
    Column("result", LargeBinary),  # sealed
)
VERSIONS = Table("guichet_schema", TABLES, Column("version", Integer, nullable=False))


class UnusableDatabaseError(ToolError):
    """The database cannot be read or written, or was written by a newer Guichet."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The ledger of consents cannot be used ({why}): nothing was changed. Check "
            "GUICHET_STATE_URL, or the rights on the state directory."
        )


class Storage:
    """The rows of one database, shared by every process of this instance.

    Any of its methods may raise `UnusableDatabaseError`: an error of SQLAlchemy would quote the
    statement and its values.
    """

    def __init__(self, url: str) -> None:
        with _usable():
            self._engine = create_async_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _durable)

    async def prepare(self) -> None:
        """Make the tables if this database has none.

        Raises:
            UnusableDatabaseError: It cannot be opened, or was written by a newer Guichet.
        """
        try:
            async with self._transaction() as connection:
                await connection.run_sync(_prepared)
        except UnusableDatabaseError:
            await self.close()
            raise

    async def add(self, row: dict[str, object]) -> None:
        async with self._transaction() as connection:
            await connection.execute(insert(OPERATIONS).values(row))

    async def find(self, operation: str) -> RowMapping | None:
        query = select(OPERATIONS).where(OPERATIONS.c.id == operation)
        async with self._transaction() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    async def begin(self, operation: str, *, now: float, until: float, evidence: str) -> bool:
        """Whether this caller, and no other, may execute a pending operation."""
        change = (
            update(OPERATIONS)
            .where(
                OPERATIONS.c.id == operation,
                OPERATIONS.c.status == "pending",
                OPERATIONS.c.expires_at > now,
            )
            .values(status="executing", leased_until=until, evidence=evidence)
        )
        async with self._transaction() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def renew(self, operation: str, until: float) -> None:
        change = update(OPERATIONS).where(OPERATIONS.c.id == operation).values(leased_until=until)
        async with self._transaction() as connection:
            await connection.execute(change)

    async def end(
        self, operation: str, *, expected: str, status: str, now: float, result: bytes
    ) -> bool:
        """Whether the operation was in the expected state, and is now ended."""
        change = (
            update(OPERATIONS)
            .where(OPERATIONS.c.id == operation, OPERATIONS.c.status == expected)
            .values(status=status, ended_at=now, result=result)
        )
        async with self._transaction() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def unsettled(self, now: float) -> list[RowMapping]:
        """What was executing when its lease ran out, and what could not be determined."""
        query = select(OPERATIONS).where(
            or_(
                and_(OPERATIONS.c.status == "executing", OPERATIONS.c.leased_until < now),
                OPERATIONS.c.status == "undetermined",
            )
        )
        async with self._transaction() as connection:
            return list((await connection.execute(query)).mappings())

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        with _usable():
            async with self._engine.begin() as connection:
                yield connection


@contextmanager
def _usable() -> Generator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise UnusableDatabaseError(type(error).__name__) from None


def _prepared(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("BEGIN IMMEDIATE"))
    TABLES.create_all(connection)
    version = connection.execute(select(VERSIONS.c.version)).scalar()
    if version is None:
        connection.execute(insert(VERSIONS).values(version=VERSION))
    elif version > VERSION:
        raise UnusableDatabaseError("written by a newer Guichet")


def _durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Survive a power cut (FULL), and let processes read while one writes (WAL)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
