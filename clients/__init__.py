"""The services as Python objects: httpx and pydantic, nothing of MCP."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from clients.approval import Approval
from clients.errors import ApiError, LostAnswerError

if TYPE_CHECKING:  # a service is loaded by the first call of one of its tools
    from clients.covoiturage import CovoiturageClient
    from clients.demarches import DemarcheFiles, DemarchesClient
    from clients.emjpm import EmjpmClient
    from clients.faire_simple import FaireSimpleClient

__all__ = ["ApiError", "Approval", "Clients", "LostAnswerError"]


@dataclass(frozen=True)
class Clients:
    """Everything a tool may talk to, each made when it is first asked for."""

    to_covoiturage: "Callable[[], CovoiturageClient]"
    to_demarches: "Callable[[], DemarchesClient]"
    to_demarche_files: "Callable[[], DemarcheFiles]"
    to_emjpm: "Callable[[], EmjpmClient]"
    to_faire_simple: "Callable[[], FaireSimpleClient]"

    @cached_property
    def covoiturage(self) -> "CovoiturageClient":
        return self.to_covoiturage()

    @cached_property
    def demarches(self) -> "DemarchesClient":
        return self.to_demarches()

    @cached_property
    def demarche_files(self) -> "DemarcheFiles":
        return self.to_demarche_files()

    @cached_property
    def emjpm(self) -> "EmjpmClient":
        return self.to_emjpm()

    @cached_property
    def faire_simple(self) -> "FaireSimpleClient":
        return self.to_faire_simple()
