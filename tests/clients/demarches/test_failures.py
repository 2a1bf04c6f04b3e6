"""Each way of failing, for a read and for a decision: whose move it is."""

import time

import httpx
import pytest
import respx

from clients.approval import Approval
from clients.demarches import DemarchesClient, Dossier, acts
from clients.errors import (
    AccessDeniedError,
    ApiError,
    FaultyServiceError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)

Json = dict[str, object]
Cases = dict[str, tuple[httpx.Response, type[ApiError], str]]
PRIVATE = "198.51.100.7"


def root_error(message: str, code: str = "", **extensions: object) -> Json:
    return {"message": message, "extensions": ({"code": code} if code else {}) | extensions}


def unread(message: str, code: str = "", **extensions: object) -> httpx.Response:
    """An answer to something the service did not begin to do."""
    return httpx.Response(200, json={"errors": [root_error(message, code, **extensions)]})


def undone(message: str, code: str = "", status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"errors": [root_error(message, code)], "data": None})


async def read(client: DemarchesClient, dossier: Dossier) -> object:
    return await client.dossiers(dossier.demarche.number)


async def decide(client: DemarchesClient, dossier: Dossier) -> object:
    act = acts.acceptance(dossier, instructeur="SW5z", motivation="Complet.", notify=True)
    return await client.perform(act, approval=Approval("operation 1"))


CERTAIN: Cases = {
    "no token": (
        undone("Without a token, only persisted queries are allowed", "forbidden", 403),
        AccessDeniedError,
        "GUICHET_DEMARCHES_TOKEN",
    ),
    "expired": (
        undone("Token expired", "unauthorized", 401),
        AccessDeniedError,
        "the token has expired",
    ),
    "forbidden network": (
        undone(
            f"Request issued from a forbidden network. Add {PRIVATE}/32 to your allowed adresses",
            "forbidden",
            403,
        ),
        AccessDeniedError,
        "Add the address of this machine to the networks allowed",
    ),
    "old token": (undone("…", "deprecated_token"), AccessDeniedError, "withdrawn kind"),
    "out of scope": (
        undone("An object of type Demarche was hidden due to permissions", "unauthorized"),
        AccessDeniedError,
        "does not cover its démarche",
    ),
    "no démarche": (undone("Demarche not found", "not_found"), NotFoundError, "no démarche with"),
    "no dossier": (undone("Dossier not found", "not_found"), NotFoundError, "drafts, deleted and"),
    "no groupe": (
        undone("GroupeInstructeurWithDossiers not found", "not_found"),
        NotFoundError,
        "no groupe instructeur with",
    ),
    "absent": (
        undone("DossierAccepterPayload not found", "not_found"),
        NotFoundError,
        "no such record",
    ),
    "unknown field": (
        unread("Field 'x' doesn't exist on type 'Y'", "undefinedField"),
        UnexpectedReplyError,
        "does not understand the query",
    ),
    "unparsed query": (unread("Parse error on…"), UnexpectedReplyError, "does not understand"),
    "wrong value": (
        unread(
            "Variable $input of type DossierAccepterInput! was provided invalid value for x",
            value={"motivation": PRIVATE},
            problems=[],
        ),
        RejectedError,
        "one of the values",
    ),
    "wrong page": (undone("…", "bad_request"), RejectedError, "one of the values"),
    "wrong cursor": (undone(f'Invalid input: "{PRIVATE}"'), RejectedError, "cursor"),
    "wrong body": (undone("…", "bad_request", 400), RejectedError, "one of the values"),
    "too deep": (
        unread("Query has depth of 16, which exceeds max depth of 15"),
        RejectedError,
        "smaller page",
    ),
    "too complex": (
        unread("Query has complexity of 60001, which exceeds max complexity of 60000"),
        RejectedError,
        "smaller page",
    ),
    "maintenance": (
        httpx.Response(503, json={"error": "Le site est actuellement en maintenance."}),
        UnavailableError,
        "maintenance",
    ),
    "too many requests": (
        httpx.Response(
            429,
            text="Calme toi, cowboy !",
            headers={"RateLimit-Reset": str(int(time.time()) + 3600)},
        ),
        UnavailableError,
        "Try again in 3",
    ),
    "moved": (
        httpx.Response(301, headers={"Location": "http://elsewhere.test/"}),
        UnexpectedReplyError,
        "GUICHET_DEMARCHES_URL",
    ),
    "elsewhere": (httpx.Response(404, text="<html>"), UnexpectedReplyError, "_DEMARCHES_URL"),
    "a page of a proxy": (httpx.Response(403, text="<html>"), AccessDeniedError, "HTTP 403"),
}

UNCERTAIN: Cases = {
    "out of time": (undone("Timeout on X.y", "timeout"), UnavailableError, "smaller page"),
    "out of time, again": (undone("Timeout on X.y"), UnavailableError, "smaller page"),
    "incomplete": (
        undone("Cannot return null for non-nullable field Dossier.usager", "invalid_null"),
        FaultyServiceError,
        "incomplete",
    ),
    "crashed": (
        undone("Internal Server Error", "internal_server_error", 500),
        FaultyServiceError,
        "crashed",
    ),
    "unknown reason": (undone("Rien ne va plus", "new"), UnexpectedReplyError, "no known reason"),
    "no reason": (httpx.Response(200, json={}), UnexpectedReplyError, "no known reason"),
    "bad gateway": (httpx.Response(502, text="<html>"), UnavailableError, "HTTP 502"),
    "overloaded": (httpx.Response(503, text="<html>"), UnavailableError, "HTTP 503"),
    "not JSON": (httpx.Response(200, text="<html>"), UnexpectedReplyError, "unreadable"),
    "cut short": (httpx.Response(200, text='{"data": {'), UnexpectedReplyError, "unreadable"),
    "a list": (httpx.Response(200, json=[]), UnexpectedReplyError, "the answer"),
}


def cases(table: Cases) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("answer", "kind", "told"), table.values(), ids=table.keys())


@cases(CERTAIN | UNCERTAIN)
async def test_a_failed_read_says_what_to_do(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    graphql.mock(return_value=answer)

    with pytest.raises(kind) as caught:
        await read(client, dossier)

    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert PRIVATE not in str(caught.value)


@cases(CERTAIN)
async def test_a_decision_that_was_not_taken_is_known_not_to_be(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    graphql.mock(return_value=answer)

    with pytest.raises(kind) as caught:
        await decide(client, dossier)

    assert type(caught.value) is kind
    assert told in str(caught.value)


@cases(UNCERTAIN)
async def test_a_decision_that_may_have_been_taken_is_never_sent_again(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    graphql.mock(return_value=answer)

    with pytest.raises(LostAnswerError):
        await decide(client, dossier)

    assert graphql.call_count == 1


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ReadError])
async def test_a_decision_whose_answer_is_lost_is_never_sent_again(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier, failure: type[Exception]
):
    graphql.mock(side_effect=failure("lost"))

    with pytest.raises(LostAnswerError):
        await decide(client, dossier)

    assert graphql.call_count == 1


async def test_a_read_is_tried_again(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    graphql.respond(503)

    with pytest.raises(UnavailableError):
        await read(client, dossier)

    assert graphql.call_count == 3
