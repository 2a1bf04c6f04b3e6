"""The client of faire-simple, which asks for two proofs."""

from contextlib import AsyncExitStack

import httpx

from clients.faire_simple import FaireSimpleClient, Keyed
from clients.http import connected
from clients.network import Ways
from server.services.ways import Transports, kept
from server.settings import FaireSimple


def client(service: FaireSimple, by: Transports, stack: AsyncExitStack) -> FaireSimpleClient:
    http = connected(
        service.url,
        auth=_application(service),
        transport=_keyed(service, by.faire_simple),
        sleep=by.sleep,
    )
    return FaireSimpleClient(kept(http, stack), service.paths)


def _application(service: FaireSimple) -> httpx.Auth | None:
    """The first of the two proofs."""
    if not service.password:
        return None
    return httpx.BasicAuth(service.login, service.password.get_secret_value())


def _keyed(
    service: FaireSimple, by: httpx.AsyncBaseTransport | None
) -> httpx.AsyncBaseTransport | None:
    """What adds the second one."""
    way = by or Ways()
    return Keyed(way, service.key) if service.key else way
