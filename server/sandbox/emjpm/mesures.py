"""The mesures there are at every start: 72 of one service, and a few of its neighbour.

Some hold values that no documentation lists, as old rows and new laws bring: whoever reads mesures
has to live with them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypedDict

from server.sandbox.emjpm.accounts import EDITOR, NEIGHBOUR, SERVICE, Owner
from server.sandbox.emjpm.failing import reserved_id, reserved_rg
from server.sandbox.emjpm.places import ANTENNES, TOWNS
from server.sandbox.emjpm.tribunaux import DOCUMENTED
from server.sandbox.faults import RANKS

Status = Literal["en_attente", "en_cours", "eteinte"]


class Etat(TypedDict):
    """What the mesure was and where the person lived, from a date on."""

    champ_mesure: str | None
    code_postal: str | None
    date_changement_etat: str
    lieu_vie: str
    nature_mesure: str
    pays: str
    type_etablissement: str | None
    ville: str | None


class Ressource(TypedDict):
    """The person's income of a year, which the service returns as text."""

    annee: int
    niveau_ressource: str
    prestations_sociales: list[str]


class Mesure(TypedDict):
    """A mesure, with the keys that the service returns: neither a status nor an address."""

    annee_naissance: int | None
    antenne_id: int | None
    cause_sortie: str | None
    civilite: str
    created_at: str
    date_fin_mesure: str | None
    date_nomination: str | None
    date_premier_mesure: str | None
    date_protection_en_cours: str | None
    editor_id: int | None
    etats: list[Etat]
    id: int
    latitude: float | None
    longitude: float | None
    numero_dossier: str | None
    numero_rg: str
    ressources: list[Ressource]
    resultat_revision: str | None
    tribunal_siret: str


@dataclass(frozen=True)
class Row:
    """A mesure, whose it is, and its status, which filters the list and is never returned."""

    owner: Owner
    status: Status
    mesure: Mesure
    listed: bool = True


SIZE = 72
FIRST_ID = 120_001
NEIGHBOURS = 6
FIRST_OF_NEIGHBOUR = 125_001
NEXT_ID = 130_001

STATUSES: tuple[Status, ...] = (
    "en_cours",
    "en_cours",
    "eteinte",
    "en_cours",
    "en_attente",
    "en_cours",
)
NATURES = (
    "curatelle_renforcee",
    "tutelle",
    "curatelle_simple",
    "sauvegarde_justice",
    "mesure_accompagnement_judiciaire",
    "tutelle",
    "mandat_protection_future",
)
CHAMPS = ("protection_bien_personne", "protection_bien", "protection_personne", None)
LIEUX_VIE = (
    "domicile",
    "etablissement",
    "domicile",
    "etablissement_conservation_domicile",
    "sdf",
)
TYPES_ETABLISSEMENT = (
    "etablissement_personne_agee",
    "etablissement_handicapes",
    "autre_etablissement_s_ms",
)
CAUSES_SORTIE = ("deces", "mainlevee", "caducite", "dessaisissement_famille")
REVISIONS = ("reconduction", None, "allegement", None, "aggravation")
INCOMES = ("14246", "9870.5", "1234.56", "0")
PRESTATIONS = (("AAH", "APL"), (), ("ASPA",), ("PCH", "RSA"))

FIRST_NOMINATION = date(2019, 1, 15)
BETWEEN_NOMINATIONS = timedelta(days=45)
BETWEEN_ETATS = timedelta(days=200)
DURATION = timedelta(days=500)
YEAR = timedelta(days=365)


def at_start() -> dict[int, Row]:
    """Every row by id, in no order: two mesures in a row are not neighbours in anything."""
    own = (_row(k * 29 % SIZE) for k in range(SIZE))
    others = (*map(_of_neighbour, range(NEIGHBOURS)), *map(_reserved, RANKS))
    return {row.mesure["id"]: row for row in (*own, *others)}


def _of_neighbour(n: int) -> Row:
    mesure = _accepted(n)
    mesure.update({"id": FIRST_OF_NEIGHBOUR + n, "numero_rg": f"51B{n:05}", "antenne_id": None})
    return Row(NEIGHBOUR, "en_cours", mesure)


def _reserved(rank: int) -> Row:
    """A row that a fault is asked for with: read and written alone, never listed."""
    mesure = _accepted(1)
    mesure.update({"id": reserved_id(rank), "numero_rg": reserved_rg(rank)})
    mesure["numero_dossier"] = None
    return Row(SERVICE, "en_cours", mesure, listed=False)


def _row(n: int) -> Row:
    status = STATUSES[n % len(STATUSES)]
    mesure = _en_attente(n) if status == "en_attente" else _accepted(n)
    if status == "eteinte":
        mesure["date_fin_mesure"] = _day(_nomination(n) + DURATION)
        mesure["cause_sortie"] = CAUSES_SORTIE[n // 6 % len(CAUSES_SORTIE)]
    _surprise(n, mesure)
    return Row(SERVICE, status, mesure)


def _en_attente(n: int) -> Mesure:
    """A mesure as a magistrat enters it: who and which court, and nothing else yet."""
    return {
        "annee_naissance": 1928 + n * 11 % 75,
        "antenne_id": None,
        "cause_sortie": None,
        "civilite": "madame" if n % 4 else "monsieur",
        "created_at": f"{_nomination(n)}T09:{n % 60:02}:27.412Z",
        "date_fin_mesure": None,
        "date_nomination": None,
        "date_premier_mesure": None,
        "date_protection_en_cours": None,
        "editor_id": None,
        "etats": [],
        "id": FIRST_ID + n,
        "latitude": None,
        "longitude": None,
        "numero_dossier": None,
        "numero_rg": f"{18 + n // 12}A{n:05}",
        "ressources": [],
        "resultat_revision": None,
        "tribunal_siret": DOCUMENTED[n % len(DOCUMENTED)]["siret"],
    }


def _accepted(n: int) -> Mesure:
    """The same, completed by the service. Neighbours share their date of nomination."""
    nomination, etats = _nomination(n), _etats(n)
    home = [town for town in TOWNS if town.code_postal == etats[-1]["code_postal"]]
    return {
        **_en_attente(n),
        "antenne_id": None if n % 3 == 0 else ANTENNES[n % len(ANTENNES)]["id"],
        "date_nomination": _day(nomination),
        "date_premier_mesure": _day(nomination - n % 3 * YEAR),
        "date_protection_en_cours": etats[-1]["date_changement_etat"],
        "editor_id": EDITOR,
        "etats": etats if n % 2 else etats[::-1],
        "latitude": home[0].latitude if home else None,
        "longitude": home[0].longitude if home else None,
        "numero_dossier": None if n % 5 == 0 else f"D-{nomination.year}-{n:04}",
        "ressources": [_ressource(n, year) for year in range(n % 3)],
        "resultat_revision": REVISIONS[n % len(REVISIONS)],
    }


def _etats(n: int) -> list[Etat]:
    """One to three etats, oldest first."""
    return [_etat(n + k, _nomination(n) + k * BETWEEN_ETATS) for k in range(1 + n % 3)]


def _etat(n: int, since: date) -> Etat:
    lieu_vie = LIEUX_VIE[n % len(LIEUX_VIE)]
    town = None if lieu_vie == "sdf" else TOWNS[n % len(TOWNS)]
    types = TYPES_ETABLISSEMENT if lieu_vie.startswith("etablissement") else (None,)
    return {
        "champ_mesure": CHAMPS[n % len(CHAMPS)],
        "code_postal": town and town.code_postal,
        "date_changement_etat": _day(since),
        "lieu_vie": lieu_vie,
        "nature_mesure": NATURES[n % len(NATURES)],
        "pays": "FR",
        "type_etablissement": types[n % len(types)],
        "ville": town and town.ville,
    }


def _ressource(n: int, year: int) -> Ressource:
    return {
        "annee": _nomination(n).year + year,
        "niveau_ressource": INCOMES[(n + year) % len(INCOMES)],
        "prestations_sociales": [*PRESTATIONS[(n + year) % len(PRESTATIONS)]],
    }


def _surprise(n: int, mesure: Mesure) -> None:
    """A few values that the documentation does not announce."""
    match n:
        case 9:
            mesure["etats"][0]["nature_mesure"] = "habilitation_familiale"
        case 11:
            mesure["annee_naissance"] = None
        case 19:
            mesure["ressources"][0]["prestations_sociales"] = ["AAH", "AEEH"]
        case 21:
            mesure["etats"][0]["type_etablissement"] = "etablissement_conservation_domicile"
        case 26:
            mesure["cause_sortie"] = "revocation"
        case 31:
            mesure["civilite"] = "non_renseigne"
        case 39:
            abroad = mesure["etats"][0]
            abroad.update({"pays": "BE", "code_postal": "7500", "ville": "TOURNAI"})
            mesure.update({"latitude": None, "longitude": None})
        case _:
            pass


def _nomination(n: int) -> date:
    return FIRST_NOMINATION + n // 2 * BETWEEN_NOMINATIONS


def _day(day: date) -> str:
    return day.isoformat()
