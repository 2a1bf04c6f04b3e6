"""A process that imports a large file until it dies: what `test_chunks_killed` starts.

Death is `kill -9`, by its own hand, at the nth time that it meets a moment; or by the service's.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import httpx
from mcp import Client
from mcp.types import CallToolResult

from server import connect, instance
from server.build import build
from server.sandboxed import sandboxed
from server.services.ways import Transports
from server.settings import Covoiturage, Settings
from tools.desk import Desk
from tools.journal import Journal, Operation
from tools.sealing import Seal

FILE = "demandes.jsonl"

MEANT = "before a chunk's intent is committed"
COMMITTED = "after a chunk's intent is committed"
LEAVES = "before a chunk leaves"
CAME = "once its answer came"
RECORDED = "after its outcome is committed"
TOLD = "once the results are written, before the end is committed"
ANY = "at any of these"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What processes share: a registry at an address, a ledger, a secret, a folder."""

    folder: Path
    address: str
    secret: bytes

    @property
    def seal(self) -> Seal:
        return Seal(lambda: self.secret)

    def journal(self, *, later: float = 0.0) -> Journal:
        return Journal(self.ledger, self.seal, clock=lambda: time.time() + later)

    def ledger(self) -> str:
        return instance.sqlite(self.folder / "ledger.db")


@dataclass
class Fate:
    """Counts the moments that a process meets, up to its last."""

    moment: str = ""
    rank: int = 0
    met: Counter[str] = field(default_factory=Counter[str])

    def __call__(self, moment: str) -> None:
        for name in (moment, ANY):
            self.met[name] += 1
            if (name, self.met[name]) == (self.moment, self.rank):
                os.kill(os.getpid(), signal.SIGKILL)


def run(site: Site, fate: Fate, later: float, told: Connection) -> None:
    """What a process does from its start, its clock being ahead by so many seconds."""
    anyio.run(_run, site, fate, later, told)


async def _run(site: Site, fate: Fate, later: float, told: Connection) -> None:
    registry = Covoiturage.model_validate({"url": site.address, "token": "sandbox"})
    settings = sandboxed(Settings()).model_copy(update={"covoiturage": registry})
    server = build(settings, partial(_desk, site, settings, fate, later), site.seal)
    page = site.journal(later=later)
    async with Client(server, mode="legacy") as host:
        result = await _called(host)
        for waiting in await page.on_page(connect.LOCAL):
            if page.is_open(waiting):
                assert await page.approve(waiting.id)
                result = await _called(host)
    await page.close()
    told.send((result, fate.met[ANY]))


async def _called(host: Client) -> CallToolResult:
    return await host.call_tool("import_cee_identities", {"file": FILE})


@asynccontextmanager
async def _desk(site: Site, settings: Settings, fate: Fate, later: float) -> AsyncGenerator[Desk]:
    journal = _Journal(site.ledger, site.seal, clock=lambda: time.time() + later, fate=fate)
    transports = Transports(covoiturage=_Network(fate))
    async with connect.sandbox(settings, site.seal, transports) as desk:
        files = replace(desk.files, root=site.folder)
        yield replace(desk, journal=journal, files=files, present=_unseen)
    await journal.close()


async def _unseen(_: str) -> str:
    """The page, which opens in nobody's browser."""
    return f"http://{connect.LOCAL}"


@dataclass
class _Network(httpx.AsyncBaseTransport):
    fate: Fate
    way: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/identity"):
            return await self.way.handle_async_request(request)
        self.fate(LEAVES)
        response = await self.way.handle_async_request(request)
        self.fate(CAME)
        return response

    async def aclose(self) -> None:
        await self.way.aclose()


class _Journal(Journal):
    """The ledger, with the moments around each of its commits."""

    def __init__(self, *args: Any, fate: Fate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fate = fate
        self._parts = set[str]()

    async def part(self, *args: Any, **kwargs: Any) -> Operation:
        self._fate(MEANT)
        part = await super().part(*args, **kwargs)
        self._parts.add(part.id)
        self._fate(COMMITTED)
        return part

    async def end(self, operation: str, *args: Any, **kwargs: Any) -> bool:
        is_part = operation in self._parts
        if not is_part:
            self._fate(TOLD)
        ended = await super().end(operation, *args, **kwargs)
        if is_part:
            self._fate(RECORDED)
        return ended
