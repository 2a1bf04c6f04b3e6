"""What a model can do with dossiers (Démarches simplifiées)."""

from tools.asking import Rung
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
from tools.registry import mutation, read

__all__ = ["WORKS"]

WORKS = (
    read(list_demarches, "List the démarches of this counter", "demarches_numbers"),
    read(get_demarche, "Read a démarche and its form", "demarches"),
    read(query_dossiers, "List dossiers", "demarches"),
    read(list_deleted_dossiers, "List deleted dossiers", "demarches"),
    read(get_dossier, "Read a dossier", "demarches"),
    read(export_dossiers, "Export dossiers to a file", "demarches", saves=True, shares=True),
    read(save_piece, "Save a file of a dossier", "demarches", saves=True),
    mutation(accept_dossier, "Accept a dossier", "demarches", Rung.TYPE, DECISION),
    mutation(refuse_dossier, "Refuse a dossier", "demarches", Rung.TYPE, DECISION),
    mutation(close_dossier, "Close a dossier without effect", "demarches", Rung.TYPE, DECISION),
    mutation(decide_dossiers, "Decide on many dossiers", "demarches", Rung.PAGE, DECISIONS),
    mutation(
        start_instruction,
        "Take a dossier under instruction",
        "demarches",
        Rung.TICK,
        START,
        destructive=False,
    ),
    mutation(reopen_dossier, "Take a dossier back", "demarches", Rung.TYPE, REOPENING),
    mutation(send_message, "Write to an applicant", "demarches", Rung.TYPE, MESSAGE),
    mutation(delete_message, "Delete a message", "demarches", Rung.TYPE, DELETION),
    mutation(annotate_dossier, "Fill in annotations", "demarches", Rung.TICK, ANNOTATING),
    mutation(
        archive_dossier,
        "Archive a dossier",
        "demarches",
        Rung.TICK,
        ARCHIVING,
        destructive=False,
    ),
    mutation(
        follow_dossier, "Follow a dossier", "demarches", Rung.TICK, FOLLOWING, destructive=False
    ),
    mutation(
        label_dossier, "Label a dossier", "demarches", Rung.TICK, LABELLING, destructive=False
    ),
    mutation(
        assign_group,
        "Give a dossier to a group",
        "demarches",
        Rung.TICK,
        ASSIGNMENT,
        destructive=False,
    ),
)
