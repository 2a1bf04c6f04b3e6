"""Saving the files of a dossier."""

from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients.demarches import Stored, StoredPiece
from clients.text import quoted, shortened
from tools.demarches.dependencies import Demarches, Downloads
from tools.dependencies import Files, Reporting
from tools.files import MEGABYTE
from tools.parameters import DossierNumber
from tools.results import Saved

MOST_NAMED = 20
"""Files that a refusal names."""


class SavedPiece(Saved):
    """A file of a dossier, as it was saved: what it holds was written by others."""

    verified: bool = Field(
        description="Whether its MD5 is the one announced; false: none was, it is made on demand."
    )


async def save_piece(
    demarches: Demarches,
    downloads: Downloads,
    files: Files,
    report: Reporting,
    number: DossierNumber,
    piece: Annotated[
        str,
        Field(min_length=1, description="Its `checksum`, `what` or name, as get_dossier lists it."),
    ],
) -> SavedPiece:
    """Save a file of a dossier (attachment, attestation, pdf…) in GUICHET_FILES, and link to it.

    The file is not shown to you, and nothing there is replaced.
    """
    async with files.draft() as draft:
        found = _one(piece, await demarches.pieces(number))

        async def write(chunk: bytes) -> None:
            before = draft.size // MEGABYTE
            await draft.write(chunk)
            if draft.size // MEGABYTE > before:
                of = f" of {found.size}" if found.size else ""
                await report(draft.size, f"{draft.size} bytes{of}.", found.size or None)

        await downloads.download(found, write)
        kept = await draft.keep(found.filename)
    return SavedPiece(
        file=kept.name,
        uri=kept.uri,
        bytes=kept.size,
        sha256=kept.sha256,
        verified=not found.made_on_demand,
    )


def _one(asked: str, stored: Stored) -> StoredPiece:
    """The file asked for, by its checksum, or what it is, or else by its name as it is shown."""
    if asked in stored.own:
        return stored.own[asked]
    pieces = stored.pieces
    same = [p for p in pieces if p.checksum and p.checksum == asked] or [
        p for p in pieces if shortened(p.filename) == shortened(asked)
    ]
    if not same:
        raise ToolError(_unknown(stored))
    if len({p.checksum for p in same}) > 1:
        made = [what for what, p in stored.own.items() if p in same and p.made_on_demand]
        others = [p.checksum for p in same[:MOST_NAMED] if p.checksum]
        told = ", ".join((*made, *others))
        raise ToolError(f"Several files have this name: give one of these instead: {told}.")
    return same[0]


def _unknown(stored: Stored) -> str:
    if not stored.whole:
        return "The service could not list all the files of this dossier: try again."
    names = dict.fromkeys(quoted(shortened(p.filename)) for p in stored.pieces[:MOST_NAMED])
    return (
        "This dossier has no such file: take a `checksum` from get_dossier. A file that a virus is "
        f"in is left out. There are: {', '.join(names) or 'none'}."
    )
