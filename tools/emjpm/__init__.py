"""Tools about the protection measures (mesures) of a mandataire: eMJPM."""

from tools.asking import Rung
from tools.emjpm.accounts import get_emjpm_user, list_direction_services
from tools.emjpm.deleting import (
    MESURE_DELETION,
    MESURES_DELETION,
    delete_all_mesures,
    delete_mesure,
)
from tools.emjpm.importing import IMPORTATION, import_mesures
from tools.emjpm.mesures import get_mesure, list_mesures
from tools.emjpm.places import list_antennes, list_tribunaux
from tools.emjpm.saving import CREATION, UPDATE, create_mesure, update_mesure
from tools.emjpm.summary import summarize_mesures
from tools.registry import mutation, read

__all__ = ["WORKS"]

WORKS = (
    read(list_mesures, "List protection measures", "emjpm"),
    read(get_mesure, "Read a protection measure", "emjpm"),
    read(summarize_mesures, "Count protection measures", "emjpm"),
    read(list_tribunaux, "Find a tribunal", "emjpm"),
    read(list_antennes, "List the antennes of a service", "emjpm"),
    read(get_emjpm_user, "Tell whose eMJPM account it is", "emjpm"),
    read(list_direction_services, "List the services of a direction", "emjpm"),
    mutation(create_mesure, "Create a mesure", "emjpm", Rung.TICK, CREATION, idempotent=True),
    mutation(update_mesure, "Update a mesure", "emjpm", Rung.TICK, UPDATE, idempotent=True),
    mutation(import_mesures, "Import mesures", "emjpm", Rung.SIZE, IMPORTATION, idempotent=True),
    mutation(delete_mesure, "Delete a mesure", "emjpm", Rung.TYPE, MESURE_DELETION),
    mutation(
        delete_all_mesures,
        "Delete every mesure",
        "emjpm_delete_all",
        Rung.PAGE,
        MESURES_DELETION,
    ),
)
