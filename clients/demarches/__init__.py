"""Démarches simplifiées: the dossiers of a démarche, and what is done with them."""

from clients.demarches import acts
from clients.demarches.acts import Act, ChangedMessage, Filled, Reason, Reopened
from clients.demarches.auth import NO_DEMARCHE, DemarcheTokens
from clients.demarches.client import READ, DemarchesClient
from clients.demarches.handled import (
    Annotable,
    AnnotatedDossier,
    Choices,
    HandledDossier,
    Label,
    Message,
    OpenGroupe,
)
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
from clients.demarches.uploads import Attachment
from clients.demarches.wire import SERVICE

__all__ = [
    "NO_DEMARCHE",
    "READ",
    "SERVICE",
    "Act",
    "Annotable",
    "AnnotatedDossier",
    "Annotation",
    "Attachment",
    "ChangedMessage",
    "Choices",
    "Demandeur",
    "Demarche",
    "DemarcheTokens",
    "DemarchesClient",
    "Dossier",
    "DossierSummary",
    "DossiersPage",
    "Filled",
    "Groupe",
    "GroupeInstructeur",
    "HandledDossier",
    "Instructeur",
    "Label",
    "Message",
    "OpenGroupe",
    "OtherDemandeur",
    "PartialError",
    "PersonneMorale",
    "PersonneMoraleIncomplete",
    "PersonnePhysique",
    "Reason",
    "Reopened",
    "Row",
    "State",
    "Usager",
    "acts",
]
