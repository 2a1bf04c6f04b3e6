"""What the journal proves, what it keeps, and for how long."""

import json
from pathlib import Path

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from tests.databases import State
from tests.support import Counter, Person
from tests.tools.changes import DONE, INTENT, make
from tools.chain import SAID, linked
from tools.journal import A_DAY, Entry, Journal
from tools.results import error
from tools.sealing import Seal

ACCEPT = {"number": 200001, "motivation": "Dossier complet."}


@pytest.fixture(name="counter")
def _counter(tmp_path: Path, state: State) -> Counter:
    return Counter(tmp_path, ledger=state.url)


def kept_for(counter: Counter, days: int) -> Journal:
    return Journal(lambda: counter.ledger, counter.seal, keep_days=days, clock=counter.clock)


async def test_the_journal_tells_each_step_of_a_change(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", ACCEPT)
    journal = counter.journal()
    told, found = await journal.entries(), await journal.verified()
    await journal.close()

    assert [(entry.number, entry.event) for entry in told] == [
        (1, "asked"),
        (2, "executing"),
        (3, "applied"),
    ]
    assert {(e.tool, e.subject, e.principal) for e in told} == {
        ("accept_dossier", "200001", "local")
    }
    assert [entry.evidence for entry in told] == ["", "form, typed", "form, typed"]
    assert (found.entries, found.head.number, found.head.mark) == (3, 3, told[-1].mark)
    assert not found.fault


@pytest.mark.parametrize(
    ("person", "events"),
    [
        (Person("decline"), ["asked", "declined"]),
        (Person(content={"agreed": True, "typed": "1"}), ["asked", "declined"]),
    ],
    ids=["no", "mistyped"],
)
async def test_the_journal_tells_that_a_person_did_not_agree(
    counter: Counter, era: str, person: Person, events: list[str]
):
    async with counter.host(era, person) as host:
        await host.call_tool("accept_dossier", ACCEPT)
    journal = counter.journal()
    told, found = await journal.entries(), await journal.verified()
    await journal.close()

    assert [entry.event for entry in told] == events
    assert not found.fault


async def test_that_a_person_did_not_agree_is_told_even_if_their_answer_is_cancelled(
    counter: Counter,
):
    journal = counter.journal()
    await journal.ask("aa", INTENT)
    with anyio.CancelScope() as answering:
        answering.cancel()
        await journal.refuse("aa", "declined", error("The person did not agree."))
    told = await journal.entries("aa")
    await journal.close()

    assert [entry.event for entry in told] == ["asked", "declined"]


async def test_an_approval_on_the_page_is_an_entry_of_its_own(counter: Counter):
    journal = counter.journal()
    operation = await journal.ask("aa", INTENT, by_page=True)
    await journal.approve("aa")
    await journal.told("aa")
    await journal.begin(operation, "page")
    told, found = await journal.entries("aa"), await journal.verified()
    await journal.close()

    assert [(entry.event, entry.evidence) for entry in told] == [
        ("asked", ""),
        ("approved", "page"),
        ("executing", "page"),
    ]
    assert not found.fault


async def test_what_was_refused_a_change_of_state_has_no_entry(counter: Counter):
    journal = counter.journal()
    operation = await journal.ask("aa", INTENT)
    await journal.refuse("aa", "declined", error("Non."))
    assert not await journal.begin(operation, "form")
    assert not await journal.approve("aa")
    assert not await journal.end("aa", "applied", DONE)
    told = await journal.entries()
    await journal.close()

    assert [entry.event for entry in told] == ["asked", "declined"]


ADD = (
    "INSERT INTO entries SELECT {}, at, operation, event, principal, tool, subject, evidence, "
    "decided_by, arguments, question, mark FROM entries WHERE number = 3"
)
ALTERED = "where the journal begins and ends was altered"
TAMPERED: dict[str, tuple[str, ...]] = {
    "another subject": (
        "entry 2 was altered",
        "UPDATE entries SET subject = '200002' WHERE number = 2",
    ),
    "better evidence": (
        "entry 5 was altered",
        "UPDATE entries SET evidence = 'page' WHERE number = 5",
    ),
    "an earlier time": ("entry 1 was altered", "UPDATE entries SET at = at - 1 WHERE number = 1"),
    "another end": (
        "entry 6 was altered",
        "UPDATE entries SET event = 'declined' WHERE number = 6",
    ),
    "another mark": ("entry 6 was altered", "UPDATE entries SET mark = 'x' WHERE number = 6"),
    "one removed": ("entry 4 should be: it was removed", "DELETE FROM entries WHERE number = 4"),
    "the first removed": (
        "entry 1 should be: it was removed",
        "DELETE FROM entries WHERE number = 1",
    ),
    "another who agreed": (
        "entry 2 was altered",
        "UPDATE entries SET decided_by = 'somebody else' WHERE number = 2",
    ),
    "the last ones removed": (
        "entry 5, and whatever followed, was removed",
        "DELETE FROM entries WHERE number > 4",
    ),
    "all removed": ("entry 1, and whatever followed, was removed", "DELETE FROM entries"),
    "one removed, the others renumbered": (
        "entry 3 was altered",
        "DELETE FROM entries WHERE number = 3",
        "UPDATE entries SET number = number - 1 WHERE number > 3",
    ),
    "one inserted after the last": (
        "entry 7 was added after the last one",
        ADD.format(7),
    ),
    "one inserted before the first": (
        "before entry 0",
        ADD.format(0),
    ),
    "cut short, and the head with it": (
        ALTERED,
        "DELETE FROM entries WHERE number > 4",
        "UPDATE heads SET number = 4, mark = (SELECT mark FROM entries WHERE number = 4)",
    ),
    "purged by hand": (
        ALTERED,
        "UPDATE heads SET purged = 3, purged_mark = (SELECT mark FROM entries WHERE number = 3)",
        "DELETE FROM entries WHERE number <= 3",
        "DELETE FROM operations WHERE id = 'aa'",
    ),
    "another number": (ALTERED, "UPDATE heads SET number = 7"),
    "an operation to be answered again": (
        "operation aa is not what its last entry, 3, says of it",
        "UPDATE operations SET status = 'pending' WHERE id = 'aa'",
    ),
    "an operation on something else": (
        "operation bb is not what",
        "UPDATE operations SET subject = '200002' WHERE id = 'bb'",
    ),
    "an operation of somebody else": (
        "operation aa is not what",
        "UPDATE operations SET principal = 'somebody else'",
    ),
    "an operation removed": (
        "operation bb, told of by entry 6, was removed",
        "DELETE FROM operations WHERE id = 'bb'",
    ),
    "an operation inserted": (
        "operation zz is told of by no entry",
        "CREATE TEMP TABLE copy AS SELECT * FROM operations WHERE id = 'aa'",
        "UPDATE copy SET id = 'zz'",
        "INSERT INTO operations SELECT * FROM copy",
    ),
}
"""What somebody without the secret does, after what verification is to say of it."""


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        ("entry 4 was altered", "UPDATE entries SET subject = x'ff' WHERE number = 4"),
        (ALTERED, "UPDATE heads SET number = 'x'"),
    ],
    ids=["no text", "no number"],
)
async def test_what_has_another_type_in_sqlite_shows(tmp_path: Path, fault: str, statement: str):
    """SQLite lets a column hold anything."""
    journal = (counter := Counter(tmp_path)).journal()
    await make(journal, "aa", "bb")
    await State(counter.ledger).write(statement)
    found = await journal.verified()
    await journal.close()

    assert fault in found.fault


@pytest.mark.parametrize("tampering", TAMPERED)
async def test_what_somebody_else_wrote_shows(counter: Counter, state: State, tampering: str):
    fault, *statements = TAMPERED[tampering]
    journal = counter.journal()
    await make(journal, "aa", "bb")
    assert not (await journal.verified()).fault
    await state.write(*statements)
    found = await journal.verified()
    await journal.close()

    assert fault in found.fault


async def test_what_was_written_under_another_secret_does_not_hold(counter: Counter):
    journal = counter.journal()
    await make(journal, "aa")
    await journal.close()
    counter.seal = Seal(lambda: b"another secret, as long as it has to be")
    journal = counter.journal()
    found, operation = await journal.verified(), await journal.find("aa")
    assert operation is not None
    with pytest.raises(ToolError, match="another secret"):
        journal.recorded(operation)
    await journal.close()

    assert found.fault


async def test_marks_are_not_made_of_each_entry_alone(tmp_path: Path):
    """Two entries that say the same have different marks: neither can stand for the other."""
    marks: list[set[str]] = []
    seal = Counter(tmp_path).seal
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        there = Counter(tmp_path / folder)
        there.seal = seal
        journal = there.journal()
        if folder == "other":
            await make(journal, "zz")
        await make(journal, "aa")
        marks.append({entry.mark for entry in await journal.entries("aa")})
        await journal.close()

    assert marks[0].isdisjoint(marks[1])


async def test_a_purge_takes_the_oldest_entries_and_what_is_left_holds(counter: Counter):
    journal = counter.journal()
    await make(journal, "aa", "bb")
    counter.clock.now += A_DAY
    await make(journal, "cc")
    deleted = await journal.purge(counter.clock.now)
    left, found = await journal.entries(), await journal.verified()
    again = await journal.purge(counter.clock.now)
    gone, kept = await journal.find("aa"), await journal.find("cc")
    await make(journal, "dd")
    later = await journal.verified()
    await journal.close()

    assert (deleted, again) == (6, 0)
    assert [entry.number for entry in left] == [7, 8, 9]
    assert (found.entries, found.fault, found.head.purged) == (3, "", 6)
    assert gone is None
    assert kept is not None
    assert (later.entries, later.fault) == (6, "")


async def test_a_journal_purged_of_everything_goes_on_from_there(counter: Counter):
    journal = counter.journal()
    await make(journal, "aa")
    counter.clock.now += 1
    assert await journal.purge(counter.clock.now) == 3
    empty = await journal.verified()
    await make(journal, "bb")
    found, told = await journal.verified(), await journal.entries()
    await journal.close()

    assert (empty.entries, empty.fault) == (0, "")
    assert (found.fault, [entry.number for entry in told]) == ("", [4, 5, 6])


async def test_after_a_purge_what_somebody_else_wrote_still_shows(counter: Counter, state: State):
    journal = counter.journal()
    await make(journal, "aa")
    counter.clock.now += A_DAY
    await make(journal, "bb")
    await journal.purge(counter.clock.now)
    await state.write("DELETE FROM entries WHERE number = 4")
    found = await journal.verified()
    await journal.close()

    assert "entry 4 should be" in found.fault


async def test_a_purge_leaves_no_hole_when_the_clock_went_back(counter: Counter):
    """An entry that looks old is kept when one before it is recent."""
    journal = counter.journal()
    await make(journal, "aa")
    counter.clock.now -= 10 * A_DAY
    await make(journal, "bb")
    deleted = await journal.purge(counter.clock.now + A_DAY)
    found = await journal.verified()
    await journal.close()

    assert (deleted, found.entries, found.fault) == (0, 6, "")


async def test_a_purge_keeps_operations_that_are_not_over(counter: Counter):
    """One is being executed and one waits for its answer: only what was said of them goes."""
    journal = counter.journal()
    running = await journal.ask("aa", INTENT)
    await journal.begin(running, "form")
    expired = await journal.ask("bb", INTENT, by_page=True)
    counter.clock.now += 601
    waiting = await journal.ask("cc", INTENT)
    counter.clock.now += 1
    await journal.purge(counter.clock.now)
    left = [row["id"] for row in await counter.rows()]
    assert await journal.begin(waiting, "form")
    assert await journal.end("aa", "applied", DONE)
    found = await journal.verified()
    await journal.close()

    assert sorted(left) == ["aa", "cc"]
    assert not journal.is_open(expired)
    assert not found.fault


async def test_what_was_purged_is_no_longer_in_the_file(tmp_path: Path):
    counter = Counter(tmp_path)
    journal = counter.journal()
    await make(journal, "an-operation-to-forget")
    counter.clock.now += 1
    await journal.purge(counter.clock.now)
    await journal.close()

    assert b"an-operation-to-forget" not in (counter.folder / "ledger.db").read_bytes()


async def test_old_entries_are_purged_before_the_first_change_of_a_process(counter: Counter):
    journal = kept_for(counter, days=30)
    await make(journal, "aa")
    counter.clock.now += 29 * A_DAY
    await make(journal, "bb")
    await journal.close()
    counter.clock.now += 2 * A_DAY
    journal = kept_for(counter, days=30)
    assert len(await journal.entries()) == 6, "reading deletes nothing"
    await make(journal, "cc")
    told, found = await journal.entries(), await journal.verified()
    await journal.close()

    assert {entry.operation for entry in told} == {"bb", "cc"}
    assert not found.fault


async def test_old_entries_are_purged_every_day_by_a_process_that_lasts(counter: Counter):
    journal = kept_for(counter, days=1)
    for name in ("aa", "bb", "cc"):
        await make(journal, name)
        counter.clock.now += A_DAY + 1
    told = await journal.entries()
    await journal.close()

    assert {entry.operation for entry in told} == {"cc"}


async def test_everything_is_kept_unless_a_setting_says_otherwise(counter: Counter):
    journal = counter.journal()
    await make(journal, "aa")
    counter.clock.now += 10_000 * A_DAY
    await make(journal, "bb")
    told = await journal.entries()
    await journal.close()

    assert len(told) == 6


async def test_an_answer_whose_operation_was_purged_changes_nothing(counter: Counter):
    """The state that comes back may outlive the ledger's memory of it."""
    journal = counter.journal()
    operation = await journal.ask("aa", INTENT)
    await journal.refuse("aa", "declined", error("Non."))
    counter.clock.now += A_DAY
    await journal.purge(counter.clock.now)
    assert await journal.find("aa") is None
    assert not await journal.begin(operation, "form")
    await journal.close()


def test_an_entry_says_all_that_is_needed_to_read_it_alone():
    assert {
        *("number", "at", "operation", "event", "principal", "tool", "subject"),
        *("evidence", "decided_by", "arguments", "question", "mark"),
    } == set(Entry.model_fields)


def test_an_entry_that_tells_of_nobody_else_is_marked_as_before_it_could():
    """What version 3 wrote still holds."""
    said = dict.fromkeys(SAID, "x") | {"number": 1, "at": 1.5, "decided_by": ""}
    before = {name: value for name, value in said.items() if name != "decided_by"}

    assert linked(said, "m") == json.dumps(["m", before], sort_keys=True)
    assert linked(said | {"decided_by": "y"}, "m") != linked(said, "m")
