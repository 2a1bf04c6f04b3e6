"""Everything that a client can ask of its service: one call of each, that a good service serves."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import anyio.lowlevel
import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount

from clients import Approval, Clients
from clients.auth import Bearer
from clients.covoiturage import CovoiturageClient, OperatorKeys
from clients.covoiturage.applications import Application
from clients.demarches import (
    Attachment,
    DemarcheFiles,
    DemarchesClient,
    DemarcheTokens,
    Dossier,
    ExportedPage,
    StoredPiece,
    Unread,
    Wanted,
    acts,
)
from clients.demarches.scroll import Scroll
from clients.downloads import downloading
from clients.emjpm import EmjpmClient, MesureToSend, OAuth, Pair, rewritten
from clients.errors import ApiError, UnavailableError
from clients.faire_simple import FaireSimpleClient, Keyed
from clients.http import connected
from server.sandbox import covoiturage, demarches, emjpm, faire_simple
from server.sandbox.covoiturage import certificates

YES = Approval("an operation")
SANDBOX = SecretStr("sandbox")
MESURE: Mapping[str, object] = {
    "numero_rg": "24A77777",
    "tribunal_siret": "17510111200043",
    "annee_naissance": 1957,
    "civilite": "madame",
    "date_nomination": "2024-03-01",
    "etats": [
        {
            "date_changement_etat": "2024-03-01",
            "nature_mesure": "tutelle",
            "lieu_vie": "domicile",
            "pays": "FR",
        }
    ],
}
ROW = Application(
    cee_application_type="specific",
    cee_application_uuid="0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b20",
    identity_key="a" * 64,
)
FILE = Attachment("arrete.pdf", "application/pdf", b"%PDF-1.7")
NOWHERE = "http://services.test"
CALLBACK = "http://127.0.0.1:8767/emjpm"
APPLICATION = {"client_id": "7", "redirect_uri": CALLBACK}
DOSSIER, MESURE_READ = 200001, 120072


@dataclass
class Services:
    """The services in miniature, fresh, at one address."""

    def __post_init__(self) -> None:
        self.parts = {
            "covoiturage": covoiturage.create(),
            "demarches": demarches.create(),
            "emjpm": emjpm.create(),
            "faire_simple": faire_simple.create(),
        }
        self.app = Starlette(routes=[Mount(f"/{n}", part) for n, part in self.parts.items()])

    @property
    def writes(self) -> int:
        """The changes that were executed."""
        return sum(len(part.state.writes) for part in self.parts.values())

    async def code(self) -> str:
        """What eMJPM sends a person back with who agrees."""
        agreed = await self._posted("authorize", state="x", access_token="sandbox")
        return httpx.URL(agreed.headers["location"]).params["code"]

    async def pair(self) -> Pair:
        """What that is worth."""
        form = {"grant_type": "authorization_code", "code": await self.code()}
        given = await self._posted("token", client_secret="sandbox", **form)
        return Pair.model_validate(given.json() | {"end": 0})

    async def _posted(self, what: str, **form: str) -> httpx.Response:
        by = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=by, base_url=NOWHERE) as http:
            return await http.post(f"/emjpm/api/oauth/{what}", data=APPLICATION | form)


@dataclass(frozen=True)
class Known:
    """What a call is made with, as a good service gave it."""

    clients: Clients
    oauth: OAuth
    direction: EmjpmClient
    """As the account of a direction."""
    services: Services
    dossier: Dossier
    piece: StoredPiece


Them = tuple[Clients, OAuth, EmjpmClient]
"""The clients of the services, eMJPM's sign-in, and eMJPM for a direction."""


@dataclass(frozen=True)
class Records:
    """What a change or a download is made of, the same in all services that are fresh."""

    dossier: Dossier
    piece: StoredPiece

    def asked(self, them: Them, services: Services, address: str) -> Known:
        """What to call with, when the file too is at that address."""
        url = self.piece.url.get_secret_value().replace(NOWHERE, address)
        piece = self.piece.model_copy(update={"url": SecretStr(url)})
        return Known(*them, services, self.dossier, piece)


Call = Callable[[Known], Awaitable[object]]


async def at_once(_: float) -> None:
    """A pause that takes no time."""
    await anyio.lowlevel.checkpoint()


async def taken(_: ExportedPage) -> None:
    """Nothing is done with a page."""


async def overviews(known: Known) -> object:
    (read,) = await known.clients.demarches.overviews([1001])
    if isinstance(read, Unread):
        raise UnavailableError("Démarches simplifiées", read.reason)
    return read


async def certified(known: Known) -> object:
    found, missing = await known.clients.covoiturage.certificates([UUID(certificates.VALID)])
    for error in missing.values():
        raise error
    return found


async def together(known: Known) -> object:
    found, hidden = await known.clients.demarches.dossiers_together([DOSSIER])
    for error in hidden.values():
        raise error
    return found


async def download(known: Known) -> object:
    received = bytearray()

    async def to(chunk: bytes) -> None:
        received.extend(chunk)

    await known.clients.demarche_files.download(known.piece, to)
    return received


async def exchanged(known: Known) -> object:
    return await known.oauth.exchange(await known.services.code())


async def refreshed(known: Known) -> object:
    return await known.oauth.refresh(await known.services.pair())


def mesure() -> MesureToSend:
    return rewritten(None, MESURE)


READS: dict[tuple[type, str], Call] = {
    (CovoiturageClient, "certificate"): lambda k: k.clients.covoiturage.certificate(
        UUID(certificates.VALID)
    ),
    (CovoiturageClient, "certificates"): certified,
    (CovoiturageClient, "operator"): lambda k: k.clients.covoiturage.operator(),
    (CovoiturageClient, "check_certificates"): lambda k: k.clients.covoiturage.check_certificates(),
    (CovoiturageClient, "check_credentials"): lambda k: k.clients.covoiturage.check_credentials(),
    (DemarchesClient, "dossiers"): lambda k: k.clients.demarches.dossiers(1001, first=2),
    (DemarchesClient, "removals"): lambda k: k.clients.demarches.removals(1001),
    (DemarchesClient, "overviews"): overviews,
    (DemarchesClient, "form"): lambda k: k.clients.demarches.form(1001),
    (DemarchesClient, "detail"): lambda k: k.clients.demarches.detail(DOSSIER, ["champs"]),
    (DemarchesClient, "dossier"): lambda k: k.clients.demarches.dossier(DOSSIER),
    (DemarchesClient, "dossiers_together"): together,
    (DemarchesClient, "pieces"): lambda k: k.clients.demarches.pieces(DOSSIER),
    (DemarchesClient, "columns"): lambda k: k.clients.demarches.columns(1001),
    (DemarchesClient, "check_token"): lambda k: k.clients.demarches.check_token(1001),
    (DemarchesClient, "handled"): lambda k: k.clients.demarches.handled(DOSSIER),
    (DemarchesClient, "annotated"): lambda k: k.clients.demarches.annotated(DOSSIER),
    (DemarchesClient, "choices"): lambda k: k.clients.demarches.choices(1001),
    (Scroll, "through"): lambda k: k.clients.demarches.every(1001, Wanted()).through(taken),
    (DemarcheFiles, "download"): download,
    (EmjpmClient, "mesures"): lambda k: k.clients.emjpm.mesures(),
    (EmjpmClient, "mesure"): lambda k: k.clients.emjpm.mesure(MESURE_READ),
    (EmjpmClient, "antennes"): lambda k: k.clients.emjpm.antennes(),
    (EmjpmClient, "tribunaux"): lambda k: k.clients.emjpm.tribunaux(),
    (EmjpmClient, "user"): lambda k: k.clients.emjpm.user(),
    (EmjpmClient, "direction_services"): lambda k: k.direction.direction_services(),
    (EmjpmClient, "check_token"): lambda k: k.clients.emjpm.check_token(),
    (OAuth, "exchange"): exchanged,
    (OAuth, "refresh"): refreshed,
    (FaireSimpleClient, "partner"): lambda k: k.clients.faire_simple.partner("4201"),
    (FaireSimpleClient, "flow"): lambda k: k.clients.faire_simple.flow("partners"),
    (FaireSimpleClient, "check_access"): lambda k: k.clients.faire_simple.check_access("partners"),
}
CHANGES: dict[tuple[type, str], Call] = {
    (CovoiturageClient, "import_identities"): lambda k: k.clients.covoiturage.import_identities(
        [ROW], approval=YES
    ),
    (DemarchesClient, "perform"): lambda k: k.clients.demarches.perform(
        acts.acceptance(
            k.dossier,
            instructeur=k.dossier.groupe_instructeur.instructeurs[0].id,
            motivation="Complet.",
            notify=False,
        ),
        approval=YES,
    ),
    (DemarchesClient, "upload"): lambda k: k.clients.demarches.upload(
        k.dossier, FILE, approval=YES
    ),
    (EmjpmClient, "create"): lambda k: k.clients.emjpm.create(mesure(), approval=YES),
    (EmjpmClient, "create_batch"): lambda k: k.clients.emjpm.create_batch(
        [mesure()], [2], approval=YES
    ),
    (EmjpmClient, "update"): lambda k: k.clients.emjpm.update(MESURE_READ, mesure(), approval=YES),
    (EmjpmClient, "delete"): lambda k: k.clients.emjpm.delete(MESURE_READ, approval=YES),
    (EmjpmClient, "delete_all"): lambda k: k.clients.emjpm.delete_all(
        include_awaiting=False, approval=YES
    ),
    (FaireSimpleClient, "set_status"): lambda k: k.clients.faire_simple.set_status(
        "4201", registered=True, approval=YES
    ),
}
OPERATIONS = READS | CHANGES


async def records() -> Records:
    by = httpx.ASGITransport(Services().app)
    async with calling(NOWHERE, by=by) as (clients, _, _):
        dossier = await clients.demarches.dossier(DOSSIER)
        pieces = (await clients.demarches.pieces(DOSSIER)).pieces
        piece = next(each for each in pieces if not each.made_on_demand)  # one with a digest
    return Records(dossier, piece)


async def failure(operation: tuple[type, str], known: Known) -> ApiError | None:
    """Why a call fails; any other exception is a bug."""
    try:
        await OPERATIONS[operation](known)
    except ApiError as error:
        return error
    return None


def declared() -> Iterator[tuple[type, str]]:
    """Every public method of a client that asks something of its service."""
    for client in {client for client, _ in OPERATIONS}:
        for name, member in vars(client).items():
            if not name.startswith("_") and inspect.iscoroutinefunction(member):
                yield client, name


@asynccontextmanager
async def calling(
    address: str, *, read: float = 5.0, by: httpx.AsyncBaseTransport | None = None
) -> AsyncGenerator[Them]:
    """The clients of the services at an address, over the network unless told otherwise."""
    places = {name: f"{address}/{name}" for name in ("covoiturage", "demarches", "emjpm")}
    registry, endpoint = places["covoiturage"], f"{places['demarches']}/api/v2/graphql"
    partners = f"{address}/faire_simple/api"
    keys = OperatorKeys(registry, access_key=SANDBOX, secret_key=SANDBOX)
    # In clear, on this machine: reading the certificates to trust takes longer than a call.
    way = partial(httpx.AsyncHTTPTransport, verify=False) if by is None else lambda: by
    async with AsyncExitStack() as stack:

        async def opened(
            url: str,
            auth: httpx.Auth | None = None,
            transport: httpx.AsyncBaseTransport | None = None,
        ) -> httpx.AsyncClient:
            by = transport or way()
            client = connected(url, auth=auth, read=read, transport=by, sleep=at_once)
            return await stack.enter_async_context(client)

        covoiturage = CovoiturageClient(await opened(registry, keys))
        demarches = DemarchesClient(await opened(endpoint), tokens=DemarcheTokens(SANDBOX))
        downloads = await stack.enter_async_context(downloading(way()))
        files = DemarcheFiles(downloads, endpoint=endpoint)
        emjpm, direction = [
            EmjpmClient(await opened(places["emjpm"], Bearer(SecretStr(token))))
            for token in ("sandbox", "sandbox-direction")
        ]
        proofs, keyed = httpx.BasicAuth("sandbox", "sandbox"), Keyed(way(), SANDBOX)
        faire_simple = FaireSimpleClient(
            await opened(partners, proofs, keyed), {"partners": "/partenaires"}
        )
        clients = Clients(
            to_covoiturage=lambda: covoiturage,
            to_demarches=lambda: demarches,
            to_demarche_files=lambda: files,
            to_emjpm=lambda: emjpm,
            to_faire_simple=lambda: faire_simple,
        )
        oauth = OAuth(
            await opened(places["emjpm"]),
            authorize_url=f"{places['emjpm']}/authorize",
            client_id=APPLICATION["client_id"],
            client_secret=SANDBOX,
            redirect_uri=CALLBACK,
        )
        yield clients, oauth, direction
