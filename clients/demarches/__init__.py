"""Démarches simplifiées: the dossiers of a démarche, and the decisions on them."""

from clients.demarches.auth import NO_DEMARCHE, DemarcheTokens
from clients.demarches.client import READ, DemarchesClient
from clients.demarches.models import (
    Annotation,
    Demandeur,
    Demarche,
    Dossier,
    DossiersPage,
    DossierSummary,
    Groupe,
    GroupeInstructeur,
    Instructeur,
    OtherDemandeur,
    PartialError,
    PersonneMorale,
    PersonneMoraleIncomplete,
    PersonnePhysique,
    Row,
    State,
    Usager,
)
from clients.demarches.wire import SERVICE

__all__ = [
    "NO_DEMARCHE",
    "READ",
    "SERVICE",
    "Annotation",
    "Demandeur",
    "Demarche",
    "DemarcheTokens",
    "DemarchesClient",
    "Dossier",
    "DossierSummary",
    "DossiersPage",
    "Groupe",
    "GroupeInstructeur",
    "Instructeur",
    "OtherDemandeur",
    "PartialError",
    "PersonneMorale",
    "PersonneMoraleIncomplete",
    "PersonnePhysique",
    "Row",
    "State",
    "Usager",
]
