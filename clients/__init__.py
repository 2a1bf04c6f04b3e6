"""The services as Python objects: httpx and pydantic, nothing of MCP."""

from dataclasses import dataclass

from clients.approval import Approval
from clients.covoiturage import CovoiturageClient
from clients.demarches import DemarcheFiles, DemarchesClient
from clients.emjpm import EmjpmClient
from clients.errors import ApiError, LostAnswerError
from clients.faire_simple import FaireSimpleClient

__all__ = [
    "ApiError",
    "Approval",
    "Clients",
    "CovoiturageClient",
    "DemarcheFiles",
    "DemarchesClient",
    "EmjpmClient",
    "FaireSimpleClient",
    "LostAnswerError",
]


@dataclass(frozen=True, slots=True)
class Clients:
    """Everything a tool may talk to."""

    covoiturage: CovoiturageClient
    demarches: DemarchesClient
    demarche_files: DemarcheFiles
    emjpm: EmjpmClient
    faire_simple: FaireSimpleClient
