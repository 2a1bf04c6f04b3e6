"""Consent given on the page, outside the client: still once, still exact, in both eras."""

import re
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult

from tests.support import ERAS, Browser, Counter, Person, elsewhere, facts, text

ACCEPT: dict[str, Any] = {"number": 200001, "motivation": "Dossier complet."}
YES = {"agreed": "yes", "typed": "200001"}
DECIDE = "Une personne doit décider, sur la page"


@pytest.fixture(name="counter")
def _counter(counter: Counter) -> Counter:
    counter.page = True
    return counter


@pytest.fixture(name="browser")
async def _browser() -> AsyncGenerator[Browser]:
    async with Browser() as browser:
        yield browser


async def accept(host: Client, **changed: object) -> CallToolResult:
    return await host.call_tool("accept_dossier", ACCEPT | changed)


async def approved(counter: Counter, host: Client, browser: Browser) -> None:
    """A person is asked to accept the dossier, reads the page, and agrees."""
    await accept(host)
    await browser.open(counter.opened[-1])
    await browser.press("approve", **YES)
    assert browser.status == 200


async def test_a_dossier_is_accepted_once_a_person_agreed_on_the_page(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        first = await accept(host)
        assert first.is_error
        page = await browser.open(counter.opened[0])
        await browser.press("approve", **YES)
        assert not counter.accepted
        second = await accept(host)

    assert "<h1>Accepter le dossier n° 200001 (démarche n° 1001) ?</h1>" in page
    assert facts(second)["outcome"] == "applied"
    assert [write.applied for write in counter.accepted] == [True]


async def test_what_the_model_reads_holds_no_secret(counter: Counter, era: str, browser: Browser):
    async with counter.host(era) as host:
        told = text(await accept(host))
        (row,) = await counter.rows()
        key = counter.opened[0].partition("key=")[2]
        (address,) = re.findall(r"http://[^)\s]+", told)
        await browser.open(address)

    assert key not in told
    assert row["id"] not in told
    assert browser.status == 403
    assert "200001" not in browser.page


async def test_nothing_is_sent_before_a_person_decides(counter: Counter, era: str):
    """However often the model calls, one question waits and one page was opened."""
    async with counter.host(era) as host:
        results = [await accept(host) for _ in range(5)]

    assert all(text(result).startswith(DECIDE) for result in results)
    assert not counter.accepted
    assert len(await counter.rows()) == 1
    assert len(counter.opened) == 1


async def test_twenty_first_calls_at_once_put_one_question(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(accept, host)
        assert len(await counter.rows()) == len(counter.opened) == 1
        await browser.open(counter.opened[0])
        await browser.press("approve", **YES)
        result = await accept(host)

    assert facts(result)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_twenty_calls_at_once_after_one_agreement_make_one_change(
    counter: Counter, era: str, browser: Browser
):
    results = list[CallToolResult]()

    async def again(host: Client) -> None:
        results.append(await accept(host))

    async with counter.host(era) as host:
        await approved(counter, host, browser)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(again, host)

    assert len(counter.accepted) == 1
    assert len([result for result in results if not result.is_error]) >= 1


async def test_an_agreement_serves_once(counter: Counter, era: str, browser: Browser):
    """Somebody puts the dossier back under instruction: accepting it again is a new question."""
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        await accept(host)
        await elsewhere(counter, "dossierRepasserEnInstruction")
        again = await accept(host)

    assert text(again).startswith(DECIDE)
    assert len(counter.accepted) == 1


@pytest.mark.parametrize(
    "change", [{"number": 200002}, {"motivation": "Autre."}, {"notify": False}]
)
async def test_an_agreement_is_only_good_for_the_arguments_it_was_given_for(
    counter: Counter, era: str, browser: Browser, change: dict[str, Any]
):
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        other = await accept(host, **change)

    assert text(other).startswith(DECIDE)
    assert not counter.accepted
    assert len(await counter.rows()) == 2


async def test_an_agreement_is_only_good_for_the_principal_who_gave_it(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        counter.principal = "somebody else"
        other = await accept(host)

    assert text(other).startswith(DECIDE)
    assert not counter.accepted


async def test_a_refusal_is_told_once_and_a_later_call_asks_anew(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await accept(host)
        await browser.open(counter.opened[0])
        await browser.press("refuse")
        told = await accept(host)
        anew = await accept(host)

    assert "n'a pas donné son accord" in text(told)
    assert text(anew).startswith(DECIDE)
    assert not counter.accepted
    assert [row["status"] for row in await counter.rows()] == ["declined", "pending"]
    assert len(counter.opened) == 2


async def test_an_agreement_taken_back_is_a_refusal(counter: Counter, era: str, browser: Browser):
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        await browser.press("refuse")
        told = await accept(host)

    assert "n'a pas donné son accord" in text(told)
    assert not counter.accepted


async def test_a_question_that_nobody_answered_in_time_is_put_anew(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await accept(host)
        await browser.open(counter.opened[0])
        counter.clock.now += 601
        await browser.press("approve", **YES)
        anew = await accept(host)

    assert browser.status == 409
    assert text(anew).startswith(DECIDE)
    assert not counter.accepted
    assert len(await counter.rows()) == 2


async def test_an_agreement_not_used_in_time_is_void(counter: Counter, era: str, browser: Browser):
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        counter.clock.now += 601
        anew = await accept(host)

    assert text(anew).startswith(DECIDE)
    assert not counter.accepted


async def test_an_agreement_is_void_once_the_dossier_was_decided_on(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        await elsewhere(counter, "dossierRefuser")
        result = await accept(host)

    assert "déjà refusé" in text(result)
    assert not counter.accepted


async def test_an_agreement_is_void_once_the_dossier_changed_and_is_asked_anew(
    counter: Counter, era: str, browser: Browser
):
    """Decided on and reopened since the person agreed: the question reads the same."""
    async with counter.host(era) as host:
        await approved(counter, host, browser)
        await elsewhere(counter, "dossierRefuser", "dossierRepasserEnInstruction")
        stale = await accept(host)
        assert not counter.accepted
        await approved(counter, host, browser)
        anew = await accept(host)

    assert "n'est plus vrai" in text(stale)
    assert facts(anew)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_a_question_that_changed_while_it_waited_is_replaced(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await accept(host)
        await browser.open(counter.opened[0])
        await elsewhere(counter, "dossierRefuser", "dossierRepasserEnInstruction")
        await accept(host)
        await browser.press("approve", **YES)
        result = await accept(host)

    assert browser.status == 409
    assert text(result).startswith(DECIDE)
    assert not counter.accepted
    assert [row["status"] for row in await counter.rows()] == ["stale", "pending"]


async def test_every_change_goes_to_the_page_when_the_settings_say_so(
    counter: Counter, era: str, browser: Browser
):
    """Even if the client can ask, and would answer yes."""
    counter.settings["consent"] = "page"
    person = Person()
    async with counter.host(era, person) as host:
        first = await accept(host)
        assert text(first).startswith(DECIDE)
        await browser.open(counter.opened[0])
        await browser.press("approve", **YES)
        second = await accept(host)

    assert not person.questions
    assert facts(second)["outcome"] == "applied"
    (row,) = await counter.rows()
    assert row["evidence"] == "page"


async def test_no_answer_of_the_client_approves_what_waits_on_the_page(counter: Counter):
    """The client makes one up, with the plan's own identifier as its state."""
    async with counter.host("2026-07-28") as host:
        await accept(host)
        (row,) = await counter.rows()
        for state in (row["id"], counter.opened[0].partition("key=")[2]):
            with pytest.raises(Exception, match="requestState"):
                await host.session.call_tool(
                    "accept_dossier",
                    ACCEPT,
                    input_responses={"answer": Person().answer("")},
                    request_state=state,
                    allow_input_required=True,
                )

    assert not counter.accepted
    assert [row["status"] for row in await counter.rows()] == ["pending"]


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_to_a_form_leaves_a_plan_of_the_page_where_it_is(
    counter: Counter, era: str
):
    """The same call, from a client that can ask: its own question, its own answer."""
    async with counter.host(era) as mute, counter.host(era, Person("decline")) as asking:
        await accept(mute)
        await accept(asking)

    assert not counter.accepted
    assert [row["status"] for row in await counter.rows()] == ["pending", "declined"]


async def test_a_plan_can_be_approved_on_the_page_of_another_process(
    counter: Counter, browser: Browser
):
    """Processes share the ledger: each one's page lists what waits, whoever asked."""
    async with counter.host("2026-07-28") as host, counter.host("2026-07-28") as other:
        await accept(host)
        await accept(other, number=200002)
        assert len(counter.opened) == 2
        await browser.open(counter.opened[1])
        plans = re.findall(r'href="(/approvals/\w{64})"', await browser.open(home(browser)))
        assert len(plans) == 2
        for plan in plans:
            page = await browser.open(browser.origin + plan)
            if "n° 200001" in page:
                await browser.press("approve", **YES)
        result = await accept(host)

    assert facts(result)["outcome"] == "applied"
    assert [write.number for write in counter.accepted] == [200001]


def home(browser: Browser) -> str:
    return f"{browser.origin}/approvals"
