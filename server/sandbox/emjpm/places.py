"""The antennes of the service, and the towns people live in."""

from typing import NamedTuple, TypedDict


class Antenne(TypedDict):
    adresse: str
    code_postal: str
    id: int
    nom: str
    ville: str


class Town(NamedTuple):
    code_postal: str
    ville: str
    latitude: float
    longitude: float


ANTENNES: list[Antenne] = [
    {
        "adresse": "4 quai des Marronniers",
        "code_postal": "51100",
        "id": 301,
        "nom": "Antenne de Reims",
        "ville": "Reims",
    },
    {
        "adresse": "18 rue du Vieux Lavoir",
        "code_postal": "51200",
        "id": 302,
        "nom": "Antenne d'Épernay",
        "ville": "Épernay",
    },
]

TOWNS = (
    Town("51100", "REIMS", 49.2515, 4.04023),
    Town("51200", "EPERNAY", 49.0396, 3.95922),
    Town("32000", "AUCH", 43.6534, 0.57519),
    Town("62400", "BETHUNE", 50.5289, 2.64242),
    Town("23000", "GUERET", 46.1632, 1.87079),
)


class Departement(TypedDict):
    code: str
    nom: str


MARNE = Departement(code="51", nom="Marne")
MANCHE = Departement(code="50", nom="Manche")
