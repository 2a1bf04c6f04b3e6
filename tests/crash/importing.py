"""A process that imports mesures until it is killed: what `test_import_killed` starts."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
from mcp import Client

from server import connect, instance
from server.app import Server
from server.build import build
from server.sandboxed import sandboxed
from server.services.ways import Transports
from server.settings import Emjpm, Settings
from tests.support import Person, facts
from tools.desk import Desk
from tools.journal import Journal
from tools.sealing import Seal

FILE = "mesures.csv"
LATER = 120.0
"""Seconds: a lease has expired, and the service is done with what it received."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What processes share: an eMJPM at an address, a ledger, a secret, a folder."""

    folder: Path
    address: str
    secret: bytes

    def server(self, *, later: float = 0.0) -> Server:
        """A server whose clock is ahead by so many seconds."""
        emjpm = Emjpm.model_validate({"url": self.address, "token": "sandbox"})
        settings = sandboxed(Settings()).model_copy(update={"emjpm": emjpm})
        seal = Seal(lambda: self.secret)
        return build(settings, partial(self._desk, settings, seal, later), seal)

    @asynccontextmanager
    async def _desk(self, settings: Settings, seal: Seal, later: float) -> AsyncGenerator[Desk]:
        ledger = instance.sqlite(self.folder / "ledger.db")
        journal = Journal(lambda: ledger, seal, clock=lambda: time.time() + later)
        transports = Transports(emjpm=httpx.AsyncHTTPTransport())
        async with connect.sandbox(settings, seal, transports) as desk:
            files = replace(desk.files, root=self.folder)
            yield replace(desk, journal=journal, files=files, sleep=_at_once)
        await journal.close()


async def called(server: Server, tool: str, **arguments: object) -> dict[str, Any]:
    async with Client(server, mode="legacy", elicitation_callback=Person()) as host:
        return facts(await host.call_tool(tool, dict(arguments)))


def run(site: Site) -> None:
    """What the process does from its start; it is not meant to come to an end."""
    anyio.run(partial(called, site.server(), "import_mesures", file=FILE))


async def _at_once(_: float) -> None:
    """The service has had the time to end what it was doing."""
