"""The faults a request may ask the miniature services for, as a client meets them."""

import gzip
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from server.sandbox import covoiturage, demarches, emjpm, faire_simple
from server.sandbox.covoiturage.certificates import VALID
from server.sandbox.demarches.records import typed_id
from server.sandbox.emjpm.mesures import FIRST_ID
from server.sandbox.faults import DroppedError, Sleep
from tests.support import listening

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
IN_THIRTY_SECONDS = str(int(NOW.timestamp()) + 30)
FAULT = "Sandbox-Fault"
GOOD = "sandbox"
"""The token that every service accepts."""

GRAPHQL = "/api/v2/graphql"
IMPORT = "/v3.3/policies/cee/import/identity"
PAGE = """query page($number: Int!) {
  demarche(number: $number) { title dossiers(first: 3) { nodes { number state } } }
}"""
ACCEPT = """mutation accept($input: DossierAccepterInput!) {
  dossierAccepter(input: $input) { dossier { number state } errors { message } }
}"""


async def at_once(seconds: float) -> None:
    """A pause that takes no time."""


def registry(sleep: Sleep = at_once) -> Starlette:
    return covoiturage.create(now=lambda: NOW, sleep=sleep)


def dossiers(sleep: Sleep = at_once) -> Starlette:
    return demarches.create(lambda: NOW, sleep=sleep)


def mesures(sleep: Sleep = at_once) -> Starlette:
    return emjpm.create(now=lambda: NOW, sleep=sleep)


Request = tuple[str, str, dict[str, object] | None]
"""A method, a path and a body."""


@dataclass(frozen=True)
class Service:
    """A service, and how one record of it is read."""

    create: Callable[..., Starlette]
    path: str
    ordinary: str
    """The record that is read when nothing is to fail."""
    reserved: str
    """What asks for a fault, without the rank that it ends with."""

    def reading(self, record: str = "") -> Request:
        record = record or self.ordinary
        if self.path == GRAPHQL:
            return "POST", GRAPHQL, {"query": PAGE, "variables": {"number": int(record)}}
        return "GET", self.path.format(record), None


COVOITURAGE = Service(
    registry, "/v3.3/certificates/{}", VALID, "00000000-0000-4000-8000-00000000000"
)
DEMARCHES = Service(dossiers, GRAPHQL, "1001", "99900")
EMJPM = Service(mesures, "/api/editors/mesures/{}", str(FIRST_ID + 2), "99900")
SERVICES = [COVOITURAGE, DEMARCHES, EMJPM]


@pytest.fixture(name="service", params=SERVICES, ids=["covoiturage", "demarches", "emjpm"])
def _service(request: pytest.FixtureRequest) -> Service:
    return request.param


def caller(app: ASGIApp, token: str = GOOD) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox",
        headers={"Authorization": f"Bearer {token}"},
    )


async def read(client: httpx.AsyncClient, request: Request, fault: str = "") -> httpx.Response:
    """The answer to a request that asks for this fault, if any."""
    method, path, body = request
    headers = {FAULT: fault} if fault else {}
    return await client.request(method, path, json=body, headers=headers)


async def fails(service: Service, fault: str) -> httpx.Response:
    return await read(caller(service.create()), service.reading(), fault)


# Refusals in each service's own words


async def test_the_registry_limits_in_json_and_says_how_long_to_wait():
    response = await fails(COVOITURAGE, "429")

    assert response.status_code == 429
    assert response.json() == {"error": {"code": 429, "message": "Too many requests"}}
    assert response.headers["Retry-After"] == "30"
    assert response.headers["X-RateLimit-Limit"] == "100"
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert response.headers["X-RateLimit-Reset"] == IN_THIRTY_SECONDS


async def test_demarches_simplifiees_limits_in_two_languages_and_says_until_when():
    response = await fails(DEMARCHES, "429")

    assert response.status_code == 429
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text.startswith("Calme toi, cowboy !")
    assert "Too many requests" in response.text
    assert response.headers["RateLimit-Remaining"] == "0"
    assert response.headers["RateLimit-Reset"] == IN_THIRTY_SECONDS
    assert "Retry-After" not in response.headers


async def test_emjpm_limits_with_a_sentence_declared_as_html_and_a_whole_minute():
    response = await fails(EMJPM, "429")

    assert response.status_code == 429
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text == "Too many requests, please try again later."
    assert response.headers["Retry-After"] == "60"
    assert response.headers["X-RateLimit-Limit"] == "360"
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert response.headers["X-RateLimit-Reset"] == IN_THIRTY_SECONDS


async def test_faire_simple_fails_on_demand_behind_its_two_proofs():
    """It has no token to ask with: its own tests say what it limits and how it closes."""
    app = faire_simple.create(now=lambda: NOW, sleep=at_once)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox/api",
        auth=("sandbox", "sandbox"),
        params={"key": "sandbox"},
    )
    whole = await client.get("/users/4201")

    async def met(fault: str) -> httpx.Response:
        return await client.get("/users/4201", headers={FAULT: fault})

    assert (await met("429")).headers["Retry-After"] == "30"
    assert (await met("503")).headers["Content-Type"].startswith("text/html")
    assert (await met("html")).text.startswith("<!DOCTYPE html>")
    assert (await met("partial")).content == whole.content[: len(whole.content) // 2]
    assert (await met("lost")).content == whole.content, "nothing was written"
    assert (await met("gzip")).headers["Content-Encoding"] == "gzip"
    assert rb"\ud83d" in (await met("surrogate")).content
    assert (await client.get("/users/999003")).status_code == 503
    with pytest.raises(DroppedError):
        await client.post("/users/4201/statut", json={"action": 1}, headers={FAULT: "lost"})
    assert [write.applied for write in app.state.writes] == [True]


async def test_each_service_has_its_own_maintenance():
    registry_s, dossiers_s, mesures_s = [await fails(each, "503") for each in SERVICES]

    assert {each.status_code for each in (registry_s, dossiers_s, mesures_s)} == {503}
    assert registry_s.json() == {"code": 503, "error": "Service Unavailable"}
    assert dossiers_s.json().keys() == {"error"}
    assert dossiers_s.json()["error"].startswith("Le site est actuellement en maintenance.")
    assert mesures_s.headers["Content-Type"].startswith("text/html")
    assert "503 Service Temporarily Unavailable" in mesures_s.text


async def test_a_web_page_comes_with_status_200(service: Service):
    response = await fails(service, "html")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


# Three ways to ask, and how often


async def test_without_a_count_a_fault_is_met_every_time(service: Service):
    client = caller(service.create())

    statuses = [(await read(client, service.reading(), "503")).status_code for _ in range(3)]

    assert statuses == [503, 503, 503]


async def test_with_a_count_the_next_requests_are_served(service: Service):
    client = caller(service.create())

    asked = ["503; times=2"] * 4
    statuses = [(await read(client, service.reading(), each)).status_code for each in asked]

    assert statuses == [503, 503, 200, 200]


async def test_another_key_is_another_count(service: Service):
    client = caller(service.create())

    asked = [f"503; times=1; key={key}" for key in "aabb"]
    statuses = [(await read(client, service.reading(), each)).status_code for each in asked]

    assert statuses == [503, 200, 503, 200]


async def test_a_token_asks_for_a_fault_every_time(service: Service):
    client = caller(service.create(), "sandbox-fault-503")

    statuses = [(await read(client, service.reading())).status_code for _ in range(2)]

    assert statuses == [503, 503]


async def test_a_token_that_asks_for_a_fault_is_accepted_otherwise(service: Service):
    response = await read(caller(service.create(), "sandbox-fault-gzip"), service.reading())

    assert response.status_code == 200
    assert response.headers["Content-Encoding"] == "gzip"
    assert "errors" not in response.json()


async def test_a_reserved_number_asks_for_a_fault_every_time(service: Service):
    client = caller(service.create())

    async def twice(rank: int) -> list[httpx.Response]:
        reading = service.reading(f"{service.reserved}{rank}")
        return [await read(client, reading) for _ in range(2)]

    assert [each.status_code for each in await twice(2)] == [429, 429]
    assert [each.status_code for each in await twice(3)] == [503, 503]
    assert all(each.text.startswith("<!DOCTYPE html>") for each in await twice(4))
    assert all(each.headers["Content-Encoding"] == "gzip" for each in await twice(7))
    assert all(rb"\ud83d" in each.content for each in await twice(9))


@pytest.mark.parametrize("kind", ["Dossier", "Procedure"])
async def test_the_id_of_a_reserved_number_asks_as_well(kind: str):
    body = {"query": "{ __typename }", "variables": {"id": typed_id(kind, 999002)}}

    response = await caller(dossiers()).post(GRAPHQL, json=body)

    assert response.status_code == 429


async def test_a_reserved_numero_rg_asks_as_well():
    response = await caller(mesures()).post("/api/editors/mesures", json={"numero_rg": "00999003"})

    assert response.status_code == 503


@pytest.mark.parametrize("text", ["1999002", "9990021", "AB999002", "0.999002", "a-999002"])
async def test_a_reserved_number_inside_something_else_asks_for_nothing(text: str):
    body = {"query": "{ __typename }", "variables": {"text": text}}

    response = await caller(dossiers()).post(GRAPHQL, json=body)

    assert response.json() == {"data": {"__typename": "Query"}}


async def test_the_records_of_reserved_numbers_are_on_no_list():
    client = caller(mesures())

    listed = (await client.get("/api/editors/mesures")).json()["mesures"]

    assert not [mesure for mesure in listed if mesure["id"] >= 999001]


@pytest.mark.parametrize(
    "asked", ["wave", "429; times=few", "429, 503", "429; twice", "times=1", ";"]
)
async def test_a_fault_that_does_not_exist_is_refused_by_name(service: Service, asked: str):
    response = await fails(service, asked)

    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith(("The sandbox has no such fault.", FAULT))


async def test_a_token_for_a_fault_that_does_not_exist_is_refused(service: Service):
    response = await read(caller(service.create(), "sandbox-fault-wave"), service.reading())

    assert response.status_code == 400
    assert "surrogate" in response.json()["error"]


# Answers that are spoilt


@pytest.mark.parametrize("service", [COVOITURAGE, EMJPM], ids=["covoiturage", "emjpm"])
async def test_a_partial_answer_is_json_cut_short(service: Service):
    whole = (await read(caller(service.create()), service.reading())).content

    response = await fails(service, "partial")

    assert response.status_code == 200
    assert response.content == whole[: len(whole) // 2]
    assert response.headers["Content-Length"] == str(len(response.content))
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        response.json()


async def test_a_partial_page_lacks_one_dossier_and_says_so_at_the_root():
    response = await fails(DEMARCHES, "partial")

    document = response.json()
    numbers = [
        node and node["number"] for node in document["data"]["demarche"]["dossiers"]["nodes"]
    ]
    assert numbers == [None, 200002, 200003]
    (error,) = document["errors"]
    assert error["message"] == "Cannot return null for non-nullable field Dossier.number"
    assert error["path"] == ["demarche", "dossiers", "nodes", 0, "number"]
    assert error["extensions"] == {"code": "invalid_null"}


async def test_a_partial_page_keeps_the_cursor_of_the_dossier_it_lacks():
    query = "{ demarche(number: 1001) { dossiers(first: 1) { edges { cursor node { number } } } } }"

    response = await caller(dossiers()).post(
        GRAPHQL, json={"query": query}, headers={FAULT: "partial"}
    )

    (edge,) = response.json()["data"]["demarche"]["dossiers"]["edges"]
    assert edge["node"] is None
    assert edge["cursor"]


async def test_a_partial_answer_to_a_write_hides_a_dossier_that_was_decided():
    app = dossiers()

    response = await caller(app).post(GRAPHQL, json=acceptance(200001), headers={FAULT: "partial"})

    assert response.json()["data"] == {"dossierAccepter": {"dossier": None, "errors": None}}
    assert len(response.json()["errors"]) == 1
    assert [write.applied for write in app.state.writes] == [True]


async def test_an_answer_is_compressed_though_it_was_not_asked_for(service: Service):
    app = service.create()
    whole = (await read(caller(app), service.reading())).content

    client = caller(app)
    client.headers["Accept-Encoding"] = "identity"
    raw = await compressed(client, service.reading())

    assert gzip.decompress(raw) == whole


async def test_a_slow_answer_comes_byte_by_byte_and_then_at_once(service: Service):
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    app = service.create(pause)
    whole = (await read(caller(app), service.reading())).content

    response = await read(caller(app), service.reading(), "slow")

    assert response.content == whole
    assert pauses == [0.5] * min(len(whole), 240)


async def test_half_a_character_starts_one_text_and_the_rest_is_the_same(service: Service):
    app = service.create()
    whole = (await read(caller(app), service.reading())).content

    response = await read(caller(app), service.reading(), "surrogate")

    assert response.content.count(rb"\ud83d") == 1
    assert response.content.replace(rb"\ud83d", b"") == whole
    told = json.dumps(json.loads(response.content), ensure_ascii=False)
    with pytest.raises(UnicodeEncodeError):
        told.encode()


# Answers that never come, over a socket


class Watched:
    """An application that tells when it is done with a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.done = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            self.done.set()


@asynccontextmanager
async def far(app: ASGIApp, *, patience: float = 5.0) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the application, over a free port and for as long as the block runs."""
    headers, timeout = {"Authorization": "Bearer sandbox"}, httpx.Timeout(5, read=patience)
    async with (
        listening(app) as address,
        httpx.AsyncClient(base_url=address, headers=headers, timeout=timeout) as client,
    ):
        yield client


async def test_no_answer_comes_until_the_client_leaves(service: Service):
    app = Watched(service.create())

    async with far(app, patience=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await read(client, service.reading(), "timeout")
        with anyio.fail_after(5):
            await app.done.wait()


async def test_nothing_is_executed_for_a_client_that_is_not_answered():
    app = dossiers()

    async with far(app, patience=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(GRAPHQL, json=acceptance(200001), headers={FAULT: "timeout"})

    assert app.state.writes == []


async def test_a_slow_answer_stops_when_the_client_leaves(service: Service):
    async def forever(seconds: float) -> None:
        await anyio.sleep_forever()

    app = Watched(service.create(forever))

    async with far(app, patience=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await read(client, service.reading(), "slow")
        with anyio.fail_after(5):
            await app.done.wait()


async def test_an_import_is_done_and_its_answer_lost():
    app = registry()

    async with far(app) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await client.post(IMPORT, json=[row(6)])

    assert [write.imported for write in app.state.writes] == [1]


async def test_a_dossier_is_decided_and_the_answer_lost():
    app = dossiers()

    async with far(app) as client:
        before = await state_of(client, 999006)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await client.post(GRAPHQL, json=acceptance(999006))
        after = await state_of(client, 999006)

    assert (before, after) == ("en_instruction", "accepte")
    assert [(write.number, write.applied) for write in app.state.writes] == [(999006, True)]


async def test_a_write_on_emjpm_loses_its_answer():
    async with far(mesures()) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await client.put("/api/editors/mesures/999006", json={})
        read_again = await client.get("/api/editors/mesures/999006")

    assert read_again.json()["id"] == 999006


async def test_a_read_never_loses_its_answer(service: Service):
    client = caller(service.create())

    by_header = await read(client, service.reading(), "lost; times=1")
    by_number = await read(client, service.reading(f"{service.reserved}6"))

    assert (by_header.status_code, by_number.status_code) == (200, 200)


async def test_asking_the_registry_for_a_token_loses_nothing():
    keys = {"access_key": "sandbox", "secret_key": "sandbox"}

    response = await caller(registry()).post(
        "/v3.3/auth/access_token", json=keys, headers={FAULT: "lost"}
    )

    assert response.status_code == 201


async def test_a_read_does_not_count_as_a_loss():
    async with far(dossiers()) as client:
        await read(client, DEMARCHES.reading(), "lost; times=1")

        with pytest.raises(httpx.TransportError):
            await client.post(GRAPHQL, json=acceptance(200001), headers={FAULT: "lost; times=1"})
        repeated = await client.post(
            GRAPHQL, json=acceptance(200001), headers={FAULT: "lost; times=1"}
        )

    (refusal,) = repeated.json()["data"]["dossierAccepter"]["errors"]
    assert refusal["message"] == "Le dossier est déjà accepté"


async def test_without_a_socket_a_lost_answer_is_an_error_of_the_connection():
    app = registry()

    with pytest.raises(DroppedError):
        await caller(app).post(IMPORT, json=[row(6)])

    assert [write.imported for write in app.state.writes] == [1]


async def compressed(client: httpx.AsyncClient, request: Request) -> bytes:
    """The body of an answer as it was sent."""
    method, path, body = request
    async with client.stream(method, path, json=body, headers={FAULT: "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        return b"".join([chunk async for chunk in response.aiter_raw()])


async def state_of(client: httpx.AsyncClient, number: int) -> str:
    query = f"{{ dossier(number: {number}) {{ state }} }}"
    document: Any = (await client.post(GRAPHQL, json={"query": query})).json()
    return document["data"]["dossier"]["state"]


def acceptance(number: int) -> dict[str, object]:
    """The acceptance of a dossier by Camille, who may decide on it."""
    asked = {
        "dossierId": typed_id("Dossier", number),
        "instructeurId": typed_id("Instructeur", 21),
        "motivation": "Complet.",
    }
    return {"query": ACCEPT, "variables": {"input": asked}}


def row(rank: int) -> dict[str, object]:
    """An identity key for the application reserved for a fault."""
    return {
        "cee_application_type": "standardized",
        "cee_application_uuid": f"{COVOITURAGE.reserved}{rank}",
        "identity_key": "0123456789abcdef" * 4,
    }
