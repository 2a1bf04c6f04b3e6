"""An operator's keys become tokens, no more often than the service bears."""

import base64
import json
from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.approval import Approval
from clients.covoiturage import CovoiturageClient, OperatorKeys
from clients.covoiturage.applications import Application
from clients.errors import (
    AccessDeniedError,
    ApiError,
    LostAnswerError,
    UnavailableError,
    UnexpectedReplyError,
    WithdrawnError,
)
from clients.http import connected

ISSUED = 1_700_000_000.0
"""By the service's clock."""
START = ISSUED + 86_400
"""By ours, which may be wrong by a day."""
ROW = Application(
    cee_application_type="standardized",
    cee_application_uuid="0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c",
    identity_key="a" * 64,
)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def jwt(**claims: object) -> str:
    """A token with these claims, as the service makes them, except for its signature."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmF0dXJl"


TOKEN = jwt(iat=ISSUED, exp=ISSUED + 300)


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="http")
async def _http(clock: Clock) -> AsyncGenerator[httpx.AsyncClient]:
    async def no_pause(_: float) -> None: ...

    keys = OperatorKeys(
        "https://rpc.test/",
        access_key=SecretStr("access"),
        secret_key=SecretStr("s3cret"),
        version="v3.3",
        clock=clock,
    )
    async with connected("https://rpc.test", auth=keys, sleep=no_pause) as http:
        yield http


@pytest.fixture(name="exchange")
def _exchange(respx_mock: respx.MockRouter) -> respx.Route:
    route = respx_mock.post("https://rpc.test/v3.3/auth/access_token")
    return route.respond(201, json={"access_token": TOKEN})


@pytest.fixture(name="journeys")
def _journeys(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.get("https://rpc.test/journeys")


async def test_the_keys_are_exchanged_and_the_token_sent(
    http: httpx.AsyncClient, exchange: respx.Route, journeys: respx.Route
):
    await http.get("/journeys")

    asked = exchange.calls.last.request
    assert json.loads(asked.content) == {"access_key": "access", "secret_key": "s3cret"}
    assert "authorization" not in asked.headers
    assert asked.headers["accept-encoding"] == "identity"
    assert journeys.calls.last.request.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("sub", ["", "a", "ab", "abc"])
async def test_the_token_serves_until_thirty_seconds_before_its_end(
    http: httpx.AsyncClient,
    exchange: respx.Route,
    journeys: respx.Route,
    clock: Clock,
    sub: str,
):
    exchange.respond(201, json={"access_token": jwt(iat=ISSUED, exp=ISSUED + 300, sub=sub)})
    await http.get("/journeys")
    clock.now = START + 269
    await http.get("/journeys")
    assert exchange.call_count == 1

    clock.now = START + 270
    await http.get("/journeys")

    assert exchange.call_count == 2
    assert journeys.call_count == 3


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b",
        "a.%.c",
        "a..c",
        jwt(sub="x"),
        jwt(exp=ISSUED + 300),
        jwt(iat=ISSUED, exp="soon"),
        jwt(iat=ISSUED, exp=float("inf")),
    ],
)
async def test_a_token_that_does_not_say_how_long_serves_four_minutes(
    http: httpx.AsyncClient,
    exchange: respx.Route,
    journeys: respx.Route,
    clock: Clock,
    token: str,
):
    exchange.respond(201, json={"access_token": token})
    await http.get("/journeys")
    clock.now = START + 239
    await http.get("/journeys")
    assert exchange.call_count == 1

    clock.now = START + 240
    await http.get("/journeys")

    assert exchange.call_count == 2


async def test_requests_at_the_same_time_share_one_exchange(
    http: httpx.AsyncClient, exchange: respx.Route, journeys: respx.Route
):
    async def slowly(_: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        return httpx.Response(201, json={"access_token": TOKEN})

    exchange.side_effect = slowly

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(http.get, "/journeys")

    assert exchange.call_count == 1
    assert journeys.call_count == 20


async def test_a_sixth_exchange_within_a_minute_is_not_attempted(
    http: httpx.AsyncClient, exchange: respx.Route, clock: Clock
):
    """Wrong keys are the usual way to get there: each call tries them anew."""
    exchange.respond(401)
    for _ in range(5):
        with pytest.raises(AccessDeniedError):
            await http.get("/journeys")
        clock.now += 10

    with pytest.raises(UnavailableError, match="Try again in 10 seconds"):
        await http.get("/journeys")
    assert exchange.call_count == 5

    clock.now += 10
    with pytest.raises(AccessDeniedError):
        await http.get("/journeys")
    assert exchange.call_count == 6


@pytest.mark.parametrize(
    "refusal",
    [
        httpx.Response(
            401, json={"id": 1, "error": {"code": 401, "message": "Unauthorized Error"}}
        ),
        httpx.Response(500, json={"id": 1, "error": {"code": 500, "data": "JWSInvalid"}}),
        httpx.Response(500, json={"error": {"code": 500, "data": "JWTClaimValidationFailed"}}),
        httpx.Response(500, json={"error": {"code": 500, "data": "JsonWebTokenError"}}),
    ],
    ids=["401", "malformed", "wrong audience", "wrong signature"],
)
async def test_a_kept_token_that_is_refused_is_replaced_once(
    http: httpx.AsyncClient, exchange: respx.Route, journeys: respx.Route, refusal: httpx.Response
):
    await http.get("/journeys")
    journeys.side_effect = [refusal, httpx.Response(200)]
    exchange.respond(201, json={"access_token": "another"})

    response = await http.get("/journeys")

    assert response.status_code == 200
    assert exchange.call_count == 2
    assert journeys.call_count == 3
    assert journeys.calls.last.request.headers["authorization"] == "Bearer another"


async def test_a_late_refusal_does_not_discard_the_token_that_came_since(
    http: httpx.AsyncClient, exchange: respx.Route, journeys: respx.Route
):
    await http.get("/journeys")
    exchange.respond(201, json={"access_token": "another"})
    replaced = anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer another":
            return httpx.Response(200)
        if request.url.params:
            await replaced.wait()
        return httpx.Response(401)

    journeys.side_effect = answer

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(http.get, "/journeys?late=1")
            await anyio.wait_all_tasks_blocked()
            await http.get("/journeys")
            replaced.set()

    assert exchange.call_count == 2


async def test_a_new_token_that_is_refused_is_not_replaced(
    http: httpx.AsyncClient, exchange: respx.Route, journeys: respx.Route
):
    journeys.respond(401)

    response = await http.get("/journeys")

    assert response.status_code == 401
    assert exchange.call_count == 1
    assert journeys.call_count == 1


async def test_the_exchange_is_not_repeated_as_the_request_it_is_for_may_be(
    http: httpx.AsyncClient, exchange: respx.Route
):
    exchange.respond(502)

    with pytest.raises(UnavailableError):
        await http.post("/journeys", extensions={"repeatable": True})

    assert exchange.call_count == 1
    assert exchange.calls.last.request.extensions == {
        "timeout": {"connect": 5, "read": 30, "write": 30, "pool": 30}
    }


RPC_401 = {
    "jsonrpc": "2.0",
    "id": 1,
    "error": {
        "data": "Invalid access key or secret key",
        "code": -32501,
        "message": "Unauthorized Error",
    },
}


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(401, json=RPC_401), AccessDeniedError, "secret key is wrong.*_SECRET_KEY"),
        (httpx.Response(404), WithdrawnError, "GUICHET_COVOITURAGE_IMPORT_VERSION"),
        (httpx.Response(429, text="slow down"), UnavailableError, "a few minutes"),
        (
            httpx.Response(
                500, json={"error": {"message": "x", "data": "Failed to create access token"}}
            ),
            UnavailableError,
            "Failed to create access token",
        ),
        (httpx.Response(201, html="<p>Bonjour</p>"), UnexpectedReplyError, "no token came"),
        (httpx.Response(201, json={"access_token": ""}), UnexpectedReplyError, "no token came"),
    ],
    ids=["wrong keys", "other version", "too many", "no identity provider", "page", "no token"],
)
async def test_each_way_of_giving_no_token_has_its_own_error(
    http: httpx.AsyncClient,
    exchange: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    exchange.side_effect = None
    exchange.return_value = answer

    with pytest.raises(kind, match=told) as failure:
        await http.get("/journeys")

    assert "s3cret" not in repr(failure.value)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (httpx.ReadTimeout, "no complete answer"),
        (httpx.ConnectError, "cannot be reached: the connection is cut"),
    ],
)
async def test_a_lost_token_is_not_a_lost_change(
    http: httpx.AsyncClient,
    exchange: respx.Route,
    respx_mock: respx.MockRouter,
    trouble: type[Exception],
    told: str,
):
    """No token, no import: whoever asked may simply ask again."""
    written = respx_mock.post("https://rpc.test/v3.3/policies/cee/import/identity")
    exchange.side_effect = trouble

    with pytest.raises(UnavailableError, match=f"{told}.*Nothing was changed"):
        await CovoiturageClient(http).import_identities([ROW], approval=Approval("1"))

    assert not written.called


async def test_a_lost_change_is_still_one(
    http: httpx.AsyncClient, exchange: respx.Route, respx_mock: respx.MockRouter
):
    written = respx_mock.post("https://rpc.test/v3.3/policies/cee/import/identity")
    written.side_effect = httpx.ReadTimeout

    with pytest.raises(LostAnswerError):
        await CovoiturageClient(http).import_identities([ROW], approval=Approval("1"))

    assert exchange.call_count == 1
    assert written.call_count == 1


def test_the_keys_are_not_shown():
    keys = OperatorKeys(
        "https://rpc.test", access_key=SecretStr("access"), secret_key=SecretStr("s3cret")
    )

    assert "s3cret" not in repr(keys)
