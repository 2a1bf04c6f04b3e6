"""How far long calls are, and that they stop when nobody waits any more."""

from typing import Any

import anyio
import httpx
import pytest

from server.sandbox.covoiturage import certificates
from tests.support import Counter, facts
from tools.demarches import pieces

NOWHERE = "00000000-0000-4000-8000-000000000000"
MODERN = "2026-07-28"
SEARCH = {"demarche_number": 1001, "search": "personne de ce nom"}
BATCH = {"decision": "accept", "numbers": list(range(200001, 200121)), "dry_run": True}


@pytest.mark.parametrize(
    ("tool", "arguments", "told", "last"),
    [
        (
            "query_dossiers",
            SEARCH,
            [(100, 1000), (200, 1000)],
            "200 dossiers looked at, 0 found; 1000 at most.",
        ),
        (
            "verify_certificate",
            {"uuids": [certificates.VALID, certificates.EXPIRED, NOWHERE]},
            [(1, 3), (2, 3), (3, 3)],
            "3 certificates asked for of 3.",
        ),
        ("list_demarches", {}, [(1, 3), (2, 3), (3, 3)], "3 démarches read of 3."),
        (
            "decide_dossiers",
            BATCH,
            [(50, 120), (100, 120), (120, 120)],
            "120 dossiers read of 120.",
        ),
        ("list_mesures", {}, [(0, 1), (1, 1)], "72 mesures found."),
        ("summarize_mesures", {}, [(1, 3), (2, 3), (3, 3)], "12 mesures eteinte read."),
    ],
)
async def test_what_is_long_says_how_far_it_is_and_what_remains(
    counter: Counter,
    era: str,
    tool: str,
    arguments: dict[str, Any],
    told: list[tuple[int, int]],
    last: str,
):
    heard = list[tuple[float, float | None]]()
    words = list[str | None]()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total))
        words.append(message)

    async with counter.host(era) as host:
        result = await host.call_tool(tool, arguments, progress_callback=hear)

    assert facts(result)
    assert heard == told
    assert words[-1] == last


async def test_a_search_that_is_cancelled_asks_nothing_more(counter: Counter, era: str):
    direct = httpx.ASGITransport(counter.dossiers)
    asked, reached = list[int](), anyio.Event()

    class Stuck(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(len(asked))
            if len(asked) == 2:
                reached.set()
                await anyio.sleep_forever()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Stuck()
    with anyio.fail_after(20):
        async with counter.host(era) as host, anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "query_dossiers", SEARCH)
            await reached.wait()
            tasks.cancel_scope.cancel()

    assert len(asked) == 2


async def test_a_file_that_is_saved_says_how_much_of_it_has_come(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pieces, "MEGABYTE", 1)
    heard = list[float]()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with counter.host(MODERN) as host:
        result = await host.call_tool(
            "save_piece", {"number": 200001, "piece": "pdf"}, progress_callback=hear
        )

    assert heard == sorted(set(heard))
    assert heard[-1] == facts(result)["bytes"]
