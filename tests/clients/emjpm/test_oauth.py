"""How a user's consent becomes tokens, and how these are renewed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, parse_qsl, urlsplit

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.emjpm import EmjpmClient, OAuth, Pair, SignedIn
from clients.errors import (
    AccessDeniedError,
    ApiError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import connected

TOKEN = "https://emjpm.test/api/oauth/token"
PAGE = "https://emjpm.test/application/authorization"
MESURES = "https://emjpm.test/api/editors/mesures"
CALLBACK = "http://127.0.0.1:8767/emjpm"
NOW = 1_800_000_000.0
GIVEN = {
    "access_token": "a2",
    "token_type": "Bearer",
    "expires_in": 86399,
    "refresh_token": "r2",
}
CRASHED = {"error": "server_error", "error_description": "Cannot read property 'client_id'"}
INVALID = {"error": "invalid_token", "error_description": "Invalid token: access token is invalid"}


class Memory:
    """A store that keeps what it was given, and remembers what happened to it."""

    def __init__(self, pair: Pair | None = None) -> None:
        self.pair = pair
        self.done: list[str] = []
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        async with self._lock:
            self.done.append("alone")
            yield

    async def read(self) -> Pair | None:
        return self.pair

    async def write(self, pair: Pair) -> None:
        await anyio.lowlevel.checkpoint()
        self.done.append("write")
        self.pair = pair

    async def forget(self) -> None:
        self.done.append("forget")
        self.pair = None


def pair(n: int, *, end: float = NOW + 3600) -> Pair:
    return Pair(access_token=SecretStr(f"a{n}"), refresh_token=SecretStr(f"r{n}"), end=end)


def revealed(kept: Pair | None) -> tuple[str, str] | None:
    return kept and (kept.access_token.get_secret_value(), kept.refresh_token.get_secret_value())


@pytest.fixture(name="oauth")
async def _oauth() -> AsyncGenerator[OAuth]:
    async with connected("https://emjpm.test") as http:
        yield OAuth(
            http,
            authorize_url=PAGE,
            client_id="7",
            client_secret=SecretStr("s3cret"),
            redirect_uri=CALLBACK,
            clock=lambda: NOW,
        )


@asynccontextmanager
async def signed_in(oauth: OAuth, store: Memory) -> AsyncGenerator[EmjpmClient]:
    auth = SignedIn(oauth, store, clock=lambda: NOW)
    async with connected("https://emjpm.test", auth=auth) as http:
        yield EmjpmClient(http)


def known(*tokens: str) -> respx.Route:
    """A service that knows these tokens."""

    def listed(request: httpx.Request) -> httpx.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        good, bad = httpx.Response(200, json={"mesures": []}), httpx.Response(401, json=INVALID)
        return good if token in tokens else bad

    return respx.get(MESURES).mock(side_effect=listed)


# The page, and the code.


async def test_the_consent_page_is_told_who_asks_and_where_to_come_back(oauth: OAuth):
    page = urlsplit(oauth.consent_page("a state & more"))

    assert f"{page.scheme}://{page.netloc}{page.path}" == PAGE
    assert dict(parse_qsl(page.query)) == {
        "client_id": "7",
        "redirect_uri": CALLBACK,
        "state": "a state & more",
    }


async def test_a_code_is_changed_for_a_pair_in_a_form(oauth: OAuth, respx_mock: respx.MockRouter):
    route = respx_mock.post(TOKEN).respond(json=GIVEN)

    bought = await oauth.exchange("c0de")

    request = route.calls.last.request
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "client_id": ["7"],
        "client_secret": ["s3cret"],
        "redirect_uri": [CALLBACK],
        "code": ["c0de"],
        "grant_type": ["authorization_code"],
    }
    assert revealed(bought) == ("a2", "r2")
    assert NOW + 86_000 < bought.end < NOW + 86_399


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(503, json=CRASHED), RejectedError, "guichet login emjpm"),
        (httpx.Response(400, json={"error": "invalid_grant"}), RejectedError, "five minutes"),
        (httpx.Response(400, json={"error": "invalid_client"}), AccessDeniedError, "CLIENT_ID"),
        (httpx.Response(401, json={"error": "invalid_client"}), AccessDeniedError, "CLIENT_ID"),
        (httpx.Response(400, json={"error": "invalid_request"}), AccessDeniedError, "REDIRECT_URI"),
        (httpx.Response(500, html="<html>"), UnavailableError, "HTTP 500"),
        (httpx.Response(200, html="<html>"), UnexpectedReplyError, "unreadable"),
        (httpx.Response(200, json=GIVEN | {"access_token": ""}), UnexpectedReplyError, "access"),
    ],
    ids=["unknown", "old", "client", "client by basic", "request", "down", "not JSON", "empty"],
)
async def test_a_code_that_buys_nothing_says_whose_move_it_is_and_is_sent_once(
    oauth: OAuth,
    respx_mock: respx.MockRouter,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    route = respx_mock.post(TOKEN).mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await oauth.exchange("c0de-s3cret")

    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert route.call_count == 1


# Renewing.


@respx.mock
async def test_a_good_token_is_used_as_it_is(oauth: OAuth):
    known("a1")
    store = Memory(pair(1))

    async with signed_in(oauth, store) as emjpm:
        await emjpm.mesures()

    assert store.done == []


@respx.mock
@pytest.mark.parametrize("end", [NOW, NOW + 3600], ids=["known to be over", "refused"])
async def test_a_token_that_is_over_is_renewed_and_kept_before_it_is_used(oauth: OAuth, end: float):
    store = Memory(pair(1, end=end))
    renewed = respx.post(TOKEN).respond(json=GIVEN)

    def listed(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != "Bearer a2":
            return httpx.Response(401, json=INVALID)
        assert revealed(store.pair) == ("a2", "r2")
        return httpx.Response(200, json={"mesures": []})

    respx.get(MESURES).mock(side_effect=listed)
    async with signed_in(oauth, store) as emjpm:
        await emjpm.mesures()

    assert store.done == ["alone", "write"]
    sent = parse_qs(renewed.calls.last.request.content.decode())
    assert (sent["grant_type"], sent["refresh_token"]) == (["refresh_token"], ["r1"])


@respx.mock
async def test_a_pair_that_another_process_renewed_is_not_renewed_again(oauth: OAuth):
    store = Memory(pair(1))
    renewed = respx.post(TOKEN).respond(json=GIVEN)

    def listed(request: httpx.Request) -> httpx.Response:
        good = request.headers["authorization"] == "Bearer a9"
        store.pair = pair(9)
        return httpx.Response(200, json=[]) if good else httpx.Response(401, json=INVALID)

    respx.get(MESURES).mock(side_effect=listed)
    async with signed_in(oauth, store) as emjpm:
        await emjpm.mesures()

    assert not renewed.called


@respx.mock
async def test_twenty_calls_at_once_renew_once(oauth: OAuth):
    known("a2")
    store = Memory(pair(1))
    renewed = respx.post(TOKEN).respond(json=GIVEN)

    async with signed_in(oauth, store) as emjpm, anyio.create_task_group() as calls:
        for _ in range(20):
            calls.start_soon(emjpm.mesures)

    assert renewed.call_count == 1


@respx.mock
async def test_a_sign_in_that_has_ended_is_forgotten_and_the_command_told(oauth: OAuth):
    known()
    store = Memory(pair(1))
    respx.post(TOKEN).respond(400, json={"error": "invalid_grant"})

    async with signed_in(oauth, store) as emjpm:
        with pytest.raises(AccessDeniedError) as caught:
            await emjpm.mesures()

    assert str(caught.value).endswith("Run `guichet login emjpm`.")
    assert store.pair is None


@respx.mock
async def test_nobody_signed_in_is_told_with_the_command_and_nothing_is_sent(oauth: OAuth):
    route = known("a1")

    async with signed_in(oauth, Memory()) as emjpm:
        with pytest.raises(AccessDeniedError) as caught:
            await emjpm.mesures()

    assert str(caught.value).endswith("Run `guichet login emjpm`.")
    assert not route.called


@respx.mock
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, html="<html>"),
        httpx.Response(400, json={"error": "invalid_client"}),
        httpx.Response(200, html="<html>"),
    ],
    ids=["down", "wrong secret", "not JSON"],
)
async def test_a_renewal_that_fails_otherwise_forgets_nothing(oauth: OAuth, answer: httpx.Response):
    known()
    store = Memory(pair(1))
    route = respx.post(TOKEN).mock(return_value=answer)

    async with signed_in(oauth, store) as emjpm:
        with pytest.raises(ApiError):
            await emjpm.mesures()

    assert revealed(store.pair) == ("a1", "r1")
    assert route.call_count == 1


@respx.mock
async def test_a_renewal_runs_to_its_end_when_the_call_is_given_up(oauth: OAuth):
    """Its answer is the only place where the next pair is."""
    known("a2")
    store = Memory(pair(1))

    async with anyio.create_task_group() as calls:

        def given_up(_: httpx.Request) -> httpx.Response:
            calls.cancel_scope.cancel()
            return httpx.Response(200, json=GIVEN)

        respx.post(TOKEN).mock(side_effect=given_up)
        async with signed_in(oauth, store) as emjpm:
            await emjpm.mesures()

    assert revealed(store.pair) == ("a2", "r2")


def test_a_pair_says_nothing_of_itself():
    assert "a1" not in repr(pair(1))
    assert "r1" not in f"{pair(1)}"
