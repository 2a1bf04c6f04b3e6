"""What our client relies on eMJPM for: in miniature, and for real.

For real (`-m live`), with GUICHET_LIVE_EMJPM_TOKEN, on the test environment unless
GUICHET_LIVE_EMJPM_URL says otherwise. Nothing is written.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from clients.auth import Bearer
from clients.emjpm import EmjpmClient
from clients.errors import AccessDeniedError, UnexpectedReplyError
from clients.http import connected
from server.sandbox import emjpm
from server.settings import EMJPM_URLS


@dataclass(frozen=True)
class Service:
    """An instance, and the token of an account that has mesures there."""

    url: str
    token: str = field(repr=False)
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def client(self, *, token: str = "", path: str = "") -> AsyncGenerator[EmjpmClient]:
        auth = Bearer(SecretStr(token or self.token))
        async with connected(f"{self.url}{path}", auth=auth, transport=self.transport) as http:
            yield EmjpmClient(http)


def miniature() -> Service:
    transport = httpx.ASGITransport(app=emjpm.create())
    return Service("https://emjpm.sandbox", "sandbox", transport)


LIVE = Service(
    os.environ.get("GUICHET_LIVE_EMJPM_URL", EMJPM_URLS["test"]),
    os.environ.get("GUICHET_LIVE_EMJPM_TOKEN", ""),
)


@pytest.fixture(name="service", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def _service(request: pytest.FixtureRequest) -> Service:
    if request.param == "sandbox":
        return miniature()
    if not LIVE.token:
        pytest.skip("GUICHET_LIVE_EMJPM_TOKEN is not set")
    return LIVE


async def test_all_mesures_come_at_once_each_with_an_id_of_its_own(service: Service):
    async with service.client() as client:
        mesures = await client.mesures()

    assert mesures
    assert len({mesure.id for mesure in mesures}) == len(mesures)
    assert all(mesure.numero_rg for mesure in mesures)


async def test_each_mesure_has_one_of_the_three_statuses(service: Service):
    """The service never says which: the filter is the only way to know."""
    async with service.client() as client:
        every = await client.mesures()
        awaiting = await client.mesures("en_attente")
        current = await client.mesures("en_cours")
        ended = await client.mesures("eteinte")

    ids = [mesure.id for mesure in (*awaiting, *current, *ended)]
    assert sorted(ids) == sorted(mesure.id for mesure in every)


async def test_what_awaits_its_mandataire_is_nearly_empty(service: Service):
    async with service.client() as client:
        awaiting = await client.mesures("en_attente")

    assert not [mesure.id for mesure in awaiting if mesure.etats or mesure.ressources]


async def test_an_unknown_token_is_refused(service: Service):
    async with service.client(token="of-nobody") as client:
        with pytest.raises(AccessDeniedError):
            await client.mesures()


async def test_another_address_of_the_host_is_told_from_a_lack_of_mesures(service: Service):
    async with service.client(path="/application") as client:
        with pytest.raises(UnexpectedReplyError):
            await client.mesures()


async def test_a_mesure_is_read_alone_with_what_the_list_says_of_it(service: Service):
    async with service.client() as client:
        listed = (await client.mesures("en_cours"))[0]
        alone = await client.mesure(listed.id)

    assert alone.model_copy(update={"ressources": listed.ressources}) == listed


async def test_every_mesure_is_of_a_tribunal_that_is_listed(service: Service):
    async with service.client() as client:
        known = {tribunal.siret for tribunal in await client.tribunaux()}
        mesures = await client.mesures()

    assert len(known) > 100
    assert {mesure.tribunal_siret for mesure in mesures} <= known


async def test_the_antennes_of_mesures_are_listed(service: Service):
    async with service.client() as client:
        known = {antenne.id for antenne in await client.antennes()}
        mesures = await client.mesures()

    assert {mesure.antenne_id for mesure in mesures} <= {*known, None}


async def test_the_account_says_what_it_is(service: Service):
    async with service.client() as client:
        user = await client.user()

    assert user.id
    assert user.type
