"""Everything a model can do here: what only reads, and what changes a service."""

from tools.covoiturage import IMPORT, import_cee_identities, verify_certificate
from tools.demarches import (
    ACCEPTANCE,
    accept_dossier,
    export_dossiers,
    get_demarche,
    get_dossier,
    list_deleted_dossiers,
    list_demarches,
    query_dossiers,
    save_piece,
)
from tools.emjpm import list_mesures
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
    mutation(accept_dossier, "Accept a dossier", "demarches", Rung.TYPE, ACCEPTANCE),
    read(list_mesures, "List protection measures", "emjpm"),
    read(list_operations, "List what was asked and changed", "ledger"),
    read(get_operation, "Tell what came of a change", "ledger"),
)
