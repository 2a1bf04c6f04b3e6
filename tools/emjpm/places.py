"""Where mesures are ordered, and where they are carried out."""

from typing import Annotated

from pydantic import Field

from clients.emjpm import Tribunal
from clients.text import Line
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.parameters import Offset, compact, following, plain
from tools.results import Result, fitting

MOST_TRIBUNAUX = 20
SHORTEST_SEARCH = 2


class Place(Result):
    """A place, with its address."""

    nom: Line
    adresse: Line | None = None
    code_postal: Line | None = None
    ville: Line | None = None


class AntenneRow(Place):
    id: int


class Antennes(Result):
    total: int
    antennes: list[AntenneRow]
    next_offset: int | None = Field(None, description="Absent on the last page.")


class TribunalRow(Place):
    siret: Line


class Tribunaux(Result):
    total: int = Field(description="How many match; beyond 20, the first are given: say more.")
    tribunaux: list[TribunalRow]


async def list_antennes(emjpm: Emjpm, offset: Offset = 0) -> Antennes:
    """List the antennes of the service of mandataires; a mandataire alone has none."""
    found = sorted(await emjpm.antennes(), key=lambda antenne: antenne.id)
    rows = [AntenneRow.model_validate(antenne, from_attributes=True) for antenne in found]
    shown = fitting(rows[offset:])
    return Antennes(
        total=len(rows),
        antennes=list(shown),
        next_offset=following(offset, len(shown), len(rows)),
    )


async def list_tribunaux(
    emjpm: Emjpm,
    search: Annotated[
        str,
        Field(
            min_length=SHORTEST_SEARCH,
            description="Words of a name or city, or the start of a postcode or SIRET.",
        ),
    ],
) -> Tribunaux:
    """Find a tribunal, and the SIRET that eMJPM knows it by: 20 at most."""
    matching = [tribunal for tribunal in await emjpm.tribunaux() if _matches(tribunal, search)]
    nearest = sorted(matching, key=lambda tribunal: _distance(tribunal, search))[:MOST_TRIBUNAUX]
    rows = [TribunalRow.model_validate(tribunal, from_attributes=True) for tribunal in nearest]
    return Tribunaux(total=len(matching), tribunaux=list(fitting(rows)))


def _matches(tribunal: Tribunal, search: str) -> bool:
    digits = compact(search)
    if digits.isdecimal():
        return tribunal.siret.startswith(digits) or (tribunal.code_postal or "").startswith(digits)
    named = plain(f"{tribunal.nom} {tribunal.ville or ''}")
    return bool(digits) and all(word in named for word in plain(search).split())


def _distance(tribunal: Tribunal, search: str) -> tuple[bool, str]:
    """Those of the very city first, then by name."""
    return plain(tribunal.ville or "") != plain(search), plain(tribunal.nom)
