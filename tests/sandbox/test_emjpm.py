"""What the miniature eMJPM answers, against what was observed of the real one."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import TypeAdapter
from starlette.applications import Starlette

from server.sandbox.emjpm import create
from server.sandbox.emjpm.mesures import FIRST_ID, Mesure

MESURES = "/api/editors/mesures"

Document = dict[str, object]
_LIST = TypeAdapter(list[Document])


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, **duration: int) -> None:
        self.time += timedelta(**duration)


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="app")
def _app(clock: Clock) -> Starlette:
    return create(now=clock)


def caller(app: Starlette, headers: dict[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers)


@pytest.fixture(name="anonymous")
def _anonymous(app: Starlette) -> httpx.AsyncClient:
    return caller(app, {})


@pytest.fixture(name="editor")
def _editor(app: Starlette) -> httpx.AsyncClient:
    return caller(app, {"Authorization": "Bearer sandbox"})


async def listed(editor: httpx.AsyncClient, status: str = "") -> list[Document]:
    response = await editor.get(MESURES, params={"status": status} if status else {})
    assert response.status_code == 200
    return _LIST.validate_python(response.json()["mesures"])


def checks(siret: str) -> bool:
    """Whether the last digit is the one that the others call for."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(siret)]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


# Mesures


async def test_every_mesure_has_one_of_three_states(editor: httpx.AsyncClient):
    everything = await listed(editor)
    states = {s: await listed(editor, s) for s in ("en_cours", "en_attente", "eteinte")}

    assert {state: len(mesures) for state, mesures in states.items()} == {
        "en_cours": 48,
        "en_attente": 12,
        "eteinte": 12,
    }
    found = [mesure["id"] for mesures in states.values() for mesure in mesures]
    assert sorted(map(str, found)) == sorted(str(mesure["id"]) for mesure in everything)


@pytest.mark.parametrize(("query", "size"), [("", 72), ("?status=", 72), ("?status=En_cours", 0)])
async def test_a_status_is_compared_as_it_is_written(
    editor: httpx.AsyncClient, query: str, size: int
):
    response = await editor.get(f"{MESURES}{query}")

    assert response.status_code == 200
    assert len(response.json()["mesures"]) == size


async def test_mesures_come_in_no_order(editor: httpx.AsyncClient):
    dates = [str(mesure["date_nomination"]) for mesure in await listed(editor, "en_cours")]

    assert dates != sorted(dates)
    assert dates != sorted(dates, reverse=True)


async def test_some_mesures_share_their_date_of_nomination(editor: httpx.AsyncClient):
    dates = Counter(mesure["date_nomination"] for mesure in await listed(editor, "en_cours"))

    assert max(dates.values()) > 1


async def test_a_mesure_has_the_keys_of_the_service_and_no_status(editor: httpx.AsyncClient):
    everything = await listed(editor)

    assert all(mesure.keys() == Mesure.__annotations__.keys() for mesure in everything)


async def test_prestations_sociales_are_told_one_mesure_at_a_time(editor: httpx.AsyncClient):
    number = FIRST_ID + 1

    in_list = next(m for m in await listed(editor) if m["id"] == number)
    alone = (await editor.get(f"{MESURES}/{number}")).json()

    assert in_list["ressources"] == [{"annee": 2019, "niveau_ressource": "9870.5"}]
    assert alone["ressources"] == [
        {"annee": 2019, "niveau_ressource": "9870.5", "prestations_sociales": []}
    ]
    assert {**alone, "ressources": in_list["ressources"]} == in_list


async def test_a_mesure_that_waits_has_neither_dates_nor_history(editor: httpx.AsyncClient):
    unknown = ("date_nomination", "date_premier_mesure", "date_protection_en_cours", "editor_id")

    waiting = await listed(editor, "en_attente")

    assert waiting
    for mesure in waiting:
        assert mesure["etats"] == mesure["ressources"] == []
        assert [mesure[name] for name in unknown] == [None] * len(unknown)


async def test_extinguished_mesures_alone_have_ended(editor: httpx.AsyncClient):
    over = await listed(editor, "eteinte")
    others = await listed(editor, "en_cours")

    assert all("2019" < str(mesure["date_fin_mesure"]) < "2025" for mesure in over)
    assert all(mesure["cause_sortie"] for mesure in over)
    assert not any(mesure["date_fin_mesure"] for mesure in others)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (9, "habilitation_familiale"),
        (19, "AEEH"),
        (21, "etablissement_conservation_domicile"),
        (26, "revocation"),
        (31, "non_renseigne"),
    ],
)
async def test_some_values_are_not_in_any_documentation(
    editor: httpx.AsyncClient, number: int, value: str
):
    response = await editor.get(f"{MESURES}/{FIRST_ID + number}")

    assert value in response.text


@pytest.mark.parametrize("number", ["1", "-1", "2147483647"])
async def test_an_unknown_mesure_is_an_empty_404(editor: httpx.AsyncClient, number: str):
    response = await editor.get(f"{MESURES}/{number}")

    assert response.status_code == 404
    assert response.content == b""


@pytest.mark.parametrize("number", ["abc", "1.5", "2147483648", "١٢"])
async def test_a_mesure_is_asked_for_by_an_integer_of_32_bits(
    editor: httpx.AsyncClient, number: str
):
    response = await editor.get(f"{MESURES}/{number}")

    assert response.status_code == 400
    assert response.json() == {
        "errors": [{"msg": "oups, something goes wrong. please contact support."}]
    }


# Tribunaux and antennes


@pytest.mark.parametrize(
    ("path", "name", "keys"),
    [
        (
            "tribunaux",
            "tribunaux",
            {"adresse", "code_postal", "latitude", "longitude", "nom", "siret", "ville"},
        ),
        ("service-antennes", "antennes", {"adresse", "code_postal", "id", "nom", "ville"}),
    ],
)
async def test_places_come_under_their_name(
    editor: httpx.AsyncClient, path: str, name: str, keys: set[str]
):
    document = (await editor.get(f"/api/editors/{path}")).json()

    assert list(document) == [name]
    assert all(place.keys() == keys for place in document[name])


async def test_mesures_refer_to_listed_tribunaux_and_antennes(editor: httpx.AsyncClient):
    tribunaux = (await editor.get("/api/editors/tribunaux")).json()["tribunaux"]
    antennes = (await editor.get("/api/editors/service-antennes")).json()["antennes"]
    everything = await listed(editor)

    assert {m["tribunal_siret"] for m in everything} <= {t["siret"] for t in tribunaux}
    assert {m["antenne_id"] for m in everything} == {None, *(a["id"] for a in antennes)}


async def test_the_290_tribunaux_come_at_once_each_with_a_siret_of_its_own(
    editor: httpx.AsyncClient,
):
    tribunaux = (await editor.get("/api/editors/tribunaux")).json()["tribunaux"]

    sirets = {tribunal["siret"] for tribunal in tribunaux}
    assert len(tribunaux) == len(sirets) == 290
    assert all(len(siret) == 14 and checks(siret) for siret in sirets)


# Users

USER = "/api/mandoline/user"
SERVICES = "/api/mandoline/direction-services"


async def test_a_user_is_told_with_the_service_they_work_for(editor: httpx.AsyncClient):
    user = (await editor.get(USER)).json()

    assert user["type"] == "service"
    assert user["service"]["mesures_en_cours"] == 48
    assert user["service"]["mesures_en_attente"] == 12
    assert user["service"]["departements"] == [{"code": "51", "nom": "Marne"}]


async def test_a_direction_has_services_and_no_mesure(app: Starlette):
    direction = caller(app, {"Authorization": "Bearer sandbox-direction"})

    services = await direction.get(SERVICES)
    mesures = await direction.get(MESURES)

    assert [service["id"] for service in services.json()] == [50, 51]
    assert (mesures.status_code, mesures.json()) == (
        422,
        {"errors": [{"msg": "mandataire not found"}]},
    )


async def test_the_services_of_a_direction_are_for_a_direction(editor: httpx.AsyncClient):
    refused = await editor.get(SERVICES)

    assert refused.status_code == 422
    assert "only allowed for user of type 'direction'" in refused.text


async def test_a_mandataire_of_his_own_has_no_antenne(app: Starlette):
    alone = caller(app, {"Authorization": "Bearer sandbox-individuel"})

    assert (await alone.get("/api/editors/service-antennes")).json() == {"antennes": []}
    assert (await alone.get(USER)).json()["type"] == "individuel"


# The door


@pytest.mark.parametrize(
    ("authorization", "status", "document"),
    [
        (
            "Bearer other",
            401,
            {
                "error": "invalid_token",
                "error_description": "Invalid token: access token is invalid",
            },
        ),
        (
            "bearer sandbox",
            400,
            {
                "error": "invalid_request",
                "error_description": "Invalid request: malformed authorization header",
            },
        ),
    ],
)
async def test_a_wrong_token_is_told_from_a_malformed_one(
    app: Starlette, authorization: str, status: int, document: Document
):
    response = await caller(app, {"Authorization": authorization}).get(MESURES)

    assert response.status_code == status
    assert response.json() == document


async def test_no_token_is_an_empty_401(anonymous: httpx.AsyncClient):
    response = await anonymous.get(MESURES)

    assert response.status_code == 401
    assert response.content == b""
    assert "WWW-Authenticate" not in response.headers


async def test_a_token_does_not_go_in_the_address(
    anonymous: httpx.AsyncClient, editor: httpx.AsyncClient
):
    alone = await anonymous.get(MESURES, params={"access_token": "sandbox"})
    both = await editor.get(MESURES, params={"access_token": "sandbox"})

    assert (alone.status_code, both.status_code) == (400, 400)
    assert "do not send bearer tokens in query URLs" in alone.text
    assert "only one authentication method is allowed" in both.text


async def test_360_requests_a_minute_are_answered(
    anonymous: httpx.AsyncClient, editor: httpx.AsyncClient, clock: Clock
):
    """Refused ones count as well, and everyone shares the count."""
    answered = [await anonymous.get(MESURES), *[await editor.get(MESURES) for _ in range(359)]]
    clock.wait(seconds=59)
    refused = await editor.get(MESURES)
    clock.wait(seconds=1)
    later = await editor.get(MESURES)

    assert answered[0].headers["X-RateLimit-Remaining"] == "359"
    assert answered[-1].headers["X-RateLimit-Remaining"] == "0"
    assert answered[-1].status_code == later.status_code == 200
    assert refused.status_code == 429
    assert refused.text == "Too many requests, please try again later."
    assert refused.headers["Content-Type"] == "text/html; charset=utf-8"
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["X-RateLimit-Limit"] == "360"
    assert refused.headers["X-RateLimit-Reset"] == f"{clock().timestamp():.0f}"


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("GET", "/api/editors/dossiers", "/api/editors/dossiers"),
        ("PATCH", MESURES, MESURES),
        ("POST", "/api/editors", "/api/editors"),
        ("GET", "/<b>", "/&lt;b&gt;"),
    ],
)
async def test_anything_else_is_not_found_by_express(
    editor: httpx.AsyncClient, method: str, path: str, shown: str
):
    response = await editor.request(method, path)

    assert response.status_code == 404
    assert f"<pre>Cannot {method} {shown}</pre>" in response.text


async def test_an_unknown_path_asks_for_a_token_first(anonymous: httpx.AsyncClient):
    response = await anonymous.get("/api/editors/dossiers")

    assert response.status_code == 401
