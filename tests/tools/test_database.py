"""What a database on a server must withstand that a file does not."""

import time
from contextlib import suppress

import anyio
import pytest
from anyio import from_thread
from sqlalchemy import Connection, Engine, Pool, event, make_url, text

from tests.databases import State
from tests.tools.changes import INTENT, journal_of, make
from tools.database import AT_ONCE, Database, UnusableDatabaseError


def told(state: State, option: str) -> str:
    """The address of the same database, whose server is set otherwise."""
    url = make_url(state.url)
    options = {"options": f"{url.query['options']} -c{option}"}
    return url.update_query_dict(options).render_as_string(hide_password=False)


async def shown(database: Database, setting: str) -> object:
    return await database.read(lambda on: on.execute(text(f"SHOW {setting}")).scalar())


async def test_processes_whose_clocks_differ_agree_on_the_time_of_the_database(postgresql: State):
    """Otherwise the lease of one that is late would look over to one that is early."""
    late = Database(postgresql.url, clock=lambda: time.time() - 3600)
    early = Database(postgresql.url, clock=lambda: time.time() + 3600)
    for database in (late, early):
        await database.write(lambda _: None)
    now = late.now(), early.now()
    await late.close()
    await early.close()

    assert abs(now[0] - now[1]) < 60


async def test_a_journal_without_a_clock_is_on_that_of_the_database(postgresql: State):
    journal = journal_of(postgresql.url, None)
    operation = await journal.ask("aa", INTENT)
    ((now,),) = await postgresql.rows("SELECT CAST(extract(epoch FROM now()) AS double precision)")
    await journal.close()

    assert isinstance(now, float)
    assert abs(operation.asked_at - now) < 60


@pytest.mark.parametrize("isolation", ["repeatable\\ read", "serializable"])
async def test_writers_see_what_went_before_however_the_server_isolates(
    postgresql: State, isolation: str
):
    """A view taken before one's turn would be of another end of the chain."""
    url = told(postgresql, f"default_transaction_isolation={isolation}")
    journals = [journal_of(url) for _ in range(4)]
    async with anyio.create_task_group() as tasks:
        for number, journal in enumerate(journals):
            tasks.start_soon(make, journal, f"{number}", f"{number} again")
    found = await journals[0].verified()
    for journal in journals:
        await journal.close()

    assert (found.entries, found.fault) == (24, "")


async def test_a_connection_waits_for_the_disk_and_holds_up_nobody_for_long(postgresql: State):
    """Whatever the server was told, and also after a transaction that failed."""
    database = Database(told(postgresql, "synchronous_commit=off"))
    with pytest.raises(UnusableDatabaseError):
        await database.write(lambda connection: connection.execute(text("SELECT 1 / 0")))

    assert await shown(database, "synchronous_commit") == "on"
    assert await shown(database, "idle_in_transaction_session_timeout") == "10s"
    assert await shown(database, "lock_timeout") == "10s"
    await database.close()


async def test_a_server_that_was_started_again_is_connected_to_again(postgresql: State):
    """To the one who was connected, it is a connection that ended."""
    database = Database(postgresql.url)
    ended = await connection_of(database)
    await postgresql.write(f"SELECT pg_terminate_backend({ended})")
    another = await connection_of(database)
    await database.close()

    assert another != ended


async def test_a_process_that_dies_within_a_transaction_leaves_nothing_and_frees_the_others(
    postgresql: State,
):
    """To the server, it is a connection that ends."""
    journal, other = journal_of(postgresql.url), Database(postgresql.url)
    await journal.ask("aa", INTENT)

    def dies(connection: Connection) -> None:
        connection.execute(text("DELETE FROM entries"))
        ended = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        from_thread.run(postgresql.write, f"SELECT pg_terminate_backend({ended})")

    with suppress(UnusableDatabaseError):
        await other.write(dies)
    with anyio.fail_after(20):
        found = await journal.verified()
    await journal.close()
    await other.close()

    assert (found.entries, found.fault) == (1, "")


async def test_whoever_has_a_lock_can_write_however_many_others_have_one(postgresql: State):
    """Many users may be signed in anew at once; a pair of tokens that is not kept is lost."""
    database, kept = Database(postgresql.url), list[int]()
    locks = [await database.lock(f"account {number}", 1) for number in range(3 * AT_ONCE)]
    with anyio.fail_after(5):
        for number in range(len(locks)):
            await database.write(lambda _, number=number: kept.append(number))
    for lock in locks:
        await lock.release()
    await database.close()

    assert len(kept) == len(locks)


async def test_a_lock_is_given_up_once_what_asks_for_it_is_over(postgresql: State):
    """A connection is used by one thread at a time: asked on while it closes, it opens anew."""
    database, happened = Database(postgresql.url), list[str]()

    def asking(_: Connection, __: object, statement: str, *___: object) -> None:
        if "pg_try_advisory_lock" in statement:
            from_thread.run_sync(scope.cancel)
            for _turn in range(100):  # turns of the event loop, in which the lock might be given up
                from_thread.run_sync(bool)
            happened.append("asked for")

    def closing(*_: object) -> None:
        happened.append("given up")

    event.listen(Engine, "before_cursor_execute", asking)
    event.listen(Pool, "invalidate", closing)
    try:
        with anyio.CancelScope() as scope:
            lock = await database.lock("account", 5)
            await lock.release()
        with anyio.fail_after(5):
            while len(happened) < 2:
                await anyio.lowlevel.checkpoint()
    finally:
        event.remove(Engine, "before_cursor_execute", asking)
        event.remove(Pool, "invalidate", closing)
    await database.close()

    assert happened == ["asked for", "given up"]


async def connection_of(database: Database) -> object:
    """What the server calls the connection that is used."""
    query = text("SELECT pg_backend_pid()")
    return await database.read(lambda connection: connection.execute(query).scalar())
