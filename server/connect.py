"""From settings to a desk: the services' clients, the ledger, the folder of files."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio
import httpx
from starlette.applications import Starlette

from clients import (
    Clients,
    CovoiturageClient,
    DemarcheFiles,
    DemarchesClient,
    EmjpmClient,
    FaireSimpleClient,
)
from clients.auth import Bearer
from clients.covoiturage import OperatorKeys
from clients.demarches import READ as DEMARCHES_READ
from clients.demarches import SERVICE as DEMARCHES
from clients.demarches import DemarcheTokens
from clients.downloads import Ways, downloading
from clients.emjpm import SERVICE as EMJPM
from clients.emjpm import OAuth, SignedIn
from clients.faire_simple import Keyed
from clients.http import OnFirstUse, Sleep, connected, origin
from clients.network import network
from clients.pace import Budget, OwnBudget, Pace
from server import instance
from server.approvals import Pages
from server.settings import (
    SERVICES,
    Application,
    Covoiturage,
    Demarches,
    Emjpm,
    FaireSimple,
    Settings,
)
from server.sign_ins import SignIn
from tools.desk import Desk
from tools.files import Folder
from tools.journal import Journal
from tools.language import speaking
from tools.sealing import Seal
from tools.understood import SERVICE_HOSTS

if TYPE_CHECKING:
    from server.shared import Shared, SharedSignIn

LOCAL = "local"
"""The principal of stdio and of loopback HTTP: whoever runs the process."""
SAMPLE_FILE = "demandes-cee.csv"


@dataclass(frozen=True, slots=True)
class Transports:
    """What carries the requests to each service, the network unless told otherwise."""

    covoiturage: httpx.AsyncBaseTransport | None = None
    demarches: httpx.AsyncBaseTransport | None = None
    emjpm: httpx.AsyncBaseTransport | None = None
    faire_simple: httpx.AsyncBaseTransport | None = None
    files: httpx.AsyncBaseTransport | None = None
    """What carries files of Démarches simplifiées: as its requests do, unless told otherwise."""
    sleep: Sleep = anyio.sleep
    """How to wait before asking a service again."""
    clock: Callable[[], float] = time.monotonic
    """The seconds that pass as one sleeps."""


class InProcess(httpx.AsyncBaseTransport):
    """The way to a service in this very process; what it drops is lost, as it is on a network."""

    def __init__(self, service: Starlette) -> None:
        self._to = httpx.ASGITransport(service)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._to.handle_async_request(request)
        except ConnectionError:
            raise httpx.ReadError("dropped", request=request) from None


@dataclass(frozen=True, slots=True)
class Common:
    """What the desks of one process have in common: no more than how fast services are called.

    A service counts the requests of this address, whoever they are made for.
    """

    shared: "Shared | None" = None
    """Where sign-ins are kept, each under a name of its own."""
    budgets: dict[tuple[str, int], Budget] = field(default_factory=dict[tuple[str, int], Budget])

    def budget(self, service: str, most: int, clock: Callable[[], float]) -> Budget:
        """The requests that a service lets through in a minute, if so many."""
        if (service, most) not in self.budgets:
            own = OwnBudget(most, clock=clock)
            shared = self.shared and self.shared.budget(service, most)
            self.budgets[service, most] = shared or own
        return self.budgets[service, most]


@asynccontextmanager
async def services(settings: Settings, seal: Seal) -> AsyncGenerator[Desk]:
    """A desk on the configured services, for as long as the server runs."""
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(shared_state(settings, seal))
        clients = await _clients(settings, network_ways(settings), stack, Common(shared))
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
        clients = await _clients(own, network_ways(own), stack, common, name)
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
        clients = await _clients(settings, transports or miniatures(), stack, Common())
        journal = Journal(lambda: instance.sqlite(folder / "ledger.db"), seal)
        stack.push_async_callback(journal.close)
        own = settings.model_copy(update={"files": folder / "files"})
        yield await _desk(own, clients, journal, stack)


def network_ways(settings: Settings) -> Transports:
    """The ways to the services, timed if anybody looks at figures or traces."""
    if not settings.observed:
        return Transports()
    from server.observing import Observed  # noqa: PLC0415  (what a laptop never loads)

    def way(service: str, url: str) -> httpx.AsyncBaseTransport:
        return Observed(service, OnFirstUse(lambda: network(url)))

    return Transports(
        covoiturage=way("covoiturage", settings.covoiturage.url),
        demarches=way("demarches", settings.demarches.url),
        emjpm=way("emjpm", settings.emjpm.address),
        faire_simple=way("faire_simple", settings.faire_simple.url),
        files=Observed("demarches", Ways()),
    )


def sandboxed(settings: Settings) -> Settings:
    """The same settings, with the addresses and the credentials of the sandbox."""
    return settings.model_copy(
        update={
            "services": SERVICES,
            "profiles": {},
            "covoiturage": Covoiturage.model_validate(
                {
                    "url": "https://covoiturage.sandbox",
                    "access_key": "sandbox",
                    "secret_key": "sandbox",
                }
            ),
            "demarches": Demarches.model_validate(
                {
                    "url": "https://demarches.sandbox/api/v2/graphql",
                    "token": "sandbox",
                    "instructeur": "camille.martin@exemple.gouv.fr",
                    "numbers": (1001, 1002, 1003),
                }
            ),
            "emjpm": Emjpm.model_validate(
                {
                    "url": "https://emjpm.sandbox",
                    "token": "sandbox",
                    "delete_all": settings.emjpm.delete_all,
                }
            ),
            "faire_simple": FaireSimple.model_validate(
                {
                    "url": "https://faire-simple.sandbox/api",
                    "login": "sandbox",
                    "password": "sandbox",
                    "key": "sandbox",
                    "path_partners": "/partenaires",
                    "path_thematics": "/thematiques",
                    "path_campaigns": "/campagnes",
                    "path_proposals": "/propositions",
                    "path_updates": "/actualisation",
                    "path_updates_by_semester": "/actualisation/{semester}",
                }
            ),
        }
    )


def miniatures() -> Transports:
    """The services in miniature, fresh, each made when it is first called."""
    # Loading graphql-core and filling the services takes 0.3 s: not before they are needed.

    def covoiturage() -> InProcess:
        from server.sandbox import covoiturage  # noqa: PLC0415

        return InProcess(covoiturage.create())

    def demarches() -> InProcess:
        from server.sandbox import demarches  # noqa: PLC0415

        return InProcess(demarches.create())

    def emjpm() -> InProcess:
        from server.sandbox import emjpm  # noqa: PLC0415

        return InProcess(emjpm.create())

    def faire_simple() -> InProcess:
        from server.sandbox import faire_simple  # noqa: PLC0415

        return InProcess(faire_simple.create())

    return Transports(
        OnFirstUse(covoiturage),
        OnFirstUse(demarches),
        OnFirstUse(emjpm),
        OnFirstUse(faire_simple),
    )


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
        fences=settings.fences.limits,
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


async def _clients(
    settings: Settings, by: Transports, stack: AsyncExitStack, common: Common, whose: str = ""
) -> Clients:
    registry, demarches, emjpm = settings.covoiturage, settings.demarches, settings.emjpm
    faire_simple = settings.faire_simple
    client = partial(connected, sleep=by.sleep)
    instruction = client(demarches.url, read=DEMARCHES_READ, transport=by.demarches)
    budget = common.budget(DEMARCHES, demarches.a_minute, by.clock)
    pace = Pace(DEMARCHES, budget, sleep=by.sleep)
    open_for_good = stack.enter_async_context
    return Clients(
        covoiturage=CovoiturageClient(
            await open_for_good(
                client(registry.url, auth=_operator(registry), transport=by.covoiturage)
            ),
            certificates_version=registry.certificates_version,
            import_version=registry.import_version,
        ),
        demarches=DemarchesClient(
            await open_for_good(pace.keep(instruction)),
            tokens=DemarcheTokens(demarches.token, demarches.tokens),
            only=settings.fences.demarches,
        ),
        demarche_files=DemarcheFiles(
            await open_for_good(downloading(by.files or by.demarches)),
            endpoint=demarches.url,
            hosts=demarches.files_hosts,
        ),
        emjpm=EmjpmClient(await open_for_good(await _emjpm(emjpm, by, stack, common, whose))),
        faire_simple=FaireSimpleClient(
            await open_for_good(
                client(
                    faire_simple.url,
                    auth=_application(faire_simple),
                    transport=_keyed(faire_simple, by.faire_simple),
                )
            ),
            faire_simple.paths,
        ),
    )


def _operator(registry: Covoiturage) -> httpx.Auth | None:
    """An operator's credentials, or nothing: certificates need none."""
    if registry.token:
        return Bearer(registry.token)
    if registry.access_key and registry.secret_key:
        return OperatorKeys(
            registry.url, access_key=registry.access_key, secret_key=registry.secret_key
        )
    return None


async def _emjpm(
    emjpm: Emjpm, by: Transports, stack: AsyncExitStack, common: Common, whose: str
) -> httpx.AsyncClient:
    """The client of eMJPM, at the pace that the service allows."""
    if emjpm.token:
        auth = Bearer(emjpm.token)
    else:
        auth = await _signed_in(emjpm, by, stack, common.shared, whose)
    http = connected(emjpm.address, auth=auth, transport=by.emjpm, sleep=by.sleep)
    budget = common.budget(EMJPM, emjpm.a_minute, by.clock)
    return Pace(EMJPM, budget, sleep=by.sleep).keep(http)


async def _signed_in(
    emjpm: Emjpm, by: Transports, stack: AsyncExitStack, shared: "Shared | None", whose: str
) -> httpx.Auth | None:
    """The user who signed in, or nothing if no application is there to sign in with."""
    if emjpm.application is None:
        return None
    http = await stack.enter_async_context(oauth_http(emjpm, by))
    return SignedIn(
        oauth(emjpm.application, http), sign_in(emjpm, emjpm.application, shared, whose)
    )


def oauth_http(emjpm: Emjpm, by: Transports) -> httpx.AsyncClient:
    """What carries the requests of OAuth, which no token authenticates."""
    return connected(emjpm.address, transport=by.emjpm, sleep=by.sleep)


def oauth(application: Application, http: httpx.AsyncClient) -> OAuth:
    return OAuth(
        http,
        authorize_url=application.authorize_url,
        client_id=application.client_id,
        client_secret=application.client_secret,
        redirect_uri=application.redirect_uri,
    )


def sign_in(
    emjpm: Emjpm, application: Application, shared: "Shared | None" = None, whose: str = ""
) -> "SignIn | SharedSignIn":
    """Where the sign-in to these addresses, with this application, is kept for this profile."""
    account = f"{emjpm.address} {application.client_id} {whose}".rstrip()
    return shared.sign_in(account) if shared else SignIn(instance.state_folder, account)


def _application(service: FaireSimple) -> httpx.Auth | None:
    """The first of the two proofs."""
    if not service.password:
        return None
    return httpx.BasicAuth(service.login, service.password.get_secret_value())


def _keyed(
    service: FaireSimple, by: httpx.AsyncBaseTransport | None
) -> httpx.AsyncBaseTransport | None:
    """What adds the second one."""
    way = by or OnFirstUse(lambda: network(service.url))
    return Keyed(way, service.key) if service.key else way


async def _sample_file(folder: Path) -> None:
    """The file an operator would have: the folder is not empty when there is something to try."""
    from server.sandbox.covoiturage import operator_file  # noqa: PLC0415  (0.1 s, as above)

    await anyio.Path(folder / SAMPLE_FILE).write_text(operator_file(), encoding="utf-8")
