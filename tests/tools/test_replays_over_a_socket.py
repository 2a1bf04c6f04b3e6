"""One consent replayed twenty times at once, counted by services behind a socket and a delay."""

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, InputRequiredResult, InputResponses

from server.sandbox.serving import Slow
from tests.support import Counter, Person, facts, listening, put

LATENCY = 0.05
REPLAYS = 20


class Elsewhere(httpx.AsyncBaseTransport):
    """Sends over a real socket what was meant for the sandbox's own address."""

    def __init__(self, address: str) -> None:
        self._address = httpx.URL(address)
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        there = self._address
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@pytest.fixture(name="far")
async def _far(counter: Counter) -> AsyncGenerator[Counter]:
    async with (
        listening(Slow(counter.dossiers, LATENCY)) as dossiers,
        listening(Slow(counter.registry, LATENCY)) as registry,
        listening(Slow(counter.partners, LATENCY)) as partners,
    ):
        counter.over = {
            "demarches": Elsewhere(dossiers),
            "covoiturage": Elsewhere(registry),
            "faire_simple": Elsewhere(partners),
        }
        yield counter


CALLS: dict[str, dict[str, Any]] = {
    "accept_dossier": {"number": 200001, "motivation": "Complet."},
    # The registry takes the same rows as often as they come.
    "import_cee_identities": {"file": "demandes-cee.csv"},
    # Nor does faire-simple mind.
    "set_partner_status": {"uid": "4201", "registered": True},
}


def arrived(counter: Counter) -> int:
    """The changes that came to a service."""
    return len(counter.accepted) + len(counter.imports) + len(counter.statuses)


@pytest.mark.parametrize("tool", CALLS)
async def test_twenty_replays_at_once_make_one_change(far: Counter, tool: str):
    async with far.host("2026-07-28", Person()) as host:
        first = await host.session.call_tool(tool, CALLS[tool], allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        results = await at_once(host, tool, first)

    assert arrived(far) == 1
    assert all(result == results[0] for result in results)
    assert facts(results[0])["outcome"] == "applied"


@pytest.mark.parametrize("tool", CALLS)
async def test_twenty_calls_at_once_make_no_more_changes_than_there_were_agreements(
    far: Counter, tool: str
):
    """In the older era an answer lives within its call: of twenty, two agree."""
    person = TwoYeses()
    async with far.host("2025-11-25", person) as host, anyio.create_task_group() as tasks:
        for _ in range(REPLAYS):
            tasks.start_soon(host.call_tool, tool, CALLS[tool])

    assert len(person.questions) == REPLAYS
    assert 1 <= arrived(far) <= 2


async def at_once(host: Client, tool: str, first: InputRequiredResult) -> list[CallToolResult]:
    key, question = put(first)
    answer: InputResponses = {key: Person().answer(question)}
    results: list[CallToolResult] = []

    async def replay() -> None:
        results.append(
            await host.session.call_tool(
                tool, CALLS[tool], input_responses=answer, request_state=first.request_state
            )
        )

    async with anyio.create_task_group() as tasks:
        for _ in range(REPLAYS):
            tasks.start_soon(replay)
    return results


class TwoYeses(Person):
    """Someone who agrees twice, and then no more."""

    def answer(self, question: str):
        self.action = "accept" if len(self.questions) <= 2 else "decline"
        return super().answer(question)
