"""What the ledger's database withstands: older versions, many writers, commits that fail."""

import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path

import anyio
import pytest
from anyio import from_thread
from mcp.server.mcpserver.exceptions import ToolError
from sqlalchemy import Connection, Engine, event

import server
from tests.databases import State
from tests.support import Clock
from tests.tools.changes import DONE, INTENT, SECRET, journal_of, make
from tools.database import Database
from tools.journal import Journal
from tools.results import error
from tools.sealing import Seal
from tools.storage import VERSION

SOURCES = Path(server.__file__).parents[1]

VERSION_1 = """
PRAGMA journal_mode=WAL;
CREATE TABLE operations (
    id VARCHAR NOT NULL, asked_at FLOAT NOT NULL, expires_at FLOAT NOT NULL, ended_at FLOAT,
    principal VARCHAR NOT NULL, tool VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    arguments VARCHAR NOT NULL, question VARCHAR NOT NULL, facts VARCHAR NOT NULL,
    evidence VARCHAR NOT NULL, status VARCHAR NOT NULL, leased_until FLOAT, result BLOB,
    PRIMARY KEY (id)
);
CREATE INDEX ix_operations_status ON operations (status);
CREATE TABLE guichet_schema (version INTEGER NOT NULL);
INSERT INTO guichet_schema VALUES (1);
INSERT INTO operations VALUES ('aa', 100.5, 700.5, 130.25, 'local', 'accept_dossier', '200001',
    'a1', 'q1', 'f1', 'form, typed', 'applied', 160.0, :result);
INSERT INTO operations VALUES ('bb', 200.5, 800.5, NULL, 'local', 'accept_dossier', '200002',
    'a2', 'q2', 'f2', 'form', 'executing', 230.0, NULL);
INSERT INTO operations VALUES ('cc', 110.5, 9e9, NULL, 'local', 'import_cee_identities', '3 rows',
    'a3', 'q3', 'f3', '', 'pending', NULL, NULL);
"""
"""What version 1 left, with an operation that ended, one cut short, and one that is open."""

VERSION_2 = """
PRAGMA journal_mode=WAL;
CREATE TABLE entries (
    number INTEGER NOT NULL, at FLOAT NOT NULL, operation VARCHAR NOT NULL, event VARCHAR NOT NULL,
    principal VARCHAR NOT NULL, tool VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    evidence VARCHAR NOT NULL, arguments VARCHAR NOT NULL, question VARCHAR NOT NULL,
    mark VARCHAR NOT NULL, PRIMARY KEY (number)
);
CREATE INDEX ix_entries_operation ON entries (operation);
CREATE TABLE guichet_schema (version INTEGER NOT NULL);
CREATE TABLE heads (
    id INTEGER NOT NULL, number INTEGER NOT NULL, mark VARCHAR NOT NULL, purged INTEGER NOT NULL,
    purged_mark VARCHAR NOT NULL, proof VARCHAR NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE operations (
    id VARCHAR NOT NULL, asked_at FLOAT NOT NULL, expires_at FLOAT NOT NULL, ended_at FLOAT,
    principal VARCHAR NOT NULL, tool VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    arguments VARCHAR NOT NULL, question VARCHAR NOT NULL, facts VARCHAR NOT NULL,
    evidence VARCHAR NOT NULL, status VARCHAR NOT NULL, leased_until FLOAT, result BLOB,
    asked BLOB, by_page BOOLEAN DEFAULT '0' NOT NULL, told BOOLEAN DEFAULT '0' NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_operations_status ON operations (status);
INSERT INTO guichet_schema VALUES (2);
INSERT INTO heads VALUES (1, 0, '', 0, '', '');
INSERT INTO operations VALUES ('aa', 100.5, 9e9, NULL, 'local', 'accept_dossier', '200001',
    'a1', 'q1', 'f1', '', 'pending', NULL, NULL, NULL, 0, 0);
"""
"""What version 2 left, with an operation that is open."""

WRITER = """
import sys
from pathlib import Path
import anyio
from tests.tools.changes import journal_of, make

async def main(file, name, count):
    print("!", end="", flush=True)  # ready
    sys.stdin.readline()
    journal = journal_of(Path(file))
    await make(journal, *(f"{name}{number}" for number in range(int(count))))
    await journal.close()

anyio.run(main, *sys.argv[1:])
"""
"""A process that makes so many changes, one after the other, once it is told to."""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def left_by(version: str, file: Path, result: bytes = b"") -> None:
    with sqlite3.connect(file) as connection:
        for statement in version.split(";"):
            connection.execute(statement, {"result": result} if ":result" in statement else {})
    connection.close()


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


async def test_the_first_version_s_operations_are_all_there_in_this_one(file: Path):
    journal = journal_of(file)
    result = DONE.model_dump_json(by_alias=True, exclude_none=True)
    left_by(VERSION_1, file, journal.seal.close(result.encode()))

    ended, cut_short, still_open = [await journal.find(name) for name in ("aa", "bb", "cc")]

    assert ended is not None
    assert journal.recorded(ended) == DONE
    assert (ended.asked_at, ended.ended_at, ended.subject) == (100.5, 130.25, "200001")
    assert [operation.id for operation in await journal.unsettled()] == ["bb"]
    assert cut_short is not None
    assert (cut_short.leased_until, cut_short.by_page, cut_short.asked) == (230.0, False, None)
    assert still_open is not None
    assert await journal.begin(still_open, "form"), "what was asked before may be answered after"
    await journal.close()


async def test_the_first_version_s_operations_are_each_told_of_by_an_entry(file: Path):
    left_by(VERSION_1, file)
    journal = journal_of(file)
    entries = await journal.entries()
    found = await journal.verified()
    await journal.close()

    assert [(entry.operation, entry.event, entry.at) for entry in entries] == [
        ("cc", "asked", 110.5),
        ("aa", "applied", 130.25),
        ("bb", "executing", 200.5),
    ]
    assert not found.fault
    assert rows(file, "SELECT version FROM guichet_schema") == [(VERSION,)]


async def test_what_the_second_version_asked_may_be_answered_in_this_one(file: Path):
    left_by(VERSION_2, file)
    journal = journal_of(file)
    still_open = await journal.find("aa")

    assert still_open is not None
    assert (still_open.goal, still_open.part_of, still_open.plan) == ("", "", None)
    assert await journal.begin(still_open, "form")
    await journal.close()


async def as_version_2_left_it(state: State) -> None:
    """What a change leaves in this version, without what that one did not know."""
    journal = journal_of(state.url)
    await make(journal, "aa")
    await journal.close()
    gone = ("goal", "part_of", "place", "plan", "toll", "decided_by")
    await state.write(
        "DROP INDEX ix_operations_part_of",
        "DROP INDEX ix_operations_ended_at",
        "ALTER TABLE entries DROP COLUMN decided_by",
        *(f"ALTER TABLE operations DROP COLUMN {column}" for column in gone),
        "UPDATE guichet_schema SET version = 2",
    )


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=["1", "2"])
async def test_a_database_brought_up_is_one_that_was_made(tmp_path: Path, version: str):
    """The same columns, so that what is tested on the one holds on the other."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    left_by(version, old)
    for file in (old, new):
        journal = journal_of(file)
        await journal.entries()
        await journal.close()

    columns = "SELECT m.name, c.name, c.type, c.[notnull], c.pk FROM sqlite_master m "
    columns += "JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.name"
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name"
    assert rows(old, columns) == rows(new, columns)
    assert rows(old, indexes) == rows(new, indexes)


async def test_a_database_that_a_newer_version_wrote_is_left_alone(file: Path):
    left_by(VERSION_1, file)
    rows(file, "UPDATE guichet_schema SET version = 99")
    journal = journal_of(file)
    with pytest.raises(ToolError, match="written by a newer Guichet"):
        await journal.entries()
    await journal.close()

    assert rows(file, "SELECT version FROM guichet_schema") == [(99,)]
    assert not rows(file, "SELECT name FROM sqlite_master WHERE name = 'entries'")


@pytest.mark.parametrize(
    "url",
    [
        "no address",
        "mysql+aiomysql://somewhere/ledger",
        "sqlite:////nowhere/ledger.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+psycopg://guichet:pass/word@server/ledger",
    ],
)
async def test_a_database_that_cannot_be_used_is_said_to_be_so(url: str):
    journal = Journal(lambda: url, Seal(SECRET.encode))

    with pytest.raises(ToolError, match=r"cannot be used .*GUICHET_STATE_URL"):
        await journal.entries()


async def test_a_ledger_named_by_the_driver_of_the_first_release_is_still_there(file: Path):
    older = journal_of(file)
    await make(older, "aa")
    await older.close()
    journal = journal_of(f"sqlite+aiosqlite:///{file}")

    assert await journal.find("aa")
    await journal.close()


async def test_a_file_that_is_no_database_is_said_to_be_so(file: Path):
    await anyio.Path(file).write_text("Ceci n'est pas une base.\n" * 100, encoding="utf-8")
    journal = journal_of(file)

    with pytest.raises(ToolError, match=r"cannot be used .*GUICHET_STATE_URL"):
        await journal.entries()


@pytest.mark.parametrize("old", [True, False], ids=["brought up", "made"])
async def test_a_database_is_prepared_once_whoever_comes_first(state: State, *, old: bool):
    if old:
        await as_version_2_left_it(state)
    journals = [journal_of(state.url) for _ in range(8)]
    async with anyio.create_task_group() as tasks:
        for journal in journals:
            tasks.start_soon(journal.verified)
    found = await journals[0].verified()
    for journal in journals:
        await journal.close()

    assert (found.entries, found.fault) == (3 if old else 0, "")
    assert await state.rows("SELECT version FROM guichet_schema") == [(VERSION,)]


async def test_the_chain_stays_whole_when_processes_write_at_the_same_time(file: Path):
    """Each change is three entries; the processes also find no database when they start."""
    with anyio.fail_after(60):
        async with AsyncExitStack() as stack:
            command = [sys.executable, "-c", WRITER, str(file)]
            writers = [
                await stack.enter_async_context(
                    await anyio.open_process([*command, name, "10"], cwd=SOURCES, stderr=None)
                )
                for name in "abc"
            ]
            for writer in writers:
                assert writer.stdout
                assert await writer.stdout.receive() == b"!"
            for writer in writers:
                assert writer.stdin
                await writer.stdin.send(b"go\n")
            assert [await writer.wait() for writer in writers] == [0, 0, 0]
    journal = journal_of(file)
    found = await journal.verified()
    await journal.close()

    assert (found.entries, found.fault) == (90, "")


async def test_the_chain_stays_whole_when_connections_write_at_the_same_time(state: State):
    """To PostgreSQL, a connection is a process; one that reads before its turn breaks the chain."""
    journals = [journal_of(state.url) for _ in range(5)]
    async with anyio.create_task_group() as tasks:
        for number, journal in enumerate(journals):
            tasks.start_soon(make, journal, *(f"{number}.{each}" for each in range(4)))
    found = await journals[0].verified()
    for journal in journals:
        await journal.close()

    assert (found.entries, found.fault) == (60, "")


async def test_one_process_of_many_executes_an_operation(state: State):
    """Engines of their own stand for processes: only one may begin, and one entry says so."""
    journals = [journal_of(state.url) for _ in range(10)]
    operation = await journals[0].ask("aa", INTENT)
    began: list[bool] = []

    async def begin(journal: Journal) -> None:
        began.append(await journal.begin(operation, "form"))

    async with anyio.create_task_group() as tasks:
        for journal in journals:
            tasks.start_soon(begin, journal)
    entries = await journals[0].entries()
    for journal in journals:
        await journal.close()

    assert sorted(began) == [False] * 9 + [True]
    assert [entry.event for entry in entries] == ["asked", "executing"]


async def test_a_verification_sees_one_moment_while_others_write(state: State):
    """Entries, head and operations are read together: none is newer than the others."""
    writer, reader = journal_of(state.url), journal_of(state.url)
    faults: list[str] = []

    async def verify() -> None:
        while len(faults) < 20:
            faults.append((await reader.verified()).fault)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(verify)
        number = 0
        while len(faults) < 20:
            await writer.ask(str(number := number + 1), INTENT)
    await writer.close()
    await reader.close()

    assert faults == [""] * 20


async def test_a_transaction_is_carried_through_whoever_is_cancelled_meanwhile(file: Path):
    """They wait for its end: what they would do next may depend on it."""
    database, happened = Database(f"sqlite:///{file}"), list[str]()

    def work(connection: Connection) -> None:
        from_thread.run_sync(scope.cancel)
        for _ in range(10):  # turns of the event loop, in which the caller might go
            from_thread.run_sync(bool)
        connection.exec_driver_sql("CREATE TABLE kept (number INTEGER)")
        happened.append("carried through")

    with anyio.CancelScope() as scope:
        await database.write(work)
    happened.append("gone on")
    await database.close()

    assert happened == ["carried through", "gone on"]
    assert rows(file, "SELECT * FROM kept") == []


@pytest.mark.parametrize("table", ["entries", "heads", "operations"])
async def test_a_commit_that_fails_leaves_nothing_at_all(state: State, table: str):
    """The disk is full, say: neither the operation, nor its entry, nor the head has moved."""
    journal = journal_of(state.url)
    open_one = await journal.ask("aa", INTENT)
    await state.write(*full(state, table))
    with pytest.raises(ToolError):
        await journal.begin(open_one, "form")
    if table != "operations":  # an operation is inserted, and this trigger is on updates
        with pytest.raises(ToolError):
            await journal.ask("bb", INTENT)
    on_table = f" ON {table}" if state.is_postgresql else ""
    await state.write(f"DROP TRIGGER full_disk{on_table}")

    found = await journal.verified()
    assert (found.entries, found.fault) == (1, "")
    kept = await state.rows("SELECT id, status, evidence FROM operations")
    assert kept == [("aa", "pending", "")]
    assert await journal.begin(open_one, "form")
    await journal.close()


def full(state: State, table: str) -> tuple[str, ...]:
    """What has every write to a table fail."""
    on = f"{'INSERT' if table == 'entries' else 'UPDATE'} ON {table}"
    if not state.is_postgresql:
        fail = "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        return (f"CREATE TRIGGER full_disk AFTER {on} {fail}",)
    function = "full_disk() RETURNS trigger LANGUAGE plpgsql"
    return (
        f"CREATE FUNCTION {function} AS $$ BEGIN RAISE 'disk full'; END $$",
        f"CREATE TRIGGER full_disk AFTER {on} FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )


async def test_each_commit_survives_a_power_cut(file: Path):
    """SQLite waits for the disk itself: FULL, which is 2. In WAL mode, NORMAL would not do."""
    waits: list[object] = []

    def commits(connection: Connection) -> None:
        waits.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())

    event.listen(Engine, "commit", commits)
    try:
        journal = journal_of(file)
        await make(journal, "aa")
        await journal.close()
    finally:
        event.remove(Engine, "commit", commits)

    assert len(waits) >= 3
    assert set(waits) == {2}


async def test_an_answer_that_expires_while_the_ledger_is_waited_for_begins_nothing(file: Path):
    clock, begun = Clock(), list[bool]()
    journal = journal_of(file, clock)
    operation = await journal.ask("aa", INTENT)

    async def begin() -> None:
        begun.append(await journal.begin(operation, "form"))

    with closing(sqlite3.connect(file)) as another:
        another.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(begin)
            await anyio.wait_all_tasks_blocked()
            clock.now = operation.expires_at
            another.rollback()
    await journal.close()

    assert begun == [False]


async def test_the_file_holds_no_text_and_no_name(file: Path):
    """Not even that of a question that waits on the page: it is sealed."""
    journal = journal_of(file)
    waiting = await journal.ask("aa", INTENT, by_page=True)
    asked = journal.asked(waiting)
    assert asked
    assert "Jeanne Ferrand" in asked.title
    refused = await journal.ask("bb", INTENT)
    await journal.refuse(refused.id, "declined", error("Jeanne Ferrand n'est pas d'accord."))

    held = b"".join(part.read_bytes() for part in sorted(file.parent.iterdir()))
    await journal.close()
    assert b"200001" in held
    assert b"accept_dossier" in held
    for said in ("Jeanne", "Ferrand", "06 12 34", "Vu avec", "Accepter", "d'accord", "motivation"):
        assert said.encode() not in held


async def test_what_a_page_showed_is_gone_once_it_is_answered(state: State):
    journal = journal_of(state.url)
    for name, answered in (("aa", journal.approve), ("bb", refused_in(journal))):
        await journal.ask(name, INTENT, by_page=True)
        assert await answered(name)
    await journal.close()

    assert await state.rows("SELECT asked FROM operations") == [(None,), (None,)]


def refused_in(journal: Journal):
    async def refused(name: str) -> bool:
        return await journal.refuse(name, "declined", error("Non."))

    return refused
