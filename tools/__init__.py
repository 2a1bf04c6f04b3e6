"""Everything a model can do here: what only reads, and what changes a service."""

from tools.covoiturage import IMPORT, import_cee_identities, verify_certificate
from tools.demarches import ACCEPTANCE, accept_dossier, query_dossiers
from tools.emjpm import (
    get_emjpm_user,
    get_mesure,
    list_antennes,
    list_direction_services,
    list_mesures,
    list_tribunaux,
    summarize_mesures,
)
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
    read(query_dossiers, "List dossiers", "demarches"),
    mutation(accept_dossier, "Accept a dossier", "demarches", Rung.TYPE, ACCEPTANCE),
    read(list_mesures, "List protection measures", "emjpm"),
    read(get_mesure, "Read a protection measure", "emjpm"),
    read(summarize_mesures, "Count protection measures", "emjpm"),
    read(list_tribunaux, "Find a tribunal", "emjpm"),
    read(list_antennes, "List the antennes of a service", "emjpm"),
    read(get_emjpm_user, "Tell whose eMJPM account it is", "emjpm"),
    read(list_direction_services, "List the services of a direction", "emjpm"),
    read(list_operations, "List what was asked and changed", "ledger"),
    read(get_operation, "Tell what came of a change", "ledger"),
)
