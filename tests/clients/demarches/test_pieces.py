"""The files of a dossier: found wherever they are, fetched from where they may be, checked."""

import base64
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

import anyio
import httpx
import pytest
import respx

from clients import downloads
from clients.demarches import DemarcheFiles, DemarchesClient, StoredPiece
from clients.downloads import downloading
from clients.errors import (
    ApiError,
    FaultyServiceError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)

API = "https://demarches.test/api/v2/graphql"
SECRET = "temp_url_sig=s3cret"
ADDRESS = f"https://static.demarches-simplifiees.fr/a.pdf?{SECRET}"
CONTENT = b"%PDF-1.7 " * 100


def file(content: bytes = CONTENT, **members: object) -> dict[str, object]:
    """A file as the service lists it."""
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    return {
        "filename": "a.pdf",
        "contentType": "application/pdf",
        "byteSizeBigInt": str(len(content)),
        "checksum": base64.b64encode(md5).decode(),
        "createdAt": "2026-03-02T10:30:00+01:00",
        "virusScanResult": "safe",
        "url": ADDRESS,
    } | members


def piece(**members: object) -> StoredPiece:
    return StoredPiece.model_validate(file() | members)


class Sink:
    """Where a file goes."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def __call__(self, chunk: bytes) -> None:
        self.chunks.append(chunk)


@pytest.fixture(name="sink")
def _sink() -> Sink:
    return Sink()


@pytest.fixture(name="files")
async def _files() -> AsyncGenerator[DemarcheFiles]:
    async with downloading() as http:
        hosts = ("static.demarches-simplifiees.fr", "*.stockage.test")
        yield DemarcheFiles(http, endpoint=API, hosts=hosts)


# Finding them.


async def test_files_are_found_wherever_they_are(client: DemarchesClient, graphql: respx.Route):
    rows = [{"champs": [{"files": [file(filename="row.pdf")]}, {}]}]
    dossier: dict[str, object] = {
        "demarche": {"number": 1001},
        "attestation": None,
        "geojson": None,
        "pdf": file(filename="dossier.pdf", checksum="", byteSizeBigInt="0"),
        "motivationAttachment": file(filename="why.pdf"),
        "champs": [{"files": [file(filename="bill.pdf")]}, {"rows": rows}, {}],
        "annotations": [{"files": [file(filename="note.pdf")]}],
        "avis": [{"attachments": [file(filename="opinion.pdf")]}],
        "messages": [{"attachments": [file(filename="letter.pdf")]}, {"attachments": []}],
    }
    graphql.respond(json={"data": {"dossier": dossier}})

    stored = await client.pieces(200001)

    assert stored.whole
    assert sorted(found.filename for found in stored.pieces) == [
        *("bill.pdf", "dossier.pdf", "letter.pdf", "note.pdf", "opinion.pdf", "row.pdf", "why.pdf")
    ]


async def test_files_that_could_not_be_listed_are_not_said_to_be_none(
    client: DemarchesClient, graphql: respx.Route
):
    late = {"message": "Timeout on Dossier.messages", "path": ["dossier", "messages"]}
    graphql.respond(json={"data": {"dossier": {"demarche": {"number": 1}}}, "errors": [late]})

    assert not (await client.pieces(200001)).whole


async def test_a_dossier_that_is_not_there_has_no_files(
    client: DemarchesClient, graphql: respx.Route
):
    absent = {"message": "Dossier not found", "extensions": {"code": "not_found"}}
    graphql.respond(json={"data": None, "errors": [absent]})

    with pytest.raises(NotFoundError):
        await client.pieces(1)


def test_an_address_shows_nowhere():
    assert SECRET not in repr(piece())
    assert SECRET not in piece().model_dump_json()


# Fetching them.


async def test_a_file_is_passed_on_and_no_token_with_it(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter
):
    route = respx_mock.get(ADDRESS).respond(content=CONTENT)

    await files.download(piece(), sink)

    assert b"".join(sink.chunks) == CONTENT
    headers = route.calls.last.request.headers
    assert "authorization" not in headers
    assert headers["accept-encoding"] == "identity"


async def test_a_file_is_passed_on_as_it_comes(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter
):
    """Ten chunks are never held together."""
    chunk = b"x" * downloads.CHUNK
    behind: list[int] = []

    class Coming(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for sent in range(10):
                behind.append(sent - len(sink.chunks))
                yield chunk

    respx_mock.get(ADDRESS).respond(stream=Coming())

    await files.download(StoredPiece.model_validate(file(chunk * 10)), sink)

    assert max(behind) <= 1


@pytest.mark.parametrize(
    "address",
    [
        "https://demarches.test/rails/blobs/a.pdf",
        "https://static.demarches-simplifiees.fr/a.pdf",
        "https://STATIC.demarches-simplifiees.fr:443/a.pdf",
        "https://a.b.stockage.test/a.pdf",
    ],
)
async def test_a_file_may_be_at_these_addresses(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter, address: str
):
    respx_mock.get(address).respond(content=CONTENT)

    await files.download(piece(url=address), sink)

    assert b"".join(sink.chunks) == CONTENT


@pytest.mark.parametrize(
    "address",
    [
        "http://static.demarches-simplifiees.fr/a.pdf",
        "https://static.demarches-simplifiees.fr:8443/a.pdf",
        "https://static.demarches-simplifiees.fr.evil.test/a.pdf",
        "https://evil.test/static.demarches-simplifiees.fr",
        "https://static.demarches-simplifiees.fr@evil.test/a.pdf",
        "https://user:pass@static.demarches-simplifiees.fr/a.pdf",
        "https://other.demarches-simplifiees.fr/a.pdf",
        "https://static.demarches-simplifiees.fr./a.pdf",
        "https://stockage.test/a.pdf",
        "https://evilstockage.test/a.pdf",
        "https://demarches.test:444/a.pdf",
        "http://demarches.test/a.pdf",
        "http://127.0.0.1/a.pdf",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        pytest.param(f"{'a' * 60_000}://demarches.test/a.pdf", id="a long scheme"),
        "/a.pdf",
        "",
    ],
)
async def test_a_file_is_fetched_from_nowhere_else(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter, address: str
):
    with pytest.raises(RejectedError, match="add it to GUICHET_DEMARCHES_FILES_HOSTS") as refusal:
        await files.download(piece(url=address), sink)

    assert len(str(refusal.value)) < 1_000
    assert not respx_mock.calls
    assert sink.chunks == []


@pytest.mark.parametrize("address", ["https://a:b/", "https://xn--zzzzzzz-999999999/"])
async def test_an_address_that_is_none_is_not_repeated(
    files: DemarcheFiles, sink: Sink, address: str
):
    with pytest.raises(UnexpectedReplyError) as caught:
        await files.download(piece(url=f"{address}?{SECRET}"), sink)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8766", "[::1]:8766", "localhost"])
async def test_the_service_on_this_machine_may_have_its_files_there(
    sink: Sink, respx_mock: respx.MockRouter, host: str
):
    address = f"http://{host}/demarches/rails/a.pdf"
    respx_mock.get(address).respond(content=CONTENT)

    async with downloading() as http:
        local = DemarcheFiles(http, endpoint=f"http://{host}/demarches/api/v2/graphql")
        await local.download(piece(url=f"{address}#1"), sink)

    assert b"".join(sink.chunks) == CONTENT


@pytest.mark.parametrize(
    ("response", "kind", "told"),
    [
        (httpx.Response(401), UnavailableError, "no longer works"),
        (httpx.Response(403), UnavailableError, "no longer works"),
        (httpx.Response(410), UnavailableError, "no longer works"),
        (httpx.Response(404), NotFoundError, "missing from its storage"),
        (httpx.Response(500), UnavailableError, "HTTP 500"),
        (
            httpx.Response(302, headers={"Location": "https://evil.test"}),
            UnexpectedReplyError,
            "a redirection",
        ),
        (
            httpx.Response(200, headers={"Content-Encoding": "gzip"}),
            UnexpectedReplyError,
            "compressed",
        ),
        (
            httpx.Response(200, headers={"Content-Length": "200000001"}),
            RejectedError,
            "larger than 200 MB",
        ),
        (httpx.Response(200, content=CONTENT[:-1]), FaultyServiceError, "MD5"),
        (httpx.ReadError(ADDRESS), UnavailableError, "no complete answer"),
        (httpx.ConnectError(ADDRESS), UnavailableError, "cannot be reached"),
    ],
    ids=repr,
)
async def test_what_goes_wrong_is_said_without_the_address(
    files: DemarcheFiles,
    sink: Sink,
    respx_mock: respx.MockRouter,
    response: httpx.Response | Exception,
    kind: type[ApiError],
    told: str,
):
    respx_mock.get(ADDRESS).mock(side_effect=[response])

    with pytest.raises(kind, match=told) as caught:
        await files.download(piece(), sink)

    assert SECRET not in str(caught.value)
    assert len(respx_mock.calls) == 1


async def test_a_file_that_grows_too_large_is_given_up(sink: Sink, respx_mock: respx.MockRouter):
    """Whatever was announced, or was not."""

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1_000

    respx_mock.get(ADDRESS).respond(stream=Endless())

    async with downloading() as http:
        one = downloads.Downloads(http, service="S", own=ADDRESS, hosts=(), setting="")
        with pytest.raises(RejectedError, match="larger than"):
            await one.fetch(ADDRESS, sink, most=1_000_000)

    assert sum(map(len, sink.chunks)) <= 1_000_000


async def test_a_file_that_never_ends_is_given_up(
    files: DemarcheFiles,
    sink: Sink,
    respx_mock: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
):
    class Stuck(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x"
            await anyio.sleep_forever()

    monkeypatch.setattr(downloads, "WHOLE", 0.01)
    respx_mock.get(ADDRESS).respond(stream=Stuck())

    with anyio.fail_after(5), pytest.raises(UnavailableError, match="too long"):
        await files.download(piece(), sink)


@pytest.mark.parametrize(
    ("members", "kind", "told"),
    [
        ({"virusScanResult": "pending"}, UnavailableError, "not scanned for viruses yet"),
        ({"virusScanResult": "infected"}, RejectedError, "a virus is in this file"),
        ({"virusScanResult": "integrity_error"}, FaultyServiceError, "damaged"),
        ({"virusScanResult": "a_new_word"}, RejectedError, "« a_new_word »"),
        ({"byteSizeBigInt": "200000001"}, RejectedError, "too large"),
        (
            {"checksum": "", "byteSizeBigInt": "0", "virusScanResult": "infected"},
            RejectedError,
            "a virus is in this file",
        ),
        ({"checksum": "", "virusScanResult": "pending"}, UnavailableError, "not scanned"),
    ],
)
async def test_a_file_is_not_fetched_when_the_service_itself_doubts_it(
    files: DemarcheFiles,
    sink: Sink,
    respx_mock: respx.MockRouter,
    members: dict[str, object],
    kind: type[ApiError],
    told: str,
):
    with pytest.raises(kind, match=told):
        await files.download(piece(**members), sink)

    assert not respx_mock.calls


async def test_a_file_that_is_not_made_on_demand_has_a_digest_or_is_not_saved(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter
):
    respx_mock.get(ADDRESS).respond(content=CONTENT)

    with pytest.raises(FaultyServiceError, match="MD5"):
        await files.download(piece(checksum=""), sink)


async def test_what_is_made_on_demand_has_no_digest_to_check(
    files: DemarcheFiles, sink: Sink, respx_mock: respx.MockRouter
):
    respx_mock.get(ADDRESS).respond(content=CONTENT)

    await files.download(piece(checksum="", byteSizeBigInt="0", virusScanResult="pending"), sink)

    assert b"".join(sink.chunks) == CONTENT
