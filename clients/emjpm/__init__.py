"""eMJPM: the legal protection measures that a mandataire or a service answers for."""

from clients.emjpm.client import SERVICE, EmjpmClient
from clients.emjpm.models import Etat, Mesure, Ressource, Status

__all__ = ["SERVICE", "EmjpmClient", "Etat", "Mesure", "Ressource", "Status"]
