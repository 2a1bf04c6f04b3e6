"""What certificates look like, and what their absence means."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
import respx

from clients.covoiturage import CovoiturageClient
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

NUMBER = UUID("8a9d2da9-39e3-4db7-be8e-12b4d2179fda")
DOCUMENTED = {
    "type": "ok",
    "uuid": str(NUMBER),
    "tz": "Europe/Paris",
    "start_at": "2020-01-01T00:00:00+0100",
    "end_at": "2020-02-01T00:00:00+0100",
    "created_at": "2020-02-10T00:00:00+0100",
    "identity": {"uuid": "5c1f8e0e"},
    "operator": {"_id": 42, "uuid": "d9a1f3c2", "name": "Covoit\u202e SARL"},
    "positions": [{"lat": 47.682821, "lon": -0.557483}],
    "driver": {
        "total": {"trips": 3, "week_trips": 2, "weekend_trips": 1, "distance": 42.5, "amount": 350},
        "trips": [
            {
                "type": "driver",
                "datetime": "2020-01-04T09:42:00.000Z",
                "trips": 3,
                "distance": 42.5,
                "amount": 350,
            }
        ],
    },
}
PAGE = "<!DOCTYPE html><pre>Cannot GET /v3.2/certificates/8a9d2da9</pre>"


@pytest.fixture(name="route")
def _route(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.get(f"https://rpc.test/v3.2/certificates/{NUMBER}")


@pytest.fixture(name="client")
async def _client() -> AsyncGenerator[CovoiturageClient]:
    async def no_pause(_: float) -> None: ...

    async with connected("https://rpc.test", sleep=no_pause) as http:
        yield CovoiturageClient(http)


async def test_a_certificate_tells_its_period_and_its_sums(
    client: CovoiturageClient, route: respx.Route
):
    route.respond(json=DOCUMENTED)

    certificate = await client.certificate(NUMBER)

    assert certificate.type == "ok"
    assert certificate.start_at == datetime(2019, 12, 31, 23, tzinfo=UTC)
    assert certificate.operator.name == "Covoit\ufffd SARL"
    assert certificate.positions[0].lat == 47.682821
    assert certificate.driver.total.weekend_trips == 1
    assert certificate.driver.total.amount == 350
    assert certificate.driver.trips[0].datetime == datetime(2020, 1, 4, 9, 42, tzinfo=UTC)
    assert "authorization" not in route.calls.last.request.headers


async def test_a_certificate_is_the_same_wrapped_as_the_service_wraps_it(
    client: CovoiturageClient, route: respx.Route
):
    route.respond(json=DOCUMENTED)
    bare = await client.certificate(NUMBER)

    wrapped = {"jsonrpc": "2.0", "id": 1, "result": {"meta": None, "data": DOCUMENTED}}
    route.respond(json=wrapped)

    assert await client.certificate(NUMBER) == bare


async def test_what_a_certificate_leaves_out_is_not_made_up(
    client: CovoiturageClient, route: respx.Route
):
    """Nor is what it leaves empty: no distance is not zero meters."""
    driver = {"total": {"trips": 1, "distance": None}, "trips": None}
    reply = {"type": "expired", "uuid": str(NUMBER), "tz": None, "driver": driver}
    route.respond(json=reply)

    certificate = await client.certificate(NUMBER)

    assert certificate.type == "expired"
    assert certificate.tz == ""
    assert certificate.start_at is None
    assert certificate.driver.total.trips == 1
    assert certificate.driver.total.distance is None
    assert certificate.driver.trips == ()
    assert certificate.passenger.total.trips is None


async def test_printing_a_certificate_does_not_tell_where_a_person_goes(
    client: CovoiturageClient, route: respx.Route
):
    route.respond(json=DOCUMENTED)

    shown = repr(await client.certificate(NUMBER))

    assert "47.68" not in shown
    assert "42.5" not in shown


@pytest.mark.parametrize(
    "reply",
    [
        {**DOCUMENTED, "type": "maybe"},
        {name: value for name, value in DOCUMENTED.items() if name != "type"},
        {**DOCUMENTED, "uuid": "9415300a-7a51-4296-96d1-68636e46485d"},
        {**DOCUMENTED, "start_at": "2020-01-01T00:00:00"},
        {**DOCUMENTED, "positions": [{"lat": 1e999, "lon": 0}]},
        {"result": {"data": []}},
        [],
    ],
    ids=["other type", "no type", "another's", "no timezone", "nowhere", "list", "bare list"],
)
async def test_what_is_not_this_certificate_is_not_taken_for_it(
    client: CovoiturageClient, route: respx.Route, reply: object
):
    route.respond(content=json.dumps(reply).encode())

    with pytest.raises(UnexpectedReplyError):
        await client.certificate(NUMBER)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(400, json={"error": {"message": "Invalid params"}}), httpx.Response(200)],
    ids=["refused", "unreadable"],
)
async def test_what_is_wrong_with_one_certificate_hides_no_other(
    client: CovoiturageClient,
    route: respx.Route,
    respx_mock: respx.MockRouter,
    answer: httpx.Response,
):
    others = {UUID(int=NUMBER.int + rank) for rank in range(1, 10)}
    for uuid in others:
        certificate = {**DOCUMENTED, "uuid": str(uuid)}
        respx_mock.get(f"https://rpc.test/v3.2/certificates/{uuid}").respond(json=certificate)
    route.return_value = answer

    found, missing = await client.certificates([NUMBER, *others])

    assert found.keys() == others
    assert missing.keys() == {NUMBER}


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(404, json={"code": 404, "error": "Not found"}), NotFoundError, "no such"),
        (
            httpx.Response(
                404,
                json={
                    "jsonrpc": "2.0",
                    "id": 1,
                    "error": {
                        "data": f"Certificate not found: null - {NUMBER}",
                        "code": -32504,
                        "message": "Not found",
                    },
                },
            ),
            NotFoundError,
            "no such certificate",
        ),
        (httpx.Response(404, html=PAGE), WithdrawnError, "_CERTIFICATES_VERSION and .*_URL"),
        (httpx.Response(404), WithdrawnError, "withdrawn, or this version is not served"),
        (
            httpx.Response(
                401, json={"id": 1, "error": {"code": 401, "message": "Unauthorized Error"}}
            ),
            AccessDeniedError,
            "GUICHET_COVOITURAGE_ACCESS_KEY",
        ),
        (
            httpx.Response(403, json={"error": {"code": -32503, "data": "Invalid permissions"}}),
            AccessDeniedError,
            "GUICHET_COVOITURAGE_TOKEN",
        ),
        (httpx.Response(500, json={"error": {"data": "JWSInvalid"}}), AccessDeniedError, "token"),
        (
            httpx.Response(429, headers={"retry-after": "50"}, text="Too many requests"),
            UnavailableError,
            "Try again in 50 seconds",
        ),
        (
            httpx.Response(503, json={"code": 503, "error": "Service Unavailable"}),
            UnavailableError,
            "Service Unavailable",
        ),
        (httpx.Response(400, json=["/uuid: must be a valid uuid"]), RejectedError, "valid uuid"),
        (httpx.Response(200, html="<p>Bonjour</p>"), UnexpectedReplyError, "unreadable"),
    ],
    ids=[
        "unknown, as documented",
        "unknown, as served",
        "page",
        "empty",
        "expired token",
        "no permission",
        "malformed token",
        "too many",
        "maintenance",
        "refused",
        "page with 200",
    ],
)
async def test_each_way_of_having_no_certificate_has_its_own_error(
    client: CovoiturageClient,
    route: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    route.return_value = answer

    with pytest.raises(kind, match=told) as failure:
        await client.certificate(NUMBER)

    assert type(failure.value) is kind
    assert str(NUMBER) not in str(failure.value)
