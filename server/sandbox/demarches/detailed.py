"""The answers of dossier 200001 to the questions of a detailed request, one per kind of champ."""

from collections.abc import Sequence
from datetime import UTC, datetime

from server.sandbox.demarches import forms, places
from server.sandbox.demarches.champs import champ
from server.sandbox.demarches.records import Facts, typed_id

OUT_OF_SCOPE = 400001
"""The dossier of another administration, to which 200001 links."""

Answer = tuple[Facts, str | None, Facts]
"""A question, the answer as text, and the answer in the members of its subtype of champ."""


def answers(at: datetime) -> Sequence[Facts]:
    """The champs, in the order of the form."""
    given = (*_APPLICANT, _journeys(at), *_EMPLOYER)
    return [champ(question, text, at, answer) for question, text, answer in given]


def _journeys(at: datetime) -> Answer:
    """A repetition: the champs of a row have the ids of their questions, and the row's after."""
    rows = {"01J0A": _row(at, "01J0A", "Redon", 65), "01J0B": _row(at, "01J0B", "Saint-Malo", 72)}
    shown = [{"id": typed_id("Row", name), "champs": champs} for name, champs in rows.items()]
    return forms.TRAJETS, None, {"rows": shown, "champs": [c for row in rows.values() for c in row]}


def _row(at: datetime, row: str, destination: str, distance: int) -> Sequence[Facts]:
    return (
        champ(forms.TRAJET_OU, destination, at, row=row),
        champ(forms.TRAJET_KM, str(distance), at, {"value": distance}, row=row),
    )


_HOME = {"commune": places.RENNES, "departement": places.ILLE_ET_VILAINE}
_MEETING = datetime(2026, 4, 7, 7, 30, tzinfo=UTC)
_BILL = places.file("facture.pdf", "application/pdf", 182_044)
_LEASE = places.file("bail.png", "image/png", 240_118)

_APPLICANT: Sequence[Answer] = (
    (forms.TITRE, None, {"level": 1}),
    (forms.EXPLICATION, None, {}),
    (forms.CIVILITE, "Mme", {"value": "Mme"}),
    (forms.COURRIEL, "contact@transports.exemple.fr", {}),
    (forms.TELEPHONE, "0199000000", {}),
    (forms.ADRESSE, "12 rue de l’Exemple 35000 Rennes", {"address": places.address(12), **_HOME}),
    (forms.COMMUNE, "Rennes (35000)", _HOME),
    (forms.DEPARTEMENT, "35 – Ille-et-Vilaine", {"departement": places.ILLE_ET_VILAINE}),
    (forms.REGION, "Bretagne", {"region": places.BRETAGNE}),
    (forms.PAYS, "France", {"pays": places.FRANCE}),
    (
        forms.EPCI,
        "Rennes Métropole",
        {"epci": places.RENNES_METROPOLE, "departement": places.ILLE_ET_VILAINE},
    ),
    (
        forms.RENDEZ_VOUS,
        "07 avril 2026 09:30",
        {"datetime": _MEETING, "date": _MEETING.date(), "value": _MEETING},
    ),
    (forms.MONTANT, "1234.56", {"value": 1234.56}),
    (forms.ENFANT, "true", {"value": True}),
    (
        forms.LIGNE,
        "TER / Rennes - Redon",
        {"primaryValue": "TER", "secondaryValue": "Rennes - Redon"},
    ),
    (forms.JOURS, "Lundi, Jeudi", {"values": ("Lundi", "Jeudi")}),
    (
        forms.JUSTIFICATIF,
        "facture.pdf, bail.png",
        {"files": (_BILL, _LEASE), "file": _BILL, "nature": "NON_SPECIFIE"},
    ),
    (
        forms.IDENTITE,
        "présent",
        {
            "filled": True,
            "grantType": "piece_justificative",
            "files": (),
            "nature": "TITRE_IDENTITE",
        },
    ),
)
"""An identity document is never handed out: as a `PieceJustificativeChamp`, it has no files."""

_SELECTION: Facts = {
    "__typename": "SelectionUtilisateur",
    "id": typed_id("GeoArea", 1),
    "source": "selection_utilisateur",
    "description": "L’arrêt de car",
    "geometry": places.POINT,
}
_PARCEL: Facts = {
    "__typename": "ParcelleCadastrale",
    "id": typed_id("GeoArea", 2),
    "source": "cadastre",
    "geometry": places.POLYGON,
    "commune": "35238",
    "prefixe": "000",
    "section": "AB",
    "numero": "42",
    "surface": "512",
    "codeArr": "000",
    "codeCom": "238",
    "codeDep": "35",
    "nomCom": "Rennes",
    "feuille": 1,
    "surfaceIntersection": 512.0,
    "surfaceParcelle": 512.0,
}
_FEATURES = [
    {"geometry": area["geometry"], "properties": {"description": area.get("description")}}
    for area in (_SELECTION, _PARCEL)
]

_EMPLOYER: Sequence[Answer] = (
    (forms.PARCELLE, None, {"geoAreas": (_SELECTION, _PARCEL), "features": _FEATURES}),
    (
        forms.SIRET,
        places.siret(1),
        {"etablissement": places.company(1, "Transports de l’Exemple")},
    ),
    (forms.PRECEDENT, str(OUT_OF_SCOPE), {"dossier": OUT_OF_SCOPE}),
    (
        forms.ASSOCIATION,
        "W353000001",
        {"rna": {"id": "W353000001", "title": "Usagers du TER", "address": places.address(3)}}
        | _HOME,
    ),
    (
        forms.FONDATION,
        "035-FDD-00001-01",
        {"rnf": {"id": "035-FDD-00001-01", "title": "Fonds mobilité"}} | _HOME,
    ),
    (
        forms.ENGAGEMENT,
        "2600000001",
        {"engagementJuridique": {"montantEngage": "1200.00", "montantPaye": "400.00"}},
    ),
    (forms.IBAN, "FR7630006000011234567890189", {}),
)
