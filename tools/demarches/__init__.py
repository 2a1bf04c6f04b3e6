"""Tools about dossiers (Démarches simplifiées): finding them, deciding on them."""

from tools.demarches.decisions import ACCEPTANCE, accept_dossier
from tools.demarches.reading import query_dossiers

__all__ = ["ACCEPTANCE", "accept_dossier", "query_dossiers"]
