"""What the miniature registry answers, against what was observed of the real one."""

import base64
import csv
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette

from server.sandbox.covoiturage import Write, create, operator_file
from server.sandbox.covoiturage.applications import (
    ELSEWHERE,
    KEYED,
    MORE_TO_KEY,
    OPERATOR,
    TO_KEY,
    UNKNOWN,
    application,
)
from server.sandbox.covoiturage.certificates import AS_DOCUMENTED, EXPIRED, VALID
from server.sandbox.covoiturage.people import NAMES
from server.sandbox.covoiturage.phones import truncated

IMPORT = "/v3.3/policies/cee/import/identity"
TOKEN = "/v3.3/auth/access_token"
CREDENTIALS = {"access_key": "sandbox", "secret_key": "sandbox"}
NOWHERE = "11111111-2222-4333-8444-555555555555"
KEY = "0123456789abcdef" * 4

Item = dict[str, object]
SPECIFIC: Item = {
    "cee_application_type": "specific",
    "identity_key": KEY,
    "journey_type": "short",
    "last_name_trunc": "ZZ ",
    "phone_trunc": "+336010203",
    "datetime": "2023-01-02T08:00:00+01:00",
}
STANDARDIZED: Item = {
    "cee_application_type": "standardized",
    "cee_application_uuid": NOWHERE,
    "identity_key": KEY,
}


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, **duration: int) -> None:
        self.time += timedelta(**duration)


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="app")
def _app(clock: Clock) -> Starlette:
    return create(now=clock)


def caller(app: Starlette, token: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers)


@pytest.fixture(name="anonymous")
def _anonymous(app: Starlette) -> httpx.AsyncClient:
    return caller(app)


@pytest.fixture(name="operator")
def _operator(app: Starlette) -> httpx.AsyncClient:
    """Holds a token of the older kind, that does not expire."""
    return caller(app, "sandbox")


def asking(number: int) -> Item:
    """What is sent to key the application of that number."""
    asked = application(number)
    if not asked.is_specific:
        return STANDARDIZED | {"cee_application_uuid": asked.uuid}
    return SPECIFIC | {
        "journey_type": asked.journey_type,
        "last_name_trunc": asked.last_name_trunc,
        "phone_trunc": asked.phone_trunc,
    }


# Tokens


async def test_keys_are_exchanged_for_a_token_that_says_when_it_ends(
    anonymous: httpx.AsyncClient, app: Starlette, clock: Clock
):
    response = await anonymous.post(TOKEN, json=CREDENTIALS)

    token: str = response.json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert response.status_code == 201
    assert claims["exp"] == clock().timestamp() + 300
    assert claims["name"] == f"operator.application:{OPERATOR}"
    assert (await caller(app, token).post(IMPORT, json=[asking(0)])).json()["imported"] == 1


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (
            {"access_key": "sandbox", "secret_key": "wrong"},
            401,
            {
                "data": "Invalid access key or secret key",
                "code": -32501,
                "message": "Unauthorized Error",
            },
        ),
        (
            {"access_key": "sandbox"},
            400,
            {
                "data": ["secret_key : Expected a string, but received: undefined"],
                "code": -32602,
                "message": "Invalid params",
            },
        ),
        (
            CREDENTIALS | {"access_key": 42, "more": "x"},
            400,
            {
                "data": [
                    "access_key : Expected a string, but received: 42",
                    'more : Expected a value of type `never`, but received: `"x"`',
                ],
                "code": -32602,
                "message": "Invalid params",
            },
        ),
    ],
    ids=["wrong key", "missing key", "not the right fields"],
)
async def test_other_keys_are_refused_in_json_rpc(
    anonymous: httpx.AsyncClient, sent: Item, status: int, error: Item
):
    response = await anonymous.post(TOKEN, json=sent)

    assert response.status_code == status
    assert response.json() == {"jsonrpc": "2.0", "id": 1, "error": error}


async def test_only_five_tokens_are_given_a_minute(anonymous: httpx.AsyncClient, clock: Clock):
    given = [await anonymous.post(TOKEN, json=CREDENTIALS) for _ in range(5)]
    clock.wait(seconds=20)
    refused = await anonymous.post(TOKEN, json=CREDENTIALS)
    clock.wait(seconds=40)
    later = await anonymous.post(TOKEN, json=CREDENTIALS)

    assert [response.status_code for response in given] == [201] * 5
    assert [response.headers["X-RateLimit-Remaining"] for response in given] == list("43210")
    assert refused.status_code == 429
    assert refused.json() == {"error": {"code": 429, "message": "Too many requests"}}
    assert refused.headers["X-RateLimit-Limit"] == "5"
    assert refused.headers["X-RateLimit-Reset"] == f"{clock().timestamp():.0f}"
    assert refused.headers["Retry-After"] == "40"
    assert later.status_code == 201


async def test_a_token_expires_after_five_minutes(
    anonymous: httpx.AsyncClient, app: Starlette, clock: Clock
):
    token = (await anonymous.post(TOKEN, json=CREDENTIALS)).json()["access_token"]
    clock.wait(minutes=4, seconds=59)
    in_time = await caller(app, token).post(IMPORT, json=[asking(0)])
    clock.wait(seconds=1)
    too_late = await caller(app, token).post(IMPORT, json=[asking(1)])

    assert in_time.status_code == 200
    assert too_late.status_code == 401
    assert too_late.json() == {
        "id": 1,
        "jsonrpc": "2.0",
        "error": {"code": 401, "data": "Error", "message": "Unauthorized Error"},
    }


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "..", "é.è.à"])
async def test_a_malformed_token_is_answered_as_a_fault_of_the_server(app: Starlette, token: str):
    response = await caller(app).post(
        IMPORT, json=[asking(0)], headers=[(b"Authorization", f"Bearer {token}".encode())]
    )

    assert response.status_code == 500
    assert response.json()["error"]["data"] == "JWSInvalid"


async def test_a_token_of_another_service_is_not_accepted(app: Starlette, clock: Clock):
    elsewhere = await caller(create(now=clock)).post(TOKEN, json=CREDENTIALS)

    response = await caller(app, elsewhere.json()["access_token"]).post(IMPORT, json=[asking(0)])

    assert response.status_code == 500


# Certificates


async def test_a_certificate_is_shown_wrapped_to_whoever_knows_its_uuid(
    anonymous: httpx.AsyncClient,
):
    response = await anonymous.get(f"/v3.2/certificates/{VALID}")

    document = response.json()
    certificate = document["result"]["data"]
    assert response.status_code == 200
    assert document == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"meta": None, "data": certificate},
    }
    assert (certificate["type"], certificate["uuid"]) == ("ok", VALID)
    assert certificate["tz"] == "Europe/Paris"
    assert certificate["driver"]["total"] == {
        "trips": 6,
        "week_trips": 5,
        "weekend_trips": 1,
        "distance": 141_916,
        "amount": 1690,
    }
    assert certificate["passenger"]["trips"][0] == {
        "type": "passenger",
        "datetime": "2025-06-22T00:00:00.000Z",
        "trips": 1,
        "distance": 48_195,
        "amount": 410,
    }


async def test_a_certificate_may_be_expired(anonymous: httpx.AsyncClient):
    response = await anonymous.get(f"/v3.2/certificates/{EXPIRED}")

    assert response.json()["result"]["data"]["type"] == "expired"


async def test_a_certificate_may_be_bare_as_the_documentation_has_it(anonymous: httpx.AsyncClient):
    certificate = (await anonymous.get(f"/v3.2/certificates/{AS_DOCUMENTED}")).json()

    assert (certificate["type"], certificate["uuid"]) == ("ok", AS_DOCUMENTED)
    assert certificate["driver"]["total"]["trips"] == 0
    assert certificate["driver"]["trips"] == []
    assert certificate["passenger"]["total"]["trips"] == 3


async def test_an_unknown_certificate_is_not_found(anonymous: httpx.AsyncClient):
    response = await anonymous.get(f"/v3.2/certificates/{NOWHERE}")

    assert response.status_code == 404
    assert response.json()["error"] == {
        "data": f"Certificate not found: null - {NOWHERE}",
        "code": -32504,
        "message": "Not found",
    }


async def test_a_certificate_needs_a_uuid(anonymous: httpx.AsyncClient):
    response = await anonymous.get("/v3.2/certificates/42")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32602
    assert '/uuid: must pass "macro" keyword validation' in response.json()["error"]["data"]


# The import: validation


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("cee_application_type", "other", "must be either specific or standardized"),
        ("cee_application_uuid", "42", "must be a valid uuid"),
        ("identity_key", KEY.upper(), "must be a valid identity key"),
        ("identity_key", f"{KEY}\n", "must be a valid identity key"),
        ("identity_key", 42, "must be a valid identity key"),
        ("identity_key", None, "must be a valid identity key"),
        ("journey_type", "medium", "must be either short or long"),
        ("last_name_trunc", "D'H", "must be 3 caps characters long string"),
        ("last_name_trunc", "TO", "must be 3 caps characters long string"),
        ("phone_trunc", "+33601020304", "must be a valid truncated phone number"),
        ("datetime", "2023-01-02", "must be a valid ISO 8601 UTC date"),
        ("datetime", "2023-01-02T08:00:00", "must be a valid ISO 8601 UTC date"),
        ("datetime", "2023-02-31T08:00:00Z", "must be a valid ISO 8601 UTC date"),
        ("datetime", "2023-01-02T08:00:00+01:60", "must be a valid ISO 8601 UTC date"),
        ("datetime", "0001-01-01T00:00:00+01:00", "must be a valid ISO 8601 UTC date"),
    ],
)
async def test_each_field_has_its_own_message(
    operator: httpx.AsyncClient, name: str, value: object, message: str
):
    response = await operator.post(IMPORT, json=[SPECIFIC, SPECIFIC | {name: value}])

    assert response.status_code == 400
    assert response.json() == [f"/1/{name}: {message}"]


@pytest.mark.parametrize(
    "moment",
    ["2023-01-02T07:00:00Z", "2023-01-02t07:00:00z", "2023-01-02 08:00:00.000+0100"],
)
async def test_a_moment_may_be_written_in_several_ways(operator: httpx.AsyncClient, moment: str):
    response = await operator.post(IMPORT, json=[SPECIFIC | {"datetime": moment}])

    assert response.json()["failed_details"][0]["datetime"] == "2023-01-02T07:00:00.000Z"


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ({}, [": must be array"]),
        ([], [": must NOT have fewer than 1 items"]),
        ([STANDARDIZED] * 1001, [": must NOT have more than 1000 items"]),
        (["x"], ["/0: must be object"]),
        (
            [STANDARDIZED | {"last_name": "Tô"}],
            ["/0: must NOT have additional properties"],
        ),
        (
            [{name: SPECIFIC[name] for name in SPECIFIC if name != "datetime"}],
            [
                "/0: must have required property 'cee_application_uuid'",
                "/0: must have required property 'datetime'",
                "/0: must match a schema in anyOf",
            ],
        ),
    ],
    ids=["object", "empty", "too many", "text", "unknown field", "missing field"],
)
async def test_a_batch_has_a_shape(
    operator: httpx.AsyncClient, document: object, faults: list[str]
):
    response = await operator.post(IMPORT, json=document)

    assert response.status_code == 400
    assert response.json() == faults


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("+336010203", "+336010203"),
        ("+337010203", "+337010203"),
        ("+335000000", "+335000000"),
        ("+33601020304", None),
        ("+33601020", None),
        ("06010203", "+336010203"),
        ("06 01 02 03", "+336010203"),
        ("+5906901010", "+5906901010"),
        ("+590690101", None),
        ("+5946940102", "+5946940102"),
        ("+6877512", "+6877512"),
        ("+324701234", "+324701234"),
        ("+41781234", None),
        ("+44770090", None),
        ("+4477009001", None),
        ("+35262112", None),
        ("+37712345", None),
        ("+4915112345", "+4915112345"),
        ("0033601020", None),
        ("bip", None),
        ("not a phone", None),
        ("336010203", "+336010203"),
        ("+338010203", "+338010203"),
    ],
)
def test_truncated_phones_are_understood_as_recorded(text: str, understood: str | None):
    assert truncated(text) == understood


def test_a_truncated_phone_has_eight_characters_even_where_numbers_are_shorter():
    assert truncated("+290202") is None


async def test_one_invalid_item_refuses_the_whole_batch(operator: httpx.AsyncClient):
    refused = await operator.post(IMPORT, json=[asking(0), asking(1) | {"identity_key": ""}])
    accepted = await operator.post(IMPORT, json=[asking(0), asking(1)])

    assert refused.status_code == 400
    assert accepted.json() == {"imported": 2, "failed": 0, "failed_details": []}


async def test_a_batch_is_judged_before_its_sender(anonymous: httpx.AsyncClient):
    wrong = await anonymous.post(IMPORT, json=[])
    right = await anonymous.post(IMPORT, json=[asking(0)])

    assert wrong.status_code == 400
    assert right.status_code == 403
    assert right.json() == {"error": "Forbidden Error"}


# The import: outcome


async def test_a_thousand_applications_can_be_keyed_at_once_and_only_once(
    operator: httpx.AsyncClient,
):
    batch = [asking(number) for number in TO_KEY]

    first = (await operator.post(IMPORT, json=batch)).json()
    second = (await operator.post(IMPORT, json=batch)).json()

    assert sum(item["cee_application_type"] == "specific" for item in batch) == 700
    assert first == {"imported": 1000, "failed": 0, "failed_details": []}
    assert (second["imported"], second["failed"]) == (0, 1000)


@pytest.mark.parametrize("number", [KEYED[0], KEYED[2], ELSEWHERE[0], ELSEWHERE[2], UNKNOWN])
async def test_whatever_prevents_a_key_looks_the_same(operator: httpx.AsyncClient, number: int):
    report = (await operator.post(IMPORT, json=[asking(number)])).json()

    assert report["imported"] == 0
    assert [failure["error"] for failure in report["failed_details"]] == ["Not found"]


async def test_failures_show_what_was_looked_for_people_first(operator: httpx.AsyncClient):
    """Neither the order nor the fields of what was sent: only its values can be matched."""
    specific_by_uuid = SPECIFIC | {"cee_application_uuid": NOWHERE}
    loose = SPECIFIC | {"phone_trunc": "06 01 02 03"}

    response = await operator.post(IMPORT, json=[specific_by_uuid, asking(2), loose])

    assert response.json() == {
        "imported": 1,
        "failed": 2,
        "failed_details": [
            SPECIFIC
            | {
                "operator_id": OPERATOR,
                "datetime": "2023-01-02T07:00:00.000Z",
                "application_timestamp": "2023-01-02T07:00:00.000Z",
                "error": "Not found",
            },
            STANDARDIZED | {"operator_id": OPERATOR, "error": "Not found"},
        ],
    }


async def test_the_uuid_of_a_specific_application_finds_it_too(operator: httpx.AsyncClient):
    by_uuid = STANDARDIZED | {"cee_application_uuid": application(0).uuid.upper()}

    found = (await operator.post(IMPORT, json=[by_uuid])).json()
    keyed_already = (await operator.post(IMPORT, json=[asking(0)])).json()

    assert (found["imported"], keyed_already["imported"]) == (1, 0)


async def test_a_standardized_item_without_uuid_is_never_found(operator: httpx.AsyncClient):
    item = asking(0) | {"cee_application_type": "standardized"}

    report = (await operator.post(IMPORT, json=[item])).json()

    assert report["failed_details"] == [
        {
            "operator_id": OPERATOR,
            "identity_key": KEY,
            "cee_application_type": "standardized",
            "error": "Not found",
        }
    ]


async def test_every_batch_that_arrives_is_remembered(
    app: Starlette, operator: httpx.AsyncClient, anonymous: httpx.AsyncClient
):
    await operator.post(IMPORT, json=[asking(0), asking(1), asking(UNKNOWN)])
    await operator.post(IMPORT, json=[asking(2), {}])
    await anonymous.post(IMPORT, json=[asking(2)])

    assert app.state.writes == [
        Write("import_identities", rows=3, imported=2),
        Write("import_identities", rows=2),
        Write("import_identities", rows=1),
    ]


@pytest.mark.parametrize("number", [MORE_TO_KEY[0], MORE_TO_KEY[2], MORE_TO_KEY[-1]])
async def test_an_operator_has_more_applications_than_are_kept(
    app: Starlette, operator: httpx.AsyncClient, number: int
):
    twice = [(await operator.post(IMPORT, json=[asking(number)])).json() for _ in range(2)]

    assert [report["imported"] for report in twice] == [1, 0]
    assert app.state.keyed == {application(number).uuid: KEY}


async def test_a_person_is_found_by_all_that_identifies_them(operator: httpx.AsyncClient):
    asked = asking(MORE_TO_KEY[0])
    others = [asked | {"journey_type": "long"}, asked | {"last_name_trunc": "ZZ "}]

    assert (await operator.post(IMPORT, json=others)).json()["imported"] == 0


async def test_what_is_left_of_a_limit_is_told_and_one_too_many_refused(clock: Clock):
    service = caller(create(imports_a_minute=2, now=clock), "sandbox")
    answers = [await service.post(IMPORT, json=[asking(number)]) for number in range(3)]
    clock.wait(minutes=1)
    later = await service.post(IMPORT, json=[asking(3)])

    assert [answer.status_code for answer in (*answers, later)] == [200, 200, 429, 200]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["Retry-After"] == "60"
    assert answers[2].headers["X-RateLimit-Reset"] == f"{clock().timestamp():.0f}"
    assert answers[2].json() == {"error": {"code": 429, "message": "Too many requests"}}


async def test_a_hundred_certificates_are_shown_in_five_minutes(
    anonymous: httpx.AsyncClient, clock: Clock
):
    shown = [await anonymous.get(f"/v3.2/certificates/{VALID}") for _ in range(101)]
    clock.wait(minutes=5)

    assert [answer.status_code for answer in shown] == [200] * 100 + [429]
    assert (await anonymous.get(f"/v3.2/certificates/{VALID}")).status_code == 200


# The import: faults


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("faults", 400, '["/0/phone_trunc: must be a valid truncated phone number"]'),
        ("sentence", 400, '"Date should be before 7 days from now"'),
        ("error", 500, '{"error":"relation \\"applications\\" does not exist"}'),
        ("conflict", 409, '{"datetime":"2024-01-31T08:00:00.000Z"}'),
        ("rpc", 401, '{"jsonrpc":"2.0","id":1,"error":{"code":-32501,'),
        ("middleware", 401, '{"jsonrpc":"2.0","id":1,"error":{"code":401,'),
        ("limited", 429, '{"error":{"code":429,"message":"Too many requests"}}'),
        ("maintenance", 503, '{"code":503,"error":"Service Unavailable"}'),
        ("disabled", 405, "{}"),
        ("nothing", 404, ""),
        ("page", 404, "<!DOCTYPE html>"),
    ],
)
async def test_each_way_of_saying_no_can_be_asked_for(
    app: Starlette, operator: httpx.AsyncClient, name: str, status: int, body: str
):
    once = await operator.post(IMPORT, json=[asking(0)], headers={"Sandbox-Refusal": name})
    app.state.says = name
    always = await operator.post(IMPORT, json=[asking(0)])

    for answer in (once, always):
        assert answer.status_code == status
        assert answer.text.startswith(body)
        assert bool(answer.text) == bool(body)
    assert not app.state.keyed


async def test_every_batch_can_be_refused_as_the_running_service_does():
    app = create(mode="array_fault")

    response = await caller(app, "sandbox").post(IMPORT, json=[asking(0)])

    assert response.status_code == 400
    assert response.json() == [": must be array"]
    assert app.state.writes == [Write("import_identities", rows=1)]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", IMPORT), ("GET", f"/v3.2/certificates/{VALID}")]
)
async def test_a_withdrawn_route_is_unknown(method: str, path: str):
    service = caller(create(mode="withdrawn"), "sandbox")

    response = await service.request(method, path, json=[asking(0)])

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<pre>Cannot {method} {path}</pre>" in response.text


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"[{", "SyntaxError"),
        (b"[NaN]", "SyntaxError"),
        (b'"text"', "SyntaxError"),
        (b"[" * 100_000, "SyntaxError"),
        (b'[{"cee_application_type": "\xff"}]', "SyntaxError"),
        (b" " * (2 * 1024 * 1024 + 1), "PayloadTooLargeError"),
    ],
    ids=["cut", "not a number", "neither object nor array", "too deep", "not UTF-8", "too large"],
)
async def test_a_body_that_cannot_be_read_is_answered_as_a_fault_of_the_server(
    operator: httpx.AsyncClient, body: bytes, name: str
):
    json_type = {"Content-Type": "application/json; charset=utf-8"}

    response = await operator.post(IMPORT, content=body, headers=json_type)

    error = response.json()["error"]
    assert response.status_code == 500
    assert (error["code"], error["data"]) == (500, name)


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"", "application/json"), (b"[]", "text/plain")]
)
async def test_an_empty_body_or_one_not_declared_as_json_is_not_an_array(
    operator: httpx.AsyncClient, body: bytes, content_type: str
):
    response = await operator.post(IMPORT, content=body, headers={"Content-Type": content_type})

    assert response.json() == [": must be array"]


# Versions and paths


@pytest.mark.parametrize(
    ("version", "status"),
    [("v3", 200), ("v3.2", 200), ("v3.3", 200), ("3.3", 200)]
    + [(other, 404) for other in ("v3.1", "v3.4", "v2", "latest")],
)
async def test_a_version_is_a_range_of_supported_ones(
    anonymous: httpx.AsyncClient, version: str, status: int
):
    response = await anonymous.get(f"/{version}/certificates/{VALID}")

    assert response.status_code == status
    assert bool(response.content) == (status == 200)


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("GET", "/v3.2/certificates", "/v3.2/certificates"),
        ("GET", IMPORT, IMPORT),
        ("GET", f"{TOKEN}/", f"{TOKEN}/"),
        ("GET", "/<b>", "/&lt;b&gt;"),
    ],
)
async def test_anything_else_is_not_found_by_express(
    anonymous: httpx.AsyncClient, method: str, path: str, shown: str
):
    response = await anonymous.request(method, path)

    assert response.status_code == 404
    assert f"<pre>Cannot {method} {shown}</pre>" in response.text


# The file of an operator


def from_row(row: dict[str, str]) -> Item:
    """What an operator sends for a row of its file: phones and names cut by hand, not computed."""
    item: Item = {"cee_application_type": row["cee_application_type"], "identity_key": KEY}
    if row["cee_application_uuid"]:
        return item | {"cee_application_uuid": row["cee_application_uuid"]}
    digits = row["phone"].replace(" ", "").removeprefix("+33").removeprefix("0")
    return item | {
        "journey_type": row["journey_type"],
        "datetime": row["datetime"],
        "phone_trunc": f"+33{digits[:-2]}",
        "last_name_trunc": dict(NAMES)[row["last_name"]],
    }


@pytest.mark.parametrize("size", [2, 40, 1002])
async def test_all_rows_of_an_operator_s_file_can_be_imported_but_the_last_two(
    operator: httpx.AsyncClient, size: int
):
    rows = list(csv.DictReader(operator_file(size).splitlines()))

    good = [from_row(row) for row in rows[:-2]]
    done = (await operator.post(IMPORT, json=good)).json() if good else {"imported": 0}
    left = (await operator.post(IMPORT, json=[from_row(row) for row in rows[-2:]])).json()

    assert len(rows) == size
    assert done["imported"] == size - 2
    assert left["failed"] == 2


@pytest.mark.parametrize("size", [-1, 1, 1_000_000])
def test_an_operator_s_file_has_neither_less_nor_more_than_there_is(size: int):
    with pytest.raises(ValueError, match="there can be 2 to 991002"):
        operator_file(size)


def test_an_operator_s_file_is_the_same_every_time():
    assert operator_file(4).splitlines() == [
        "cee_application_type,cee_application_uuid,journey_type,datetime,phone,last_name",
        "specific,,long,2023-01-02T06:00:00Z,+33600001234,D'Hérûg-de-l'Hérault",
        "specific,,short,2023-01-02T13:00:00Z,06 00 00 91 53,Tô",
        "specific,,short,2023-10-20T22:00:00Z,06 00 00 02 34,D'Hérûg-de-l'Hérault",
        "standardized,5c4f6a5c-6b83-5d15-9d86-63d10be580ce,,,06 00 00 52 62,L'Héritier",
    ]
