"""The ledger's rows, in SQL. Imported when the first change is asked for: it costs 0.3 s.

`operations` holds what is going on, one row an operation, and the only transition that matters is
atomic: a row becomes `executing` once, whoever tries and however many try at the same time.
`entries` holds what happened, one row an event, in the chain that `tools.chain` describes.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

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
    bindparam,
    delete,
    func,
    insert,
    inspect,
    join,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)

from tools.chain import COPIED, Head, Ledger, Mark, linked, proven
from tools.database import Database, Kind, UnusableDatabaseError
from tools.fences import A_DAY, FREE, Ending, Fences, Toll
from tools.journal import ONCE

Row = dict[str, object]
P = ParamSpec("P")
T = TypeVar("T")

MOST_NAMES = 1_000
"""Operations that are looked for together: a statement takes thirty times as many values."""
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
HELD = tuple(field.name for field in fields(Head))
VERSIONS = Table("guichet_schema", TABLES, Column("version", Integer, nullable=False))

# What each change goes through is put in words once: it takes five times what saying it takes.
NEWEST = OPERATIONS.c.asked_at.desc(), OPERATIONS.c.id.desc()
NAMED = OPERATIONS.c.id == bindparam("operation")
ON_PAGE = and_(
    OPERATIONS.c.status.in_(("pending", "approved", "declined")),  # few, and there is an index
    OPERATIONS.c.by_page.is_(True),
    OPERATIONS.c.told.is_(False),
)
FIND = select(OPERATIONS).where(NAMED)
FIND_ALL = select(OPERATIONS).where(OPERATIONS.c.id.in_(bindparam("operations", expanding=True)))
ADD = insert(OPERATIONS)
TOUCH = update(OPERATIONS).where(NAMED)
CHANGE = TOUCH.where(OPERATIONS.c.status.in_(bindparam("among", expanding=True)))
CHANGE_OPEN = CHANGE.where(OPERATIONS.c.expires_at > bindparam("now"))
FORGET = (
    update(OPERATIONS)
    .where(
        OPERATIONS.c.status.in_(("pending", "approved")),
        OPERATIONS.c.expires_at <= bindparam("now"),
        or_(OPERATIONS.c.asked.is_not(None), OPERATIONS.c.plan.is_not(None)),
    )
    .values(asked=None, plan=None)
)
UNSETTLED = (
    select(OPERATIONS)
    .where(
        or_(
            and_(OPERATIONS.c.status == "executing", OPERATIONS.c.leased_until < bindparam("now")),
            and_(OPERATIONS.c.status == "undetermined", OPERATIONS.c.asked_at > bindparam("since")),
        )
    )
    .order_by(*NEWEST)
)
LAST = select(HEADS)
TOLD = (
    select(*(OPERATIONS.c[name] for name in COPIED), *(HEADS.c[name] for name in HELD))
    .select_from(join(OPERATIONS, HEADS, true()))
    .where(NAMED)
)
TELL = insert(ENTRIES)
MOVE = update(HEADS)


def _writes(
    work: Callable[Concatenate["Storage", Connection, P], T],
) -> Callable[Concatenate["Storage", P], Awaitable[T]]:
    """The same in a transaction that no other writer is in, without the connection to give."""

    @wraps(work)
    async def written(self: "Storage", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.write(lambda on: work(self, on, *args, **kwargs))

    return written


def _reads(
    work: Callable[Concatenate["Storage", Connection, P], T],
) -> Callable[Concatenate["Storage", P], Awaitable[T]]:
    """The same of what waits for no writer."""

    @wraps(work)
    async def read(self: "Storage", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.read(lambda on: work(self, on, *args, **kwargs))

    return read


class Storage:
    """The rows of one database, shared by every process of this instance."""

    def __init__(self, database: Database, mark: Mark) -> None:
        self.database = database
        self._mark = mark

    def now(self) -> float:
        return self.database.now()

    async def prepare(self) -> None:
        """Make the tables if this database has none, bring them up to date if they are older.

        Raises:
            UnusableDatabaseError: It cannot be opened, or was written by a newer Guichet.
        """
        try:
            await self.database.make()
            await self._prepare()
        except BaseException:
            await self.close()
            raise

    @_writes
    def _prepare(self, connection: Connection) -> None:
        _prepared(connection, self._mark, self.database.kind)

    @_writes
    def ask(self, connection: Connection, row: Row) -> bool:
        """Keep a new operation, and the entry that says so; false if there is one of that name.

        What was shown and planned of questions that nobody may answer any more is erased.
        """
        connection.execute(FORGET, {"now": row["asked_at"]})
        return _added(connection, self._mark, row)

    @_writes
    def add_part(self, connection: Connection, whole: str, own: Row) -> Row | None:
        """A new operation, like the whole but for what is its own; None if one has its name."""
        like = connection.execute(FIND, {"operation": whole}).mappings().one()
        row: Row = {**like, **own}
        return row if _added(connection, self._mark, row) else None

    @_reads
    def find(self, connection: Connection, operation: str) -> RowMapping | None:
        return connection.execute(FIND, {"operation": operation}).mappings().one_or_none()

    @_reads
    def numbered(
        self, connection: Connection, named: Sequence[Callable[[int], Collection[str]]]
    ) -> list[list[RowMapping]]:
        """For each, the operation that has one of the names of 0, that of 1, and so on."""
        found = [list[RowMapping]() for _ in named]
        number, going = 0, range(len(named))
        while going:
            places = {name: place for place in going for name in named[place](number)}
            for row in _named(connection, [*places]):
                found[places[row["id"]]][number:] = [row]
            number, going = number + 1, [at for at in going if len(found[at]) > number]
        return found

    @_writes
    def change(
        self,
        connection: Connection,
        operation: str,
        values: Row,
        *,
        clock: Callable[[], float],
        among: Sequence[str],
        fences: Fences | None = None,
    ) -> bool:
        """Whether the operation was in one of these states, open, and has now changed.

        Its status is its event: the entry is written in the same transaction. The time is told once
        it is this writer's turn, which may have been waited for.

        Raises:
            FencedError: These leave no room for it beside what was begun: it is as it was.
        """
        now = clock()
        change = CHANGE_OPEN if values["status"] in {"executing", "approved"} else CHANGE
        given = {"operation": operation, "among": among, "now": now, **values}
        if connection.execute(change, given).rowcount != 1:
            return False
        if fences and fences.any:
            _check_own_fences(connection, operation, fences, now)
        _append(connection, self._mark, operation, values["status"], now)
        return True

    @_reads
    def check_fences(
        self, connection: Connection, principal: str, toll: Toll, fences: Fences, *, now: float
    ) -> None:
        """Return if these leave room for one more change of this principal, as of now.

        Raises:
            FencedError: They do not.
        """
        _check_fences(connection, principal, toll, fences, now)

    @_writes
    def touch(self, connection: Connection, operation: str, values: Row) -> None:
        """Change what no entry needs to tell."""
        connection.execute(TOUCH, {"operation": operation, **values})

    @_reads
    def unsettled(self, connection: Connection, now: float, since: float) -> list[RowMapping]:
        """What was executing when its lease ran out, and what could not be determined since."""
        return list(connection.execute(UNSETTLED, {"now": now, "since": since}).mappings())

    @_reads
    def on_page(self, connection: Connection, principal: str) -> list[RowMapping]:
        """What was put to this principal on the page and is not over, newest first."""
        return _operations(connection, ON_PAGE, OPERATIONS.c.principal == principal)

    @_reads
    def others_on_page(
        self, connection: Connection, principal: str, tools: Collection[str]
    ) -> list[RowMapping]:
        """What these tools put on the page to anybody else, and is not over, newest first."""
        theirs = OPERATIONS.c.principal != principal
        return _operations(connection, ON_PAGE, theirs, OPERATIONS.c.tool.in_(tools))

    @_reads
    def recent(
        self,
        connection: Connection,
        principal: str,
        most: int,
        before: tuple[float, str] | None = None,
        whole: str = "",
    ) -> list[RowMapping]:
        """The newest operations of this principal, or those before a time and an identifier.

        Parts are left out; given what they are parts of, they alone are found.
        """
        his = and_(OPERATIONS.c.principal == principal, OPERATIONS.c.part_of == whole)
        if before:
            earlier = tuple_(OPERATIONS.c.asked_at, OPERATIONS.c.id) < tuple_(*before)
            his = and_(his, earlier)
        return _operations(connection, his, most=most)

    @_reads
    def parts(self, connection: Connection, whole: str) -> list[RowMapping]:
        """What an operation was carried out by, newest first."""
        return _operations(connection, OPERATIONS.c.part_of == whole)

    @_reads
    def sent(
        self,
        connection: Connection,
        principal: str,
        tool: str,
        subject: str,
        places: Collection[str],
    ) -> list[RowMapping]:
        """What this principal had sent, or may have had, by this tool, on this subject, there."""
        return _operations(
            connection,
            OPERATIONS.c.principal == principal,
            OPERATIONS.c.tool == tool,
            OPERATIONS.c.subject == subject,
            OPERATIONS.c.place.in_(places),
            OPERATIONS.c.status.in_(("executing", "applied", "undetermined")),
        )

    @_reads
    def named(self, connection: Connection, principal: str, beginning: str) -> list[RowMapping]:
        """The operations of this principal whose identifier begins so."""
        return _operations(
            connection,
            OPERATIONS.c.principal == principal,
            OPERATIONS.c.id.startswith(beginning, autoescape=True),
        )

    @_reads
    def applied(
        self,
        connection: Connection,
        tools: Collection[str],
        *,
        place: str,
        goal: str,
        before: float,
    ) -> bool:
        """Whether one of these tools had made a change there by then, its goal beginning so."""
        found = _operations(
            connection,
            OPERATIONS.c.status == "applied",
            OPERATIONS.c.tool.in_(tools),
            OPERATIONS.c.place == place,
            OPERATIONS.c.goal.startswith(goal, autoescape=True),
            OPERATIONS.c.ended_at < before,
            most=1,
        )
        return bool(found)

    @_reads
    def entries(self, connection: Connection, operation: str = "") -> list[RowMapping]:
        """What happened, oldest first: everything, or to one operation."""
        query = select(ENTRIES).order_by(ENTRIES.c.number)
        if operation:
            query = query.where(ENTRIES.c.operation == operation)
        return list(connection.execute(query).mappings())

    @_writes
    def ledger(self, connection: Connection) -> Ledger:
        """All of it, while nobody writes."""
        entries, operations = select(ENTRIES).order_by(ENTRIES.c.number), select(OPERATIONS)
        head, proof = _head(connection)
        return Ledger(
            _rows(connection.execute(entries).mappings()),
            head,
            proof,
            _rows(connection.execute(operations).mappings()),
        )

    @_writes
    def purge(self, connection: Connection, before: float, *, now: float) -> int:
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
        head, _ = _head(connection)
        first_kept = connection.execute(kept).scalar() or head.number + 1
        last = select(ENTRIES).where(ENTRIES.c.number == first_kept - 1)
        gone = connection.execute(last).mappings().one_or_none()
        if gone is None:
            return 0
        old = ENTRIES.c.number <= gone["number"]
        count = connection.execute(delete(ENTRIES).where(old)).rowcount
        untold = OPERATIONS.c.id.not_in(select(ENTRIES.c.operation))
        again = OPERATIONS.c.goal != ONCE
        connection.execute(delete(OPERATIONS).where(over, untold, again))
        moved = replace(head, purged=gone["number"], purged_mark=gone["mark"])
        _move(connection, moved, self._mark)
        return count

    async def close(self) -> None:
        await self.database.close()


def _added(connection: Connection, mark: Mark, row: Row) -> bool:
    if connection.execute(FIND, {"operation": row["id"]}).first():
        return False
    connection.execute(ADD, row)
    _append(connection, mark, row["id"], _event(row["status"]), row["asked_at"])
    return True


def _named(connection: Connection, names: Sequence[str]) -> Iterator[RowMapping]:
    """The operations that have one of these names."""
    for first in range(0, len(names), MOST_NAMES):
        some = names[first : first + MOST_NAMES]
        yield from connection.execute(FIND_ALL, {"operations": some}).mappings()


def _operations(
    connection: Connection, *conditions: ColumnElement[bool], most: int | None = None
) -> list[RowMapping]:
    """Newest first."""
    query = select(OPERATIONS).where(*conditions).order_by(*NEWEST).limit(most)
    return list(connection.execute(query).mappings())


def _append(
    connection: Connection, mark: Mark, operation: object, happened: object, at: object
) -> None:
    """Add an entry to the chain, within the transaction that makes it true."""
    row = connection.execute(TOLD, {"operation": operation}).mappings().one()
    head = _held(row)
    entry: Row = {name: row[name] for name in COPIED} | {
        "number": head.number + 1,
        "at": at,
        "operation": operation,
        "event": happened,
    }
    made = mark(linked(entry, head.mark))
    connection.execute(TELL, entry | {"mark": made})
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
    row = connection.execute(LAST).mappings().one()
    return _held(row), row["proof"]


def _held(row: RowMapping) -> Head:
    return Head(**{name: row[name] for name in HELD})


def _move(connection: Connection, head: Head, mark: Mark) -> None:
    connection.execute(MOVE, _row(head, mark))


def _row(head: Head, mark: Mark) -> Row:
    return {**{name: getattr(head, name) for name in HELD}, "proof": mark(proven(head))}


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
    connection.execute(insert(HEADS).values(id=1, **_row(Head(), mark)))


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
