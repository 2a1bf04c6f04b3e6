"""Sending a file: announced to the service with its token, put into the storage without it."""

import json
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from clients.approval import Approval
from clients.demarches import Attachment, DemarchesClient, DemarcheTokens, Dossier
from clients.demarches.uploads import announced
from clients.demarches.wire import Reply
from clients.errors import (
    AccessDeniedError,
    ApiError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import connected

APPROVAL = Approval("operation 1")
SECRET = "a-secret-that-lets-anyone-in"
STORAGE = f"https://storage.test/bucket/1?signature={SECRET}"
HEADERS = {"Content-Type": "application/pdf", "Content-MD5": "+HNXxs3E8Gfhn0Kuurxvtw=="}
FILE = Attachment("arrete.pdf", "application/pdf", b"%PDF-1.7")

Json = dict[str, Any]


def place(url: str = STORAGE, headers: object = HEADERS) -> Json:
    upload = {"url": url, "headers": json.dumps(headers), "signedBlobId": "signed"}
    return {"data": {"outcome": {"directUpload": upload}}}


async def upload(client: DemarchesClient, dossier: Dossier) -> str:
    return await client.upload(dossier, FILE, approval=APPROVAL)


@pytest.fixture(name="storage")
def _storage(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.put(STORAGE)


async def test_a_file_is_announced_with_its_size_and_its_digest(
    client: DemarchesClient, graphql: respx.Route, storage: respx.Route, dossier: Dossier
):
    graphql.respond(json=place())
    storage.respond(201)

    assert await upload(client, dossier) == "signed"

    body = json.loads(graphql.calls.last.request.content)
    assert body["operationName"] == "televerser"
    assert body["variables"]["input"] == {
        "dossierId": "RG9zc2llcg==",
        "filename": "arrete.pdf",
        "byteSize": 8,
        "checksum": "+HNXxs3E8Gfhn0Kuurxvtw==",
        "contentType": "application/pdf",
    }


async def test_the_storage_gets_the_bytes_the_headers_and_no_token(
    client: DemarchesClient, graphql: respx.Route, storage: respx.Route, dossier: Dossier
):
    graphql.respond(json=place())
    storage.respond(200)

    await upload(client, dossier)

    assert storage.call_count == 1
    request = storage.calls.last.request
    assert request.content == b"%PDF-1.7"
    assert {name: request.headers[name] for name in HEADERS} == HEADERS
    assert "Authorization" not in request.headers
    assert "Cookie" not in request.headers


@pytest.mark.parametrize(
    "url",
    [
        f"http://storage.test/1?signature={SECRET}",
        f"ftp://storage.test/1?signature={SECRET}",
        f"https://user:{SECRET}@storage.test/1",
        f"http://localhost.test/1?signature={SECRET}",
        f"http://localhost/1?signature={SECRET}",
        f"http://127.0.0.1:8080/1?signature={SECRET}",
        f"http://demarches.test/1?signature={SECRET}",
        f"//storage.test/1?signature={SECRET}",
        f"https://storage.test:port/{SECRET}",
        "",
    ],
)
async def test_a_file_goes_nowhere_in_clear(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier, url: str
):
    graphql.respond(json=place(url))

    with pytest.raises(UnexpectedReplyError) as caught:
        await upload(client, dossier)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.0.0.1:8080",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "intranet",
    ],
)
async def test_a_file_goes_to_no_machine_around(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier, host: str
):
    graphql.respond(json=place(f"https://{host}/1?signature={SECRET}"))

    with pytest.raises(UnexpectedReplyError) as caught:
        await upload(client, dossier)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
async def test_a_service_on_this_machine_needs_no_https_and_keeps_its_files_itself(
    respx_mock: respx.MockRouter, dossier: Dossier, host: str
):
    endpoint = f"http://{host}/graphql"
    announced = respx_mock.post(endpoint).respond(json=place(f"http://{host}/1"))
    respx_mock.put(f"http://{host}/1").respond(201)
    async with connected(endpoint) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")))
        assert await upload(client, dossier) == "signed"

        announced.respond(json=place(f"http://{host[:-4]}9000/1"))
        with pytest.raises(UnexpectedReplyError):
            await upload(client, dossier)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(403, text=f"<Error>{SECRET}</Error>"), RejectedError),
        (httpx.Response(400, text="BadDigest"), RejectedError),
        (httpx.Response(301, headers={"Location": STORAGE}), RejectedError),
        (httpx.Response(503, text="<html>"), UnavailableError),
        (httpx.Response(500), UnavailableError),
        (httpx.ReadError(STORAGE), UnavailableError),
        (httpx.ConnectError(STORAGE), UnavailableError),
    ],
)
async def test_a_file_that_is_not_stored_changes_nothing_and_its_address_is_told_to_nobody(
    client: DemarchesClient,
    graphql: respx.Route,
    storage: respx.Route,
    dossier: Dossier,
    answer: httpx.Response | Exception,
    kind: type[ApiError],
):
    graphql.respond(json=place())
    storage.mock(side_effect=[answer])

    with pytest.raises(kind) as caught:
        await upload(client, dossier)

    assert type(caught.value) is kind
    assert "Nothing was changed" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_token_that_only_reads_is_said_so(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    """The payload has no errors: a null that cannot be is all that is told."""
    message = "Cannot return null for non-nullable field CreateDirectUploadPayload.directUpload"
    error = {"message": message, "extensions": {"code": "invalid_null"}}
    graphql.respond(json={"data": {"outcome": None}, "errors": [error]})

    with pytest.raises(AccessDeniedError, match="may write"):
        await upload(client, dossier)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"outcome": {"directUpload": {"url": STORAGE, "signedBlobId": "x"}}}},
        {
            "data": {
                "outcome": {"directUpload": {"url": STORAGE, "headers": "{", "signedBlobId": 1}}
            }
        },
        {"data": {"outcome": None}},
        {"data": None},
        place(headers=["Content-Type"]),
    ],
)
async def test_an_announcement_that_is_not_understood_is_no_change(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier, answer: Json
):
    graphql.respond(json=answer)

    with pytest.raises(UnexpectedReplyError) as caught:
        await upload(client, dossier)

    assert SECRET not in str(caught.value)


def test_neither_what_a_file_holds_nor_where_it_goes_is_shown():
    assert repr(FILE) == "Attachment(name='arrete.pdf', content_type='application/pdf')"
    assert SECRET not in repr(announced(Reply.model_validate(place())))
