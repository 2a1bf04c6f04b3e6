"""The clients of a desk, each made of the settings, and loaded, when it is first asked for."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from clients import Clients
from server.services.ways import Common, Transports
from server.settings import Settings

if TYPE_CHECKING:
    from clients.covoiturage import CovoiturageClient
    from clients.demarches import DemarcheFiles, DemarchesClient
    from clients.emjpm import EmjpmClient
    from clients.faire_simple import FaireSimpleClient


def clients_of(
    settings: Settings, by: Transports, stack: AsyncExitStack, common: Common, whose: str = ""
) -> Clients:
    """What a tool may talk to with these settings, for as long as the stack is not closed."""
    # A service takes some 50 ms to load: those that nobody calls are not.

    def to_covoiturage() -> "CovoiturageClient":
        from server.services import covoiturage  # noqa: PLC0415

        return covoiturage.client(settings.covoiturage, by, stack)

    def to_demarches() -> "DemarchesClient":
        from server.services import demarches  # noqa: PLC0415

        return demarches.client(settings, by, stack, common)

    def to_demarche_files() -> "DemarcheFiles":
        from server.services import demarches  # noqa: PLC0415

        return demarches.files(settings.demarches, by, stack)

    def to_emjpm() -> "EmjpmClient":
        from server.services import emjpm  # noqa: PLC0415

        return emjpm.client(settings.emjpm, by, stack, common, whose)

    def to_faire_simple() -> "FaireSimpleClient":
        from server.services import faire_simple  # noqa: PLC0415

        return faire_simple.client(settings.faire_simple, by, stack)

    return Clients(to_covoiturage, to_demarches, to_demarche_files, to_emjpm, to_faire_simple)
