"""eMJPM: the legal protection measures that a mandataire or a service answers for."""

from clients.emjpm.client import EmjpmClient
from clients.emjpm.failures import SERVICE
from clients.emjpm.files import MesuresFile, NumberedMesure, mesures
from clients.emjpm.models import (
    Antenne,
    Departement,
    Direction,
    Etat,
    Mesure,
    OwnService,
    Region,
    Ressource,
    Service,
    Status,
    Tribunal,
    User,
    WatchedService,
)
from clients.emjpm.oauth import LOGIN, EndedError, OAuth, Pair, SignedIn, Store
from clients.emjpm.writing import (
    MesureToSend,
    bare_amount,
    become,
    content,
    rewritten,
)

__all__ = [
    "LOGIN",
    "SERVICE",
    "Antenne",
    "Departement",
    "Direction",
    "EmjpmClient",
    "EndedError",
    "Etat",
    "Mesure",
    "MesureToSend",
    "MesuresFile",
    "NumberedMesure",
    "OAuth",
    "OwnService",
    "Pair",
    "Region",
    "Ressource",
    "Service",
    "SignedIn",
    "Status",
    "Store",
    "Tribunal",
    "User",
    "WatchedService",
    "bare_amount",
    "become",
    "content",
    "mesures",
    "rewritten",
]
