"""What a model can do with dossiers (Démarches simplifiées)."""

from tools.demarches.batches import DECISIONS, decide_dossiers
from tools.demarches.decisions import DECISION, accept_dossier, close_dossier, refuse_dossier
from tools.demarches.dossier import get_dossier
from tools.demarches.form import get_demarche
from tools.demarches.listing import query_dossiers
from tools.demarches.overview import list_demarches
from tools.demarches.removed import list_deleted_dossiers

__all__ = [
    "DECISION",
    "DECISIONS",
    "accept_dossier",
    "close_dossier",
    "decide_dossiers",
    "get_demarche",
    "get_dossier",
    "list_deleted_dossiers",
    "list_demarches",
    "query_dossiers",
    "refuse_dossier",
]
