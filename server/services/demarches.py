"""The clients of Démarches simplifiées: its API, and the files that it gives by an address."""

from contextlib import AsyncExitStack

from clients.demarches import READ, SERVICE, DemarcheFiles, DemarchesClient, DemarcheTokens
from clients.downloads import downloading
from clients.http import connected
from clients.pace import Pace
from server.services.ways import Common, Transports, kept
from server.settings import Demarches, Settings


def client(
    settings: Settings, by: Transports, stack: AsyncExitStack, common: Common
) -> DemarchesClient:
    demarches = settings.demarches
    http = connected(demarches.url, read=READ, transport=by.demarches, sleep=by.sleep)
    budget = common.budget(SERVICE, demarches.a_minute, by.clock)
    return DemarchesClient(
        kept(Pace(SERVICE, budget, sleep=by.sleep).keep(http), stack),
        tokens=DemarcheTokens(demarches.token, demarches.tokens),
        only=settings.fences.demarches,
    )


def files(demarches: Demarches, by: Transports, stack: AsyncExitStack) -> DemarcheFiles:
    return DemarcheFiles(
        kept(downloading(by.files or by.demarches), stack),
        endpoint=demarches.url,
        hosts=demarches.files_hosts,
    )
