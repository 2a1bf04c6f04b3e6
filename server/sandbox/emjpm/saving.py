"""The table of mesures, and what becomes of a mesure that is sent: created, or written over.

What is sent is merged: a scalar left out is kept, null clears it. Lists replace what was there.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from server.sandbox.emjpm.accounts import EDITOR, Owner
from server.sandbox.emjpm.mesures import NEXT_ID, Etat, Mesure, Ressource, Row, at_start
from server.sandbox.emjpm.places import TOWNS
from server.sandbox.emjpm.refusals import RefusedError, crashed, violation
from server.sandbox.emjpm.rules import (
    CHAMPS,
    PRESTATIONS,
    RG_LENGTH,
    TYPES_ETABLISSEMENT,
    Document,
    day,
    is_array,
    is_object,
    normalized,
)
from server.sandbox.emjpm.tribunaux import REPLACED, SIRETS

KNOWN_TYPES = TYPES_ETABLISSEMENT | {"etablissement_conservation_domicile"}
"""The database knows one more than the rules accept."""
POSTCODE_LENGTH = 5
TAKEN_RG = "mesures_service_id_ti_id_numero_rg_key"
TAKEN_DOSSIER = "mesures_editor_id_service_id_numero_dossier_key"
COLUMNS = ("annee_naissance", "civilite", "numero_dossier", "numero_rg", "ti_id", "status")

Key = tuple[Owner, str, str]
Dossier = tuple[int | None, Owner, str]


@dataclass
class Table:
    """The mesures by id, under the two constraints that the database has on them."""

    rows: dict[int, Row] = field(default_factory=at_start)
    next_id: int = NEXT_ID

    def __post_init__(self) -> None:
        self._keys = {_key(row): number for number, row in self.rows.items()}
        self._dossiers = {d: n for n, row in self.rows.items() for d in _dossiers(row)}

    def draft(self) -> "Table":
        """The same table, to try changes on that may have to be given up."""
        return Table(dict(self.rows), self.next_id)

    def take(self, draft: "Table") -> None:
        """Keep what was tried on a draft."""
        vars(self).update(vars(draft))

    def of(self, owner: Owner) -> list[Row]:
        return [row for row in self.rows.values() if row.owner == owner and row.listed]

    def find(self, number: int, owner: Owner) -> Row | None:
        row = self.rows.get(number)
        return row if row and row.owner == owner else None

    def named(self, owner: Owner, tribunal_siret: str, numero_rg: str) -> Row | None:
        """The row that an upsert writes over."""
        number = self._keys.get((owner, tribunal_siret, numero_rg))
        return None if number is None else self.rows[number]

    def put(self, row: Row) -> None:
        """Keep a row, new or in place of the one with its id.

        Raises:
            DatabaseError: It has a key that is taken.
        """
        number = row.mesure["id"]
        if self._keys.get(_key(row), number) != number:
            raise violation("mesures", COLUMNS, TAKEN_RG)
        if any(self._dossiers.get(dossier, number) != number for dossier in _dossiers(row)):
            raise violation("mesures", COLUMNS, TAKEN_DOSSIER)
        self.remove(number)
        self.rows[number] = row
        self._keys[_key(row)] = number
        self._dossiers |= dict.fromkeys(_dossiers(row), number)
        self.next_id = max(self.next_id, number + 1)

    def remove(self, number: int) -> None:
        if row := self.rows.pop(number, None):
            del self._keys[_key(row)]
            for dossier in _dossiers(row):
                del self._dossiers[dossier]

    def empty(self, number: int) -> None:
        """Delete what the row has in other tables."""
        row = self.rows[number]
        mesure = deepcopy(row.mesure)
        mesure.update({"etats": [], "ressources": []})
        self.rows[number] = replace(row, mesure=mesure)


def _key(row: Row) -> Key:
    return row.owner, row.mesure["tribunal_siret"], row.mesure["numero_rg"]


def _dossiers(row: Row) -> Iterator[Dossier]:
    """What nobody else may have: a service's own number, for one editor; `""` is one."""
    dossier, editor = row.mesure["numero_dossier"], row.mesure["editor_id"]
    if row.owner.kind == "service" and dossier is not None and editor is not None:
        yield editor, row.owner, dossier


@dataclass(frozen=True)
class Saving:
    """A mesure that is sent, on its way to the table."""

    table: Table
    owner: Owner
    now: datetime

    def upsert(self, body: Document) -> Mesure:
        """Create a mesure, or write over the one of this owner with the same court and number.

        Raises:
            RefusedError: It cannot be saved.
        """
        siret = court(body)
        old = self.table.named(self.owner, siret, normalized(body["numero_rg"]))
        ressources = _ressources(_iterable(body, "datas"), lenient=True)
        mesure = self._merged(old.mesure if old else None, body, ressources)
        return self._save(mesure, body, listed=old.listed if old else True)

    def update(self, row: Row, body: Document) -> Mesure:
        """Write over a mesure, wherever it has to move.

        Raises:
            RefusedError: It cannot be saved.
        """
        ressources = _ressources(_iterable(body, "body"), lenient=False)
        by_year = {ressource["annee"]: ressource for ressource in ressources}
        mesure = self._merged(row.mesure, body, [*by_year.values()])
        if "antenne_id" in body:
            antenne = body["antenne_id"]
            kept = row.mesure["antenne_id"]
            mesure["antenne_id"] = None if antenne is None else integer(antenne) or kept
        return self._save(mesure, body, listed=row.listed)

    def _save(self, mesure: Mesure, body: Document, *, listed: bool) -> Mesure:
        """The status is never sent: it follows from the end, if one is."""
        end = day(body.get("date_fin_mesure"))
        over = end is not None and end <= self.now.date()
        self.table.put(Row(self.owner, "eteinte" if over else "en_cours", mesure, listed))
        return mesure

    def _merged(self, old: Mesure | None, body: Document, ressources: list[Ressource]) -> Mesure:
        base = old or _blank(self.table.next_id, self.now)
        etats = _etats(body)
        last = max(etats, key=lambda etat: etat["date_changement_etat"])
        latitude, longitude = _position(last)
        return {
            "annee_naissance": integer(body["annee_naissance"]),
            "antenne_id": base["antenne_id"],
            "cause_sortie": _text(body, "cause_sortie", base["cause_sortie"]),
            "civilite": f"{body['civilite']}",
            "created_at": base["created_at"],
            "date_fin_mesure": _date(body, "date_fin_mesure", base["date_fin_mesure"]),
            "date_nomination": _date(body, "date_nomination", None),
            "date_premier_mesure": _date(body, "date_premier_mesure", base["date_premier_mesure"]),
            "date_protection_en_cours": _date(
                body, "date_protection_en_cours", base["date_protection_en_cours"]
            ),
            "editor_id": EDITOR,
            "etats": etats,
            "id": base["id"],
            "latitude": latitude,
            "longitude": longitude,
            "numero_dossier": _text(body, "numero_dossier", base["numero_dossier"]),
            "numero_rg": normalized(body["numero_rg"]),
            "ressources": ressources,
            "resultat_revision": _text(body, "resultat_revision", base["resultat_revision"]),
            "tribunal_siret": court(body),
        }


def court(body: Document) -> str:
    """The SIRET of the tribunal that is sent, or of the one that took its place."""
    siret = str(body.get("tribunal_siret", "")).strip()
    return REPLACED.get(siret, siret)


def is_court(body: Document) -> bool:
    return court(body) in SIRETS


def integer(value: object) -> int | None:
    """What a column of integers makes of a value, if anything."""
    text = str(value).strip()
    return int(text) if text.isdecimal() and text.isascii() else None


def _blank(number: int, now: datetime) -> Mesure:
    return {
        "annee_naissance": None,
        "antenne_id": None,
        "cause_sortie": None,
        "civilite": "",
        "created_at": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z",
        "date_fin_mesure": None,
        "date_nomination": None,
        "date_premier_mesure": None,
        "date_protection_en_cours": None,
        "editor_id": EDITOR,
        "etats": [],
        "id": number,
        "latitude": None,
        "longitude": None,
        "numero_dossier": None,
        "numero_rg": "0" * RG_LENGTH,
        "ressources": [],
        "resultat_revision": None,
        "tribunal_siret": "",
    }


def _text(body: Document, name: str, kept: str | None) -> str | None:
    value = body.get(name, kept)
    if value is not None and not isinstance(value, str):
        raise crashed(f"{name}: should be string,")
    return value


def _date(body: Document, name: str, kept: str | None) -> str | None:
    if name not in body:
        return kept
    found = day(body[name])
    return found and found.isoformat()


def _etats(body: Document) -> list[Etat]:
    """The états that are sent; of two on the same day, the last one."""
    sent = body.get("etats")
    if not is_array(sent):
        raise crashed("Cannot read properties of undefined (reading 'sort')")
    etats = [_etat(etat) for etat in sent if is_object(etat)]
    if not etats:
        raise crashed("Cannot read properties of undefined (reading 'pays')")
    _check_postcode(max((e for e in sent if is_object(e)), key=lambda e: str(_since(e))))
    return [*{etat["date_changement_etat"]: etat for etat in etats}.values()]


def _since(etat: Document) -> str:
    return str(etat["date_changement_etat"]).replace("/", "-")


def _check_postcode(etat: Document) -> None:
    code_postal = etat.get("code_postal")
    if etat.get("pays") != "FR" or code_postal is None:
        return
    if not (isinstance(code_postal, str) and len(code_postal) == POSTCODE_LENGTH):
        raise crashed("zip code is invalid")


def _etat(etat: Document) -> Etat:
    champ, kind = etat.get("champ_mesure"), etat.get("type_etablissement")
    if champ is not None and champ not in CHAMPS:
        raise violation("mesure_etat", tuple(etat), "mesure_etat_champ_mesure_fkey")
    if kind is not None and kind not in KNOWN_TYPES:
        raise violation("mesure_etat", tuple(etat), "mesure_etat_type_etablissement_fkey")
    postcode = etat.get("code_postal")
    return {
        "champ_mesure": _text(etat, "champ_mesure", None),
        "code_postal": None if postcode is None else str(postcode),
        "date_changement_etat": _since(etat),
        "lieu_vie": f"{etat['lieu_vie']}",
        "nature_mesure": f"{etat['nature_mesure']}",
        "pays": f"{etat['pays']}",
        "type_etablissement": _text(etat, "type_etablissement", None),
        "ville": _text(etat, "ville", None),
    }


def _iterable(body: Document, name: str) -> list[object]:
    sent = body.get("ressources")
    if not is_array(sent):
        raise crashed(f"{name}.ressources is not iterable")
    return sent


def _ressources(sent: list[object], *, lenient: bool) -> list[Ressource]:
    """The resources by year; only a creation does without their prestations."""
    return [
        _ressource(ressource, place, lenient=lenient)
        for place, ressource in enumerate(sent)
        if is_object(ressource)
    ]


def _ressource(ressource: Document, place: int, *, lenient: bool) -> Ressource:
    year = ressource.get("annee")
    if not isinstance(year, int) or isinstance(year, bool):
        raise crashed(f"ressources[{place}].annee: should be integer")
    told = ressource.get("prestations_sociales")
    if told is None and lenient:
        return _ressource({**ressource, "prestations_sociales": []}, place, lenient=lenient)
    if not is_array(told):
        raise crashed("Cannot read properties of undefined (reading 'map')")
    table = "mesure_ressources_prestations_sociales"
    columns = ("mesure_ressources_id", "prestations_sociales")
    if not set(told) <= PRESTATIONS:
        raise violation(table, columns, f"{table}_prestations_sociales_fkey")
    if len(set(told)) != len(told):
        raise violation(table, columns, f"{table}_key")
    return {
        "annee": year,
        "niveau_ressource": _level(ressource.get("niveau_ressource")),
        "prestations_sociales": [str(prestation) for prestation in told],
    }


def _level(sent: object) -> str:
    """A number as the service gives it back: in a text, without needless decimals."""
    if sent is None:
        return "0"
    if isinstance(sent, float) and sent.is_integer():
        return f"{sent:.0f}"
    return str(sent)


def _position(etat: Etat) -> tuple[float | None, float | None]:
    """Where the person lives, from a table of the service's own: in France only, by postcode."""
    if etat["pays"] != "FR" or not etat["ville"]:
        return None, None
    known = [town for town in TOWNS if town.code_postal == etat["code_postal"]]
    exact = [town for town in known if town.ville == etat["ville"].upper()]
    found = next(iter((*exact, *known)), None)
    return (found.latitude, found.longitude) if found else (None, None)


def refused(faults: list[Document], *, under: str = "errors") -> RefusedError:
    return RefusedError({under: faults})
