"""Whether a token is accepted, asked without reading anything of anybody."""

import json

import httpx
import pytest
import respx
from pydantic import SecretStr, TypeAdapter

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.errors import AccessDeniedError, ApiError, NotFoundError, UnexpectedReplyError
from clients.http import connected
from tests.clients.demarches.conftest import URL

Sent = TypeAdapter(dict[str, object])


def sent(graphql: respx.Route) -> dict[str, object]:
    return Sent.validate_python(json.loads(graphql.calls.last.request.content))


def undone(code: str) -> httpx.Response:
    error = {"message": "…", "extensions": {"code": code}}
    return httpx.Response(200, json={"errors": [error], "data": None})


async def test_the_default_token_is_shown_with_the_least_there_is_to_ask(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.respond(json={"data": {"__typename": "Query"}})

    await client.check_token()

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer default"
    assert sent(graphql)["operationName"] == "jeton"
    assert sent(graphql)["variables"] == {}


async def test_the_token_of_a_demarche_is_shown_with_its_number(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.respond(json={"data": {"demarche": {"number": 1002}}})

    await client.check_token(1002)

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
    assert sent(graphql)["operationName"] == "demarche"
    assert sent(graphql)["variables"] == {"number": 1002}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(403, json={"errors": [], "data": None}), AccessDeniedError),
        (httpx.Response(401, json={"errors": [], "data": None}), AccessDeniedError),
        (undone("deprecated_token"), AccessDeniedError),
        (undone("unauthorized"), AccessDeniedError),
        (undone("not_found"), NotFoundError),
        (httpx.Response(404, html="<html>"), UnexpectedReplyError),
        (httpx.Response(200, html="<html>"), UnexpectedReplyError),
        (httpx.Response(200, json={"data": None}), UnexpectedReplyError),
        (httpx.Response(200, json={}), UnexpectedReplyError),
    ],
    ids=[
        "unknown",
        "expired",
        "withdrawn kind",
        "not this démarche's",
        "no such démarche",
        "elsewhere",
        "not JSON",
        "no data",
        "no answer",
    ],
)
async def test_a_token_that_is_not_accepted_is_told_from_a_service_that_is_not_there(
    client: DemarchesClient, graphql: respx.Route, answer: httpx.Response, kind: type[ApiError]
):
    graphql.mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await client.check_token(1002)

    assert type(caught.value) is kind


async def test_a_service_in_trouble_is_asked_once(client: DemarchesClient, graphql: respx.Route):
    graphql.respond(503)

    with pytest.raises(ApiError):
        await client.check_token()

    assert graphql.call_count == 1


async def test_no_token_of_another_demarche_stands_in_for_the_default_one(graphql: respx.Route):
    tokens = DemarcheTokens(None, {1002: SecretStr("of 1002")})
    async with connected(URL) as http:
        with pytest.raises(AccessDeniedError):
            await DemarchesClient(http, tokens=tokens).check_token()

    assert graphql.call_count == 0
