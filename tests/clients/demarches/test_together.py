"""Dossiers read many at a time: none that cannot be given hides another."""

import json
from collections.abc import Callable, Mapping

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.errors import AccessDeniedError, NotFoundError, UnavailableError, UnexpectedReplyError
from clients.http import connected
from server.sandbox import demarches

Json = dict[str, object]
URL = "https://demarches.test/api/v2/graphql"


def asked(request: httpx.Request) -> list[int]:
    return list(json.loads(request.content)["variables"].values())


def error(rank: int, code: str, message: str = "") -> Json:
    return {"path": [f"n{rank}"], "message": message, "extensions": {"code": code}}


def refusing(
    hidden: Mapping[int, Json], record: Json, sizes: list[int] | None = None
) -> Callable[[httpx.Request], httpx.Response]:
    """The service: one dossier that it cannot give leaves no data, as the schema has it."""

    def answer(request: httpx.Request) -> httpx.Response:
        numbers = asked(request)
        (sizes if sizes is not None else []).append(len(numbers))
        errors = [
            hidden[number] | {"path": [f"n{rank}"]}
            for rank, number in enumerate(numbers)
            if number in hidden
        ]
        data = {f"n{rank}": record | {"number": n} for rank, n in enumerate(numbers)}
        body = {"data": None, "errors": errors} if errors else {"data": data}
        return httpx.Response(200, json=body)

    return answer


async def test_dossiers_are_read_fifty_at_a_time(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    numbers, sizes = list(range(200001, 200121)), list[int]()
    graphql.mock(side_effect=refusing({}, record, sizes))

    found, hidden = await client.dossiers_together(numbers)

    assert list(found) == numbers
    assert not hidden
    assert {number: dossier.number for number, dossier in found.items()} == {n: n for n in numbers}
    assert sizes == [50, 50, 20]


async def test_one_that_cannot_be_given_hides_no_other(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    refused = {200002: error(1, "not_found"), 200004: error(3, "", "Timeout on Dossier.champs")}
    graphql.mock(side_effect=refusing(refused, record))

    found, hidden = await client.dossiers_together(range(200001, 200006))

    assert list(found) == [200001, 200003, 200005]
    assert {number: type(each) for number, each in hidden.items()} == {
        200002: NotFoundError,
        200004: UnavailableError,
    }


async def test_a_failure_that_is_of_none_in_particular_is_that_of_the_whole(
    client: DemarchesClient, graphql: respx.Route
):
    crash = {"message": "…", "extensions": {"code": "forbidden"}}
    graphql.respond(json={"data": None, "errors": [crash]})

    found, hidden = await client.dossiers_together([200001, 200002])

    assert not found
    assert {number: type(each) for number, each in hidden.items()} == {
        200001: AccessDeniedError,
        200002: AccessDeniedError,
    }


async def test_one_that_cannot_be_read_hides_no_other(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    data = {"n0": record | {"number": 200001}, "n1": record | {"number": None}}
    graphql.respond(json={"data": data})

    found, hidden = await client.dossiers_together([200001, 200002])

    assert list(found) == [200001]
    assert {number: type(each) for number, each in hidden.items()} == {200002: UnexpectedReplyError}


@pytest.mark.parametrize("own", [{}, {1002: SecretStr("sandbox")}], ids=["one token", "two"])
async def test_each_token_is_asked_for_what_the_others_do_not_cover(own: dict[int, SecretStr]):
    default = SecretStr("sandbox-autre" if own else "sandbox")
    transport = httpx.ASGITransport(app=demarches.create())
    async with connected(URL, transport=transport) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(default, own))
        found, hidden = await client.dossiers_together([200001, 1])

    assert list(found) == [200001]
    assert {number: type(each) for number, each in hidden.items()} == {1: NotFoundError}
