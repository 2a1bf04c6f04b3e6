"""What our client relies on faire-simple for: in miniature, and for real.

For real (`-m live`), with GUICHET_LIVE_FAIRE_SIMPLE_LOGIN, …_PASSWORD, …_KEY and …_UID, a partner
of yours. Nothing is written: what a status was cannot be read, so it could not be put back.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest
from pydantic import SecretStr

from clients import Approval
from clients.errors import AccessDeniedError, NotFoundError
from clients.faire_simple import FaireSimpleClient, Flow, Keyed
from clients.http import connected
from clients.network import Ways
from server.sandbox import faire_simple
from server.sandboxed import sandboxed
from server.settings import FaireSimple, Settings


@dataclass(frozen=True)
class Service:
    """An instance, what it gave our application, and a partner it knows."""

    url: str
    login: str
    password: str = field(repr=False)
    key: str = field(repr=False)
    uid: str
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[FaireSimpleClient]:
        way = self.transport or Ways()
        basic, keyed = httpx.BasicAuth(self.login, self.password), Keyed(way, SecretStr(self.key))
        async with connected(self.url, auth=basic, transport=keyed) as http:
            yield FaireSimpleClient(http, sandboxed(Settings()).faire_simple.paths)


def miniature() -> Service:
    transport = httpx.ASGITransport(app=faire_simple.create())
    return Service("https://sandbox/api", "sandbox", "sandbox", "sandbox", "4201", transport)


def given(name: str) -> str:
    return os.environ.get(f"GUICHET_LIVE_FAIRE_SIMPLE_{name}", "")


LIVE = Service(
    given("URL") or FaireSimple().url,
    given("LOGIN"),
    given("PASSWORD"),
    given("KEY"),
    given("UID"),
)


@pytest.fixture(name="service", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def _service(request: pytest.FixtureRequest) -> Service:
    if request.param == "sandbox":
        return miniature()
    if not LIVE.key:
        pytest.skip("GUICHET_LIVE_FAIRE_SIMPLE_KEY is not set")
    return LIVE


async def test_a_partner_is_json_of_some_shape(service: Service):
    async with service.client() as client:
        assert await client.partner(service.uid)


@pytest.mark.parametrize("proof", ["login", "password", "key"])
async def test_each_of_the_proofs_is_asked_for(service: Service, proof: str):
    async with replace(service, **{proof: "of-nobody"}).client() as client:
        with pytest.raises(AccessDeniedError):
            await client.partner(service.uid)


async def test_a_partner_that_does_not_exist_is_not_found(service: Service):
    async with service.client() as client:
        with pytest.raises(NotFoundError):
            await client.partner("no-such-partner")


# What cannot be tried for real: it writes, or no document says where it is.


async def test_a_status_is_changed():
    service = miniature()
    async with service.client() as client:
        for registered in (True, False):
            await client.set_status("4202", registered=registered, approval=Approval("1"))
            partner = await client.partner("4202")
            assert isinstance(partner, dict)
            assert partner["statut"] == int(registered)


@pytest.mark.parametrize("flow", ["partners", "thematics", "campaigns", "proposals", "updates"])
async def test_a_flow_is_json_of_some_shape(flow: Flow):
    async with miniature().client() as client:
        assert await client.flow(flow) is not None


async def test_an_update_is_of_the_semester_it_was_asked_for():
    async with miniature().client() as client:
        update = await client.flow("updates_by_semester", "2026-1")

    assert isinstance(update, dict)
    assert update["semestre"] == "2026-1"
