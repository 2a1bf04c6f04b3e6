"""The fences: what one principal may have changed in a day, whoever agrees to it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client

from server.settings import Fences
from tests.databases import State
from tests.proof.everyday import CALLS
from tests.support import Counter, Person, elsewhere, facts, text
from tests.tools.changes import DONE, INTENT, journal_of
from tools import TOOLS
from tools.fences import FencedError, Toll
from tools.fences import Fences as Limits
from tools.journal import Journal

Tried = tuple[str, Mapping[str, Any]]

ACCEPT: Tried = ("accept_dossier", {"number": 200001})
REFUSE: Tried = ("refuse_dossier", {"number": 200001, "motivation": "Incomplet."})
WRITE: Tried = ("send_message", {"number": 200001, "body": "Bonjour."})
FOLLOW: Tried = ("follow_dossier", {"number": 200001, "follow": False})
DELETE: Tried = ("delete_mesure", {"id": 120071})
DECIDE: Tried = (
    "decide_dossiers",
    {"decision": "refuse", "motivation": "Incomplet.", "numbers": [200001, 200009, 200011]},
)
A_DAY = 86_400.0


def fenced(counter: Counter, **limits: Any) -> None:
    counter.settings = {"fences": Fences.model_validate(limits)}


async def refusal(host: Client, call: Tried) -> str:
    """Why a call was refused."""
    result = await host.call_tool(call[0], dict(call[1]))
    assert result.is_error
    return text(result)


async def done(host: Client, call: Tried) -> bool:
    return facts(await host.call_tool(call[0], dict(call[1])))["outcome"] == "applied"


@pytest.mark.parametrize(
    ("limit", "call"),
    [
        ("refusals", REFUSE),
        ("refusals", DECIDE),
        ("messages", WRITE),
        ("deletions", DELETE),
        ("dossiers", ACCEPT),
        ("dossiers", DECIDE),
    ],
)
async def test_what_is_over_a_cap_is_refused_before_anybody_is_asked(
    counter: Counter, era: str, limit: str, call: Tried
):
    """A batch counts each of its dossiers."""
    most = len(call[1].get("numbers", [0])) - 1
    fenced(counter, **{limit: most})
    person = Person()
    async with counter.host(era, person) as host:
        told = await refusal(host, call)

    assert f"GUICHET_FENCES_{limit.upper()}={most}" in told
    assert not person.questions
    assert not counter.presented
    assert not counter.dossiers.state.writes
    assert not counter.mesures.state.writes


async def test_a_cap_holds_across_restarts_for_a_day_and_for_one_principal(counter: Counter):
    fenced(counter, messages=1)
    async with counter.host("2026-07-28", Person()) as host:
        assert await done(host, WRITE)
    async with counter.host("2026-07-28", Person()) as host:
        assert "GUICHET_FENCES_MESSAGES=1" in await refusal(host, WRITE)
        counter.principal = "somebody else"
        assert await done(host, WRITE)
        counter.principal = "local"
        counter.clock.now += A_DAY + 1
        assert await done(host, WRITE)


async def test_a_dossier_counts_once_and_what_was_not_done_does_not(counter: Counter, era: str):
    fenced(counter, dossiers=1)
    refusing = Person(action="decline")
    async with counter.host(era, refusing) as host:
        await refusal(host, ("archive_dossier", {"number": 200005}))
    async with counter.host(era, Person()) as host:
        assert await done(host, FOLLOW)
        assert await done(host, WRITE)
        assert "GUICHET_FENCES_DOSSIERS=1" in await refusal(
            host, ("archive_dossier", {"number": 200005})
        )


async def test_every_change_of_a_dossier_counts_it(counter: Counter):
    writing = {tool.name for tool in TOOLS if tool.writes and tool.service == "demarches"}
    async with counter.host("2026-07-28", Person()) as host:
        for name, arguments in CALLS:
            if name in writing:
                await host.call_tool(name, dict(arguments))
        await host.call_tool(DECIDE[0], dict(DECIDE[1]))
    told = {row["tool"]: Toll.model_validate_json(row["toll"]) for row in await counter.rows()}

    assert told.keys() == writing
    assert all(toll.dossiers for toll in told.values())
    refusing = {name for name, toll in told.items() if toll.refused}
    assert refusing == {"refuse_dossier", "decide_dossiers"}


WRITING = replace(INTENT, tool="send_message", toll=Toll(messages=1))


async def test_of_plans_agreed_to_together_those_over_the_cap_are_not_begun(state: State):
    """Counting, and beginning, are one transaction: engines of their own stand for processes."""
    journals, limits = [journal_of(state.url) for _ in range(6)], Limits(messages=2)
    begun: list[bool] = []
    for number in range(6):
        await journals[0].ask(str(number), WRITING)

    async def begin(journal: Journal, name: str) -> None:
        operation = await journal.find(name)
        assert operation
        try:
            begun.append(await journal.begin(operation, "form", limits))
        except FencedError:
            begun.append(False)

    async with anyio.create_task_group() as tasks:
        for number, journal in enumerate(journals):
            tasks.start_soon(begin, journal, str(number))
    events = [entry.event for entry in await journals[0].entries()]
    found = await journals[0].verified()
    for journal in journals:
        await journal.close()

    assert sorted(begun) == [False] * 4 + [True] * 2
    assert events == ["asked"] * 6 + ["executing"] * 2
    assert not found.fault


async def test_a_plan_agreed_to_is_not_begun_once_another_filled_the_cap(
    counter: Counter, era: str
):
    """The person answers while another message is sent."""
    fenced(counter, messages=1)

    async def meanwhile() -> None:
        journal = counter.journal()
        operation = await journal.ask("aa", WRITING)
        assert await journal.begin(operation, "form")
        assert await journal.end("aa", "applied", DONE)
        await journal.close()

    async with counter.host(era, Person(before=meanwhile)) as host:
        told = await refusal(host, WRITE)

    assert "GUICHET_FENCES_MESSAGES=1" in told
    assert not counter.dossiers.state.writes


async def test_nothing_more_is_asked_for_a_while_after_so_many_refusals(counter: Counter, era: str):
    fenced(counter, lock_after=2, lock_minutes=30)
    person = Person(action="decline")
    async with counter.host(era, person) as host:
        for _ in range(2):
            await refusal(host, ACCEPT)
        counter.clock.now += 60
        locked = await refusal(host, WRITE)
        asked = len(person.questions)
        counter.clock.now += 30 * 60
        assert "GUICHET_FENCES" not in await refusal(host, WRITE)

    assert "GUICHET_FENCES_LOCK_AFTER" in locked
    assert "avant 30 minutes" in locked
    assert (asked, len(person.questions)) == (2, 3)


async def test_a_change_between_refusals_keeps_it_open(counter: Counter):
    fenced(counter, lock_after=2)
    for action in ("decline", "accept", "decline", "accept"):
        async with counter.host("2026-07-28", Person(action=action)) as host:
            await host.call_tool(WRITE[0], dict(WRITE[1]))
            counter.clock.now += 1

    statuses = sorted(row["status"] for row in await counter.rows())
    assert statuses == ["applied", "applied", "declined", "declined"]


async def test_stale_plans_lock_as_refused_ones_do(counter: Counter):
    fenced(counter, lock_after=1)
    reader = Person(before=partial(elsewhere, counter, "dossierClasserSansSuite"))
    async with counter.host("2025-11-25", reader) as host:
        await refusal(host, ACCEPT)
        assert "GUICHET_FENCES_LOCK_AFTER" in await refusal(host, FOLLOW)


@pytest.mark.parametrize(
    "call",
    [
        ("get_demarche", {"demarche_number": 1001}),
        ("query_dossiers", {"demarche_number": 1001}),
        ("list_deleted_dossiers", {"demarche_number": 1001}),
        ("export_dossiers", {"demarche_number": 1001}),
        ("get_dossier", {"number": 200001}),
        ("save_piece", {"number": 200001, "piece": "pdf"}),
        ("annotate_dossier", {"number": 200001, "values": {"a": "Vu."}}),
        ACCEPT,
        WRITE,
        DECIDE,
    ],
)
async def test_nothing_of_a_demarche_outside_the_list_is_told_or_asked(
    counter: Counter, call: Tried
):
    """Whether it is named, or a dossier of it is."""
    fenced(counter, demarches=(1002,))
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        told = await refusal(host, call)

    assert "GUICHET_FENCES_DEMARCHES" in told
    assert not person.questions
    assert not counter.presented


async def test_a_batch_leaves_out_the_dossiers_of_demarches_outside_the_list(counter: Counter):
    fenced(counter, demarches=(1002,))
    call = {"decision": "close", "motivation": "Doublon.", "numbers": [200001, 300002]}
    async with counter.host("2026-07-28") as host:
        shown = facts(await host.call_tool("decide_dossiers", call | {"dry_run": True}))
        listed = facts(await host.call_tool("list_demarches", {}))

    assert "GUICHET_FENCES_DEMARCHES" in shown["preview"]["question"]
    assert str(listed).count("GUICHET_FENCES_DEMARCHES") == 2
