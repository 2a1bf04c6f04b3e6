"""Changes made in parts: each part is in the ledger, and what was begun is known to its end."""

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from clients import Approval, LostAnswerError
from clients.errors import RejectedError
from server import connect
from server.sandboxed import sandboxed
from server.settings import Settings
from tests.support import Clock
from tests.tools.changes import INTENT, journal_of
from tools.desk import Desk
from tools.executing import led, part
from tools.journal import LEASE, READ_FOR, Operation
from tools.results import Outcome, structured
from tools.settling import Settlement, settle_abandoned

ELSEWHERE = "https://another.example"


def unread(subject: str) -> Outcome:
    return Outcome(outcome="undetermined", conclusion=f"{subject} cannot be read.")


async def shown(_: Desk, operation: Operation) -> Outcome:
    """What the service shows: it made what has this goal."""
    made = operation.goal == "made"
    return Outcome(outcome="applied" if made else "not_applied", conclusion="As it now reads.")


async def counted(desk: Desk, operation: Operation) -> Outcome:
    parts = await desk.journal.parts(operation.id)
    made = [one for one in parts if one.status == "applied"]
    return Outcome(outcome="applied", conclusion=f"{len(made)} made, of {len(parts)} begun.")


PART = Settlement(unread=unread, read=shown)
WHOLE = Settlement(unread=unread, read=counted, part=PART)
SETTLEMENTS = {INTENT.tool: WHOLE}


async def done(_: Approval) -> Outcome:
    return Outcome(outcome="applied", conclusion="Made.")


async def refused(_: Approval) -> Outcome:
    raise RejectedError("The service", "it refuses.")


async def lost(_: Approval) -> Outcome:
    raise LostAnswerError("The service", "no complete answer.")


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="desk")
async def _desk(tmp_path: Path, clock: Clock) -> AsyncGenerator[Desk]:
    journal = journal_of(tmp_path / "ledger.db", clock)
    async with connect.sandbox(sandboxed(Settings()), journal.seal) as desk:
        here = frozenset({INTENT.asked.request.origin})
        yield replace(desk, journal=journal, places=here, sleep=clock.sleep)
    await journal.close()


async def begun(desk: Desk) -> Operation:
    operation = await desk.journal.ask("aa", replace(INTENT, goal="three"))
    assert await desk.journal.begin(operation, "page")
    return operation


async def statuses(desk: Desk) -> dict[str, str]:
    return {one.subject: one.status for one in await desk.journal.parts("aa")}


async def test_each_part_is_in_the_ledger_with_what_came_of_it(desk: Desk):
    whole, yes = await begun(desk), Approval("aa")
    for subject, body in {"1": done, "2": refused, "3": done}.items():
        await part(desk, PART, yes, body, subject=subject)

    parts = await desk.journal.parts(whole.id)
    assert await statuses(desk) == {"1": "applied", "2": "not_applied", "3": "applied"}
    assert {one.evidence for one in parts} == {"page"}
    assert {one.principal for one in parts} == {INTENT.principal}
    assert not (await desk.journal.verified()).fault


async def test_a_part_whose_answer_was_lost_is_settled_by_reading(desk: Desk):
    await begun(desk)
    for subject, goal in {"1": "made", "2": "not made"}.items():
        await part(desk, PART, Approval("aa"), lost, subject=subject, goal=goal)

    assert await statuses(desk) == {"1": "applied", "2": "not_applied"}


async def test_an_operation_ends_as_what_came_of_it_says(desk: Desk):
    async def partly(_: Approval) -> Outcome:
        return unread("2")

    await begun(desk)
    await part(desk, PART, Approval("aa"), partly, subject="1")

    assert await statuses(desk) == {"1": "undetermined"}


async def test_what_is_made_in_parts_stops_between_two_of_them(desk: Desk):
    whole, yes = await begun(desk), Approval("aa")
    with anyio.CancelScope() as call:

        async def cancelled_meanwhile(approval: Approval) -> Outcome:
            call.cancel()
            await anyio.lowlevel.checkpoint()
            return await done(approval)

        async def body() -> Outcome:
            await part(desk, PART, yes, done, subject="1")
            await part(desk, PART, yes, cancelled_meanwhile, subject="2")
            await anyio.lowlevel.checkpoint()
            await part(desk, PART, yes, done, subject="3")
            return await done(yes)

        await led(desk, WHOLE, whole, body)

    assert await statuses(desk) == {"1": "applied", "2": "applied"}
    ended = await desk.journal.find(whole.id)
    assert ended is not None
    result = desk.journal.recorded(ended)
    assert result is not None
    assert result.structured_content is not None
    assert result.structured_content["conclusion"] == "2 made, of 2 begun."


async def test_parts_that_a_process_left_are_settled_before_what_they_are_parts_of(
    desk: Desk, clock: Clock
):
    whole = await begun(desk)
    clock.now += 1
    await part(desk, PART, Approval("aa"), done, subject="1")
    left = await desk.journal.part("aa", subject="2", goal="made")
    assert left.status == "executing"
    clock.now += LEASE + 100

    await settle_abandoned(desk, SETTLEMENTS)

    assert await statuses(desk) == {"1": "applied", "2": "applied"}
    ended = await desk.journal.find(whole.id)
    assert ended is not None
    assert ended.status == "applied"
    result = desk.journal.recorded(ended)
    assert result is not None
    assert result.structured_content is not None
    assert result.structured_content["conclusion"] == "2 made, of 2 begun."


async def test_a_part_has_not_ended_where_its_whole_was_taken_for_dead(desk: Desk, clock: Clock):
    """The machine slept, another process settled the whole meanwhile, and this one goes on."""
    await begun(desk)
    clock.now += LEASE + 100
    await settle_abandoned(desk, SETTLEMENTS)

    late = await desk.journal.part("aa", subject="1", goal="made")

    assert (late.status, late.ended_at, late.result) == ("executing", None, None)


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        ([refused], "Correct the file."),
        ([done, refused], "1 made, of 2 begun."),
    ],
)
async def test_a_whole_that_is_refused_tells_why_unless_a_part_of_it_was_made(
    desk: Desk, bodies: list[Callable[[Approval], Awaitable[Outcome]]], told: str
):
    whole, yes = await begun(desk), Approval("aa")

    async def body() -> Outcome:
        for rank, each in enumerate(bodies):
            await part(desk, PART, yes, each, subject=str(rank))
        raise ToolError("Correct the file.")

    _, result = await led(desk, WHOLE, whole, body)

    assert told in result.model_dump_json()


async def test_what_may_have_been_made_is_not_denied_when_the_ledger_is_lost(
    desk: Desk, tmp_path: Path
):
    """One part was made: that nothing is changed without a ledger is not what to say of it."""
    whole, yes = await begun(desk), Approval("aa")

    async def body() -> Outcome:
        await part(desk, PART, yes, done, subject="1")
        with sqlite3.connect(tmp_path / "ledger.db") as ledger:
            ledger.execute("DROP TABLE operations")
        ledger.close()
        await part(desk, PART, yes, done, subject="2")
        return await done(yes)

    came, result = await led(desk, WHOLE, whole, body)

    assert came == "undetermined"
    assert f"{whole.subject} cannot be read." in result.model_dump_json()


@pytest.mark.parametrize(
    "why",
    [
        ToolError("It was sealed under another secret."),
        ValueError("An older version kept it otherwise."),
    ],
)
async def test_what_can_no_longer_be_read_holds_up_nothing_else(
    desk: Desk, clock: Clock, why: Exception
):
    async def unreadable(_: Desk, __: Operation) -> Outcome:
        raise why

    for name, tool in {"aa": "close_dossier", "bb": INTENT.tool}.items():
        asked = await desk.journal.ask(name, replace(INTENT, tool=tool, goal="made"))
        assert await desk.journal.begin(asked, "page")
    clock.now += LEASE + 100

    settlements = {"close_dossier": Settlement(unread=unread, read=unreadable), INTENT.tool: PART}
    await settle_abandoned(desk, settlements)

    found = [await desk.journal.find(name) for name in ("aa", "bb")]
    assert [each and each.status for each in found] == ["undetermined", "applied"]


async def test_what_cannot_be_read_is_given_up_after_a_week(desk: Desk, clock: Clock):
    operation = await begun(desk)
    await desk.journal.end(operation.id, "undetermined", structured(unread("1")))
    clock.now += READ_FOR - 1
    within = await desk.journal.unsettled()
    clock.now += 2

    assert [one.id for one in within] == ["aa"]
    assert await desk.journal.unsettled() == []


async def test_what_was_asked_of_another_service_is_not_settled_by_reading_this_one(
    desk: Desk, clock: Clock
):
    request = replace(INTENT.asked.request, address=f"{ELSEWHERE}/api")
    asked = INTENT.asked.model_copy(update={"request": request})
    operation = await desk.journal.ask("aa", replace(INTENT, asked=asked, goal="made"))
    assert await desk.journal.begin(operation, "form")
    clock.now += LEASE + 100
    settlements = {INTENT.tool: PART}

    await settle_abandoned(desk, settlements)
    there = await desk.journal.find("aa")
    await settle_abandoned(replace(desk, places=frozenset({ELSEWHERE})), settlements)
    settled = await desk.journal.find("aa")

    assert there is not None
    assert there.status == "executing"
    assert settled is not None
    assert settled.status == "applied"


async def test_two_parts_of_one_name_are_not_both_begun(desk: Desk):
    """Whoever comes second, in this process or in another, is refused before anything is sent."""
    await begun(desk)
    first = desk.journal.trial("rows", 0)
    await part(desk, PART, Approval("aa"), done, subject="1", name=first)

    with pytest.raises(ToolError, match="nothing was sent twice"):
        await part(desk, PART, Approval("aa"), done, subject="1", name=first)
    await part(desk, PART, Approval("aa"), done, subject="1", name=desk.journal.trial("rows", 1))

    trials = await desk.journal.trials("rows")
    assert [one.id for one in trials] == [first, desk.journal.trial("rows", 1)]
    assert not await desk.journal.trials("other rows")


def test_what_a_tool_makes_at_once_leaves_nothing_to_read():
    """Where the tool makes others in parts: those have a goal, by which they are read."""
    operation = Operation(
        id="aa",
        principal="local",
        tool="accept_dossier",
        subject="1",
        arguments="",
        question="",
        facts="",
        asked_at=0.0,
        expires_at=0.0,
    )

    assert WHOLE.of(operation) == Settlement(unread)
    assert WHOLE.of(operation.model_copy(update={"goal": "3"})) is WHOLE


async def test_what_was_asked_with_other_credentials_is_not_settled_with_these(
    desk: Desk, clock: Clock
):
    await begun(desk)
    clock.now += LEASE + 100
    settlements = {INTENT.tool: PART}

    await settle_abandoned(replace(desk, principals=frozenset({"token bruno"})), settlements)
    with_others = await desk.journal.find("aa")
    await settle_abandoned(replace(desk, principals=frozenset({INTENT.principal})), settlements)
    with_theirs = await desk.journal.find("aa")

    assert with_others is not None
    assert with_others.status == "executing"
    assert with_theirs is not None
    assert with_theirs.status != "executing"
