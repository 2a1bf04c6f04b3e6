"""Whether the token is accepted, asked without reading a mesure."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.auth import Bearer
from clients.emjpm import EmjpmClient
from clients.errors import AccessDeniedError, ApiError, UnavailableError, UnexpectedReplyError
from clients.http import connected

ANTENNE = {"id": 301, "nom": "Antenne de Reims"}


@pytest.fixture(name="antennes")
def _antennes(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.get("https://emjpm.test/api/editors/service-antennes")


@pytest.fixture(name="emjpm")
async def _emjpm() -> AsyncGenerator[EmjpmClient]:
    async with connected("https://emjpm.test", auth=Bearer(SecretStr("t0ken"))) as http:
        yield EmjpmClient(http)


@pytest.mark.parametrize(
    "answer", [{"antennes": []}, {"antennes": [ANTENNE]}, [ANTENNE], []], ids=repr
)
async def test_the_antennes_come_back_to_a_good_token(
    emjpm: EmjpmClient, antennes: respx.Route, answer: object
):
    antennes.respond(json=answer)

    await emjpm.check_token()

    assert antennes.calls.last.request.headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401, json={"error": "invalid_token"}), AccessDeniedError),
        (httpx.Response(404, html="Cannot GET"), UnexpectedReplyError),
        (httpx.Response(200, html="<html>Welcome</html>"), UnexpectedReplyError),
        (httpx.Response(200, json={"status": "ok"}), UnexpectedReplyError),
        (httpx.Response(503), UnavailableError),
        (httpx.Response(429, headers={"Retry-After": "5"}), UnavailableError),
    ],
    ids=["unknown token", "elsewhere", "portal", "another service", "down", "too many"],
)
async def test_anything_else_is_trouble_and_is_not_asked_for_again(
    emjpm: EmjpmClient, antennes: respx.Route, answer: httpx.Response, kind: type[ApiError]
):
    antennes.mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await emjpm.check_token()

    assert type(caught.value) is kind
    assert antennes.call_count == 1
