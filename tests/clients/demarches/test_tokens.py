"""Which token each request goes with."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.errors import AccessDeniedError, ApiError
from clients.http import connected
from server.sandbox import demarches

URL = "https://demarches.test/api/v2/graphql"
DEFAULT, OWN, OTHER = SecretStr("default"), SecretStr("own"), SecretStr("other")
HIDDEN = {"errors": [{"message": "…", "extensions": {"code": "unauthorized"}}], "data": None}
ABSENT = {"errors": [{"message": "…", "extensions": {"code": "not_found"}}], "data": None}
WITHDRAWN = {"errors": [{"message": "…", "extensions": {"code": "deprecated_token"}}], "data": None}
FOUND = {"data": {"dossier": {"number": 1}}}


@pytest.fixture(name="http")
async def _http() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


class Service:
    """Answers as told, in turn, and remembers the tokens it was shown."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers = iter(answers)
        self.shown: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.shown.append(request.headers["Authorization"])
        return next(self._answers)


def told(body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


async def test_a_demarche_has_its_own_token_or_the_default_one(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    service = Service(told(FOUND), told(FOUND))
    respx_mock.post(URL).mock(side_effect=service)
    tokens = DemarcheTokens(DEFAULT, {1001: OWN})

    await http.post(URL, auth=tokens, extensions={"demarche": 1001})
    await http.post(URL, auth=tokens, extensions={"demarche": 1002})

    assert service.shown == ["Bearer own", "Bearer default"]


@pytest.mark.parametrize(
    "refusal",
    [told(HIDDEN), told(ABSENT), told(WITHDRAWN), httpx.Response(401), httpx.Response(403)],
    ids=["hidden", "absent", "withdrawn", "expired", "unknown"],
)
async def test_without_a_demarche_each_token_is_tried_until_one_covers_it(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, refusal: httpx.Response
):
    service = Service(refusal, told(FOUND))
    respx_mock.post(URL).mock(side_effect=service)
    tokens = DemarcheTokens(DEFAULT, {1001: DEFAULT, 1002: OWN, 1003: OTHER})

    response = await http.post(URL, auth=tokens)

    assert service.shown == ["Bearer default", "Bearer own"]
    assert response.json() == FOUND


async def test_the_last_refusal_is_the_answer(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    service = Service(told(ABSENT), told(HIDDEN))
    respx_mock.post(URL).mock(side_effect=service)

    response = await http.post(URL, auth=DemarcheTokens(DEFAULT, {1001: OWN}))

    assert response.json() == HIDDEN


@pytest.mark.parametrize(
    "answer",
    [
        told(FOUND),
        told(HIDDEN | FOUND),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
    ],
    ids=["found", "found in part", "crashed", "not GraphQL"],
)
async def test_another_token_is_tried_only_if_it_may_help(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, answer: httpx.Response
):
    service = Service(answer)
    respx_mock.post(URL).mock(side_effect=service)

    await http.post(URL, auth=DemarcheTokens(DEFAULT, {1001: OWN}))

    assert service.shown == ["Bearer default"]


async def test_a_request_for_a_demarche_is_sent_once_whatever_the_answer(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    """It may be a decision."""
    service = Service(told(HIDDEN))
    respx_mock.post(URL).mock(side_effect=service)

    await http.post(URL, auth=DemarcheTokens(DEFAULT, {1001: OWN}), extensions={"demarche": 1001})

    assert service.shown == ["Bearer own"]


async def test_the_token_that_served_a_demarche_serves_it_again(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    service = Service(told(HIDDEN), told(FOUND), told(FOUND))
    respx_mock.post(URL).mock(side_effect=service)
    tokens = DemarcheTokens(DEFAULT, {1001: OWN})

    response = await http.post(URL, auth=tokens)
    tokens.remember(1002, response.request)
    await http.post(URL, auth=tokens, extensions={"demarche": 1002})

    assert service.shown == ["Bearer default", "Bearer own", "Bearer own"]


async def test_a_token_of_its_own_comes_before_one_that_happened_to_serve(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    service = Service(told(FOUND), told(FOUND))
    respx_mock.post(URL).mock(side_effect=service)
    tokens = DemarcheTokens(DEFAULT, {1001: OWN})

    response = await http.post(URL, auth=tokens)
    tokens.remember(1001, response.request)
    await http.post(URL, auth=tokens, extensions={"demarche": 1001})

    assert service.shown == ["Bearer default", "Bearer own"]


@pytest.mark.parametrize(
    ("valid", "number", "told"),
    [
        ("sandbox", 1, "there is no dossier with this number"),
        ("sandbox-autre", 200001, "this exists, but the token does not cover its démarche"),
    ],
)
@pytest.mark.parametrize("expired_last", [True, False])
async def test_what_a_valid_token_says_comes_before_the_end_of_another(
    valid: str, number: int, told: str, *, expired_last: bool
):
    names = (valid, "sandbox-expire") if expired_last else ("sandbox-expire", valid)
    default, own = map(SecretStr, names)
    transport = httpx.ASGITransport(app=demarches.create())
    async with connected(URL, transport=transport) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(default, {1002: own}))
        with pytest.raises(ApiError) as alone:
            await client.dossier(number)
        _, together = await client.dossiers_together([number])

    assert str(alone.value) == str(together[number])
    assert alone.value.reason.startswith(told)
    assert alone.value.remedy.endswith(
        "Another of the tokens is of no use: the token has expired. `guichet doctor` says which."
    )


async def test_a_dossier_that_its_token_cannot_give_now_is_not_said_to_be_out_of_reach(
    respx_mock: respx.MockRouter,
):
    """Though the next token does not cover it."""
    late = {"message": "Timeout on Dossier.champs", "path": ["n0"]}
    hidden = {"message": "…", "path": ["n0"], "extensions": {"code": "unauthorized"}}
    replies = [told({"data": None, "errors": [error]}) for error in (late, hidden)]
    respx_mock.post(URL).mock(side_effect=replies)
    async with connected(URL) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(DEFAULT, {1001: OWN}))
        _, together = await client.dossiers_together([200001])

    assert "ran out of time" in str(together[200001])


@pytest.mark.parametrize("tokens", [DemarcheTokens(), DemarcheTokens(None, {1001: OWN})])
async def test_without_a_token_nothing_is_sent(http: httpx.AsyncClient, tokens: DemarcheTokens):
    with pytest.raises(AccessDeniedError, match="GUICHET_DEMARCHES_TOKEN"):
        await http.post(URL, auth=tokens, extensions={"demarche": 1002})


def test_tokens_appear_nowhere():
    tokens = DemarcheTokens(SecretStr("s3cret"), {1001: SecretStr("s3cret too")})
    tokens.remember(1002, httpx.Request("POST", URL, headers={"Authorization": "Bearer s3cret"}))
    assert "s3cret" not in f"{tokens} {tokens!r} {vars(tokens)}"
