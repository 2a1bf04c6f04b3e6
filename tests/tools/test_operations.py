"""What an assistant is told of what it did, in both eras."""

from datetime import datetime
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import InputRequiredResult

from tests.support import Counter, Person, facts, text
from tests.tools.changes import make

MOTIVATION = "Dossier complet."
ACCEPT = {"number": 200001, "motivation": MOTIVATION}


async def listed(host: Client, **arguments: Any) -> list[dict[str, Any]]:
    return facts(await host.call_tool("list_operations", arguments))["operations"]


async def told(host: Client, operation: str) -> dict[str, Any]:
    return facts(await host.call_tool("get_operation", {"id": operation}))


async def test_nothing_is_listed_before_anything_was_asked(counter: Counter, era: str):
    async with counter.host(era) as host:
        page = facts(await host.call_tool("list_operations"))

    assert page == {"operations": [], "next": ""}


async def test_what_was_done_is_listed_newest_first(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        counter.clock.now += 60
        person.action = "decline"
        await host.call_tool("accept_dossier", {"number": 200002})
        counter.clock.now += 60
        person.action = "accept"
        await host.call_tool("import_cee_identities", {"file": "demandes-cee.csv"})
        operations = await listed(host)

    assert [(o["tool"], o["subject"], o["status"], o["evidence"]) for o in operations] == [
        ("import_cee_identities", operations[0]["subject"], "applied", "form, typed"),
        ("accept_dossier", "200002", "declined", ""),
        ("accept_dossier", "200001", "applied", "form, typed"),
    ]
    assert [o["meaning"] for o in operations] == [
        "It was made, once; if in parts, those that say so were.",
        "The person did not agree: nothing was changed.",
        "It was made, once; if in parts, those that say so were.",
    ]
    asked = [datetime.fromisoformat(operation["asked_at"]) for operation in operations]
    assert asked[0].timestamp() == counter.clock.now
    assert (asked[1] - asked[2]).total_seconds() == 60


async def test_an_operation_is_told_from_the_question_to_what_came_of_it(
    counter: Counter, era: str
):
    async with counter.host(era, Person()) as host:
        result = facts(await host.call_tool("accept_dossier", ACCEPT))
        (operation,) = await listed(host)
        details = await told(host, operation["id"])

    assert [event["event"] for event in details["events"]] == ["asked", "executing", "applied"]
    assert (details["outcome"], details["conclusion"]) == ("applied", result["conclusion"])
    assert operation.items() <= details.items()


async def test_a_refusal_is_told_in_the_words_it_was_given_in(counter: Counter, era: str):
    async with counter.host(era, Person("decline")) as host:
        refusal = text(await host.call_tool("accept_dossier", ACCEPT))
        (operation,) = await listed(host)
        details = await told(host, operation["id"])

    assert details["conclusion"] == refusal
    assert "outcome" not in details
    assert [event["event"] for event in details["events"]] == ["asked", "declined"]


async def test_a_question_nobody_answered_in_time_has_expired(counter: Counter):
    async with counter.host("2026-07-28", Person()) as host:
        await host.session.call_tool("accept_dossier", ACCEPT, allow_input_required=True)
        (waiting,) = await listed(host)
        counter.clock.now += 601
        (expired,) = await listed(host)
        details = await told(host, expired["id"])

    assert (waiting["status"], expired["status"]) == ("pending", "expired")
    assert "nothing was changed" in expired["meaning"]
    assert "conclusion" not in details


async def test_what_is_being_made_is_told_without_waiting_for_its_end(counter: Counter, era: str):
    arrived, go_on = anyio.Event(), anyio.Event()
    direct = httpx.ASGITransport(app=counter.dossiers)

    class Held(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"dossierAccepter" in request.content:
                arrived.set()
                await go_on.wait()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Held()
    with anyio.fail_after(5):
        async with counter.host(era, Person()) as host, anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "accept_dossier", ACCEPT)
            await arrived.wait()
            (operation,) = await listed(host)
            details = await told(host, operation["id"])
            assert details["status"] == "executing"
            assert "conclusion" not in details
            go_on.set()


class Losing(httpx.AsyncBaseTransport):
    """A network on which an acceptance is made, its answer lost, and nothing read after it."""

    def __init__(self, counter: Counter) -> None:
        self._to = httpx.ASGITransport(app=counter.dossiers)
        self.lost = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.lost:
            raise httpx.ConnectError("gone", request=request)
        response = await self._to.handle_async_request(request)
        if b"dossierAccepter" in request.content:
            self.lost = True
            raise httpx.ReadError("reset", request=request)
        return response


@pytest.mark.parametrize("reading", ["list_operations", "get_operation"])
async def test_what_is_undetermined_is_read_before_it_is_told(
    counter: Counter, era: str, reading: str
):
    """The service is back: what the lost answer said is known, and nothing was sent again."""
    counter.over["demarches"] = Losing(counter)
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)
        assert facts(result)["outcome"] == "undetermined"
        (before,) = await listed(host)
    assert before["status"] == "undetermined"

    counter.over.clear()
    async with counter.host(era) as host:
        arguments = {"id": before["id"]} if reading == "get_operation" else {}
        after = facts(await host.call_tool(reading, arguments))
        details = await told(host, before["id"])

    assert (after["operations"][0] if "operations" in after else after)["status"] == "applied"
    assert details["outcome"] == "applied"
    assert [event["event"] for event in details["events"]][-2:] == ["undetermined", "applied"]
    assert len(counter.accepted) == 1


async def test_what_a_dead_process_left_is_read_before_it_is_told(counter: Counter):
    """It had recorded that it would send, and its lease has run out: nothing had arrived."""
    async with counter.host("2026-07-28", Person()) as host:
        first = await host.session.call_tool("accept_dossier", ACCEPT, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        journal = counter.journal()
        (operation,) = await journal.recent("local", 1)
        await journal.begin(operation, "form, typed")
        counter.clock.now += 61
        (told_of,) = await listed(host)
        await journal.close()

    assert told_of["status"] == "not_applied"
    assert not counter.accepted


async def test_another_principal_s_operations_are_not_told(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        (operation,) = await listed(host)
        counter.principal = "somebody else"
        others = await listed(host)
        details = await host.call_tool("get_operation", {"id": operation["id"]})
        page = await host.call_tool("list_operations", {"after": operation["id"]})

    assert others == []
    assert details.is_error
    assert page.is_error
    assert "No operation of this user has the id" in text(details)


async def test_pages_hold_every_operation_once(counter: Counter, era: str):
    """Several were asked at the very same time."""
    journal = counter.journal()
    async with counter.host(era, Person("decline")) as host:
        for step in (0, 0, 0, 1, 0):
            counter.clock.now += step
            await host.call_tool("accept_dossier", ACCEPT)
        whole = [operation["id"] for operation in await listed(host)]
        pages: list[list[str]] = []
        after = ""
        while not pages or after:
            page = facts(await host.call_tool("list_operations", {"limit": 2, "after": after}))
            pages.append([operation["id"] for operation in page["operations"]])
            after = page["next"]
    await journal.close()

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [operation for page in pages for operation in page] == whole
    assert len(set(whole)) == 5


async def test_a_page_is_no_larger_than_a_result_may_be(counter: Counter):
    journal = counter.journal()
    await make(journal, *(f"{number:016x}" for number in range(100)))
    await journal.close()
    async with counter.host("2025-11-25") as host:
        page = await host.call_tool("list_operations", {"limit": 100})
        after = facts(page)["next"]
        rest = await listed(host, limit=100, after=after)

    assert len(text(page).encode()) <= 20_000
    assert len(facts(page)["operations"]) + len(rest) == 100
    assert facts(page)["operations"][-1]["id"] == after


@pytest.mark.parametrize("id_", ["0" * 16, "%", "0", "_" * 16, "", "A" * 16])
async def test_an_identifier_is_one_that_was_listed(counter: Counter, era: str, id_: str):
    async with counter.host(era, Person("decline")) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        result = await host.call_tool("get_operation", {"id": id_})

    assert result.is_error


async def test_a_whole_identifier_is_as_good_as_the_one_listed(counter: Counter, era: str):
    async with counter.host(era, Person("decline")) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        (row,) = await counter.rows()
        details = await told(host, row["id"])

    assert row["id"].startswith(details["id"])


async def test_nothing_is_told_that_the_ledger_seals(counter: Counter, era: str):
    """No motivation, no name, no argument: a tool, a number, and what came of it."""
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        (operation,) = await listed(host)
        details = await host.call_tool("get_operation", {"id": operation["id"]})

    assert set(facts(details)) == {
        *("id", "tool", "subject", "status", "meaning", "evidence", "asked_at", "ended_at"),
        *("events", "outcome", "conclusion"),
    }
    for said in (MOTIVATION, "usager", "@"):
        assert said not in text(details)


async def test_what_was_done_is_told_where_nothing_may_be_changed(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", ACCEPT)
    counter.settings["read_only"] = True
    async with counter.host(era) as host:
        (operation,) = await listed(host)

    assert operation["status"] == "applied"


async def test_a_service_that_does_not_answer_does_not_keep_the_journal_from_being_read(
    counter: Counter, era: str, monkeypatch: pytest.MonkeyPatch
):
    """What is undetermined stays so, and is told."""
    monkeypatch.setattr("tools.settling.WITHIN", 0.05)
    counter.over["demarches"] = Losing(counter)
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", ACCEPT)

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError

    counter.over["demarches"] = Silent()
    with anyio.fail_after(5):
        async with counter.host(era) as host:
            (operation,) = await listed(host)

    assert operation["status"] == "undetermined"
