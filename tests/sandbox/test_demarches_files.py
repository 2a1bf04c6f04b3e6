"""The files that Démarches simplifiées in miniature gives out, and those that it does not."""

import base64
import hashlib
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from server.sandbox import demarches

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
FILE = "filename byteSizeBigInt checksum contentType url virusScanResult"
PARTS, LIST = TypeAdapter(dict[str, Any]), TypeAdapter(list[Any])
TOKEN = {"Authorization": "Bearer sandbox"}


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="http")
async def _http(clock: Clock) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=demarches.create(clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        yield http


async def files(http: httpx.AsyncClient, number: int, where: str) -> list[dict[str, str]]:
    """The files of a dossier, in one place of it."""
    query = f"{{ dossier(number: {number}) {{ {where} }} }}"
    reply = await http.post("/api/v2/graphql", json={"query": query}, headers=TOKEN)
    return list(found(reply.json()["data"]))


def found(part: Any) -> Iterator[dict[str, str]]:
    match part:
        case {"filename": _}:
            yield part
        case dict():
            yield from found(list(PARTS.validate_python(part).values()))
        case list():
            for member in LIST.validate_python(part):
                yield from found(member)
        case _:
            pass


async def messages(http: httpx.AsyncClient, number: int = 200013) -> dict[str, dict[str, str]]:
    """The attachments of the messages of a dossier, by name."""
    listed = await files(http, number, f"messages {{ attachments {{ {FILE} }} }}")
    return {file["filename"]: file for file in listed}


@pytest.mark.parametrize(
    "where",
    [
        f"champs {{ ... on PieceJustificativeChamp {{ files {{ {FILE} }} }} }}",
        f"messages {{ attachments {{ {FILE} }} }}",
    ],
)
async def test_a_file_is_what_was_said_of_it(http: httpx.AsyncClient, where: str):
    told = await files(http, 200001, where)

    assert told
    for file in told:
        content = (await http.get(file["url"])).content

        assert len(content) == int(file["byteSizeBigInt"])
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        assert base64.b64encode(digest).decode() == file["checksum"]


@pytest.mark.parametrize("where", ["pdf", "geojson"])
async def test_what_is_made_when_fetched_is_announced_without_a_size(
    http: httpx.AsyncClient, where: str
):
    (file,) = await files(http, 200001, f"{where} {{ {FILE} }}")

    assert (file["byteSizeBigInt"], file["checksum"]) == ("0", "")
    assert len((await http.get(file["url"])).content) > 1_000


async def test_an_attestation_is_there_once_a_dossier_is_accepted(http: httpx.AsyncClient):
    (file,) = await files(http, 200004, f"attestation {{ {FILE} }}")

    assert (await http.get(file["url"])).headers["content-type"] == "application/pdf"
    assert await files(http, 200002, f"attestation {{ {FILE} }}") == []


async def test_an_address_works_for_an_hour(http: httpx.AsyncClient, clock: Clock):
    url = (await messages(http))["lettre.pdf"]["url"]

    clock.now += timedelta(minutes=59)
    assert (await http.get(url)).status_code == 200

    clock.now += timedelta(minutes=1)
    assert (await http.get(url)).status_code == 401


async def test_an_address_cannot_be_made_to_last(http: httpx.AsyncClient):
    url = (await messages(http))["lettre.pdf"]["url"]
    later = httpx.URL(url).copy_set_param("expires", "9999999999")

    assert (await http.get(later)).status_code == 401


async def test_a_token_is_not_for_the_storage(http: httpx.AsyncClient):
    url = (await messages(http))["lettre.pdf"]["url"]

    assert (await http.get(url, headers=TOKEN)).status_code == 400


async def test_a_file_with_a_virus_is_left_out(http: httpx.AsyncClient):
    listed = await messages(http)

    assert {name: file["virusScanResult"] for name, file in listed.items()} == {
        "lettre.pdf": "safe",
        "disparu.pdf": "safe",
        "abime.pdf": "safe",
        "recent.pdf": "pending",
        "tronque.pdf": "integrity_error",
    }


async def test_a_file_can_be_missing(http: httpx.AsyncClient):
    assert (await http.get((await messages(http))["disparu.pdf"]["url"])).status_code == 404


async def test_a_file_can_be_another_than_it_was(http: httpx.AsyncClient):
    file = (await messages(http))["abime.pdf"]
    content = (await http.get(file["url"])).content

    digest = hashlib.md5(content, usedforsecurity=False).digest()
    assert len(content) == int(file["byteSizeBigInt"])
    assert base64.b64encode(digest).decode() != file["checksum"]
