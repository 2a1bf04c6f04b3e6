"""A process killed with `kill -9` between two batches of an import, which reading then settles."""

import multiprocessing
import os
import secrets
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from server.sandbox import emjpm
from server.sandbox.emjpm.mesures import SIZE
from tests.crash import importing
from tests.crash.importing import FILE, LATER, Site, called
from tests.support import listening
from tests.tools.test_mesures_importing import HEADER, line

COUNT = 600
"""Two batches: of 500, and of 100."""
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([importing.__name__])


@dataclass
class Killing:
    """eMJPM, which kills the process that sends it a second batch: before it saves it, or after."""

    saves: bool = True
    victim: int = 0
    batches: int = 0
    app: Starlette = field(default_factory=emjpm.create)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.batches += scope["path"].endswith("/batch")
        if not (self.victim and scope["path"].endswith("/batch") and self.batches == 2):
            await self.app(scope, receive, send)
            return
        if self.saves:
            await self.app(scope, receive, _to_nobody)
        os.kill(self.victim, signal.SIGKILL)

    @property
    def imported(self) -> int:
        return sum(
            row.mesure["numero_rg"].startswith("26A") for row in self.app.state.table.rows.values()
        )


async def _to_nobody(_: Message) -> None:
    """Whoever asked is about to die."""


@pytest.fixture(name="service")
def _service() -> Killing:
    return Killing()


@pytest.fixture(name="site")
async def _site(service: Killing, tmp_path: Path) -> AsyncGenerator[Site]:
    rows = "\n".join((HEADER, *map(line, range(COUNT))))
    await anyio.Path(tmp_path / FILE).write_text(rows, encoding="utf-8")
    async with listening(service) as address:
        yield Site(folder=tmp_path, address=address, secret=secrets.token_bytes(32))


async def killed(site: Site, service: Killing) -> None:
    """An import, up to the death of its process."""
    process = PROCESSES.Process(target=importing.run, args=(site,), daemon=True)
    process.start()
    service.victim = process.pid or 0
    with anyio.fail_after(60):
        await anyio.to_thread.run_sync(process.join, abandon_on_cancel=True)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("saves", "imported", "last"),
    [(True, COUNT, "applied"), (False, 500, "not_applied")],
    ids=["saved", "not saved"],
)
async def test_what_a_killed_import_left_is_read_and_the_same_file_doubles_nothing(
    site: Site, service: Killing, *, saves: bool, imported: int, last: str
):
    service.saves = saves
    await killed(site, service)
    assert service.imported == imported

    later = site.server(later=LATER)
    (whole,) = (await called(later, "list_operations"))["operations"]
    parts = (await called(later, "list_operations", part_of=whole["id"]))["operations"]
    told = await called(later, "get_operation", id=whole["id"])
    assert service.batches == 2
    assert (whole["status"], told["outcome"]) == ("applied", "applied")
    assert {part["subject"]: part["status"] for part in parts} == {
        "mesures 1-500": "applied",
        "mesures 501-600": last,
    }
    assert told["conclusion"].startswith(f"{imported} mesures imported")

    again = await called(later, "import_mesures", file=FILE)
    assert again["imported"] == service.imported == COUNT
    assert len(service.app.state.table.rows) > SIZE
