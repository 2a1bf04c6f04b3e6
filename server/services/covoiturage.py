"""The client of the carpooling registry."""

from contextlib import AsyncExitStack

import httpx

from clients.auth import Bearer
from clients.covoiturage import CovoiturageClient, OperatorKeys
from clients.http import connected
from server.services.ways import Transports, kept
from server.settings import Covoiturage


def client(registry: Covoiturage, by: Transports, stack: AsyncExitStack) -> CovoiturageClient:
    http = connected(
        registry.url, auth=_operator(registry), transport=by.covoiturage, sleep=by.sleep
    )
    return CovoiturageClient(
        kept(http, stack),
        certificates_version=registry.certificates_version,
        import_version=registry.import_version,
    )


def _operator(registry: Covoiturage) -> httpx.Auth | None:
    """An operator's credentials, or nothing: certificates need none."""
    if registry.token:
        return Bearer(registry.token)
    if registry.access_key and registry.secret_key:
        return OperatorKeys(
            registry.url, access_key=registry.access_key, secret_key=registry.secret_key
        )
    return None
