"""Counting mesures, here: the service counts none of this."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, get_args
from zoneinfo import ZoneInfo

from pydantic import Field

from clients.emjpm import Mesure, Status
from clients.text import shortened
from tools.dependencies import Reporting
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.parameters import Filter
from tools.results import Result

PARIS = ZoneInfo("Europe/Paris")
STATUSES: tuple[Status, ...] = get_args(Status)
AGES = (18, 25, 40, 60, 75, 85)
"""Where each bracket but the first begins."""
OVERSEAS = ("97", "98")
UNKNOWN, OTHERS = "unknown", "others"
MOST_KINDS = 150
"""Kinds told apart in a count: there are 101 departments."""

Counts = dict[str, int]


class Summary(Result):
    """How many mesures there are, of each kind."""

    total: int
    by_status: Counts
    by_nature: Counts = Field(description="As of the latest état.")
    by_age: Counts = Field(description="At the end of this year, from the birth year.")
    by_departement: Counts = Field(description="Where the person last lived.")


async def summarize_mesures(
    emjpm: Emjpm,
    report: Reporting,
    status: Annotated[
        Filter, Field(description="Which to count by nature, age and department.")
    ] = "en_cours",
) -> Summary:
    """Count the mesures: all by status; those of `status` by nature, age bracket and department."""
    found = dict[Status, Sequence[Mesure]]()
    for done, each in enumerate(STATUSES, 1):
        found[each] = await emjpm.mesures(each)
        await report(done, f"{len(found[each])} mesures {each} read.", len(STATUSES))
    counted = [m for each in STATUSES if status in {"all", each} for m in found[each]]
    year = datetime.now(PARIS).year
    return Summary(
        total=sum(map(len, found.values())),
        by_status={each: len(mesures) for each, mesures in found.items()},
        by_nature=_counts(_nature(mesure) for mesure in counted),
        by_age=dict(sorted(_counts(_bracket(mesure, year) for mesure in counted).items())),
        by_departement=_counts(_departement(mesure) for mesure in counted),
    )


def _counts(kinds: Iterable[str]) -> Counts:
    """How many of each, most numerous first; the last ones together if there are too many."""
    ranked = Counter(shortened(kind) for kind in kinds).most_common()
    others = sum(count for _, count in ranked[MOST_KINDS:])
    return dict(ranked[:MOST_KINDS]) | ({OTHERS: others} if others else {})


def _nature(mesure: Mesure) -> str:
    return (mesure.current and mesure.current.nature_mesure) or UNKNOWN


def _bracket(mesure: Mesure, year: int) -> str:
    if mesure.annee_naissance is None:
        return UNKNOWN
    age = year - mesure.annee_naissance
    begun = [start for start in AGES if start <= age]
    if not begun:
        return f"00-{AGES[0] - 1}"
    following = AGES[len(begun) :]
    return f"{begun[-1]}-{following[0] - 1}" if following else f"{begun[-1]}+"


def _departement(mesure: Mesure) -> str:
    """Its number, read in the postcode: three digits overseas, where two are shared."""
    etat = mesure.current
    if etat is None or not etat.pays:
        return UNKNOWN
    if etat.pays.upper() != "FR":
        return "abroad"
    if not etat.code_postal:
        return UNKNOWN
    return etat.code_postal[: 3 if etat.code_postal.startswith(OVERSEAS) else 2]
