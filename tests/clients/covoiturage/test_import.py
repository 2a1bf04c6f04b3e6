"""Identity keys given to applications: what is sent, what is made of the answer."""

import json
from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest
import respx

from clients.approval import Approval
from clients.covoiturage import CovoiturageClient
from clients.covoiturage.applications import Application
from clients.covoiturage.imports import Failure
from clients.errors import (
    AccessDeniedError,
    ApiError,
    FaultyServiceError,
    LostAnswerError,
    RejectedError,
    UnavailableError,
    WithdrawnError,
)
from clients.http import connected

APPROVAL = Approval("1")
NOT_FOUND = "unknown, another operator's, or already has a key."
BY_DATABASE = "refused by the service's database."


def by_uuid(last_digit: int, key: str = "a" * 64) -> Application:
    return Application(
        cee_application_type="specific",
        cee_application_uuid=f"0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2{last_digit}",
        identity_key=key,
    )


def by_person(name: str = "DUP", key: str = "b" * 64, phone: str = "+336010203") -> Application:
    return Application(
        cee_application_type="specific",
        identity_key=key,
        journey_type="short",
        phone_trunc=phone,
        last_name_trunc=name,
        datetime="2024-01-31T09:00:00+01:00",
    )


def said_back(row: Application, error: str = "Not found", **rewritten: str) -> dict[str, object]:
    """A failure as the service tells it: with an operator, and its own spelling of the rest."""
    if row.cee_application_uuid:
        told = {"cee_application_uuid": row.cee_application_uuid, "identity_key": row.identity_key}
        return {**told, "operator_id": 4, "cee_application_type": "standardized", "error": error}
    own = {"operator_id": 4, "datetime": "2024-01-31T08:00:00.000Z", "error": error}
    return {**row.body(), **own, **rewritten}


@pytest.fixture(name="route")
def _route(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.post("https://rpc.test/v3.3/policies/cee/import/identity")


@pytest.fixture(name="client")
async def _client() -> AsyncGenerator[CovoiturageClient]:
    async def no_pause(_: float) -> None: ...

    async with connected("https://rpc.test", sleep=no_pause) as http:
        yield CovoiturageClient(http)


async def test_rows_are_sent_as_a_bare_list_of_their_fields(
    client: CovoiturageClient, route: respx.Route
):
    route.respond(json={"imported": 2.0, "failed": 0, "failed_details": []})

    report = await client.import_identities([by_uuid(0), by_person()], approval=APPROVAL)

    assert json.loads(route.calls.last.request.content) == [by_uuid(0).body(), by_person().body()]
    assert (report.imported, report.failed, report.failures) == (2, 0, ())
    assert report.unexplained == 0


@pytest.mark.parametrize("count", [0, 1001])
async def test_nothing_is_sent_but_one_to_a_thousand_rows(
    client: CovoiturageClient, respx_mock: respx.MockRouter, count: int
):
    with pytest.raises(RejectedError, match=f"1 to 1000 rows at a time, not {count}"):
        await client.import_identities([by_uuid(0)] * count, approval=APPROVAL)

    assert not respx_mock.calls


async def test_failures_are_told_by_row_although_the_service_reorders_them(
    client: CovoiturageClient, route: respx.Route
):
    """It does persons first, then uuids, and says back phones and dates in its own spelling."""
    spelt = "+3306010203"
    rows = [
        by_uuid(0),
        by_uuid(1),
        by_person("AAA"),
        by_person("BBB", phone=spelt),
        by_person("CCC"),
    ]
    details = [
        said_back(rows[4]),
        said_back(rows[3], phone_trunc="+336010203"),
        said_back(rows[1], error='duplicate key value violates "x", DETAIL: (DUPONT)'),
    ]
    route.respond(json={"imported": 2, "failed": 3, "failed_details": details})

    report = await client.import_identities(rows, approval=APPROVAL)

    assert report.failures == (
        Failure(4, NOT_FOUND),
        Failure(3, NOT_FOUND),
        Failure(1, BY_DATABASE),
    )
    assert report.unexplained == 0


async def test_the_same_row_twice_fails_as_two_rows(client: CovoiturageClient, route: respx.Route):
    rows = [by_person(), by_uuid(0), by_person(), by_uuid(0)]
    details = [said_back(rows[2]), said_back(rows[0]), said_back(rows[3])]
    route.respond(json={"imported": 1, "failed": 3, "failed_details": details})

    report = await client.import_identities(rows, approval=APPROVAL)

    assert [failure.index for failure in report.failures] == [0, 2, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (by_person(), by_person(key="c" * 64)),
        (by_person(), by_person(phone="+337010203")),
        (by_uuid(0), by_uuid(0, key="c" * 64)),
    ],
    ids=["key", "phone", "key of a uuid"],
)
async def test_rows_that_look_alike_are_told_apart(
    client: CovoiturageClient, route: respx.Route, one: Application, other: Application
):
    rows = [one, other]
    route.respond(json={"imported": 1, "failed": 1, "failed_details": [said_back(rows[1])]})

    report = await client.import_identities(rows, approval=APPROVAL)

    assert report.failures == (Failure(1, NOT_FOUND),)


@pytest.mark.parametrize(
    ("imported", "failed", "known", "unexplained"),
    [(2, 1, [0], 0), (1, 1, [0], 1), (3, 1, [0], 1), (1, 2, [0], 1), (2, 1, [], 1), (3, 0, [0], 1)],
)
async def test_counts_that_do_not_add_up_are_reported_as_such(
    client: CovoiturageClient,
    route: respx.Route,
    imported: int,
    failed: int,
    known: list[int],
    unexplained: int,
):
    rows = [by_uuid(0), by_uuid(1), by_uuid(2)]
    details = [said_back(rows[index]) for index in known]
    route.respond(json={"imported": imported, "failed": failed, "failed_details": details})

    report = await client.import_identities(rows, approval=APPROVAL)

    assert (report.imported, report.failed) == (imported, failed)
    assert report.unexplained == unexplained


async def test_a_failure_of_no_row_is_kept(client: CovoiturageClient, route: respx.Route):
    details = [said_back(by_uuid(9)), {"error": None, "journey_type": None}]
    route.respond(json={"imported": 0, "failed": 2, "failed_details": details})

    report = await client.import_identities([by_uuid(0), by_uuid(1)], approval=APPROVAL)

    assert report.failures == (Failure(None, NOT_FOUND), Failure(None, BY_DATABASE))
    assert report.unexplained == 2


PAGE = "<!DOCTYPE html><pre>Cannot POST /v3.3/policies/cee/import/identity</pre>"
RAW = 'null value in column "phone_trunc": Failing row contains (DUP, +336010203)'


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(400, json=[": must be array"]), FaultyServiceError, "defect of its own"),
        (
            httpx.Response(400, json=["/0/phone_trunc: must be a valid truncated phone number"]),
            RejectedError,
            "row 1 of those sent, phone_trunc: must be a valid truncated phone number",
        ),
        (httpx.Response(401, json={"error": {"code": 401}}), AccessDeniedError, "the token is"),
        (httpx.Response(403, json={"error": "Forbidden Error"}), AccessDeniedError, "missing, or"),
        (httpx.Response(404, html=PAGE), WithdrawnError, "_IMPORT_VERSION and .*_URL"),
        (httpx.Response(404), WithdrawnError, "withdrawn, or this version is not served"),
        (httpx.Response(405, json={}), WithdrawnError, "switched off"),
        (httpx.Response(413), RejectedError, "too large. Nothing was changed"),
        (
            httpx.Response(500, json={"error": {"code": 500, "data": "PayloadTooLargeError"}}),
            RejectedError,
            "too large. Nothing was changed",
        ),
        (
            httpx.Response(500, json={"error": {"code": 500, "data": "SyntaxError"}}),
            RejectedError,
            "Nothing was changed",
        ),
        (
            httpx.Response(500, json={"error": {"code": 500, "data": "JWSInvalid"}}),
            AccessDeniedError,
            "the token is",
        ),
        (
            httpx.Response(
                429,
                json={"error": {"code": 429, "message": "Too many requests"}},
                headers={"retry-after": "60"},
            ),
            UnavailableError,
            "Nothing was changed. Try again in 60 seconds",
        ),
        (httpx.Response(429, text="Too many"), UnavailableError, "Nothing was changed"),
        (
            httpx.Response(503, json={"code": 503, "error": "Service Unavailable"}),
            UnavailableError,
            "under maintenance. Nothing was changed",
        ),
        (httpx.Response(503, html="<p>Down</p>"), LostAnswerError, "HTTP 503"),
        (httpx.Response(502), LostAnswerError, "HTTP 502"),
        (httpx.Response(500, json={"error": RAW}), LostAnswerError, "HTTP 500 Internal"),
        (httpx.Response(200, html="<p>Bonjour</p>"), LostAnswerError, "unreadable"),
        (httpx.Response(200, json={"imported": 1}), LostAnswerError, "failed: Field required"),
        (httpx.Response(200, json={"imported": -1, "failed": 2}), LostAnswerError, "imported: "),
        (httpx.Response(200, json={"imported": 2, "failed": -1}), LostAnswerError, "failed: "),
        (
            httpx.Response(
                200,
                json={"imported": 0, "failed": 1, "failed_details": [{"phone_trunc": 336010203}]},
            ),
            LostAnswerError,
            "phone_trunc: Input should be a valid string",
        ),
    ],
    ids=[
        "its own defect",
        "not as documented",
        "expired token",
        "no operator",
        "page",
        "empty",
        "switched off",
        "too large for a proxy",
        "too large",
        "not JSON",
        "malformed token",
        "too many",
        "too many, as text",
        "maintenance",
        "down",
        "bad gateway",
        "database",
        "page with 200",
        "half a report",
        "fewer imported than none",
        "fewer failed than none",
        "odd report",
    ],
)
async def test_each_way_of_not_importing_has_its_own_error(
    client: CovoiturageClient,
    route: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    """What could have been done is lost; what certainly was not is said not to have been."""
    route.return_value = answer

    with pytest.raises(kind, match=told) as failure:
        await client.import_identities([by_person()], approval=APPROVAL)

    assert type(failure.value) is kind
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
    assert not [secret for secret in secrets(by_person()) if secret in str(failure.value)]


def secrets(row: Application) -> Iterator[str]:
    yield from (row.phone_trunc.removeprefix("+"), row.last_name_trunc, row.identity_key)


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_an_import_whose_answer_is_lost_is_not_repeated(
    client: CovoiturageClient, route: respx.Route, trouble: type[Exception]
):
    route.side_effect = trouble

    with pytest.raises(LostAnswerError):
        await client.import_identities([by_uuid(0)], approval=APPROVAL)

    assert route.call_count == 1


async def test_a_service_that_cannot_be_reached_imported_nothing(
    client: CovoiturageClient, route: respx.Route
):
    route.side_effect = httpx.ConnectError

    with pytest.raises(UnavailableError, match="Nothing was changed"):
        await client.import_identities([by_uuid(0)], approval=APPROVAL)
