"""What a model can do with dossiers."""

from tools.demarches.batches import DECISIONS, decide_dossiers
from tools.demarches.decisions import DECISION, accept_dossier, close_dossier, refuse_dossier
from tools.demarches.reading import query_dossiers

__all__ = [
    "DECISION",
    "DECISIONS",
    "accept_dossier",
    "close_dossier",
    "decide_dossiers",
    "query_dossiers",
    "refuse_dossier",
]
