"""The shapes in which the service says no, in words that repeat nothing of what was sent."""

import httpx
import pytest

from clients.covoiturage.refusals import reason

RPC = {"jsonrpc": "2.0", "id": 1}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            httpx.Response(400, json=["/0/identity_key: must be a valid identity key"]),
            "row 1 of those sent, identity_key: must be a valid identity key",
        ),
        (
            httpx.Response(400, json=[": must NOT have more than 1000 items"]),
            "the list: must NOT have more than 1000 items",
        ),
        (
            httpx.Response(400, json=["/12: must have required property 'datetime'"]),
            "row 13 of those sent: must have required property 'datetime'",
        ),
        (httpx.Response(403, json="Invalid permissions"), "Invalid permissions"),
        (httpx.Response(404, json={"error": "Not found"}), "Not found"),
        (httpx.Response(409, json={"datetime": "2024-01-31T08:00:00.000Z"}), "Conflict"),
        (
            httpx.Response(
                403,
                json={
                    **RPC,
                    "error": {
                        "data": "Invalid permissions",
                        "code": -32503,
                        "message": "Forbidden Error",
                    },
                },
            ),
            "Invalid permissions; Forbidden Error",
        ),
        (
            httpx.Response(
                400,
                json={
                    **RPC,
                    "error": {
                        "data": ["secret_key : Expected a string, but received: 33601020304"],
                        "code": -32602,
                        "message": "Invalid params",
                    },
                },
            ),
            "Invalid params",
        ),
        (
            httpx.Response(
                500, json={**RPC, "error": {"code": 500, "message": "Internal Server Error"}}
            ),
            "Internal Server Error",
        ),
        (
            httpx.Response(429, json={"error": {"code": 429, "message": "Too many requests"}}),
            "Too many requests",
        ),
        (
            httpx.Response(503, json={"code": 503, "error": "Service Unavailable"}),
            "Service Unavailable",
        ),
        (httpx.Response(405, json={}), "HTTP 405 Method Not Allowed"),
        (httpx.Response(404), "HTTP 404 Not Found"),
        (
            httpx.Response(404, html="<pre>Cannot POST /v3.3/33601020304</pre>"),
            "HTTP 404 Not Found",
        ),
        (
            httpx.Response(599, text="\udcff".encode("utf-8", "surrogatepass").decode("latin-1")),
            "HTTP 599",
        ),
    ],
    ids=[
        "array, field",
        "array, whole list",
        "array, lacking field",
        "bare text",
        "error as text",
        "conflict",
        "JSON-RPC, text",
        "JSON-RPC, array",
        "JSON-RPC, no data",
        "too many",
        "maintenance",
        "empty object",
        "empty",
        "page",
        "unheard of",
    ],
)
def test_each_shape_gives_a_reason(answer: httpx.Response, told: str):
    assert reason(answer) == told


@pytest.mark.parametrize(
    "said",
    [
        "DUPONT",
        ["DUPONT"],
        ["/0/phone_trunc: must not be DUPONT"],
        ["/0/DUPONT: must be string"],
        ["/DUPONT/0: must be string"],
        ["/0: must have required property 'DUPONT'"],
        {"error": "Key (last_name_trunc)=(DUPONT) already exists."},
        {"error": {"data": "Certificate not found: DUPONT", "message": "DUPONT", "code": "DUPONT"}},
        {"error": {"data": {"name": "DUPONT"}}},
        {"datetime": "DUPONT", "uuid": "DUPONT"},
    ],
)
def test_no_reason_repeats_what_the_service_was_not_known_to_say(said: object):
    assert "DUPONT" not in reason(httpx.Response(500, json=said))


def test_a_long_list_of_complaints_is_cut_short():
    said = [f"/{row}/identity_key: must be a valid identity key" for row in range(1000)]

    told = reason(httpx.Response(400, json=said))

    assert told.endswith(
        "row 5 of those sent, identity_key: must be a valid identity key; and 995 more"
    )
