"""Importing more identity keys than one request holds: one plan, one consent, every row told.

Here, ten rows stand for the thousand that leave together.
"""

import csv
import errno
import json
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import anyio.to_thread
import httpx
import pytest
from mcp import Client
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ResourceLink

from clients.covoiturage.ready import Rows, written
from clients.rows import Doubt, Problem
from server.sandbox.covoiturage import create
from server.sandbox.covoiturage.applications import KEYED, MORE_TO_KEY, application
from server.settings import Covoiturage
from tests.support import Between, Counter, Person, facts, text
from tools import files
from tools.covoiturage import chunks, sending
from tools.journal import Journal, Operation
from tools.questions import Asked
from tools.sealing import Seal

MODERN = "2026-07-28"
FILE = "demandes.jsonl"
ROWS = 25
CHUNK = 10
RESENT = "already imported or unknown: an answer was lost, and it was sent again."
FIRST = MORE_TO_KEY.start


@pytest.fixture(autouse=True)
def _ten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_ROWS", CHUNK)


def row(number: int, key: int | None = None) -> str:
    """The documented row of an application, on a line."""
    asked = application(number)
    documented = {
        "cee_application_type": "standardized",
        "cee_application_uuid": asked.uuid,
        "identity_key": f"{number if key is None else key:064x}",
    }
    return json.dumps(documented)


def rows(count: int = ROWS) -> list[str]:
    return [row(FIRST + number) for number in range(count)]


def put(counter: Counter, lines: Iterable[str], name: str = FILE) -> None:
    counter.put_file(name, "".join(f"{line}\n" for line in lines))


async def called(host: Client, name: str = FILE) -> CallToolResult:
    return await host.call_tool("import_cee_identities", {"file": name})


async def approved(counter: Counter, host: Client, name: str = FILE) -> Asked:
    """What a person read on the page before agreeing."""
    first = await called(host, name)
    assert text(first).startswith("Une personne doit décider, sur la page"), text(first)
    journal = counter.journal()
    operation = await journal.find(counter.presented[-1])
    assert operation
    asked = journal.asked(operation)
    assert asked
    assert await journal.approve(operation.id)
    await journal.close()
    return asked


async def imported(counter: Counter, host: Client, name: str = FILE) -> dict[str, Any]:
    """What came of an import that a person agreed to."""
    await approved(counter, host, name)
    return facts(await called(host, name))


async def ended(counter: Counter) -> None:
    """Wait until nothing is being made any more."""
    journal = counter.journal()
    with anyio.fail_after(10):
        for operation in await journal.recent("local", 100):
            for part in [*await journal.parts(operation.id), operation]:
                await journal.result(part)
    await journal.close()


def saved(result: CallToolResult) -> dict[str, Any]:
    """The facts of a result that comes with a link."""
    assert result.structured_content is not None
    return result.structured_content


def results(counter: Counter, told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The lines of the file of results."""
    content = (counter.folder / "files" / told["results"]["file"]).read_text(encoding="utf-8")
    header, *lines = csv.reader(content.splitlines(), delimiter=";")
    assert header == ["line", "result", "reason"]
    return [(line, result, reason) for line, result, reason in lines]


async def test_a_large_file_is_imported_once_a_person_agreed_on_the_page(
    counter: Counter, era: str
):
    put(counter, [*rows(), row(KEYED[0])])
    async with counter.host(era, Person()) as host:
        asked = await approved(counter, host)
        assert not counter.imports
        told = facts(await called(host))
        again = await called(host)

    assert asked.typed
    assert asked.typed.value == "26"
    assert "Envoi en 3 requêtes de 1000 lignes au plus, 4 à la fois : environ 1 min." in (
        asked.says
    )
    assert (told["outcome"], told["imported"], told["failed"]) == ("applied", 25, 1)
    assert sorted(write.rows for write in counter.imports) == [6, 10, 10]
    lines = results(counter, told)
    assert Tally(result for _, result, _ in lines) == {"imported": 25, "failed": 1}
    assert lines[-1][:2] == ("26", "failed")
    assert saved(again) == told
    assert len(counter.imports) == 3


class Meddling(httpx.AsyncBaseTransport):
    """A network on which something happens once so many imports have been answered."""

    def __init__(self, counter: Counter) -> None:
        self.to = httpx.ASGITransport(counter.registry)
        self.then: dict[int, Callable[[], Awaitable[None]]] = {}
        self.lost: set[int] = set()
        self.leaving: Callable[[], Awaitable[None]] | None = None
        """What happens once, before the next import leaves."""
        self.gateway: httpx.Response | None = None
        """What answers the next import, once, in the place of the registry."""
        self.imports = 0
        self.tokens = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.tokens += request.url.path.endswith("/access_token")
        if request.url.path.endswith("/identity") and self.leaving:
            leaving, self.leaving = self.leaving, None
            await leaving()
        if request.url.path.endswith("/identity") and self.gateway:
            answer, self.gateway = self.gateway, None
            return answer
        response = await self.to.handle_async_request(request)
        if request.url.path.endswith("/identity"):
            self.imports += 1
            rank = self.imports
            if then := self.then.get(rank):
                await then()
            if rank in self.lost:
                raise httpx.ReadError("reset", request=request)
        return response


@pytest.fixture(name="network")
def _network(counter: Counter) -> Meddling:
    counter.over["covoiturage"] = network = Meddling(counter)
    return network


# What goes wrong, and the same file again.


async def test_what_was_answered_is_not_sent_again_and_what_was_lost_is_once(
    counter: Counter, network: Meddling, era: str
):
    """Once under another name: a chunk is known by what it holds."""
    network.lost = {1}
    put(counter, rows())
    put(counter, rows(), "copie.jsonl")
    async with counter.host(era, Person()) as host:
        await approved(counter, host)
        first = await called(host)
        asked = await approved(counter, host, "copie.jsonl")
        told = facts(await called(host, "copie.jsonl"))

    assert first.is_error
    assert facts(first)["outcome"] == "undetermined"
    assert (facts(first)["indeterminate"], facts(first)["left"]) == (10, 15)
    assert asked.title.startswith("Importer 25 clés")
    assert any(said.startswith("10 sont renvoyées, faute de réponse") for said in asked.says)
    assert (told["outcome"], told["imported"], told["indeterminate"]) == ("applied", 15, 10)
    assert sorted(write.imported for write in counter.imports) == [0, 5, 10, 10]
    lines = results(counter, told)
    assert lines[:10] == [(str(line), "indeterminate", RESENT) for line in range(1, 11)]
    assert lines[10:] == [(str(line), "imported", "") for line in range(11, 26)]


async def test_a_drive_that_goes_away_half_way_is_told_with_what_to_do(
    counter: Counter, network: Meddling, monkeypatch: pytest.MonkeyPatch
):
    def cut(file: BinaryIO, *, name: str) -> Iterator[Rows | Problem | Doubt]:
        yield from written(file, name=name)
        raise OSError(errno.EIO, "no such device", name)

    put(counter, rows())
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        with monkeypatch.context() as drive:
            drive.setattr(chunks, "written", cut)
            first = facts(await called(host))
        told = await imported(counter, host)

    assert first["conclusion"].startswith("20 rows were answered of the 25 to send")
    assert "recommencez avec le même fichier" in first["conclusion"]
    assert (told["imported"], network.imports) == (25, 3)


async def test_what_is_told_of_one_row_is_in_the_singular(counter: Counter, network: Meddling):
    network.lost = {2}
    put(counter, rows(11))
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        await called(host)
        asked = await approved(counter, host)

    assert asked.title.startswith("Importer 1 clé d'identité")
    assert any(said.startswith("1 est renvoyée, faute de réponse") for said in asked.says)
    assert any(said.startswith("Envoi en 1 requête de ") for said in asked.says)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("disabled", "Ask the service's team"),
        ("maintenance", "under maintenance. Nothing was changed. Try again"),
        ("nothing", "GUICHET_COVOITURAGE_IMPORT_VERSION"),
        ("page", "GUICHET_COVOITURAGE_IMPORT_VERSION"),
        ("rpc", "GUICHET_COVOITURAGE_ACCESS_KEY"),
        ("middleware", "GUICHET_COVOITURAGE_ACCESS_KEY"),
    ],
)
async def test_a_service_that_refuses_every_chunk_at_once_refuses_one(
    counter: Counter, says: str, why: str
):
    counter.registry.state.says = says
    put(counter, rows())
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        refused = await called(host)
        sent = len(counter.imports)
        counter.registry.state.says = ""
        told = await imported(counter, host)

    assert refused.is_error
    assert why in text(refused)
    assert sent <= 2, "the same once more with another token, at most"
    assert told["imported"] == ROWS


async def test_where_one_was_refused_before_the_first_leaves_alone(
    counter: Counter, network: Meddling
):
    """The others have more than twice the time that they took before to leave with it."""
    took = beside = 0

    async def another() -> None:
        nonlocal took
        with anyio.fail_after(60):
            while not network.imports:
                await anyio.to_thread.run_sync(int)
                took += 1

    async def as_long() -> None:
        nonlocal beside
        before = network.imports
        for _ in range(50 + 2 * took):
            await anyio.to_thread.run_sync(int)
        beside = network.imports - before

    counter.registry.state.says = "maintenance"
    put(counter, rows(95))
    async with counter.host(MODERN) as host:
        for leaving in (another, as_long):
            await approved(counter, host)
            network.leaving = leaving
            assert (await called(host)).is_error

    assert took
    assert not beside


async def test_what_was_sent_under_a_secret_before_is_not_sent_again(
    counter: Counter, network: Meddling
):
    put(counter, rows())
    old, new = b"o" * 32, b"n" * 32
    counter.seal = Seal(lambda: old)
    async with counter.host("2026-07-28", Person()) as host:
        await approved(counter, host)
        await called(host)
    sent = network.imports
    counter.seal = Seal(lambda: new, previous=[old])
    async with counter.host("2026-07-28", Person()) as host:
        told = facts(await called(host))

    assert sent == network.imports == 3
    assert (told["outcome"], told["imported"]) == ("applied", 25)


async def test_a_registry_that_refuses_every_list_is_told_so_once(counter: Counter):
    counter.registry = create(mode="array_fault")
    put(counter, rows())
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        refused = await called(host)

    assert "The request was right: do not change it" in text(refused)
    assert len(counter.imports) == 1


async def test_what_a_service_refuses_half_way_is_left_for_later(
    counter: Counter, network: Meddling
):
    async def close() -> None:
        counter.registry.state.says = "maintenance"

    network.then = {2: close}
    put(counter, rows(65))
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)
        counter.registry.state.says = ""
        sent = len(counter.imports)
        last = await imported(counter, host)

    assert told["outcome"] == "applied"
    assert sum(write.rows for write in counter.imports[sent:]) == told["left"]
    assert told["imported"] + told["left"] == 65
    assert told["imported"] >= 20
    assert told["left"] > 0
    assert "It stopped. Registre de preuve de covoiturage: it is under maint" in told["conclusion"]
    assert last["imported"] == 65
    assert sum(write.imported for write in counter.imports) == 65
    assert told["results"]["file"] == "demandes.results.csv"
    assert last["results"]["file"] == "demandes.results-2.csv"


@pytest.mark.parametrize(
    ("status", "headers", "unsure"), [(429, {"Retry-After": "3600"}, 0), (503, {}, 10)]
)
async def test_one_chunk_of_four_that_a_gateway_stops_is_all_that_is_sent_again(
    counter: Counter, network: Meddling, status: int, headers: dict[str, str], unsure: int
):
    async def stop() -> None:
        page = httpx.ByteStream(b"<html>")
        network.gateway = httpx.Response(status, headers=headers, stream=page)

    network.then = {2: stop}
    put(counter, rows(65))
    began = counter.clock.now
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        first = saved(await called(host))
        told = await imported(counter, host)

    assert first["imported"] + first["indeterminate"] + first["left"] == 65
    assert first["indeterminate"] == unsure
    assert counter.clock.now == began, "an hour is not waited for"
    assert (told["imported"], told["indeterminate"]) == (65, 0)
    assert [write.imported for write in counter.imports].count(0) == 0, "each arrived once"


async def test_an_outcome_that_cannot_be_recorded_is_lost_and_its_rows_are_sent_once_more(
    counter: Counter, network: Meddling, monkeypatch: pytest.MonkeyPatch
):
    """The disk is full when the second answer comes: its rows are in the ledger as leaving."""

    async def full(*_: object) -> bool:
        raise ToolError("no room")

    async def fill() -> None:
        disk.setattr(Journal, "end", full)

    network.then = {2: fill}
    put(counter, rows(20))
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        with monkeypatch.context() as disk:
            first = facts(await called(host))
        counter.clock.now += 60
        told = await imported(counter, host)

    assert (first["imported"], first["indeterminate"]) == (10, 10)
    assert (told["imported"], told["indeterminate"]) == (10, 10)
    assert [write.imported for write in counter.imports] == [10, 10, 0]


async def test_a_chunk_refused_for_what_it_holds_holds_up_no_other(counter: Counter):
    """The registry checks phones by rules of its own: one row refuses the thousand around it."""
    wrong = json.loads(row(FIRST)) | {
        "cee_application_type": "specific",
        "journey_type": "long",
        "phone_trunc": "+999010203",
        "last_name_trunc": "MAR",
        "datetime": "2023-01-02T06:00:00Z",
    }
    del wrong["cee_application_uuid"]
    lines = rows()
    lines[12] = json.dumps(wrong)
    put(counter, lines)
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert (told["imported"], told["left"]) == (15, 10)
    refused = [reason for _, result, reason in results(counter, told) if result == "left"]
    assert len(refused) == 10
    assert "row 3 of those sent, phone_trunc: must be a valid truncated phone" in refused[0]


async def test_an_import_of_which_nothing_was_taken_is_not_applied(counter: Counter):
    counter.registry.state.says = "faults"
    put(counter, rows(15))
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        refused = await called(host)

    assert refused.is_error
    assert (saved(refused)["outcome"], saved(refused)["left"]) == ("not_applied", 15)
    assert len(counter.imports) == 2


async def test_chunks_refused_one_after_the_other_stop_the_rest(counter: Counter):
    """The fourth to the sixth may be under way when the third is refused."""
    counter.registry.state.says = "faults"
    put(counter, rows(95))
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        refused = await called(host)
        sent = len(counter.imports)
        counter.registry.state.says = ""
        told = await imported(counter, host)

    assert "must be a valid truncated phone number" in text(refused)
    assert 3 <= sent <= 6
    assert told["imported"] == 95


async def test_rows_that_an_answer_does_not_account_for_are_indeterminate(counter: Counter):
    def forget(reply: dict[str, Any]) -> None:
        if reply.get("failed"):
            reply["failed_details"] = []

    counter.over["covoiturage"] = Between(counter.registry, forget)
    put(counter, [*rows(), row(KEYED[0])])
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert (told["imported"], told["failed"], told["indeterminate"]) == (20, 0, 6)


def timed(counter: Counter, network: Meddling, limit: int = 20_000) -> None:
    """A registry whose time passes when told to, from now on: tokens are looked at by ours."""
    began = datetime.now(UTC) - timedelta(seconds=counter.clock.now)
    counter.registry = create(
        imports_a_minute=limit, now=lambda: began + timedelta(seconds=counter.clock.now)
    )
    network.to = httpx.ASGITransport(counter.registry)


async def test_tokens_that_end_half_way_are_bought_once_for_all(
    counter: Counter, network: Meddling
):
    timed(counter, network)

    async def later() -> None:
        counter.clock.now += 301

    network.then = {2: later}
    put(counter, rows(95))
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert told["imported"] == 95
    assert network.tokens == 2


async def test_a_limit_that_is_reached_is_waited_for(counter: Counter, network: Meddling):
    timed(counter, network, limit=5)
    put(counter, rows(95))
    began = counter.clock.now
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert told["imported"] == 95
    assert counter.clock.now - began >= 60


@pytest.mark.parametrize("moment", ["committed", "answered"])
async def test_a_call_that_is_cancelled_ends_what_it_began_and_nothing_more(
    counter: Counter, network: Meddling, monkeypatch: pytest.MonkeyPatch, moment: str
):
    """Even between a chunk's intent, once it is committed, and its request."""
    part = Journal.part
    put(counter, rows(65))
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        with anyio.CancelScope() as scope, monkeypatch.context() as ledger:

            async def leave() -> None:
                scope.cancel()
                await anyio.wait_all_tasks_blocked()

            async def committed(*args: Any, **kwargs: Any) -> Operation:
                begun = await part(*args, **kwargs)
                await leave()
                return begun

            if moment == "committed":
                ledger.setattr(Journal, "part", committed)
            else:
                network.then = {1: leave}
            await called(host)
        network.then = {}
        await ended(counter)
        answered = sum(write.imported for write in counter.imports)
        told = await imported(counter, host)

    assert 10 <= answered < 65
    assert (told["imported"], told["indeterminate"]) == (65, 0)
    assert sum(write.imported for write in counter.imports) == 65


async def test_two_calls_that_import_the_same_rows_at_once_send_them_once(counter: Counter):
    """Both were agreed to before either began."""
    put(counter, rows())
    put(counter, rows(), "copie.jsonl")
    told = list[CallToolResult]()
    async with counter.host(MODERN) as one, counter.host(MODERN) as other:
        await approved(counter, one)
        await approved(counter, other, "copie.jsonl")

        async def call(host: Client, name: str) -> None:
            told.append(await called(host, name))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, one, FILE)
                tasks.start_soon(call, other, "copie.jsonl")
        last = saved(await called(one))

    assert [write.imported for write in counter.imports] in ([10, 10, 5], [10, 5, 10])
    assert any(result.is_error for result in told)
    assert (last["imported"], last["failed"], last["indeterminate"]) == (25, 0, 0)


async def test_who_was_suspended_and_comes_last_unsays_nothing_of_what_another_imported(
    counter: Counter, network: Meddling, monkeypatch: pytest.MonkeyPatch
):
    """Committed, then asleep for a minute: another call takes it for dead, and sends the same."""
    monkeypatch.setattr(sending, "IMPORTS_TOGETHER", 1)
    put(counter, rows())
    put(counter, rows(), "copie.jsonl")
    async with counter.host(MODERN) as asleep, counter.host(MODERN) as other:
        await approved(counter, asleep)

        async def another() -> None:
            counter.clock.now += 60
            await imported(counter, other, "copie.jsonl")

        network.leaving = another
        told = facts(await called(asleep))

    assert [(write.rows, write.imported) for write in counter.imports][-1] == (10, 0)
    assert sum(write.imported for write in counter.imports) == 25
    assert (told["imported"], told["failed"], told["indeterminate"]) == (25, 0, 0)


async def test_who_comes_last_does_not_deny_what_another_may_have_imported(
    counter: Counter, network: Meddling, monkeypatch: pytest.MonkeyPatch
):
    """The same, and what the other call was answered is lost as well."""
    monkeypatch.setattr(sending, "IMPORTS_TOGETHER", 1)
    put(counter, rows())
    put(counter, rows(), "copie.jsonl")
    async with counter.host(MODERN) as asleep, counter.host(MODERN) as other:
        await approved(counter, asleep)

        async def another() -> None:
            counter.clock.now += 60
            network.lost = {1}
            await imported(counter, other, "copie.jsonl")

        network.leaving = another
        told = facts(await called(asleep))

    assert [(write.rows, write.imported) for write in counter.imports][:2] == [(10, 10), (10, 0)]
    assert (told["imported"], told["failed"], told["indeterminate"]) == (15, 0, 10)
    assert results(counter, told)[0] == ("1", "indeterminate", RESENT)


async def test_what_a_call_is_sending_is_planned_by_no_other(counter: Counter, network: Meddling):
    put(counter, rows())
    put(counter, rows(), "copie.jsonl")
    refused = list[str]()
    async with counter.host(MODERN) as host, counter.host(MODERN) as other:
        await approved(counter, host)

        async def another() -> None:
            refused.append(text(await called(other, "copie.jsonl")))

        network.leaving = another
        told = facts(await called(host))

    assert refused[0].startswith("Ce même appel est en train d'être exécuté")
    assert len(counter.presented) == 1
    assert told["imported"] == 25


async def test_what_was_imported_at_one_address_is_still_to_import_at_another(
    counter: Counter, network: Meddling
):
    """The registry has a demonstration, where files are tried first."""
    put(counter, rows())
    for address in ("https://demonstration.sandbox", "https://covoiturage.sandbox"):
        registry = {"url": address, "token": "sandbox"}
        counter.settings["covoiturage"] = Covoiturage.model_validate(registry)
        network.to = httpx.ASGITransport(create())
        async with counter.host(MODERN) as host:
            assert (await imported(counter, host))["imported"] == 25

    assert network.imports == 6


# A file that changes.


async def test_a_file_changed_after_the_question_is_not_sent(counter: Counter, era: str):
    put(counter, rows())
    async with counter.host(era, Person()) as host:
        await approved(counter, host)
        put(counter, [*rows()[:-1], row(FIRST + 500)])
        refused = await called(host)

    assert "n'est plus vrai" in text(refused)
    assert not counter.imports


async def test_a_file_changed_while_it_is_sent_stops_before_what_was_not_agreed_to(
    counter: Counter, network: Meddling
):
    """Its lines are so long that its end is not read by the first answer."""
    long = [f"{line}{' ' * 30_000}" for line in rows(95)]

    async def change() -> None:
        put(counter, [*long[:90], *(f"{row(FIRST + 500 + n)}{' ' * 30_000}" for n in range(5))])

    network.then = {1: change}
    put(counter, long)
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert "It stopped. The file no longer holds what was agreed to" in told["conclusion"]
    assert (told["imported"], told["left"]) == (90, 5)
    assert len(counter.registry.state.keyed) == 90


@pytest.mark.parametrize("content", ["\0", f"{row(FIRST + 500)}\n"], ids=["unreadable", "another"])
async def test_a_file_that_changes_once_all_of_it_was_read_hides_nothing_of_what_was_imported(
    counter: Counter, network: Meddling, content: str
):
    async def change() -> None:
        counter.put_file(FILE, content)

    network.then = {3: change}
    put(counter, rows())
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert told["imported"] == 0
    assert "this is of what it now holds" in told["conclusion"]
    assert "25 rows were answered, 25 imported." in told["conclusion"]


async def test_what_was_agreed_to_for_an_operator_is_not_sent_for_another(counter: Counter):
    put(counter, rows())
    async with counter.host(MODERN) as host:
        await approved(counter, host)
    another = {"url": "https://covoiturage.sandbox", "token": "another"}
    counter.settings["covoiturage"] = Covoiturage.model_validate(another)
    async with counter.host(MODERN) as host:
        refused = await called(host)

    assert "the credentials are now another operator's" in text(refused)
    assert not counter.imports


async def test_the_same_chunk_twice_in_a_file_is_two(counter: Counter):
    put(counter, [*rows(CHUNK), *rows(CHUNK)])
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert (told["imported"], told["failed"], told["left"]) == (10, 10, 0)


# What is refused before anybody is asked.


async def test_a_wrong_row_refuses_the_whole_file(counter: Counter, network: Meddling):
    put(counter, [*rows(), '{"identity_key": "Quetzalcoatl"}'])
    async with counter.host(MODERN) as host:
        refused = await called(host)

    assert text(refused).startswith("1 ligne du fichier est à corriger")
    assert "- 26: " in text(refused)
    assert "Quetzalcoatl" not in text(refused)
    assert not network.tokens
    assert not counter.presented


async def test_two_keys_for_one_application_refuse_the_whole_file(
    counter: Counter, network: Meddling
):
    by_person = {
        "cee_application_type": "specific",
        "journey_type": "long",
        "phone_trunc": "+336010203",
        "last_name_trunc": "MAR",
    }
    people = [
        json.dumps(by_person | {"identity_key": key * 64, "datetime": f"2023-01-{day}T06:00:00Z"})
        for key, day in [("a", "01"), ("b", "02"), ("b", "03")]
    ]
    put(counter, [*rows(), row(FIRST, key=1), row(FIRST), *people])
    async with counter.host(MODERN) as host:
        refused = await called(host)

    assert text(refused).startswith("3 lignes donnent une autre clé à une demande")
    assert not network.tokens
    assert not counter.presented


async def test_nobody_is_asked_when_the_keys_are_wrong(counter: Counter):
    registry = {"url": "https://covoiturage.sandbox", "access_key": "x", "secret_key": "y"}
    counter.settings["covoiturage"] = Covoiturage.model_validate(registry)
    put(counter, rows())
    async with counter.host(MODERN) as host:
        refused = await called(host)

    assert "GUICHET_COVOITURAGE_ACCESS_KEY" in text(refused)
    assert not counter.presented


async def test_a_dry_run_shows_the_question_and_sends_nothing(counter: Counter):
    put(counter, rows())
    async with counter.host(MODERN) as host:
        result = await host.call_tool("import_cee_identities", {"file": FILE, "dry_run": True})

    preview = facts(result)["preview"]
    assert "Importer 25 clés" in preview["question"]
    assert preview["body"] == "3 requests, each with a JSON array of 1000 rows at most"
    assert not counter.imports
    assert not counter.presented


# The file of results.


async def test_results_are_put_beside_the_file_and_never_over_another(counter: Counter):
    (counter.folder / "files" / "lots").mkdir(parents=True)
    counter.put_file("lots/mars.results.csv", "mine")
    put(counter, rows(), "lots/mars.jsonl")
    async with counter.host(MODERN) as host:
        await approved(counter, host, "lots/mars.jsonl")
        result = await called(host, "lots/mars.jsonl")
        again = await called(host, "lots/mars.jsonl")

    (link,) = (part for part in result.content if isinstance(part, ResourceLink))
    assert saved(result)["results"]["file"] == link.name == "lots/mars.results-2.csv"
    assert saved(again) == saved(result)
    assert (counter.folder / "files" / "lots" / "mars.results.csv").read_text("utf-8") == "mine"
    assert len(list((counter.folder / "files" / "lots").iterdir())) == 3


async def test_results_that_cannot_be_written_are_told_so_and_made_by_the_next_call(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    def full(path: Path) -> BinaryIO:
        raise OSError(errno.ENOSPC, "no room", str(path))

    put(counter, rows())
    async with counter.host(MODERN) as host:
        await approved(counter, host)
        with monkeypatch.context() as disk:
            disk.setattr(files, "_created", full)
            first = facts(await called(host))
        told = facts(await called(host))

    assert first["conclusion"].startswith("25 rows were answered of the 25 to send, 25 of which")
    assert "qu'il reste de la place" in first["conclusion"]
    assert len(counter.imports) == 3
    assert (told["imported"], told["results"]["file"]) == (25, "demandes.results.csv")


async def test_lines_are_those_of_the_file_that_a_ready_file_was_made_from(counter: Counter):
    numbers = [*range(100, 117), *range(120, 127), 10**9 - 1]
    lines = [
        json.dumps(json.loads(line) | {"line": number})
        for number, line in zip(numbers, rows(), strict=True)
    ]
    put(counter, lines)
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    assert [int(line) for line, _, _ in results(counter, told)] == numbers


async def test_what_the_journal_forgets_is_still_not_sent_again(counter: Counter):
    put(counter, rows())
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)
        journal = counter.journal()
        assert await journal.purge(counter.clock.now + 1) > 0
        again = facts(await called(host))
        assert not (await journal.verified()).fault
        await journal.close()

    assert again == told
    assert len(counter.imports) == 3


async def test_nothing_of_a_row_reaches_the_ledger_or_the_results(counter: Counter):
    put(counter, rows())
    async with counter.host(MODERN) as host:
        told = await imported(counter, host)

    ledger = b"".join(path.read_bytes() for path in counter.folder.glob("ledger.db*"))
    kept = ledger + (counter.folder / "files" / told["results"]["file"]).read_bytes()
    asked = application(FIRST)
    assert b"rows 1-10" in kept
    assert asked.uuid.encode() not in kept
    assert f"{FIRST:064x}".encode() not in kept
