"""What the faire-simple client asks for, as its document says, and what it makes of the answers."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients import Approval
from clients.errors import (
    AccessDeniedError,
    ApiError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.faire_simple import FaireSimpleClient, Keyed
from clients.http import connected
from clients.known import Flow

URL = "https://faire-simple.test/api"
KEY = "6bb1/6ea+35 b02"
"""With signs that an address spells otherwise."""
AGREED = Approval("1")
PATHS: dict[Flow, str] = {"thematics": "/themes", "updates_by_semester": "maj/{semester}/total"}


class Sent(httpx.MockTransport):
    """A network that answers nothing much, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.targets: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.targets.append(request.url.raw_path.decode())
        return answering(b"{}")


def answering(body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer that is still to be read, as those of a network are."""
    return httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))


@asynccontextmanager
async def opened(way: httpx.AsyncBaseTransport) -> AsyncGenerator[FaireSimpleClient]:
    async def no_pause(_: float) -> None: ...

    keyed, basic = Keyed(way, SecretStr(KEY)), httpx.BasicAuth("app", "passe")
    async with connected(URL, auth=basic, transport=keyed, sleep=no_pause) as http:
        yield FaireSimpleClient(http, PATHS)


@pytest.fixture(name="faire_simple")
async def _faire_simple() -> AsyncGenerator[FaireSimpleClient]:
    async with opened(httpx.AsyncHTTPTransport()) as client:
        yield client


@pytest.fixture(name="account")
def _account(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.get(f"{URL}/users/42")


@pytest.fixture(name="status")
def _status(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.post(f"{URL}/users/42/statut")


# What is asked.


async def test_every_request_has_both_proofs(
    faire_simple: FaireSimpleClient, account: respx.Route, status: respx.Route
):
    account.respond(json={})
    status.respond(json={})

    await faire_simple.partner("42")
    await faire_simple.set_status("42", registered=True, approval=AGREED)

    for route in (account, status):
        request = route.calls.last.request
        assert request.headers["authorization"] == "Basic YXBwOnBhc3Nl"
        assert request.url.params == httpx.QueryParams(key=KEY)


@pytest.mark.parametrize(("registered", "body"), [(True, {"action": 1}), (False, {"action": 0})])
async def test_a_status_is_changed_as_the_document_shows(
    faire_simple: FaireSimpleClient, status: respx.Route, *, registered: bool, body: object
):
    status.respond(json={})

    await faire_simple.set_status("42", registered=registered, approval=AGREED)

    sent = status.calls.last.request.content.decode()
    assert json.loads(sent) == body
    assert "true" not in sent
    assert "false" not in sent


@pytest.mark.parametrize(
    ("uid", "path"),
    [
        ("42", "/api/users/42"),
        ("a.b_c-d", "/api/users/a.b_c-d"),
        ("../admin", "/api/users/..%2Fadmin"),
        ("42/statut", "/api/users/42%2Fstatut"),
        ("42?key=other", "/api/users/42%3Fkey%3Dother"),
        ("42#", "/api/users/42%23"),
        ("%2e%2e", "/api/users/%252e%252e"),
        ("é\n", "/api/users/%C3%A9%0A"),
        ("//ailleurs.fr", "/api/users/%2F%2Failleurs.fr"),
    ],
)
async def test_a_uid_is_one_segment_of_the_path_and_nothing_more(uid: str, path: str):
    sent = Sent()
    async with opened(sent) as client:
        await client.partner(uid)
        await client.set_status(uid, registered=True, approval=AGREED)

    query = "?key=6bb1%2F6ea%2B35+b02"
    assert sent.targets == [f"{path}{query}", f"{path}/statut{query}"]


@pytest.mark.parametrize("uid", ["", ".", "..", "..."])
async def test_what_would_leave_the_path_is_never_sent(faire_simple: FaireSimpleClient, uid: str):
    for call in (
        faire_simple.partner(uid),
        faire_simple.flow("updates_by_semester", uid),
        faire_simple.set_status(uid, registered=True, approval=AGREED),
    ):
        with pytest.raises(RejectedError):
            await call


async def test_a_flow_is_read_at_its_own_path(
    respx_mock: respx.MockRouter, faire_simple: FaireSimpleClient
):
    respx_mock.get(f"{URL}/themes").respond(json=["Logement"])
    respx_mock.get(f"{URL}/maj/2026-1/total").respond(json=[])

    assert await faire_simple.flow("thematics") == ["Logement"]
    assert await faire_simple.flow("updates_by_semester", "2026-1") == []
    assert faire_simple.flows == ("thematics", "updates_by_semester")


async def test_a_semester_is_one_segment_too():
    sent = Sent()
    async with opened(sent) as client:
        await client.flow("updates_by_semester", "../2026?x=1")

    assert sent.targets[0].startswith("/api/maj/..%2F2026%3Fx%3D1/total?key=")


async def test_a_flow_whose_path_is_not_known_is_not_asked_for(faire_simple: FaireSimpleClient):
    with pytest.raises(RejectedError, match="no path is known for partners"):
        await faire_simple.flow("partners")


async def test_what_will_be_sent_is_told_without_what_authenticates_it(
    faire_simple: FaireSimpleClient,
):
    request = faire_simple.status("42", registered=False)

    assert (request.method, request.address) == ("POST", f"{URL}/users/42/statut")
    assert json.loads(request.body) == {"action": 0}


# What is made of the answers.


@pytest.mark.parametrize(
    "answer", [{"uid": 42, "nom": None}, [], [1, "deux", None], "oui", 1.5, True, None], ids=repr
)
async def test_an_answer_of_any_shape_is_given_as_it_is(
    faire_simple: FaireSimpleClient, account: respx.Route, status: respx.Route, answer: object
):
    account.respond(content=json.dumps(answer))
    status.respond(content=json.dumps(answer))

    assert await faire_simple.partner("42") == answer
    assert await faire_simple.set_status("42", registered=True, approval=AGREED) == answer


async def test_a_change_may_be_accepted_without_a_word(
    faire_simple: FaireSimpleClient, status: respx.Route
):
    status.respond(204)

    assert await faire_simple.set_status("42", registered=True, approval=AGREED) is None


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(401), AccessDeniedError, "GUICHET_FAIRE_SIMPLE_PASSWORD"),
        (httpx.Response(403), AccessDeniedError, "GUICHET_FAIRE_SIMPLE_KEY"),
        (httpx.Response(404, json={"nom": "Ferrand"}), NotFoundError, "Check the uid"),
        (httpx.Response(302, headers={"Location": "/"}), UnexpectedReplyError, "redirection"),
        (httpx.Response(429, headers={"Retry-After": "60"}), UnavailableError, "60 seconds"),
        (httpx.Response(400, json={"nom": "Ferrand"}), RejectedError, "HTTP 400"),
        (httpx.Response(500, text="Ferrand"), UnavailableError, "HTTP 500"),
        (httpx.Response(200, html="<html>Ferrand"), UnexpectedReplyError, "unreadable"),
        (httpx.Response(200), UnexpectedReplyError, "unreadable"),
        (httpx.Response(200, content=b'{"Ferrand":' * 400), UnexpectedReplyError, "unreadable"),
        (
            httpx.Response(200, content=b'{"Ferrand":' * 400 + b"1" + b"}" * 400),
            UnexpectedReplyError,
            "unreadable",
        ),
        (httpx.Response(200, headers={"Content-Encoding": "gzip"}), UnexpectedReplyError, "Decod"),
    ],
    ids=[
        *("unknown", "forbidden", "absent", "moved", "too many", "refused", "crashed"),
        *("page", "empty", "cut", "deep", "compressed"),
    ],
)
async def test_each_way_of_failing_to_read_says_what_to_do(
    faire_simple: FaireSimpleClient,
    account: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    account.mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await faire_simple.partner("42")

    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert "Ferrand" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401), AccessDeniedError),
        (httpx.Response(404), NotFoundError),
        (httpx.Response(422), RejectedError),
        (httpx.Response(429), UnavailableError),
        (httpx.Response(302, headers={"Location": "/users/42"}), LostAnswerError),
        (httpx.Response(303, headers={"Location": "/users/42"}), LostAnswerError),
        (httpx.Response(500), LostAnswerError),
        (httpx.Response(200, html="<html>"), LostAnswerError),
        (httpx.Response(200, content=b'{"statut": '), LostAnswerError),
        (httpx.ReadTimeout(""), LostAnswerError),
        (httpx.ReadError(""), LostAnswerError),
        (httpx.ConnectError(""), UnavailableError),
    ],
    ids=[
        *("unknown", "absent", "refused", "too many", "found", "see other", "crashed"),
        *("page", "cut", "silent", "reset", "unreachable"),
    ],
)
async def test_a_change_is_lost_unless_the_answer_says_that_it_was_made_or_not(
    faire_simple: FaireSimpleClient,
    status: respx.Route,
    answer: httpx.Response | Exception,
    kind: type[ApiError],
):
    """A redirection may follow what was done, as pages do after a form."""
    status.mock(side_effect=[answer] * 3)

    with pytest.raises(ApiError) as caught:
        await faire_simple.set_status("42", registered=True, approval=AGREED)

    assert type(caught.value) is kind
    is_refused_for_now = isinstance(answer, httpx.Response) and answer.status_code == 429
    assert status.call_count == (3 if is_refused_for_now else 1)


async def test_an_account_is_asked_for_again_when_the_service_falters(
    faire_simple: FaireSimpleClient, account: respx.Route
):
    account.mock(
        side_effect=[httpx.ReadTimeout(""), httpx.Response(503), httpx.Response(200, json=1)]
    )

    assert await faire_simple.partner("42") == 1


async def test_access_is_checked_once(
    respx_mock: respx.MockRouter, faire_simple: FaireSimpleClient
):
    themes = respx_mock.get(f"{URL}/themes").respond(503)

    with pytest.raises(UnavailableError):
        await faire_simple.check_access("thematics")

    assert themes.call_count == 1


# The key.


async def test_the_requests_that_httpx_knows_of_hold_no_key():
    """What it logs, quotes and lends to whatever traces it is the request that it was given."""
    seen: list[httpx.Request] = []

    async def note(response: httpx.Response) -> None:
        seen.append(response.request)

    sent: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url)
        return answering(b"{}")

    way = Keyed(httpx.MockTransport(answer), SecretStr(KEY))
    async with connected(URL, transport=way) as http:
        http.event_hooks = {"response": [note]}
        await FaireSimpleClient(http).partner("42")

    assert [url.params["key"] for url in sent] == [KEY]
    assert [str(request.url) for request in seen] == [f"{URL}/users/42"]


def crash(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset")


def huge(_: httpx.Request) -> httpx.Response:
    return answering(b"[" + b" " * 20_000_000)


@pytest.mark.parametrize("answer", [crash, huge])
async def test_what_httpx_raises_is_about_a_request_without_key(
    answer: Callable[[httpx.Request], httpx.Response],
):
    way = Keyed(httpx.MockTransport(answer), SecretStr(KEY))
    async with httpx.AsyncClient(transport=way) as http:
        with pytest.raises(httpx.RequestError) as caught:
            await http.get(f"{URL}/users/42")

    assert str(caught.value.request.url) == f"{URL}/users/42"


@pytest.mark.parametrize("written", [KEY, "6bb1%2F6ea%2B35%20b02", "6bb1%2F6ea%2B35+b02"])
@pytest.mark.parametrize("slash", ["/", r"\/"], ids=["plain", "as PHP escapes it"])
async def test_a_key_that_the_service_repeats_is_taken_out(written: str, slash: str):
    link = f"{URL}/users/42?key={written}&x=1".replace("/", slash)

    def answer(_: httpx.Request) -> httpx.Response:
        return answering(f'{{"self": "{link}"}}'.encode(), {"Link": written})

    async with opened(httpx.MockTransport(answer)) as client:
        assert await client.partner("42") == {"self": f"{URL}/users/42?key=***&x=1"}


async def test_the_network_is_closed_at_the_end():
    closed: list[bool] = []

    class Network(httpx.MockTransport):
        async def aclose(self) -> None:
            closed.append(True)

    async with opened(Network(lambda _: answering(b"1"))) as client:
        await client.partner("42")

    assert closed == [True]
