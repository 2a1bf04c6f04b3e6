"""How one signs in to the miniature eMJPM, with the oddities of the real one."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette

from server.sandbox.emjpm import create

CALLBACK = "http://127.0.0.1:8767/emjpm"
AUTHORIZE, TOKEN, USER = "/api/oauth/authorize", "/api/oauth/token", "/api/mandoline/user"
EDITOR = {"client_id": "7", "client_secret": "sandbox"}
ASKED = {
    "response_type": "code",
    "client_id": "7",
    "redirect_uri": CALLBACK,
    "state": "abc",
    "access_token": "sandbox",
}

Fields = dict[str, str]


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, **duration: int) -> None:
        self.time += timedelta(**duration)


async def at_once(_: float) -> None:
    """A wait that is over."""


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="app")
def _app(clock: Clock) -> Starlette:
    return create(now=clock, sleep=at_once)


@pytest.fixture(name="http")
def _http(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")


async def code(http: httpx.AsyncClient) -> str:
    """What a consent sends back."""
    response = await http.post(AUTHORIZE, data=ASKED)
    assert response.status_code == 302
    return httpx.URL(response.headers["location"]).params["code"]


async def exchange(http: httpx.AsyncClient, **fields: str) -> httpx.Response:
    form = EDITOR | {"grant_type": "authorization_code", "redirect_uri": CALLBACK} | fields
    return await http.post(TOKEN, data=form)


async def refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    form = EDITOR | {"grant_type": "refresh_token", "refresh_token": token}
    return await http.post(TOKEN, data=form)


async def bought(http: httpx.AsyncClient) -> Fields:
    """A new pair."""
    return (await exchange(http, code=await code(http))).json()


async def status(http: httpx.AsyncClient, pair: Fields) -> int:
    """What the pair is answered when it is used."""
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    return (await http.get(USER, headers=bearer)).status_code


# The page, and the code.


async def test_the_page_offers_to_consent_and_to_refuse(http: httpx.AsyncClient):
    asked = {"client_id": "7", "redirect_uri": CALLBACK, "state": "<abc>"}
    page = (await http.get("/application/authorization", params=asked)).text

    assert 'name="state" value="&lt;abc&gt;"' in page
    assert f'href="{CALLBACK}?error_reason=user_denied' in page


async def test_the_page_makes_up_the_state_it_is_not_given(http: httpx.AsyncClient):
    asked = {"client_id": "7", "redirect_uri": CALLBACK}
    page = (await http.get("/application/authorization", params=asked)).text

    assert re.search(r'name="state" value="[0-9a-f]+"', page)


async def test_a_consent_comes_back_with_a_code_and_the_state(http: httpx.AsyncClient):
    response = await http.post(AUTHORIZE, data=ASKED)

    back = httpx.URL(response.headers["location"])
    assert str(back).startswith(f"{CALLBACK}?")
    assert re.fullmatch(r"[0-9a-f]{40}", back.params["code"])
    assert back.params["state"] == "abc"


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({"redirect_uri": f"{CALLBACK}/"}, 400),
        ({"client_id": "8"}, 400),
        ({"state": ""}, 400),
        ({"access_token": "nobody"}, 401),
        ({"client_id": "abc"}, 504),
    ],
)
async def test_anything_else_sends_nobody_anywhere(
    http: httpx.AsyncClient, changes: Fields, answered: int
):
    response = await http.post(AUTHORIZE, data=ASKED | changes)

    assert response.status_code == answered
    assert "location" not in response.headers


# The exchange.


async def test_a_code_buys_a_pair_that_opens_the_service(http: httpx.AsyncClient):
    pair = await bought(http)

    assert pair.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 86399)
    assert await status(http, pair) == 200


async def test_a_code_is_good_several_times_and_each_kills_the_pair_before(
    http: httpx.AsyncClient,
):
    same = await code(http)
    first = (await exchange(http, code=same)).json()
    second = (await exchange(http, code=same)).json()

    assert (await status(http, first), await status(http, second)) == (401, 200)


@pytest.mark.parametrize(
    ("fields", "answered", "error"),
    [
        ({"code": "0" * 40}, 503, "server_error"),
        ({"client_id": "abc", "code": "x"}, 503, "server_error"),
        ({}, 400, "invalid_request"),
        ({"code": "x", "client_secret": "wrong"}, 400, "invalid_client"),
        ({"code": "x", "client_secret": ""}, 400, "invalid_client"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_an_exchange_that_fails_says_why(
    http: httpx.AsyncClient, fields: Fields, answered: int, error: str
):
    response = await exchange(http, **fields)

    assert (response.status_code, response.json()["error"]) == (answered, error)


async def test_a_code_is_for_one_address_and_five_minutes(http: httpx.AsyncClient, clock: Clock):
    same = await code(http)
    elsewhere = await exchange(http, code=same, redirect_uri="http://localhost:8767/emjpm")
    clock.wait(minutes=5)
    late = await exchange(http, code=same)

    assert elsewhere.json()["error"] == "invalid_request"
    assert late.json() == {
        "error": "invalid_grant",
        "error_description": "Invalid grant: authorization code has expired",
    }


async def test_an_exchange_is_a_form_that_is_posted(http: httpx.AsyncClient):
    assert (await http.post(TOKEN, json=EDITOR)).json()["error"] == "invalid_request"
    assert (await http.get(TOKEN, params=EDITOR)).status_code == 404


async def test_a_wrong_secret_given_by_basic_is_told_with_another_status(http: httpx.AsyncClient):
    form = {"grant_type": "refresh_token", "refresh_token": "x"}

    right = await http.post(TOKEN, data=form, auth=("7", "sandbox"))
    wrong = await http.post(TOKEN, data=form, auth=("7", "wrong"))

    assert (right.status_code, right.json()["error"]) == (400, "invalid_grant")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


# Refreshing, expiring, being revoked.


async def test_a_refresh_token_is_good_once(http: httpx.AsyncClient):
    old = await bought(http)
    new = await refresh(http, old["refresh_token"])
    again = await refresh(http, old["refresh_token"])

    assert (await status(http, old), await status(http, new.json())) == (401, 200)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_pair_ends_with_time(http: httpx.AsyncClient, clock: Clock):
    pair = await bought(http)
    clock.wait(hours=24)
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    expired = await http.get(USER, headers=bearer)
    clock.wait(days=13)
    too_late = await refresh(http, pair["refresh_token"])

    assert expired.json()["error_description"] == "Invalid token: access token has expired"
    assert too_late.json()["error_description"] == "Invalid grant: refresh token has expired"


async def test_a_user_who_revokes_ends_the_pair(app: Starlette, http: httpx.AsyncClient):
    pair = await bought(http)

    app.state.grants.revoke()

    assert await status(http, pair) == 401
    assert (await refresh(http, pair["refresh_token"])).json()["error"] == "invalid_grant"


async def test_the_fixed_token_outlives_everything(app: Starlette, http: httpx.AsyncClient):
    await bought(http)
    app.state.grants.revoke()

    assert await status(http, {"access_token": "sandbox"}) == 200
