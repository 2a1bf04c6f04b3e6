"""Everything a model can do here: what only reads, and what changes a service."""

from tools.covoiturage import IMPORT, import_cee_identities, verify_certificate
from tools.demarches import (
    ANNOTATING,
    ARCHIVING,
    ASSIGNMENT,
    DECISION,
    DECISIONS,
    DELETION,
    FOLLOWING,
    LABELLING,
    MESSAGE,
    REOPENING,
    START,
    accept_dossier,
    annotate_dossier,
    archive_dossier,
    assign_group,
    close_dossier,
    decide_dossiers,
    delete_message,
    export_dossiers,
    follow_dossier,
    get_demarche,
    get_dossier,
    label_dossier,
    list_deleted_dossiers,
    list_demarches,
    query_dossiers,
    refuse_dossier,
    reopen_dossier,
    save_piece,
    send_message,
    start_instruction,
)
from tools.emjpm import (
    get_emjpm_user,
    get_mesure,
    list_antennes,
    list_direction_services,
    list_mesures,
    list_tribunaux,
    summarize_mesures,
)
from tools.faire_simple import STATUS, get_partner, list_faire_simple, set_partner_status
from tools.operations import get_operation, list_operations
from tools.questions import Rung
from tools.registry import Tool, mutation, read

__all__ = ["TOOLS", "Tool"]

TOOLS = (
    read(verify_certificate, "Verify a carpooling certificate", "covoiturage"),
    mutation(
        import_cee_identities,
        "Import CEE identity keys",
        "covoiturage_credentials",
        Rung.TYPE,
        IMPORT,
    ),
    read(list_demarches, "List the démarches of this counter", "demarches_numbers"),
    read(get_demarche, "Read a démarche and its form", "demarches"),
    read(query_dossiers, "List dossiers", "demarches"),
    read(list_deleted_dossiers, "List deleted dossiers", "demarches"),
    read(get_dossier, "Read a dossier", "demarches"),
    read(export_dossiers, "Export dossiers to a file", "demarches", saves=True),
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
    read(list_mesures, "List protection measures", "emjpm"),
    read(get_mesure, "Read a protection measure", "emjpm"),
    read(summarize_mesures, "Count protection measures", "emjpm"),
    read(list_tribunaux, "Find a tribunal", "emjpm"),
    read(list_antennes, "List the antennes of a service", "emjpm"),
    read(get_emjpm_user, "Tell whose eMJPM account it is", "emjpm"),
    read(list_direction_services, "List the services of a direction", "emjpm"),
    read(get_partner, "Read a partner", "faire_simple"),
    read(list_faire_simple, "List what faire-simple holds", "faire_simple_flows"),
    mutation(
        set_partner_status,
        "Register or unregister a partner",
        "faire_simple",
        Rung.TYPE,
        STATUS,
    ),
    read(list_operations, "List what was asked and changed", "ledger"),
    read(get_operation, "Tell what came of a change", "ledger"),
)
