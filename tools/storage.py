"""The ledger's rows, in SQL. Imported when the first change is asked for: it costs 0.3 s.

`operations` holds what is going on, one row an operation, and the only transition that matters is
atomic: a row becomes `executing` once, whoever tries and however many try at the same time.
`entries` holds what happened, one row an event, in the chain that `tools.chain` describes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace

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
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    tuple_,
    update,
)

from tools.chain import COPIED, Head, Ledger, Mark, linked, proven
from tools.database import Database, Kind, UnusableDatabaseError, usable
from tools.fences import A_DAY, FREE, Ending, Fences, Toll
from tools.journal import ONCE

Row = dict[str, object]

VERSION = 4
"""The schema's version, kept in the database: an older one is brought up, a newer one refused."""

TABLES = MetaData()

OPERATIONS = Table(
    "operations",
    TABLES,
    Column("id", String, primary_key=True),
    Column("asked_at", Float, nullable=False),  # seconds since 1970, as every date here
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float, index=True),
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
    Column("decided_by", String, nullable=False, server_default=""),  # another principal
    Column("toll", String, nullable=False, server_default=""),  # numbers and counts
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
    Column("decided_by", String, nullable=False, server_default=""),
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


class Storage:
    """The rows of one database, shared by every process of this instance."""

    def __init__(self, database: Database, mark: Mark) -> None:
        self._database = database
        self._mark = mark

    def now(self) -> float:
        return self._database.now()

    async def prepare(self) -> None:
        """Make the tables if this database has none, bring them up to date if they are older.

        Raises:
            UnusableDatabaseError: It cannot be opened, or was written by a newer Guichet.
        """
        try:
            with usable():
                await self._database.make()
            async with self._database.writing() as connection:
                await connection.run_sync(_prepared, self._mark, self._database.kind)
        except UnusableDatabaseError:
            await self.close()
            raise

    async def add(self, row: Row) -> bool:
        """Keep a new operation, and the entry that says so; false if there is one of that name."""
        happened = _event(row["status"])
        namesake = select(OPERATIONS.c.id).where(OPERATIONS.c.id == row["id"])
        async with self._database.writing() as connection:
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
        async with self._database.writing() as connection:
            await connection.execute(update(OPERATIONS).where(over).values(asked=None, plan=None))

    async def find(self, operation: str) -> RowMapping | None:
        query = select(OPERATIONS).where(OPERATIONS.c.id == operation)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    async def change(
        self,
        operation: str,
        values: Row,
        *,
        now: float,
        among: Sequence[str],
        fences: Fences | None = None,
    ) -> bool:
        """Whether the operation was in one of these states, open, and has now changed.

        Its status is its event: the entry is written in the same transaction.

        Raises:
            FencedError: These leave no room for it beside what was begun: it is as it was.
        """
        change = (
            update(OPERATIONS)
            .where(OPERATIONS.c.id == operation, OPERATIONS.c.status.in_(among))
            .values(values)
        )
        if values["status"] in {"executing", "approved"}:
            change = change.where(OPERATIONS.c.expires_at > now)
        async with self._database.writing() as connection:
            if (await connection.execute(change)).rowcount != 1:
                return False
            if fences and fences.any:
                await connection.run_sync(_check_own_fences, operation, fences, now)
            await connection.run_sync(_append, self._mark, operation, values["status"], now)
            return True

    async def check_fences(self, principal: str, toll: Toll, fences: Fences, *, now: float) -> None:
        """Return if these leave room for one more change of this principal, as of now.

        Raises:
            FencedError: They do not.
        """
        async with self._database.reading() as connection:
            await connection.run_sync(_check_fences, principal, toll, fences, now)

    async def touch(self, operation: str, values: Row) -> None:
        """Change what no entry needs to tell."""
        change = update(OPERATIONS).where(OPERATIONS.c.id == operation).values(values)
        async with self._database.writing() as connection:
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

    async def others_on_page(self, principal: str, tools: Collection[str]) -> list[RowMapping]:
        """What these tools put on the page to anybody else, and is not over, newest first."""
        return await self._operations(
            and_(
                OPERATIONS.c.principal != principal,
                OPERATIONS.c.tool.in_(tools),
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
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).mappings())

    async def ledger(self) -> Ledger:
        """All of it, while nobody writes."""
        entries, operations = select(ENTRIES).order_by(ENTRIES.c.number), select(OPERATIONS)
        async with self._database.writing() as connection:
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
        async with self._database.writing() as connection:
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
        await self._database.close()

    async def _operations(
        self, condition: ColumnElement[bool], most: int | None = None
    ) -> list[RowMapping]:
        """Newest first."""
        newest = (OPERATIONS.c.asked_at.desc(), OPERATIONS.c.id.desc())
        query = select(OPERATIONS).where(condition).order_by(*newest).limit(most)
        async with self._database.reading() as connection:
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


def _check_own_fences(connection: Connection, operation: str, fences: Fences, now: float) -> None:
    """The same of an operation that is becoming `executing`."""
    query = select(OPERATIONS.c.principal, OPERATIONS.c.toll).where(OPERATIONS.c.id == operation)
    principal, toll = connection.execute(query).one()
    own = Toll.model_validate_json(toll) if toll else FREE
    _check_fences(connection, principal, own, fences, now, besides=operation)


def _check_fences(
    connection: Connection,
    principal: str,
    toll: Toll,
    fences: Fences,
    now: float,
    *,
    besides: str = "",
) -> None:
    his = and_(OPERATIONS.c.principal == principal, OPERATIONS.c.id != besides)
    fences.check_open(_endings(connection, his, fences.lock_after or 0, now), now)
    fences.check_room(toll, _tolls(connection, his, now - A_DAY))


def _endings(
    connection: Connection, his: ColumnElement[bool], most: int, now: float
) -> list[Ending]:
    """How the last plans ended, the newest first; what is being made is not refused."""
    at = func.coalesce(OPERATIONS.c.ended_at, now)
    ended = OPERATIONS.c.status.not_in(("pending", "approved"))
    query = (
        select(OPERATIONS.c.status, at)
        .where(his, ended, OPERATIONS.c.part_of == "")
        .order_by(at.desc())
        .limit(most)
    )
    found = connection.execute(query).all()
    return [Ending(status in {"declined", "stale"}, when) for status, when in found]


def _tolls(connection: Connection, his: ColumnElement[bool], since: float) -> list[Toll]:
    """What was begun since then counts for, unless the service did not do it."""
    begun = OPERATIONS.c.status.in_(("executing", "applied", "undetermined"))
    lately = or_(OPERATIONS.c.ended_at.is_(None), OPERATIONS.c.ended_at > since)
    query = select(OPERATIONS.c.toll).where(his, begun, lately, OPERATIONS.c.toll != "")
    return [Toll.model_validate_json(toll) for toll in connection.scalars(query)]


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


def _prepared(connection: Connection, mark: Mark, kind: Kind) -> None:
    old = _version(connection)
    if old is None:
        TABLES.create_all(connection)
        connection.execute(insert(VERSIONS).values(version=VERSION))
        _begin(connection, mark)
    elif old > VERSION:
        raise UnusableDatabaseError("written by a newer Guichet")
    elif old < VERSION:
        for version in range(old, VERSION):
            MIGRATIONS[version](connection, mark, kind)
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


def _from_1(connection: Connection, mark: Mark, _: Kind) -> None:
    """Version 1 had operations only, and SQLite only: each is now told of by an entry."""
    for column in (
        "asked BLOB",
        "by_page BOOLEAN DEFAULT 0 NOT NULL",
        "told BOOLEAN DEFAULT 0 NOT NULL",
        "decided_by VARCHAR DEFAULT '' NOT NULL",  # which entries copy
    ):
        connection.execute(text(f"ALTER TABLE operations ADD COLUMN {column}"))
    TABLES.create_all(connection, [ENTRIES, HEADS])
    _begin(connection, mark)
    at = func.coalesce(OPERATIONS.c.ended_at, OPERATIONS.c.asked_at)
    known = select(OPERATIONS.c.id, OPERATIONS.c.status, at).order_by(at)
    for operation, status, ended_or_asked_at in connection.execute(known).all():
        _append(connection, mark, operation, _event(status), ended_or_asked_at)


def _from_2(connection: Connection, _: Mark, kind: Kind) -> None:
    """Version 2 did not say what an operation aims at, where, nor what it is a part of."""
    for column in (
        *(f"{name} VARCHAR DEFAULT '' NOT NULL" for name in ("goal", "part_of", "place")),
        f"plan {kind.binary}",
    ):
        connection.execute(text(f"ALTER TABLE operations ADD COLUMN {column}"))
    for index in OPERATIONS.indexes:
        index.create(connection, checkfirst=True)


def _from_3(connection: Connection, _: Mark, __: Kind) -> None:
    """Version 3 did not say who else decided, nor what an operation counts for."""
    for table, name in (
        ("operations", "decided_by"),
        ("entries", "decided_by"),
        ("operations", "toll"),
    ):
        if name not in {each["name"] for each in inspect(connection).get_columns(table)}:
            added = f"ALTER TABLE {table} ADD COLUMN {name} VARCHAR DEFAULT '' NOT NULL"
            connection.execute(text(added))
    for index in OPERATIONS.indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS = {1: _from_1, 2: _from_2, 3: _from_3}
"""What brings each version to the next."""
