"""Deleting mesures: one that was read, or all of them, on a page, and never by mistake."""

from typing import Any

import pytest
from mcp import Client

from server.sandbox.emjpm.mesures import FIRST_ID, FIRST_OF_NEIGHBOUR, SIZE
from server.settings import Emjpm
from tests.support import Browser, Counter, Person, facts, text
from tests.tools.test_mesures_saving import Losing, is_change, operations, row

EN_COURS = FIRST_ID + 1
DELETING = Emjpm.model_validate(
    {"url": "https://emjpm.sandbox", "token": "sandbox", "delete_all": True}
)


async def delete(host: Client, number: int) -> Any:
    return await host.call_tool("delete_mesure", {"id": number})


async def agreed(counter: Counter, **fields: str) -> str:
    """What the page shows to somebody who agrees there, and copies what it asks."""
    async with Browser() as browser:
        page = await browser.open(counter.opened[-1])
        await browser.press("approve", agreed="yes", **fields)
        assert browser.status == 200
    return page


@pytest.fixture(name="deleting")
def _deleting(counter: Counter) -> Counter:
    counter.settings["emjpm"] = DELETING
    counter.page = True
    return counter


async def test_a_mesure_is_deleted_once_its_id_was_typed(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        deleted = facts(await delete(host, EN_COURS))

    assert (deleted["outcome"], deleted["deleted"]) == ("applied", 1)
    assert EN_COURS not in counter.mesures.state.table.rows
    assert f"recopiez le numéro de la mesure : {EN_COURS}." in person.questions[0]
    assert "états : 2, ressources : 1 → supprimée" in person.questions[0]


@pytest.mark.parametrize(
    "person",
    [Person("decline"), Person(content={"agreed": True, "typed": "1"})],
    ids=["no", "mistyped"],
)
async def test_a_mesure_stays_unless_the_person_typed_its_id(
    counter: Counter, era: str, person: Person
):
    async with counter.host(era, person) as host:
        assert (await delete(host, EN_COURS)).is_error

    assert not counter.mesures.state.writes


async def test_somebody_else_s_mesure_is_left_whole(counter: Counter, era: str):
    """Given its id, the service would empty it and say that it deleted nothing."""
    before = row(counter, FIRST_OF_NEIGHBOUR).mesure
    person = Person()
    async with counter.host(era, person) as host:
        refused = await delete(host, FIRST_OF_NEIGHBOUR)

    assert "no mesure of this account" in text(refused)
    assert before["etats"]
    assert row(counter, FIRST_OF_NEIGHBOUR).mesure == before
    assert not counter.mesures.state.writes
    assert not person.questions


async def test_a_mesure_that_becomes_somebody_else_s_meanwhile_is_left_whole(
    counter: Counter, era: str
):
    """Its id is read again once the person has agreed."""
    table = counter.mesures.state.table

    async def meanwhile() -> None:
        mine = table.rows[EN_COURS]
        table.rows[EN_COURS] = type(mine)(
            table.rows[FIRST_OF_NEIGHBOUR].owner, mine.status, mine.mesure
        )

    before = row(counter, EN_COURS).mesure
    async with counter.host(era, Person(before=meanwhile)) as host:
        refused = await delete(host, EN_COURS)

    assert refused.is_error
    assert before["etats"]
    assert row(counter, EN_COURS).mesure == before
    assert not counter.mesures.state.writes


@pytest.mark.parametrize(
    ("delivers", "outcome"), [(True, "applied"), (False, "not_applied")], ids=["done", "not done"]
)
async def test_a_lost_answer_is_settled_by_reading_and_never_by_deleting_again(
    counter: Counter, era: str, *, delivers: bool, outcome: str
):
    counter.over["emjpm"] = Losing(counter, is_change, delivers=delivers)
    async with counter.host(era, Person()) as host:
        deleted = facts(await delete(host, EN_COURS))

    assert deleted["outcome"] == outcome
    assert operations(counter) == (["delete"] if delivers else [])


async def test_a_mesure_that_was_emptied_and_not_deleted_is_not_said_to_be_as_it_was(
    counter: Counter, era: str
):
    def emptied(request: Any) -> bool:
        if request.method == "DELETE":
            counter.mesures.state.table.empty(EN_COURS)
        return request.method == "DELETE"

    counter.over["emjpm"] = Losing(counter, emptied, delivers=False)
    async with counter.host(era, Person()) as host:
        deleted = facts(await delete(host, EN_COURS))

    assert deleted["outcome"] == "undetermined"
    assert "may be gone" in deleted["conclusion"]


# All of them.


async def test_deleting_all_is_not_offered_unless_the_settings_say_so(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        offered = {tool.name for tool in (await host.list_tools()).tools}

    assert "delete_mesure" in offered
    assert "delete_all_mesures" not in offered


@pytest.mark.parametrize("include", [True, False])
async def test_the_page_says_that_those_that_await_go_too_whatever_is_asked(
    deleting: Counter, era: str, *, include: bool
):
    """The documentation promises the contrary, and the service does this."""
    call = {"include_awaiting": include}
    async with deleting.host(era, Person()) as host:
        first = await host.call_tool("delete_all_mesures", call)
        page = await agreed(deleting, typed=str(SIZE))
        second = facts(await host.call_tool("delete_all_mesures", call))

    assert "Une personne doit décider, sur la page" in text(first)
    assert "En cours : 48 ; en attente : 12 ; éteintes : 12" in page
    assert "un tribunal propose (12) disparaîtront aussi" in page
    assert (second["outcome"], second["deleted"]) == ("applied", SIZE)
    assert operations(deleting) == ["delete_all"]


async def test_all_mesures_stay_when_the_page_is_refused(deleting: Counter, era: str):
    person = Person()
    async with deleting.host(era, person) as host, Browser() as browser:
        await host.call_tool("delete_all_mesures")
        await browser.open(deleting.opened[-1])
        await browser.press("refuse")
        refused = await host.call_tool("delete_all_mesures")

    assert "n'a pas donné son accord" in text(refused)
    assert not person.questions
    assert not deleting.mesures.state.writes


async def test_all_mesures_stay_when_one_more_is_there_than_was_said(deleting: Counter, era: str):
    async with deleting.host(era, Person()) as host:
        await host.call_tool("delete_all_mesures")
        await agreed(deleting, typed=str(SIZE))
        counter_row = deleting.mesures.state.table.rows.pop(EN_COURS)
        stale = await host.call_tool("delete_all_mesures")
        deleting.mesures.state.table.rows[EN_COURS] = counter_row

    assert stale.is_error
    assert not deleting.mesures.state.writes


@pytest.mark.parametrize(
    ("delivers", "outcome"), [(True, "applied"), (False, "not_applied")], ids=["done", "not done"]
)
async def test_a_lost_answer_about_all_is_settled_by_counting(
    deleting: Counter, era: str, *, delivers: bool, outcome: str
):
    deleting.over["emjpm"] = Losing(deleting, is_change, delivers=delivers)
    async with deleting.host(era, Person()) as host:
        await host.call_tool("delete_all_mesures")
        await agreed(deleting, typed=str(SIZE))
        deleted = facts(await host.call_tool("delete_all_mesures"))

    assert deleted["outcome"] == outcome
    assert operations(deleting) == (["delete_all"] if delivers else [])


async def test_a_dry_run_deletes_nothing(deleting: Counter, era: str):
    person = Person()
    async with deleting.host(era, person) as host:
        one = facts(await host.call_tool("delete_mesure", {"id": EN_COURS, "dry_run": True}))
        every = facts(
            await host.call_tool("delete_all_mesures", {"include_awaiting": True, "dry_run": True})
        )

    assert one["preview"]["method"] == every["preview"]["method"] == "DELETE"
    assert "forceDeleteAwaitingMesures=true" in every["preview"]["body"]
    assert not person.questions
    assert not deleting.opened
    assert not deleting.mesures.state.writes
