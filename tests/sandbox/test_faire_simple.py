"""What the miniature faire-simple answers: two documented routes, and what is invented for it."""

import base64
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server.sandbox import faire_simple

BASIC = f"Basic {base64.b64encode(b'sandbox:sandbox').decode()}"


@pytest.fixture(name="app")
def _app() -> Starlette:
    return faire_simple.create()


def caller(app: Starlette, basic: str = BASIC, key: str = "sandbox") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox/api",
        headers={"Authorization": basic} if basic else {},
        params={"key": key} if key else {},
    )


@pytest.fixture(name="application")
def _application(app: Starlette) -> httpx.AsyncClient:
    return caller(app)


# The two proofs.


@pytest.mark.parametrize(
    ("basic", "key"),
    [
        ("", ""),
        (BASIC, ""),
        ("", "sandbox"),
        (BASIC, "other"),
        ("Basic c2FuZGJveDpvdGhlcg==", "sandbox"),
        ("Basic b3RoZXI6c2FuZGJveA==", "sandbox"),
        ("Basic ?", "sandbox"),
        ("Basic w6k=", "sandbox"),
        ("Bearer sandbox", "sandbox"),
        (BASIC, "clé"),
    ],
    ids=[
        *("neither", "no key", "no login", "another key", "another password", "another login"),
        *("not base64", "no colon", "a token", "not ASCII"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/4201"),
        ("POST", "/users/4201/statut"),
        ("GET", "/partenaires"),
        ("GET", "/nowhere"),
    ],
)
async def test_both_proofs_are_asked_for_whatever_the_route(
    app: Starlette, basic: str, key: str, method: str, path: str
):
    response = await caller(app, basic, key).request(method, path, json={"action": 1})

    assert response.status_code == 401
    assert list(response.json()) == ["erreur"]
    assert not app.state.writes


# The two documented routes.


async def test_a_partner_is_read_by_its_uid(application: httpx.AsyncClient):
    partner = (await application.get("/users/4201")).json()

    assert partner["uid"] == "4201"
    assert partner["statut"] == 0


@pytest.mark.parametrize("action", [1, 0])
async def test_a_partner_is_registered_or_unregistered_as_often_as_asked(
    app: Starlette, application: httpx.AsyncClient, action: int
):
    for _ in range(2):
        answer = await application.post("/users/4202/statut", json={"action": action})
        assert (answer.status_code, answer.json()) == (200, {"uid": "4202", "statut": action})

    assert (await application.get("/users/4202")).json()["statut"] == action
    assert app.state.writes == [faire_simple.Write("4202", action, applied=True)] * 2


@pytest.mark.parametrize(
    "body", [b"", b"1", b"[]", b"{}", b'{"action": 2}', b'{"action": true}', b'{"action": "1"}']
)
async def test_no_other_action_changes_anything(
    app: Starlette, application: httpx.AsyncClient, body: bytes
):
    before = (await application.get("/users/4201")).json()

    response = await application.post("/users/4201/statut", content=body)

    assert response.status_code == 400
    assert (await application.get("/users/4201")).json() == before
    assert [write.applied for write in app.state.writes] == [False]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/1"),
        ("POST", "/users/1/statut"),
        ("GET", "/users/4201/statut"),
        ("POST", "/users/4201"),
        ("GET", "/users"),
    ],
)
async def test_anything_else_is_not_found(application: httpx.AsyncClient, method: str, path: str):
    response = await application.request(method, path, json={"action": 1})

    assert response.status_code == 404
    assert response.json() == {"erreur": "introuvable"}


# What is invented: answers of every shape.


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/partenaires", list),
        ("/thematiques", dict),
        ("/campagnes", dict),
        ("/propositions", list),
        ("/actualisation", dict),
        ("/actualisation/2026-1", dict),
    ],
)
async def test_each_flow_has_a_path(application: httpx.AsyncClient, path: str, shape: type[object]):
    response = await application.get(path)

    assert response.status_code == 200
    assert isinstance(response.json(), shape)


async def test_partners_are_listed_without_those_that_ask_for_faults(
    application: httpx.AsyncClient,
):
    listed: list[dict[str, Any]] = (await application.get("/partenaires")).json()

    numbered = [str(uid) for uid in range(4201, 4260)]
    assert [partner["uid"] for partner in listed] == [*numbered, "asso-marne"]


async def test_an_update_says_the_status_of_now(application: httpx.AsyncClient):
    await application.post("/users/4201/statut", json={"action": 1})

    update = (await application.get("/actualisation/2026-1")).json()

    assert update["semestre"] == "2026-1"
    assert update["partenaires"][0] == {"uid": "4201", "statut": 1}


async def test_every_start_is_a_fresh_one(application: httpx.AsyncClient):
    await application.post("/users/4201/statut", json={"action": 1})

    again = await caller(faire_simple.create()).get("/users/4201")

    assert again.json()["statut"] == 0
