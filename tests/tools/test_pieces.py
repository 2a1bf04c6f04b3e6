"""Saving a file of a dossier: the right one, whole, in the one folder, and its address nowhere."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, ResourceLink

from server.sandbox.demarches.storage import content
from tests.support import Between, Counter, facts, text

MODERN = "2026-07-28"
LETTER = content("lettre.pdf", 61_440)


@pytest.fixture(name="folder")
def _folder(counter: Counter) -> Path:
    (counter.folder / "files").mkdir()
    return counter.folder / "files"


async def save(host: Client, piece: str, number: int = 200013) -> CallToolResult:
    return await host.call_tool("save_piece", {"number": number, "piece": piece})


async def refusal(counter: Counter, piece: str, number: int = 200013) -> str:
    async with counter.host(MODERN) as host:
        result = await save(host, piece, number)
    assert result.is_error
    return text(result)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_is_saved_and_linked_to(counter: Counter, era: str, folder: Path):
    async with counter.host(era) as host:
        result = await save(host, "lettre.pdf")

    path = folder / "lettre.pdf"
    assert path.read_bytes() == LETTER
    assert facts(result) == {
        "file": "lettre.pdf",
        "uri": path.as_uri(),
        "bytes": len(LETTER),
        "sha256": hashlib.sha256(LETTER).hexdigest(),
        "verified": True,
    }
    (link,) = (part for part in result.content if isinstance(part, ResourceLink))
    assert (link.uri, link.name) == (path.as_uri(), "lettre.pdf")
    assert (link.size, link.mime_type) == (len(LETTER), "application/pdf")


@pytest.mark.parametrize(
    ("number", "piece"),
    [
        (200001, "facture.pdf"),
        (200001, "bail.png"),
        (200001, "bail.pdf"),
        (200004, "attestation-200004.pdf"),
    ],
)
async def test_a_file_of_a_champ_a_message_or_a_decision_can_be_saved(
    counter: Counter, folder: Path, number: int, piece: str
):
    async with counter.host(MODERN) as host:
        assert facts(await save(host, piece, number))["verified"] is True

    assert names(folder) == [piece]


async def test_the_dossier_as_a_pdf_can_be_saved_though_nothing_vouches_for_it(
    counter: Counter, folder: Path
):
    async with counter.host(MODERN) as host:
        saved = facts(await save(host, "dossier-200013.pdf"))

    assert saved["verified"] is False
    assert names(folder) == ["dossier-200013.pdf"]


async def test_a_file_saved_twice_is_kept_twice(counter: Counter, folder: Path):
    async with counter.host(MODERN) as host:
        saved = [facts(await save(host, "lettre.pdf"))["file"] for _ in range(2)]

    assert saved == ["lettre.pdf", "lettre-2.pdf"]


def messages(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return reply["data"]["dossier"]["messages"][0]["attachments"]


class Rewritten(Between):
    """A network that rewrites what the service says of its files, and not the files."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await self._to.handle_async_request(request)
        return await super().handle_async_request(request)


async def test_files_of_the_same_name_are_told_apart_by_their_checksums(
    counter: Counter, folder: Path
):
    def rename(reply: dict[str, Any]) -> None:
        for file in messages(reply):
            file["filename"] = "scan.pdf"

    counter.over["demarches"] = Rewritten(counter.dossiers, rename)
    told = await refusal(counter, "scan.pdf")
    first = told.rpartition("instead: ")[2].split(",")[0]

    assert told.startswith("Several files have this name")
    async with counter.host(MODERN) as host:
        assert facts(await save(host, first))["file"] == "scan.pdf"
    assert (folder / "scan.pdf").read_bytes() == LETTER


async def test_the_name_of_a_file_does_not_hide_what_the_dossier_itself_gives(
    counter: Counter, folder: Path
):
    def rename(reply: dict[str, Any]) -> None:
        messages(reply)[0]["filename"] = "dossier-200013.pdf"

    counter.over["demarches"] = Rewritten(counter.dossiers, rename)
    told = await refusal(counter, "dossier-200013.pdf")
    what, attached = told.rpartition("instead: ")[2].rstrip(".").split(", ")

    assert what == "pdf"
    async with counter.host(MODERN) as host:
        assert facts(await save(host, "pdf"))["verified"] is False
        assert facts(await save(host, attached))["verified"] is True


async def test_a_name_given_by_a_stranger_leads_nowhere_else(counter: Counter, folder: Path):
    hostile = "../../.config/\u202efdp.desktop"

    def rename(reply: dict[str, Any]) -> None:
        messages(reply)[0]["filename"] = hostile

    counter.over["demarches"] = Rewritten(counter.dossiers, rename)
    async with counter.host(MODERN) as host:
        saved = facts(await save(host, hostile))

    assert saved["file"] == "_.._.config_fdp.desktop"
    assert names(folder) == ["_.._.config_fdp.desktop"]


@pytest.mark.parametrize(
    ("piece", "told"),
    [
        ("disparu.pdf", "missing from its storage"),
        ("abime.pdf", "not the file it announced"),
        ("recent.pdf", "not scanned for viruses yet"),
        ("tronque.pdf", "damaged"),
        ("virus.pdf", "A file that a virus is in is left out"),
        ("nowhere.pdf", "There are: "),
    ],
)
async def test_a_file_that_cannot_be_had_is_told_and_leaves_nothing(
    counter: Counter, folder: Path, piece: str, told: str
):
    assert told in await refusal(counter, piece)
    assert names(folder) == []


async def test_a_file_at_another_host_is_not_fetched(counter: Counter, folder: Path):
    def move(reply: dict[str, Any]) -> None:
        messages(reply)[0]["url"] = "https://evil.example/lettre.pdf?signature=s3cret"

    counter.over["demarches"] = between = Rewritten(counter.dossiers, move)
    told = await refusal(counter, "lettre.pdf")

    assert "evil.example" in told
    assert "s3cret" not in told
    assert {request.url.host for request in between.requests} == {"demarches.sandbox"}
    assert names(folder) == []


async def test_no_address_is_told_or_logged(
    counter: Counter, folder: Path, caplog: pytest.LogCaptureFixture
):
    """At the level that the server logs at, and in every answer."""
    caplog.set_level(logging.WARNING)
    async with counter.host(MODERN) as host:
        results = [await save(host, piece) for piece in ("lettre.pdf", "disparu.pdf", "abime.pdf")]

    told = "".join(result.model_dump_json() for result in results) + caplog.text
    assert "signature" not in told
    assert "active_storage" not in told
    assert names(folder) == ["lettre.pdf"]


async def test_an_unknown_dossier_has_no_file(counter: Counter, folder: Path):
    assert "no dossier with this number" in await refusal(counter, "a.pdf", 1)
    assert names(folder) == []
