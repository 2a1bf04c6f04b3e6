"""Whether the registry answers and knows the operator, asked without importing anything."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.auth import Bearer
from clients.covoiturage import CovoiturageClient, OperatorKeys
from clients.errors import (
    AccessDeniedError,
    ApiError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
    WithdrawnError,
)
from clients.http import connected

URL = "https://rpc.test"
UNKNOWN = httpx.Response(404, json={"error": {"code": -32504, "message": "Not found"}})
PAGE = "<!DOCTYPE html><pre>Cannot GET</pre>"


@pytest.fixture(name="certificates")
def _certificates(respx_mock: respx.MockRouter) -> respx.Route:
    route = respx_mock.get(url__regex=rf"{URL}/v3.2/certificates/[0-9a-f-]{{36}}$")
    return route.mock(return_value=UNKNOWN)


@pytest.fixture(name="exchange")
def _exchange(respx_mock: respx.MockRouter) -> respx.Route:
    route = respx_mock.post(f"{URL}/v3.3/auth/access_token")
    return route.respond(201, json={"access_token": "bought"})


@pytest.fixture(name="client")
async def _client() -> AsyncGenerator[CovoiturageClient]:
    keys = OperatorKeys(URL, access_key=SecretStr("access"), secret_key=SecretStr("s3cret"))
    async with connected(URL, auth=keys) as http:
        yield CovoiturageClient(http)


async def test_certificates_are_asked_for_without_credentials(
    client: CovoiturageClient, certificates: respx.Route
):
    await client.check_certificates()

    assert "authorization" not in certificates.calls.last.request.headers


async def test_no_certificate_is_asked_for_twice(
    client: CovoiturageClient, certificates: respx.Route
):
    await client.check_certificates()
    first = certificates.calls.last.request.url
    await client.check_certificates()

    assert certificates.calls.last.request.url != first


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(404, html=PAGE), WithdrawnError),
        (httpx.Response(404), WithdrawnError),
        (httpx.Response(410, json={"error": "Gone"}), NotFoundError),
        (httpx.Response(400, json={"error": "Bad Request"}), RejectedError),
        (httpx.Response(503, json={"code": 503, "error": "Service Unavailable"}), UnavailableError),
        (httpx.Response(200, html="<html>Welcome</html>"), UnexpectedReplyError),
        (httpx.Response(302, headers={"Location": "/"}), UnexpectedReplyError),
    ],
    ids=["page", "nothing", "gone", "refused", "maintenance", "portal", "moved"],
)
async def test_any_other_answer_than_no_such_certificate_is_trouble(
    client: CovoiturageClient,
    certificates: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
):
    certificates.mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await client.check_certificates()

    assert type(caught.value) is kind
    assert certificates.call_count == 1


async def test_the_keys_are_good_when_they_buy_a_token(
    client: CovoiturageClient, exchange: respx.Route, certificates: respx.Route
):
    await client.check_credentials()

    assert exchange.call_count == 1
    assert certificates.calls.last.request.headers["authorization"] == "Bearer bought"


async def test_the_keys_are_good_even_when_certificates_are_withdrawn(
    client: CovoiturageClient, exchange: respx.Route, certificates: respx.Route
):
    certificates.respond(404, html=PAGE)

    await client.check_credentials()

    assert exchange.called


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401, json={"error": {"message": "no"}}), AccessDeniedError),
        (httpx.Response(404, html=PAGE), WithdrawnError),
        (httpx.Response(429, headers={"Retry-After": "30"}), UnavailableError),
        (httpx.Response(200, html="<html>"), UnexpectedReplyError),
    ],
    ids=["wrong", "withdrawn", "too many", "portal"],
)
async def test_keys_that_buy_nothing_say_why_at_once(
    client: CovoiturageClient, exchange: respx.Route, answer: httpx.Response, kind: type[ApiError]
):
    """At once: the pause that the service asks for is for whoever has something to do."""
    exchange.mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await client.check_credentials()

    assert type(caught.value) is kind
    assert exchange.call_count == 1


@pytest.mark.parametrize(
    "refusal",
    [
        httpx.Response(401, json={"error": {"code": 401, "message": "Unauthorized Error"}}),
        httpx.Response(500, json={"error": {"data": "JWSInvalid", "message": "x"}}),
    ],
    ids=["expired", "malformed"],
)
async def test_a_fixed_token_is_wrong_when_it_is_refused(
    certificates: respx.Route, refusal: httpx.Response
):
    certificates.mock(return_value=refusal)
    async with connected(URL, auth=Bearer(SecretStr("t0ken"))) as http:
        with pytest.raises(AccessDeniedError, match="GUICHET_COVOITURAGE_TOKEN"):
            await CovoiturageClient(http).check_credentials()


@pytest.mark.usefixtures("exchange")
async def test_the_operator_is_asked_for_anew_unless_what_was_told_will_do(
    client: CovoiturageClient, certificates: respx.Route
):
    first = await client.operator(anew=False)

    assert await client.operator(anew=False) == first
    assert certificates.call_count == 1
    assert await client.operator() == first
    assert certificates.call_count == 2
