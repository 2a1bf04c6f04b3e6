"""Tools about the protection measures (mesures) of a mandataire: eMJPM."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from clients.emjpm import Mesure
from clients.text import Line
from tools.dependencies import Emjpm
from tools.parameters import Whole
from tools.results import Result, fitting

Filter = Literal["all", "en_attente", "en_cours", "eteinte"]


class EtatRow(Result):
    """What a mesure was from a date on."""

    date_changement_etat: date | None = None
    nature_mesure: Line | None = Field(None, description="Such as tutelle or curatelle_renforcee.")
    champ_mesure: Line | None = Field(
        None, description="What is protected: the person, the goods, both."
    )
    lieu_vie: Line | None = Field(
        None, description="Where the person lives: domicile, etablissement…"
    )


class MesureRow(Result):
    """A mesure, without what describes the protected person more than the question needs."""

    id: int
    numero_rg: Line = Field(description="The court's number for it, unique within a court.")
    numero_dossier: Line | None = Field(None, description="The mandataire's own number for it.")
    tribunal_siret: Line | None = Field(None, description="The court, by its SIRET.")
    date_nomination: date | None = Field(None, description="When the mandataire was appointed.")
    date_fin_mesure: date | None = None
    cause_sortie: Line | None = Field(None, description="Why it ended.")
    etats: list[EtatRow] = Field(description="What the mesure successively was, oldest first.")


class MesuresPage(Result):
    """A page of mesures, newest nomination first."""

    total: int = Field(description="How many mesures match, on all pages.")
    mesures: list[MesureRow]
    next_offset: int | None = Field(
        None, description="The `offset` of the next page; absent on the last."
    )


async def list_mesures(
    emjpm: Emjpm,
    status: Annotated[
        Filter,
        Field(description="en_attente: proposed by a court, not accepted yet. eteinte: ended."),
    ] = "all",
    offset: Annotated[Whole, Field(ge=0, description="How many mesures to skip.")] = 0,
    limit: Annotated[Whole, Field(ge=1, le=100, description="How many mesures to return.")] = 20,
) -> MesuresPage:
    """List the legal protection measures (mesures) of the mandataire whose account is connected.

    Newest nomination first; a mesure still en_attente has no dates and no états. The service does
    not say the status of a mesure: filter on it when it matters. Left out on purpose: birth year,
    civility, address and resources of the protected persons, who are never named here.
    """
    matching = await emjpm.mesures(None if status == "all" else status)
    rows = fitting([_row(mesure) for mesure in matching[offset : offset + limit]])
    end = offset + len(rows)
    return MesuresPage(
        total=len(matching),
        mesures=list(rows),
        next_offset=end if rows and end < len(matching) else None,
    )


def _row(mesure: Mesure) -> MesureRow:
    row = MesureRow.model_validate(mesure, from_attributes=True)
    return row.model_copy(update={"etats": sorted(row.etats, key=_since)})


def _since(etat: EtatRow) -> date:
    return etat.date_changement_etat or date.min
