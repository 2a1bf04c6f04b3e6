"""Processes killed with `kill -9` in the middle of a large import, until one comes to its end.

`KILLS=20` runs the whole campaign: twenty at random, and five at each named moment, over 20,000
rows. By default, a few over a few thousand.
"""

import csv
import json
import multiprocessing
import os
import random
import secrets
import signal
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from mcp.types import CallToolResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from server.sandbox import covoiturage
from server.sandbox.covoiturage.applications import MORE_TO_KEY, UNKNOWN, application
from tests.crash import chunking
from tests.crash.chunking import (
    ANY,
    CAME,
    COMMITTED,
    FILE,
    LEAVES,
    MEANT,
    RECORDED,
    TOLD,
    Fate,
    Site,
)
from tests.support import listening

KILLS = int(os.environ.get("KILLS", "0"))
CHUNKS = KILLS or 4
ROWS = CHUNKS * 1_000
TOGETHER = 4
KILLED = -signal.SIGKILL
A_MINUTE = 60.0
"""Longer than a lease."""

ARRIVES = "when a chunk arrives"
APPLIED = "once the registry has imported a chunk, before it answers"

MOMENTS = (MEANT, COMMITTED, LEAVES, ARRIVES, APPLIED, CAME, RECORDED)
MOMENTS_OF_A_CHUNK = 5
"""Those that a process meets by itself."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([chunking.__name__])


@dataclass
class Registry:
    """A registry that remembers what arrives, and may kill whoever sends it."""

    kills: str = ""
    rank: int = 0
    """Which of the chunks that arrive from then on is the last one of its sender."""
    victim: int = 0
    arrived: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """How many rows were imported each time that a chunk came, by its last row."""
    app: Starlette = field(default_factory=covoiturage.create)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith("/identity"):
            await self.app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        times = self.arrived[json.loads(body)[-1]["cee_application_uuid"]]
        self.rank -= 1
        dies = self.kills if self.rank == 0 else ""
        if dies == ARRIVES:
            times.append(0)
            os.kill(self.victim, signal.SIGKILL)
            return

        async def again() -> Message:
            return {"type": "http.request", "body": body}

        await self.app(scope, again, _to_nobody if dies == APPLIED else send)
        times.append(self.app.state.writes[-1].imported)
        if dies == APPLIED:
            os.kill(self.victim, signal.SIGKILL)


async def _to_nobody(_: Message) -> None:
    """Whoever asked is about to die."""


@dataclass
class Import:
    """One large file, and the processes that import it, one after the other."""

    site: Site
    registry: Registry
    later: float = 0.0
    moments: int = 0
    """How many the last process met."""

    async def run(self, moment: str = "", rank: int = 0) -> CallToolResult | None:
        """What a process was told that came to its end; nothing of one that was killed."""
        self.later += A_MINUTE
        self.registry.kills, self.registry.rank = moment, rank
        telling, told = PROCESSES.Pipe(duplex=False)
        fate = Fate(moment, rank)
        arguments = (self.site, fate, self.later, told)
        process = PROCESSES.Process(target=chunking.run, args=arguments, daemon=True)
        process.start()
        told.close()
        self.registry.victim = process.pid or 0
        with anyio.fail_after(120):
            result = await anyio.to_thread.run_sync(said, telling, abandon_on_cancel=True)
            await anyio.to_thread.run_sync(process.join, abandon_on_cancel=True)
        assert process.exitcode == (KILLED if result is None else 0)
        return result

    async def check(self, result: CallToolResult | None, kills: int) -> None:
        """Nothing was lost, nothing done twice, and every line told as the registry knows it."""
        assert result
        assert result.structured_content
        assert result.structured_content["outcome"] == "applied"
        assert len(self.registry.app.state.keyed) == ROWS - 1
        assert sum(map(sum, self.registry.arrived.values())) == ROWS - 1
        assert len(self.registry.arrived) == CHUNKS
        assert sum(map(len, self.registry.arrived.values())) <= CHUNKS + kills * TOGETHER
        name = result.structured_content["results"]["file"]
        content = await anyio.Path(self.site.folder / name).read_text(encoding="utf-8")
        lines = [*csv.reader(content.splitlines(), delimiter=";")][1:]
        assert [int(line) for line, _, _ in lines] == [*range(1, ROWS + 1)]
        assert lines.pop()[1] in {"failed", "indeterminate"}, "the row that nobody knows"
        for place, (_, verdict, _) in enumerate(lines):
            last = min(place // 1_000 * 1_000 + 999, ROWS - 1)
            times = self.registry.arrived[uuid(last)]
            assert verdict == ("imported" if times[-1] else "indeterminate"), (place, times)
        journal = self.site.journal()
        assert not (await journal.verified()).fault
        await journal.close()


def said(telling: Connection) -> CallToolResult | None:
    """What a process tells before it ends."""
    try:
        result, _ = telling.recv()
    except EOFError:
        return None
    finally:
        telling.close()
    return result


def uuid(place: int) -> str:
    """The application of a row: the last one is unknown to the registry."""
    return application(UNKNOWN if place == ROWS - 1 else MORE_TO_KEY[place]).uuid


@pytest.fixture(name="large")
async def _large(tmp_path: Path) -> AsyncGenerator[Import]:
    rows = (
        {
            "cee_application_type": "standardized",
            "cee_application_uuid": uuid(place),
            "identity_key": f"{place:064x}",
        }
        for place in range(ROWS)
    )
    content = "".join(f"{json.dumps(row)}\n" for row in rows)
    await anyio.Path(tmp_path / FILE).write_text(content, encoding="utf-8")
    registry = Registry()
    async with listening(registry) as address:
        site = Site(folder=tmp_path, address=address, secret=secrets.token_bytes(32))
        yield Import(site, registry)


def deaths() -> dict[str, list[tuple[str, int]]]:
    """At which moment, and the how manyeth, each process of an import dies in turn."""
    if not KILLS:
        return {"a few in turn": [(COMMITTED, 1), (APPLIED, 1), (CAME, 2), (TOLD, 1)]}
    each = KILLS // 4
    among = {moment: [(moment, CHUNKS // (each + 1))] * each for moment in MOMENTS}
    chance = random.Random("chunks")  # noqa: S311  (nothing to keep secret)
    most = MOMENTS_OF_A_CHUNK * CHUNKS // KILLS
    at_random = [(ANY, chance.randint(1, most)) for _ in range(KILLS)]
    return {**among, TOLD: [(TOLD, 1)] * each, "at random": at_random}


DEATHS = deaths()


@pytest.mark.parametrize("dying", DEATHS.values(), ids=DEATHS)
async def test_a_large_import_killed_again_and_again_loses_nothing_and_doubles_nothing(
    large: Import, dying: list[tuple[str, int]]
):
    for moment, rank in dying:
        if await large.run(moment, rank):
            assert moment == TOLD, "the end is only told by whoever sent the last chunk"

    await large.check(await large.run(), len(dying))
