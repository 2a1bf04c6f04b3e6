"""Tools about the protection measures (mesures) of a mandataire: eMJPM."""

from tools.emjpm.accounts import get_emjpm_user, list_direction_services
from tools.emjpm.deleting import (
    MESURE_DELETION,
    MESURES_DELETION,
    delete_all_mesures,
    delete_mesure,
)
from tools.emjpm.importing import IMPORTATION, import_mesures
from tools.emjpm.mesures import Detail, get_mesure, list_mesures
from tools.emjpm.places import list_antennes, list_tribunaux
from tools.emjpm.saving import CREATION, UPDATE, create_mesure, update_mesure
from tools.emjpm.summary import summarize_mesures

__all__ = [
    "CREATION",
    "IMPORTATION",
    "MESURES_DELETION",
    "MESURE_DELETION",
    "UPDATE",
    "Detail",
    "create_mesure",
    "delete_all_mesures",
    "delete_mesure",
    "get_emjpm_user",
    "get_mesure",
    "import_mesures",
    "list_antennes",
    "list_direction_services",
    "list_mesures",
    "list_tribunaux",
    "summarize_mesures",
    "update_mesure",
]
