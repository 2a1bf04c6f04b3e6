"""Finding mesures, and reading one."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from clients.emjpm import Mesure
from clients.text import Line
from tools.dependencies import Reporting
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.parameters import (
    Day,
    Filter,
    MesureId,
    Offset,
    compact,
    following,
    plain,
    wanted,
)
from tools.parameters import Several, Whole
from tools.results import Result, fitting, size

Detail = Literal["etats", "person", "places", "resources"]
Details = Annotated[
    tuple[Detail, ...],
    Several,
    Field(
        description="etats: each of them. person (civilité, birth year), places and resources: "
        "only if the question needs them."
    ),
]

LONG = 10_000
"""Bytes of a mesure that a list gives without what makes it so."""

Row = TypeVar("Row", bound="MesureRow")


class EtatRow(Result):
    """What a mesure was from a date on."""

    date_changement_etat: date | None = None
    nature_mesure: Line | None = None
    champ_mesure: Line | None = None
    lieu_vie: Line | None = None
    type_etablissement: Line | None = None
    code_postal: Line | None = None
    ville: Line | None = None
    pays: Line | None = None


class RessourceRow(Result):
    """What the person lived on in a year."""

    annee: int | None = None
    niveau_ressource: Line | None = Field(None, description="In euros.")
    prestations_sociales: list[Line] | None = None


class MesureRow(Result):
    """A mesure, without what describes the person more than was asked for."""

    id: int
    numero_rg: Line = Field(description="The court's number for it, unique within a court.")
    numero_dossier: Line | None = Field(None, description="The mandataire's own number for it.")
    tribunal_siret: Line | None = None
    date_nomination: date | None = Field(None, description="When the mandataire was appointed.")
    date_fin_mesure: date | None = None
    cause_sortie: Line | None = None
    civilite: Line | None = None
    annee_naissance: int | None = None
    nature_mesure: Line | None = Field(None, description="Of the latest état.")
    lieu_vie: Line | None = Field(None, description="Of the latest état.")
    etats: list[EtatRow] | None = Field(None, description="Oldest first.")
    ressources: list[RessourceRow] | None = None


class ListedMesure(MesureRow):
    """A mesure among others."""

    too_long: bool | None = Field(
        None, description="True: its details are left out here, and get_mesure gives them."
    )


class WholeMesure(MesureRow):
    """A mesure, with what a list leaves out."""

    antenne_id: int | None = None
    date_premier_mesure: date | None = None
    date_protection_en_cours: date | None = None
    resultat_revision: Line | None = None
    next_offset: int | None = Field(None, description="Absent once all états and ressources came.")


class MesuresPage(Result):
    """A page of mesures, newest nomination first."""

    total: int = Field(description="How many match, on all pages.")
    mesures: list[ListedMesure]
    next_offset: int | None = Field(None, description="Absent on the last page.")


async def list_mesures(
    emjpm: Emjpm,
    report: Reporting,
    status: Annotated[
        Filter, Field(description="en_attente: proposed by a court, not accepted yet.")
    ] = "all",
    search: Annotated[str, Field(description="Part of a numéro RG or numéro de dossier.")] = "",
    tribunal_siret: Annotated[str, Field(description="From list_tribunaux.")] = "",
    nature: Annotated[str, Field(description="Of the latest état, such as tutelle.")] = "",
    ended_since: Annotated[Day, Field(description="ISO date; only those éteintes.")] = "",
    ended_until: Annotated[Day, Field(description="Likewise, that day included.")] = "",
    details: Details = (),
    offset: Offset = 0,
    limit: Annotated[Whole, Field(ge=1, le=100, description="How many at most.")] = 20,
) -> MesuresPage:
    """List the protection measures (mesures) of the mandataire, newest nomination first.

    Rows do not say the status: filter on it. Persons are never named; their birth year, address
    and resources are left out unless `details` asks.
    """
    over = status == "all" and (ended_since or ended_until)
    await report(0, "eMJPM gives all its mesures in one answer.", 1)

    def where(mesure: Mesure) -> bool:
        return (
            _has_number(mesure, search)
            and _is_of(mesure, tribunal_siret)
            and _has_nature(mesure, nature)
            and _ended_between(mesure, ended_since, ended_until)
        )

    found = await emjpm.mesures("eteinte" if over else wanted(status), where)
    await report(1, f"{len(found)} mesures found.", 1)
    rows = fitting([_listed(m, details) for m in found[offset : offset + limit]])
    return MesuresPage(
        total=len(found),
        mesures=list(rows),
        next_offset=following(offset, len(rows), len(found)),
    )


async def get_mesure(
    emjpm: Emjpm,
    id: MesureId,  # noqa: A002  (the service's word)
    details: Details = ("etats",),
    offset: Annotated[
        Whole, Field(ge=0, description="How many états, then ressources, to skip.")
    ] = 0,
) -> WholeMesure:
    """Read one mesure whole: its dates, its états, its antenne.

    The person's birth year, address and resources are left out unless `details` asks.
    """
    return _page(_row(WholeMesure, await emjpm.mesure(id), details), offset)


def _page(row: WholeMesure, offset: int) -> WholeMesure:
    """A mesure with as many of its états, and then of its ressources, as a result may hold."""
    rows = [*(row.etats or ()), *(row.ressources or ())]
    alone = row.model_copy(update={"etats": None, "ressources": None})
    shown = fitting(rows[offset:], beside=(alone,))
    etats = [one for one in shown if isinstance(one, EtatRow)]
    ressources = [one for one in shown if isinstance(one, RessourceRow)]
    return row.model_copy(
        update={
            "etats": row.etats and etats,
            "ressources": row.ressources and ressources,
            "next_offset": following(offset, len(shown), len(rows)),
        }
    )


def _listed(mesure: Mesure, details: Collection[Detail]) -> ListedMesure:
    """A mesure with its details, unless they would take the room of too many others."""
    row = _row(ListedMesure, mesure, details)
    if size(row) <= LONG:
        return row
    return _row(ListedMesure, mesure, ()).model_copy(update={"too_long": True})


def _row(kind: type[Row], mesure: Mesure, details: Collection[Detail]) -> Row:
    """A mesure with the details that are wanted, and no other."""
    row = kind.model_validate(mesure, from_attributes=True)
    etats = [EtatRow.model_validate(etat, from_attributes=True) for etat in mesure.in_order]
    if "places" not in details:
        etats = [etat.model_copy(update=NO_PLACE) for etat in etats]
    kept: dict[str, object] = {"etats": etats}
    if not {"etats", "places"} & set(details):
        kept = {"etats": None, **_latest(etats)}
    if "person" not in details:
        kept |= NOBODY
    if "resources" not in details:
        kept["ressources"] = None
    return row.model_copy(update=kept)


def _latest(etats: Sequence[EtatRow]) -> dict[str, object]:
    """What stands for all the états: the nature of the mesure, and where the person lives."""
    if not etats:
        return {}
    return {"nature_mesure": etats[-1].nature_mesure, "lieu_vie": etats[-1].lieu_vie}


NO_PLACE: dict[str, object] = {
    "type_etablissement": None,
    "code_postal": None,
    "ville": None,
    "pays": None,
}
NOBODY: dict[str, object] = {"civilite": None, "annee_naissance": None}


def _has_number(mesure: Mesure, search: str) -> bool:
    """Whether a number has this in it, however either is punctuated."""
    if not search:
        return True
    part, numbers = compact(search), (mesure.numero_rg, mesure.numero_dossier or "")
    return bool(part) and any(part in compact(number) for number in numbers)


def _is_of(mesure: Mesure, tribunal_siret: str) -> bool:
    return not tribunal_siret or compact(mesure.tribunal_siret or "") == compact(tribunal_siret)


def _has_nature(mesure: Mesure, nature: str) -> bool:
    """Whether the nature it has now has this in it, as tutelle or curatelle."""
    if not nature:
        return True
    current = mesure.current and mesure.current.nature_mesure
    return bool(plain(nature)) and plain(nature) in plain(current or "")


def _ended_between(mesure: Mesure, since: str, until: str) -> bool:
    if not (since or until):
        return True
    end = mesure.date_fin_mesure and mesure.date_fin_mesure.isoformat()
    return bool(end) and since <= end <= (until or end)
