"""Tools about dossiers (Démarches simplifiées): finding and reading them, deciding on them."""

from tools.demarches.decisions import ACCEPTANCE, accept_dossier
from tools.demarches.dossier import get_dossier
from tools.demarches.exporting import export_dossiers
from tools.demarches.form import get_demarche
from tools.demarches.listing import query_dossiers
from tools.demarches.overview import list_demarches
from tools.demarches.pieces import save_piece
from tools.demarches.removed import list_deleted_dossiers

__all__ = [
    "ACCEPTANCE",
    "accept_dossier",
    "export_dossiers",
    "get_demarche",
    "get_dossier",
    "list_deleted_dossiers",
    "list_demarches",
    "query_dossiers",
    "save_piece",
]
