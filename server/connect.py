"""From settings to a desk: the services' clients, the ledger, the folder of files."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio
import httpx

from clients import Clients
from clients.http import origin
from server import instance
from server.approvals import Pages
from server.services import clients_of
from server.services.ways import Common, Transports, miniatures, network_ways
from server.settings import Settings
from tools.desk import Desk
from tools.fences import Fences
from tools.files import Folder
from tools.journal import Journal
from tools.language import speaking
from tools.sealing import Seal
from tools.understood import SERVICE_HOSTS

if TYPE_CHECKING:
    from server.shared import Shared

LOCAL = "local"
"""The principal of stdio and of loopback HTTP: whoever runs the process."""
SAMPLE_FILE = "demandes-cee.csv"


@asynccontextmanager
async def services(settings: Settings, seal: Seal) -> AsyncGenerator[Desk]:
    """A desk on the configured services, for as long as the server runs."""
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(shared_state(settings, seal))
        clients = clients_of(settings, network_ways(settings), stack, Common(shared))
        journal = Journal(lambda: instance.ledger(settings), seal, keep_days=settings.journal_days)
        stack.push_async_callback(journal.close)
        yield await _desk(settings, clients, journal, stack)


@asynccontextmanager
async def profile(
    settings: Settings, name: str, like: Desk, common: Common
) -> AsyncGenerator[Desk]:
    """A desk like this one, on a profile's own services and folder, for as long as it is used."""
    own = settings.of_profile(name)
    async with AsyncExitStack() as stack:
        clients = clients_of(own, network_ways(own), stack, common, name)
        principals = frozenset(settings.profiles[name].principals)
        files = Folder(own.files, like.say)
        yield _facing(own, replace(like, clients=clients, files=files, principals=principals))


@asynccontextmanager
async def sandbox(
    settings: Settings, seal: Seal, transports: Transports | None = None
) -> AsyncGenerator[Desk]:
    """A desk on the services in miniature, with files and a ledger that end with it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="guichet-sandbox-")))
        (folder / "files").mkdir()
        await _sample_file(folder / "files")
        clients = clients_of(settings, transports or miniatures(), stack, Common())
        journal = Journal(lambda: instance.sqlite(folder / "ledger.db"), seal)
        stack.push_async_callback(journal.close)
        own = settings.model_copy(update={"files": folder / "files"})
        yield await _desk(own, clients, journal, stack)


@asynccontextmanager
async def shared_state(settings: Settings, seal: Seal) -> AsyncGenerator["Shared | None"]:
    """What several instances share besides the ledger, if these settings are of several."""
    if not settings.shares_state:
        yield None
        return
    from server.shared import Shared  # noqa: PLC0415  (SQLAlchemy: 0.3 s)

    shared = Shared(settings.state_url, seal)
    try:
        yield shared
    finally:
        await shared.close()


async def _desk(
    settings: Settings, clients: Clients, journal: Journal, stack: AsyncExitStack
) -> Desk:
    say = speaking(settings.language)
    pages = await stack.enter_async_context(Pages(journal, say))
    desk = Desk(
        clients=clients,
        journal=journal,
        files=Folder(settings.files, say),
        say=say,
        principal=lambda: LOCAL,
        principals=frozenset({LOCAL}) if settings.profiles else None,
        consent=settings.consent,
        fences=Fences(**settings.fences.model_dump(exclude={"demarches"})),
        four_eyes=frozenset(settings.four_eyes),
        present=pages.present,
    )
    return _facing(settings, desk)


def _facing(settings: Settings, desk: Desk) -> Desk:
    """The same desk, which knows where its services are and what is worked on there."""
    return replace(
        desk,
        instructeur=settings.demarches.instructeur,
        places=frozenset(
            origin(httpx.URL(address))
            for address in (
                settings.covoiturage.url,
                settings.demarches.url,
                settings.emjpm.address,
                settings.faire_simple.url,
            )
        ),
        pages=_pages(httpx.URL(settings.demarches.url).host),
        demarches=settings.demarches.numbers,
    )


def _pages(host: str) -> frozenset[str]:
    """The hosts whose pages are those of the service at this one: its own, and its former names.

    Another instance of the same program has other dossiers under the same numbers.
    """
    ours = SERVICE_HOSTS if host in SERVICE_HOSTS or host.endswith(".sandbox") else frozenset[str]()
    return ours | {host}


async def _sample_file(folder: Path) -> None:
    """The file an operator would have: the folder is not empty when there is something to try."""
    from server.sandbox.covoiturage import operator_file  # noqa: PLC0415  (0.1 s, as above)

    await anyio.Path(folder / SAMPLE_FILE).write_text(operator_file(), encoding="utf-8")
