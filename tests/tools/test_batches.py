"""Deciding on many dossiers under one consent: what is done, what is not, and what is known."""

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult

from server.settings import Demarches
from tests.support import Browser, Counter, Person, elsewhere, facts, text
from tools.database import UnusableDatabaseError
from tools.journal import Journal, Operation

SOME = [200001, 200002, 200009, 200011]
ALL = {"decision": "accept", "numbers": SOME, "motivation": "Commission du 12 novembre."}
FILE = "décisions.csv"


@pytest.fixture(name="counter")
def _counter(counter: Counter) -> Counter:
    counter.page = True
    return counter


@pytest.fixture(name="browser")
async def _browser() -> AsyncGenerator[Browser]:
    async with Browser() as browser:
        yield browser


async def decide(host: Client, arguments: dict[str, Any]) -> CallToolResult:
    return await host.call_tool("decide_dossiers", arguments)


async def agreed(
    counter: Counter, host: Client, browser: Browser, arguments: dict[str, Any], count: int
) -> str:
    """The page, as a person reads it before agreeing to the plan."""
    first = await decide(host, arguments)
    assert text(first).startswith("Une personne doit décider, sur la page"), text(first)
    page = await browser.open(counter.opened[-1])
    await browser.press("approve", agreed="yes", typed=str(count))
    assert browser.status == 200
    return page


def arrived(counter: Counter) -> list[tuple[str, int | None, bool]]:
    writes = counter.dossiers.state.writes
    return [(w.operation, w.number, w.applied) for w in writes]


async def test_a_plan_is_carried_out_once_a_person_agreed_to_all_of_it(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era, Person()) as host:
        page = await agreed(counter, host, browser, ALL, 4)
        assert not arrived(counter)
        result = facts(await decide(host, ALL))
        again = await decide(host, ALL)

    assert (result["outcome"], result["decided"], result["not_decided"]) == ("applied", 4, [])
    assert arrived(counter) == [("dossierAccepter", number, True) for number in SOME]
    assert all(f"Dossier n° {number}" in page for number in SOME)
    assert "Démarche n° 1001, état « accepté » : 4." in page
    assert "Commission du 12 novembre." in page
    assert "Aucune décision ne peut être prise sur ces dossiers" in text(again)


async def test_even_a_client_that_can_ask_sends_its_person_to_the_page(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        await decide(host, ALL)

    assert not person.questions
    assert len(counter.opened) == 1
    assert not arrived(counter)


async def test_what_cannot_be_decided_is_told_with_why_and_left_alone(
    counter: Counter, era: str, browser: Browser
):
    numbers = [200001, 200003, 200004, 200007, 200008, 299999]
    arguments = ALL | {"numbers": numbers}
    async with counter.host(era) as host:
        page = await agreed(counter, host, browser, arguments, 1)
        result = facts(await decide(host, arguments))

    assert result["decided"] == 1
    assert arrived(counter) == [("dossierAccepter", 200001, True)]
    assert "Rien ne sera décidé sur 5 autres dossiers demandés :" in page
    assert "n° 200003 : Le dossier 200003 est en construction" in page
    assert "n° 200004 : Le dossier 200004 est déjà accepté" in page
    assert "n° 200007 : Le signataire n&#39;est pas membre du groupe" in page
    assert "n° 200008 : Le dossier 200008 a 1 annotation obligatoire à remplir d&#39;abord." in page
    assert "n° 299999 : Le dossier 299999 n&#39;existe pas" in page


async def test_a_token_that_is_refused_is_told_with_what_to_do(counter: Counter):
    counter.settings["demarches"] = Demarches.model_validate(
        {
            "url": "https://demarches.sandbox/api/v2/graphql",
            "token": "sandbox-expire",
            "instructeur": "claire.dupont@ville.test",
        }
    )
    async with counter.host("2026-07-28") as host:
        refused = await decide(host, ALL)

    assert "the token has expired" in text(refused)
    assert "set it as GUICHET_DEMARCHES_TOKEN" in text(refused)
    assert not counter.opened


async def test_the_plan_is_read_once_and_each_dossier_again_before_its_turn(
    counter: Counter, era: str, browser: Browser
):
    reads = list[str]()

    class Counted(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.to = httpx.ASGITransport(counter.dossiers)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            reads.append(re.findall(r'"operationName":\s*"(\w+)"', request.content.decode())[0])
            return await self.to.handle_async_request(request)

    counter.over["demarches"] = Counted()
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        assert reads == ["together"]
        await decide(host, ALL)

    assert reads == ["together", *["together", "accepter"] * 4]


async def test_a_dossier_that_changed_meanwhile_is_left_and_the_others_are_decided(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        await elsewhere(counter, "dossierRefuser")
        result = facts(await decide(host, ALL))

    assert (result["outcome"], result["decided"]) == ("applied", 3)
    (left,) = result["not_decided"]
    assert left["number"] == 200001
    assert "changed since the user was asked" in left["why"]
    assert [
        number for operation, number, _ in arrived(counter) if operation.endswith("Accepter")
    ] == SOME[1:]


async def test_nothing_is_decided_after_a_refusal(counter: Counter, era: str, browser: Browser):
    async with counter.host(era) as host:
        await decide(host, ALL)
        await browser.open(counter.opened[-1])
        await browser.press("refuse")
        refused = await decide(host, ALL)

    assert "n'a pas donné son accord" in text(refused)
    assert not arrived(counter)


async def test_the_count_must_be_typed(counter: Counter, era: str, browser: Browser):
    async with counter.host(era) as host:
        await decide(host, ALL)
        await browser.open(counter.opened[-1])
        await browser.press("approve", agreed="yes", typed="5")
        waiting = await decide(host, ALL)

    assert waiting.is_error
    assert not arrived(counter)


async def test_a_file_gives_each_dossier_its_own_decision(
    counter: Counter, era: str, browser: Browser
):
    counter.put_file(
        FILE,
        "dossier;décision;motivation\n200001;accepter;\n200002;refuser;Hors délai.\n"
        "200009;Classé sans suite;Demande retirée.\n",
    )
    async with counter.host(era) as host:
        page = await agreed(counter, host, browser, {"file": FILE}, 3)
        result = facts(await decide(host, {"file": FILE}))

    assert result["decided"] == 3
    assert arrived(counter) == [
        ("dossierAccepter", 200001, True),
        ("dossierRefuser", 200002, True),
        ("dossierClasserSansSuite", 200009, True),
    ]
    assert "Hors délai." in page
    assert "Demande retirée." in page


async def test_consent_is_for_the_file_as_it_was(counter: Counter, era: str, browser: Browser):
    counter.put_file(FILE, "number,decision,motivation\n200001,accept,\n")
    async with counter.host(era) as host:
        await agreed(counter, host, browser, {"file": FILE}, 1)
        counter.put_file(FILE, "number,decision,motivation\n200001,refuse,Non.\n")
        stale = await decide(host, {"file": FILE})

    assert stale.is_error
    assert not arrived(counter)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("number,decision,motivation\n200001,accept,\n200001,accept,\n", "3: dossier 200001 is"),
        ("number,decision,motivation\n200001,refuse,\n", "2: motivation: must say why"),
        ("number,decision,motivation\n200001,perhaps,\n", "2: decision: accept, refuse or"),
        ("number,decision,motivation\nabc,accept,\n", "2: number: a dossier's number"),
        ("numéro,décision,nom\n200001,accept,Jeanne\n", "1: column 3: unknown name"),
        ("number,decision\n", "de 1 à 300 dossiers ; il en a 0"),
        ("number,decision\n" + "".join(f"{n},accept\n" for n in range(1, 302)), "il en a 301"),
    ],
)
async def test_a_file_that_is_not_right_asks_nobody(
    counter: Counter, era: str, content: str, told: str
):
    counter.put_file(FILE, content)
    async with counter.host(era) as host:
        refused = await decide(host, {"file": FILE})

    assert refused.is_error
    assert told in text(refused)
    assert not counter.opened


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"numbers": SOME},
        {"decision": "accept"},
        ALL | {"file": FILE},
        {"file": FILE, "motivation": "Non."},
        {"decision": "refuse", "numbers": SOME},
        {"decision": "accept", "numbers": [200001, 200001]},
    ],
)
async def test_arguments_that_do_not_go_together_ask_nobody(
    counter: Counter, era: str, arguments: dict[str, Any]
):
    counter.put_file(FILE, "number,decision\n200001,accept\n")
    async with counter.host(era) as host:
        refused = await decide(host, arguments)

    assert refused.is_error
    assert not counter.opened


async def test_one_failure_in_the_middle_is_told_and_the_rest_is_done(
    counter: Counter, era: str, browser: Browser
):
    """Between its reading and its turn, a dossier is decided on by somebody else."""
    direct = httpx.ASGITransport(counter.dossiers)

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b'"accepter"' in request.content and len(arrived(counter)) == 1:
                await elsewhere(counter, "dossierRefuser")
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Meanwhile()
    arguments = ALL | {"numbers": [200002, 200001, 200009]}
    async with counter.host(era) as host:
        await agreed(counter, host, browser, arguments, 3)
        result = facts(await decide(host, arguments))

    assert (result["outcome"], result["decided"]) == ("applied", 2)
    (failed,) = result["not_decided"]
    assert failed["number"] == 200001
    assert "it refuses: « Le dossier est déjà refusé »" in failed["why"]


async def test_a_service_that_fails_is_left_alone(counter: Counter, era: str, browser: Browser):
    """After three failures in a row nothing more is tried, and the rest is counted."""
    direct = httpx.ASGITransport(counter.dossiers)
    tries = list[int]()

    class Failing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b'"accepter"' in request.content:
                tries.append(1)
                raise httpx.ConnectError("down", request=request)
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Failing()
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        result = await decide(host, ALL)

    assert result.is_error
    assert len(tries) == 3
    outcome = facts(result)
    assert (outcome["outcome"], outcome["decided"], outcome["not_begun"]) == ("not_applied", 0, 1)
    assert len(outcome["not_decided"]) == 3


async def test_a_lost_answer_is_settled_by_reading_before_going_on(
    counter: Counter, era: str, browser: Browser
):
    arguments = ALL | {"numbers": [200001, 999006, 200002]}
    async with counter.host(era) as host:
        await agreed(counter, host, browser, arguments, 3)
        result = facts(await decide(host, arguments))

    assert (result["outcome"], result["decided"]) == ("applied", 3)
    assert arrived(counter) == [("dossierAccepter", n, True) for n in (200001, 999006, 200002)]


async def test_each_dossier_has_its_entry_in_the_journal(
    counter: Counter, era: str, browser: Browser
):
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        await decide(host, ALL)
        (whole,) = facts(await host.call_tool("list_operations", {}))["operations"]
        parts = facts(await host.call_tool("list_operations", {"part_of": whole["id"]}))

    assert (whole["subject"], whole["status"]) == ("4 dossiers", "applied")
    told = {(part["subject"], part["status"]) for part in parts["operations"]}
    assert told == {(str(number), "applied") for number in SOME}


async def test_how_far_it_is_is_reported(counter: Counter, era: str, browser: Browser):
    told = list[tuple[float, float | None]]()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        await host.call_tool("decide_dossiers", ALL, progress_callback=heard)

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_after_an_interruption_what_is_decided_is_left_out(
    counter: Counter, era: str, browser: Browser
):
    """The call is cancelled while the second dossier is being decided on: that one is finished."""
    direct = httpx.ASGITransport(counter.dossiers)
    cut = anyio.Event()

    class Cutting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b'"accepter"' in request.content and len(arrived(counter)) == 1:
                cut.set()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Cutting()
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(decide, host, ALL)
            with anyio.fail_after(10):
                await cut.wait()
            tasks.cancel_scope.cancel()
    counter.over.clear()
    async with counter.host(era) as host:
        counter.clock.now += 100
        before = [number for _, number, _ in arrived(counter)]
        page = await agreed(counter, host, browser, ALL, 4 - len(before))
        result = facts(await decide(host, ALL))

    assert before in ([200001], [200001, 200002])
    assert result["decided"] == 4 - len(before)
    assert arrived(counter) == [("dossierAccepter", number, True) for number in SOME]
    assert "n° 200001 : Le dossier 200001 est déjà accepté" in page


async def test_a_dry_run_shows_the_whole_plan_and_asks_nobody(counter: Counter, era: str):
    async with counter.host(era) as host:
        shown = facts(await decide(host, ALL | {"dry_run": True}))
        alone = facts(await decide(host, ALL | {"numbers": SOME[:1], "dry_run": True}))

    assert shown["outcome"] == "dry_run"
    assert "Statuer sur 4 dossiers ?" in shown["preview"]["question"]
    assert "Statuer sur 1 dossier ?" in alone["preview"]["question"]
    assert not counter.opened
    assert not arrived(counter)


async def test_a_long_plan_is_previewed_in_part(counter: Counter, era: str):
    arguments = ALL | {"numbers": list(range(200001, 200251)), "dry_run": True}
    async with counter.host(era) as host:
        result = await decide(host, arguments)

    question = facts(result)["preview"]["question"]
    assert question.startswith("Statuer sur ")
    assert re.search(r"… \(\d+ bytes in all\)$", question)
    assert len(text(result).encode()) < 20_000


async def test_a_plan_is_signed_by_whom_the_page_showed(
    counter: Counter, era: str, browser: Browser
):
    """Another process, whose settings name somebody else, is to ask anew."""
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
    counter.settings["demarches"] = Demarches.model_validate(
        {
            "url": "https://demarches.sandbox/api/v2/graphql",
            "token": "sandbox",
            "instructeur": "noe.bernard@exemple.gouv.fr",
        }
    )
    async with counter.host(era) as host:
        stale = await decide(host, ALL)

    assert "n'est plus vrai" in text(stale)
    assert not arrived(counter)


async def test_what_was_decided_is_told_when_the_ledger_fails_midway(
    counter: Counter, era: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    part, begun = Journal.part, list[str]()

    async def failing(self: Journal, whole: str, **more: str) -> Operation:
        begun.append(more["subject"])
        if len(begun) == 3:
            raise UnusableDatabaseError("OperationalError")
        return await part(self, whole, **more)

    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        monkeypatch.setattr(Journal, "part", failing)
        result = facts(await decide(host, ALL))

    assert (result["outcome"], result["decided"], result["not_begun"]) == ("applied", 2, 2)
    assert [number for _, number, _ in arrived(counter)] == SOME[:2]


async def test_a_service_that_is_down_is_not_read_for_every_dossier(
    counter: Counter, era: str, browser: Browser
):
    reads = list[int]()
    arguments = ALL | {"numbers": [*SOME, 200017, 200020, 200030]}
    async with counter.host(era) as host:
        await agreed(counter, host, browser, arguments, 7)

        class Down(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                reads.append(1)
                raise httpx.ConnectError("down", request=request)

    counter.over["demarches"] = Down()
    async with counter.host(era) as host:
        result = facts(await decide(host, arguments))

    assert (result["outcome"], result["not_begun"]) == ("not_applied", 4)
    assert len(result["not_decided"]) == 3


async def test_refusals_of_dossiers_do_not_stop_the_others(
    counter: Counter, era: str, browser: Browser
):
    """Three in a row were decided on by somebody else: nothing is wrong with the service."""
    numbers = [200001, 200002, 200009, 200011]
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL | {"numbers": numbers}, 4)
        registry = counter.dossiers.state.registry
        for number in numbers[:3]:
            held = registry.dossiers[number]
            registry.dossiers[number] = replace(held, archived=True)
        result = facts(await decide(host, ALL | {"numbers": numbers}))

    assert result["decided"] == 1
    assert [each["number"] for each in result["not_decided"]] == numbers[:3]


async def test_a_call_repeated_while_it_is_carried_out_asks_nothing(
    counter: Counter, era: str, browser: Browser
):
    """As hosts do that wait no longer than a minute."""
    again = list[CallToolResult]()
    direct = httpx.ASGITransport(counter.dossiers)

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b'"accepter"' in request.content and not again:
                again.append(await decide(host, ALL))
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Meanwhile()
    async with counter.host(era) as host:
        await agreed(counter, host, browser, ALL, 4)
        result = facts(await decide(host, ALL))

    assert result["decided"] == 4
    assert "est en train d'être exécuté" in text(again[0])
    assert len(counter.opened) == 1


async def test_what_is_too_late_to_be_answered_is_forgotten(counter: Counter, era: str):
    async with counter.host(era) as host:
        await decide(host, ALL)
        counter.clock.now += 10_000
        await decide(host, ALL)

    old, new = sorted(await counter.rows(), key=lambda row: row["asked_at"])
    assert (old["asked"], old["plan"]) == (None, None)
    assert None not in (new["asked"], new["plan"])
