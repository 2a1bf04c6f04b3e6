"""Tools about the protection measures (mesures) of a mandataire: eMJPM."""

from tools.emjpm.accounts import get_emjpm_user, list_direction_services
from tools.emjpm.mesures import get_mesure, list_mesures
from tools.emjpm.places import list_antennes, list_tribunaux
from tools.emjpm.summary import summarize_mesures

__all__ = [
    "get_emjpm_user",
    "get_mesure",
    "list_antennes",
    "list_direction_services",
    "list_mesures",
    "list_tribunaux",
    "summarize_mesures",
]
