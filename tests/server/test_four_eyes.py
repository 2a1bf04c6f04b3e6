"""Four eyes: what the settings list is agreed to by another person than the one who asked."""

from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult
from pydantic import ValidationError

from server.approvers import Approvers
from server.passwords import derived
from server.settings import Oidc, Profile, Settings
from tests.authorization import issuing
from tests.over_http import known_by, served, signed_in
from tests.support import ERAS, Browser, Counter, Person, facts, text

PASSWORD = "w3xa-x7kh-bu5d-wc6w-679k"
LISTED = ("accept_dossier",)
YES = {"agreed": "yes", "typed": "200001"}


@cache
def team(**scopes: str) -> dict[str, Any]:
    """People who sign in to the page, each with the same password and these scopes."""
    password = derived(PASSWORD)
    people: dict[str, Any] = {
        name: {"scopes": given, "page_password": password} for name, given in scopes.items()
    }
    return known_by(**people)


@pytest.fixture(name="url")
async def _url(counter: Counter) -> AsyncGenerator[str]:
    people = team(
        alice="write,approve", bruno="demarches:approve", chloe="write", david="emjpm:approve"
    )
    counter.settings = people | {"four_eyes": LISTED}
    async with served(counter) as url:
        yield url


@pytest.fixture(name="browser")
async def _browser() -> AsyncGenerator[Browser]:
    async with Browser() as browser:
        yield browser


async def accept(host: Client) -> CallToolResult:
    return await host.call_tool("accept_dossier", {"number": 200001})


async def enter(browser: Browser, url: str, name: str) -> None:
    browser.http.cookies.clear()
    await browser.sign_in(url.replace("/mcp", "/approvals"), name, PASSWORD)


async def read(browser: Browser) -> str:
    """Open the one plan that is listed."""
    (plan,) = browser.plans
    return await browser.open(f"{browser.origin}{plan}")


async def test_what_takes_two_persons_is_done_once_another_agreed_and_both_are_recorded(
    counter: Counter, url: str, era: str, browser: Browser
):
    """A form of the client's own is not put: one person would fill it in."""
    person = Person()
    async with signed_in(url, "alice", era, person) as host:
        waiting = await accept(host)
        await enter(browser, url, "bruno")
        page = await read(browser)
        await browser.press("approve", **YES)
        done = await accept(host)
        (told,) = facts(await host.call_tool("list_operations", {}))["operations"]
    journal = counter.journal()
    entries = [(e.event, e.principal, e.decided_by) for e in await journal.entries()]
    found = await journal.verified()
    await journal.close()

    assert "Une autre personne" in text(waiting)
    assert not person.questions
    assert "Demandé par <strong>token alice</strong>" in page
    assert facts(done)["outcome"] == "applied"
    assert len(counter.accepted) == 1
    assert told["decided_by"] == "token bruno"
    assert entries == [
        ("asked", "token alice", ""),
        *((event, "token alice", "token bruno") for event in ("approved", "executing", "applied")),
    ]
    assert not found.fault


async def test_whoever_asked_cannot_agree_even_with_the_scope(
    counter: Counter, url: str, era: str, browser: Browser
):
    async with signed_in(url, "alice", era) as host:
        await accept(host)
        await enter(browser, url, "alice")
        page = await read(browser)
        await browser.press("approve", **YES)
        status = browser.status
        again = await accept(host)

    assert "Approuver" not in page
    assert status == 403
    assert "Une autre personne" in text(again)
    assert not counter.accepted
    assert [row["status"] for row in await counter.rows()] == ["pending"]


async def test_an_agreement_of_one_person_is_void_once_two_are_needed(
    counter: Counter, browser: Browser
):
    """It was given on the page before the setting was: it is asked anew."""
    people = team(alice="write", bruno="approve")
    counter.settings = people
    async with served(counter) as url, signed_in(url, "alice", ERAS[-1]) as host:
        await accept(host)
        await enter(browser, url, "alice")
        await read(browser)
        await browser.press("approve", **YES)
    counter.settings = people | {"four_eyes": LISTED}
    async with served(counter) as url, signed_in(url, "alice", ERAS[-1]) as host:
        again = await accept(host)

    assert "Une autre personne" in text(again)
    assert not counter.accepted
    assert sorted(row["status"] for row in await counter.rows()) == ["pending", "stale"]


@pytest.mark.parametrize("name", ["chloe", "david"])
async def test_only_those_with_the_scope_see_what_others_ask_for(
    counter: Counter, url: str, browser: Browser, name: str
):
    """To change the same things, or to approve at another service, is not enough."""
    async with signed_in(url, "alice", ERAS[-1]) as host:
        await accept(host)
    (plan,) = await counter.rows()
    await enter(browser, url, name)
    listed = browser.plans
    await browser.open(f"{url.replace('/mcp', '/approvals')}/{plan['id']}")

    assert not listed
    assert browser.status == 404
    assert "200001" not in browser.page


async def test_what_is_not_listed_stays_of_whoever_asked(
    counter: Counter, url: str, browser: Browser
):
    """Those who approve see nothing else, and one person is enough for it."""
    call = {"number": 200001, "motivation": "Incomplet."}
    async with signed_in(url, "alice", ERAS[-1]) as host:
        await host.call_tool("refuse_dossier", call)
        await enter(browser, url, "bruno")
        seen = browser.plans
        await enter(browser, url, "alice")
        await read(browser)
        await browser.press("approve", **YES)
        done = await host.call_tool("refuse_dossier", call)

    assert not seen
    assert facts(done)["outcome"] == "applied"


async def test_a_refusal_of_another_is_for_good_and_says_whose_it_is(
    counter: Counter, url: str, browser: Browser
):
    async with signed_in(url, "alice", ERAS[-1]) as host:
        await accept(host)
        await enter(browser, url, "bruno")
        await read(browser)
        await browser.press("refuse")
        told = text(await accept(host))

    assert "n'a pas donné son accord" in told
    assert not counter.accepted
    assert [(row["status"], row["decided_by"]) for row in await counter.rows()] == [
        ("declined", "token bruno")
    ]


async def test_where_nobody_else_can_agree_nobody_is_asked(counter: Counter, era: str):
    """On one's own machine, and where the only one with the scope is the one who asks."""
    counter.settings = {"four_eyes": LISTED}
    person = Person()
    async with counter.host(era, person) as host:
        own_machine = text(await accept(host))
    counter.settings |= team(alice="write,approve", chloe="write")
    async with served(counter) as url, signed_in(url, "alice", era, person) as host:
        alone = text(await accept(host))

    assert "GUICHET_FOUR_EYES" in own_machine
    assert "GUICHET_FOUR_EYES" in alone
    assert not person.questions
    assert not await counter.rows()


async def test_a_user_of_the_issuer_approves_if_the_settings_name_them(
    counter: Counter, browser: Browser
):
    async with issuing("guichet") as issuer:
        oidc = {"issuer": issuer.address, "audience": "guichet", "client_id": "page"}
        counter.settings = {
            "oidc": Oidc.model_validate(oidc | {"approvers": "dominique"}),
            "four_eyes": LISTED,
        }
        async with served(counter) as url:
            camille = await issuer.token("camille", "write")
            async with signed_in(url, camille, ERAS[-1]) as host:
                await accept(host)
                issuer.person = "dominique"
                home = url.replace("/mcp", "/approvals")
                await browser.open(f"{home}/sign-in/issuer")
                await browser.open(home)
                await read(browser)
                await browser.press("approve", **YES)
                done = await accept(host)

    assert facts(done)["outcome"] == "applied"


@pytest.mark.parametrize(("profile", "sees"), [("paris", True), ("lyon", False)])
def test_only_those_who_share_credentials_approve_for_each_other(profile: str, *, sees: bool):
    principals: dict[str, list[str]] = {"paris": ["token alice"], "lyon": ["token chloe"]}
    principals[profile].append("token bruno")
    profiles = {name: Profile(principals=tuple(those)) for name, those in principals.items()}
    people = team(alice="write,approve", bruno="approve", chloe="write")
    approvers = Approvers(Settings(**people, four_eyes=LISTED, profiles=profiles))

    assert approvers.together("token alice", "token bruno") is sees
    assert approvers.anybody_but("token alice", "accept_dossier") is sees


def test_only_tools_that_change_something_can_be_listed():
    assert Settings.model_validate({"four_eyes": "accept_dossier, decide_dossiers"}).four_eyes
    for wrong in ("accept_dosier", "get_dossier"):
        with pytest.raises(ValidationError, match="must name tools that change something"):
            Settings.model_validate({"four_eyes": wrong})
