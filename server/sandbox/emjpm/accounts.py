"""Who has an account: what each answers for, and the tokens that are good for ever."""

from dataclasses import dataclass
from typing import Literal

OwnerKind = Literal["service", "mandataire"]
UserType = Literal["service", "individuel", "direction"]

EDITOR = 7
"""The software that asks: its `client_id`."""
EDITOR_SECRET = "sandbox"  # noqa: S105  (everybody may know it)
REDIRECTS = (
    "http://127.0.0.1:8767/emjpm",
    "http://localhost:8767/emjpm",
    "https://editeur.exemple.fr/emjpm",
)
"""The addresses registered for it, compared character for character."""


@dataclass(frozen=True)
class Owner:
    """Who mesures belong to."""

    kind: OwnerKind
    id: int


@dataclass(frozen=True)
class User:
    id: int
    type: UserType
    email: str
    nom: str
    prenom: str
    owner: Owner | None = None
    """Nobody whose mesures could be read, for a direction."""


SERVICE = Owner("service", 50)
NEIGHBOUR = Owner("service", 51)

USERS = {
    "sandbox": User(2042, "service", "service-50@exemple.fr", "Rousseau", "Paula", SERVICE),
    "sandbox-autre": User(2043, "service", "service-51@exemple.fr", "Morel", "Jean", NEIGHBOUR),
    "sandbox-individuel": User(
        2050, "individuel", "mandataire-12@exemple.fr", "Garnier", "Luce", Owner("mandataire", 12)
    ),
    "sandbox-direction": User(979, "direction", "direction-979@exemple.fr", "Faure", "Agnès"),
}
"""By the token that stands for each: the web application's, and one of our own for the API."""
