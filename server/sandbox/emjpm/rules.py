"""What the service checks in a mesure that is sent to it, and the words of its refusals.

Its checks leave holes, kept here as they are: in a batch, neither the order of dates nor the champ;
never the year of birth, nor a prestation.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import TypeGuard

Document = dict[str, object]

NATURES = {
    "curatelle_renforcee",
    "curatelle_simple",
    "mandat_protection_future",
    "mesure_accompagnement_judiciaire",
    "mesure_ad_hoc",
    "sauvegarde_justice",
    "subroge_curateur",
    "subroge_tuteur",
    "tutelle",
}
CHAMPS = {"protection_bien", "protection_bien_personne", "protection_personne"}
CIVILITES = {"madame", "monsieur"}
LIEUX_VIE = {"domicile", "etablissement", "etablissement_conservation_domicile", "sdf"}
IN_ETABLISSEMENT = {"etablissement", "etablissement_conservation_domicile"}
TYPES_ETABLISSEMENT = {
    "autre_etablissement",
    "autre_etablissement_s_ms",
    "etablissement_handicapes",
    "etablissement_hospitalier",
    "etablissement_personne_agee",
    "etablissement_psychiatrique",
}
CAUSES_SORTIE = {
    "caducite",
    "deces",
    "dessaisissement_autre_mjpm",
    "dessaisissement_famille",
    "mainlevee",
}
REVISIONS = {
    "aggravation",
    "allegement",
    "dessaisissement_autre_mjpm",
    "dessaisissement_famille",
    "mainlevee",
    "reconduction",
}
PRESTATIONS = {"AAH", "ALS", "APA", "APL", "ASI", "ASPA", "PCH", "RSA"}

ISO_3166_1 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
PAYS = set(ISO_3166_1.split())

A_DATE = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)", re.ASCII)
STRICT_RG = re.compile(r"[A-Z0-9]{8}")
RG_LENGTH = 8


def day(value: object) -> date | None:
    """The date a text stands for, written with hyphens or with slashes; none if it is no date."""
    found = A_DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def normalized(numero_rg: object) -> str:
    """The eight signs that the service makes of any numéro RG: several become the same."""
    kept = re.sub(r"[^a-zA-Z0-9]", "", str(numero_rg).strip()).upper()
    return kept[:RG_LENGTH].rjust(RG_LENGTH, "0")


def is_object(document: object) -> TypeGuard[Document]:
    return isinstance(document, dict)


def is_array(document: object) -> TypeGuard[list[object]]:
    return isinstance(document, list)


def faults(mesure: Document, *, at: str = "", in_batch: bool = False) -> list[Document]:
    """Every fault found in a mesure, in the order of the rules; `at` is the place it was sent."""
    found = [*_missing(mesure), *_misfits(mesure)]
    etats = mesure.get("etats")
    for place, etat in enumerate(etats if is_array(etats) else []):
        found += _etat_faults(etat if is_object(etat) else {}, place, in_batch=in_batch)
    if not in_batch:
        found += _disorder(mesure)
    return [{**fault, "param": f"{at}{fault['param']}"} for fault in found]


def _fault(holder: Document, name: str, msg: str = "Invalid value", at: str = "") -> Document:
    value = {"value": holder[name]} if name in holder else {}
    return {**value, "msg": msg, "param": f"{at}{name}", "location": "body"}


def _missing(mesure: Document) -> Iterator[Document]:
    for name in ("numero_rg", "annee_naissance"):
        if not str(mesure.get(name, "")).strip() or mesure.get(name) is None:
            yield _fault(mesure, name)
    if day(mesure.get("date_nomination")) is None:
        # Two rules ask for it, and each complains of its absence.
        yield from [_fault(mesure, "date_nomination")] * (1 if "date_nomination" in mesure else 2)


def _misfits(mesure: Document) -> Iterator[Document]:
    if mesure.get("civilite") not in CIVILITES:
        yield _fault(mesure, "civilite")
    for name, fits in OPTIONAL.items():
        if mesure.get(name) is not None and not fits(mesure[name]):
            yield _fault(mesure, name)


OPTIONAL: dict[str, Callable[[object], object]] = {
    "date_fin_mesure": day,
    "date_premier_mesure": day,
    "date_protection_en_cours": day,
    "cause_sortie": CAUSES_SORTIE.__contains__,
    "resultat_revision": REVISIONS.__contains__,
}


def _etat_faults(etat: Document, place: int, *, in_batch: bool) -> Iterator[Document]:
    at = f"etats[{place}]."
    if day(etat.get("date_changement_etat")) is None:
        yield _fault(etat, "date_changement_etat", at=at)
    if etat.get("nature_mesure") not in NATURES:
        yield _fault(etat, "nature_mesure", at=at)
    if etat.get("lieu_vie") not in LIEUX_VIE:
        yield _fault(etat, "lieu_vie", at=at)
    if str(etat.get("pays", "")).upper() not in PAYS:
        yield _fault(etat, "pays", at=at)
    if not in_batch and etat.get("champ_mesure") is not None and etat["champ_mesure"] not in CHAMPS:
        yield _fault(etat, "champ_mesure", at=at)
    if (
        etat.get("lieu_vie") in IN_ETABLISSEMENT
        and etat.get("type_etablissement") not in TYPES_ETABLISSEMENT
    ):
        param = f"etats[{place}]"
        yield {"value": etat, "msg": "Invalid value", "param": param, "location": "body"}


def _disorder(mesure: Document) -> Iterator[Document]:
    """The two checks across dates; the second looks at the last état as they were sent."""
    nomination = day(mesure.get("date_nomination"))
    first = day(mesure.get("date_premier_mesure"))
    etats = mesure.get("etats")
    last = etats[-1] if is_array(etats) and etats else None
    changed = day(last.get("date_changement_etat")) if is_object(last) else None
    if nomination and first and nomination < first:
        late = "date_nomination must be after or equivalent to date_premier_mesure"
        yield _fault(mesure, "date_nomination", late)
    if nomination and changed and nomination > changed:
        early = "date_nomination must be before or equivalent to date_changement_etat"
        yield _fault(mesure, "date_nomination", early)
