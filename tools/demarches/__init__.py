"""What a model can do with dossiers (Démarches simplifiées)."""

from tools.demarches.annotating import ANNOTATING, annotate_dossier
from tools.demarches.batches import DECISIONS, decide_dossiers
from tools.demarches.decisions import DECISION, accept_dossier, close_dossier, refuse_dossier
from tools.demarches.dossier import get_dossier
from tools.demarches.exporting import export_dossiers
from tools.demarches.form import get_demarche
from tools.demarches.handling import (
    ARCHIVING,
    ASSIGNMENT,
    FOLLOWING,
    LABELLING,
    archive_dossier,
    assign_group,
    follow_dossier,
    label_dossier,
)
from tools.demarches.listing import query_dossiers
from tools.demarches.messages import DELETION, MESSAGE, delete_message, send_message
from tools.demarches.moving import REOPENING, START, reopen_dossier, start_instruction
from tools.demarches.overview import list_demarches
from tools.demarches.pieces import save_piece
from tools.demarches.removed import list_deleted_dossiers

__all__ = [
    "ANNOTATING",
    "ARCHIVING",
    "ASSIGNMENT",
    "DECISION",
    "DECISIONS",
    "DELETION",
    "FOLLOWING",
    "LABELLING",
    "MESSAGE",
    "REOPENING",
    "START",
    "accept_dossier",
    "annotate_dossier",
    "archive_dossier",
    "assign_group",
    "close_dossier",
    "decide_dossiers",
    "delete_message",
    "export_dossiers",
    "follow_dossier",
    "get_demarche",
    "get_dossier",
    "label_dossier",
    "list_deleted_dossiers",
    "list_demarches",
    "query_dossiers",
    "refuse_dossier",
    "reopen_dossier",
    "save_piece",
    "send_message",
    "start_instruction",
]
