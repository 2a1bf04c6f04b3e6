"""What our client relies on the carpooling registry for: in miniature, and for real.

For real (`-m live`), a certificate to read is named by GUICHET_LIVE_COVOITURAGE_CERTIFICATE, and an
operator's keys by GUICHET_LIVE_COVOITURAGE_ACCESS_KEY and GUICHET_LIVE_COVOITURAGE_SECRET_KEY.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from clients.covoiturage import CovoiturageClient, OperatorKeys
from clients.errors import NotFoundError, WithdrawnError
from clients.http import connected
from server.sandbox import covoiturage
from server.sandbox.covoiturage import certificates
from server.settings import Covoiturage

UNKNOWN = UUID("00000000-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Registry:
    """A registry, and what is known to be in it."""

    url: str
    certificate: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def client(
        self, *, version: str = "v3.2", auth: httpx.Auth | None = None
    ) -> AsyncGenerator[CovoiturageClient]:
        async with connected(self.url, auth=auth, transport=self.transport) as http:
            yield CovoiturageClient(http, certificates_version=version)

    def keys(self) -> OperatorKeys:
        access_key, secret_key = SecretStr(self.access_key), SecretStr(self.secret_key)
        return OperatorKeys(self.url, access_key=access_key, secret_key=secret_key)


def miniature() -> Registry:
    transport = httpx.ASGITransport(app=covoiturage.create())
    return Registry(
        "https://covoiturage.sandbox", certificates.VALID, "sandbox", "sandbox", transport
    )


LIVE = Registry(
    os.environ.get("GUICHET_LIVE_COVOITURAGE_URL", Covoiturage().url),
    os.environ.get("GUICHET_LIVE_COVOITURAGE_CERTIFICATE", ""),
    os.environ.get("GUICHET_LIVE_COVOITURAGE_ACCESS_KEY", ""),
    os.environ.get("GUICHET_LIVE_COVOITURAGE_SECRET_KEY", ""),
)


@pytest.fixture(name="registry", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def _registry(request: pytest.FixtureRequest) -> Registry:
    return LIVE if request.param == "live" else miniature()


async def test_a_certificate_is_given_to_whoever_knows_its_uuid(registry: Registry):
    if not registry.certificate:
        pytest.skip("GUICHET_LIVE_COVOITURAGE_CERTIFICATE names no certificate")

    async with registry.client() as client:
        certificate = await client.certificate(UUID(registry.certificate))

    assert str(certificate.uuid) == registry.certificate
    assert certificate.type in {"ok", "expired"}
    assert certificate.start_at
    assert certificate.end_at
    assert certificate.start_at < certificate.end_at
    for side in (certificate.driver, certificate.passenger):
        assert side.total.trips == sum(trips.trips or 0 for trips in side.trips)


async def test_an_unknown_certificate_is_told_from_a_route_that_is_gone(registry: Registry):
    async with registry.client() as client:
        with pytest.raises(NotFoundError):
            await client.certificate(UNKNOWN)

    async with registry.client(version="v9.9") as client:
        with pytest.raises(WithdrawnError):
            await client.certificate(UNKNOWN)


async def test_an_operator_s_keys_buy_a_token_that_is_good_for_reading(registry: Registry):
    if not registry.access_key:
        pytest.skip("GUICHET_LIVE_COVOITURAGE_ACCESS_KEY is not set")

    async with registry.client(auth=registry.keys()) as client:
        with pytest.raises(NotFoundError):
            await client.certificate(UNKNOWN)


async def test_a_token_names_the_operator_whatever_the_token(registry: Registry):
    """By it, what was imported for an operator is known again."""
    if not registry.access_key:
        pytest.skip("GUICHET_LIVE_COVOITURAGE_ACCESS_KEY is not set")

    async with registry.client(auth=registry.keys()) as one:
        first = await one.operator()
    async with registry.client(auth=registry.keys()) as another:
        assert await another.operator() == first

    assert first.startswith("operator.application:")
