"""Whose account it is, and what a direction watches over."""

from pydantic import Field

from clients.emjpm import Departement, Direction, OwnService, Service, WatchedService
from clients.text import Line
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.parameters import Offset, following
from tools.results import Result, fitting


class ServiceRow(Result):
    """A service of mandataires."""

    id: int | None = None
    etablissement: Line | None = None
    email: Line | None = None
    telephone: Line | None = None
    code_postal: Line | None = None
    ville: Line | None = None
    departements: list[Line] = Field(description="Such as 51 Marne.")
    dispo_max: int | None = Field(None, description="Mesures it can carry out at once.")
    mesures_en_cours: int | None = None
    mesures_en_attente: int | None = None


class Account(Result):
    """Who is connected."""

    id: int
    type: Line = Field(description="service, individuel, prepose, direction…")
    nom: Line | None = None
    prenom: Line | None = None
    email: Line | None = None
    service: ServiceRow | None = None
    direction: Line | None = Field(None, description="Its level and its place.")


class Services(Result):
    total: int
    services: list[ServiceRow]
    next_offset: int | None = Field(None, description="Absent on the last page.")


async def get_emjpm_user(emjpm: Emjpm) -> Account:
    """Tell which eMJPM account is connected: its person, its service or its direction."""
    user = await emjpm.user()
    return Account(
        id=user.id,
        type=user.type,
        nom=user.nom,
        prenom=user.prenom,
        email=user.email,
        service=user.service and _own(user.service),
        direction=user.direction and _named(user.direction),
    )


async def list_direction_services(emjpm: Emjpm, offset: Offset = 0) -> Services:
    """List the services of mandataires that a direction watches over; its account is needed."""
    services = sorted(await emjpm.direction_services(), key=lambda service: service.id or 0)
    rows = fitting([_watched(service) for service in services[offset:]])
    return Services(
        total=len(services),
        services=list(rows),
        next_offset=following(offset, len(rows), len(services)),
    )


def _own(service: OwnService) -> ServiceRow:
    counts = (service.mesures_en_cours, service.mesures_en_attente)
    return _row(service, *counts)


def _watched(service: WatchedService) -> ServiceRow:
    return _row(service, service.mesures_in_progress, service.mesures_awaiting)


def _row(service: Service, en_cours: int | None, en_attente: int | None) -> ServiceRow:
    return ServiceRow(
        id=service.id,
        etablissement=service.etablissement,
        email=service.email,
        telephone=service.telephone,
        code_postal=service.code_postal,
        ville=service.ville,
        departements=[_place(each) for each in _departements(service)],
        dispo_max=service.dispo_max,
        mesures_en_cours=en_cours,
        mesures_en_attente=en_attente,
    )


def _departements(service: Service) -> tuple[Departement, ...]:
    """All of them, or the only one that an older answer has."""
    alone = (service.departement,) if service.departement else ()
    return service.departements or alone


def _place(departement: Departement) -> str:
    return f"{departement.code} {departement.nom or ''}".strip()


def _named(direction: Direction) -> str:
    """Such as « departemental, 50 Manche »."""
    places = (
        direction.type,
        direction.region and direction.region.nom,
        direction.departement and _place(direction.departement),
    )
    return ", ".join(place for place in places if place)
