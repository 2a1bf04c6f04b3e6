"""The tribunaux that order mesures, the antennes of the service, and the towns people live in."""

from typing import NamedTuple, TypedDict


class Tribunal(TypedDict):
    adresse: str | None
    code_postal: str
    latitude: float
    longitude: float
    nom: str
    siret: str
    ville: str


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


TRIBUNAUX: list[Tribunal] = [
    {
        "adresse": "Allée d'Etigny",
        "code_postal": "32000",
        "latitude": 43.6534,
        "longitude": 0.57519,
        "nom": "Tribunal judiciaire d'Auch",
        "siret": "17470111000044",
        "ville": "AUCH",
    },
    {
        "adresse": "Place Lamartine",
        "code_postal": "62400",
        "latitude": 50.5289,
        "longitude": 2.64242,
        "nom": "Tribunal judiciaire de Béthune",
        "siret": "17590111500055",
        "ville": "BETHUNE",
    },
    {
        "adresse": "23 Place Bonnyaud",
        "code_postal": "23000",
        "latitude": 46.1632,
        "longitude": 1.87079,
        "nom": "Tribunal judiciaire de Guéret",
        "siret": "17870111600026",
        "ville": "GUERET",
    },
    {
        "adresse": "Place Myron Herrick",
        "code_postal": "51100",
        "latitude": 49.2515,
        "longitude": 4.04023,
        "nom": "Tribunal judiciaire de Reims",
        "siret": "17510111200043",
        "ville": "REIMS",
    },
    {
        "adresse": None,
        "code_postal": "98600",
        "latitude": 48.8534,
        "longitude": 2.3488,
        "nom": "Tribunal de Première Instance de Mata-Utu",
        "siret": "13000313000049",
        "ville": "UVEA",
    },
]
"""As the public documentation lists them, coordinates included."""

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
