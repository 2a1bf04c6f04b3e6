"""The exports that can be read back at the address that their result links to, and nothing else.

The folder holds files that no model may read: those of CEE applications name people and give their
phones, and a piece justificative may be anybody's passport. An export holds what get_dossier gives,
one dossier at a time. So what can be read is what this process exported, for whom it did, as it was
when it was linked to; another process, another caller or a file put in its place reads nothing.
"""

from collections import deque

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.types import CallToolResult

from tools.desk import Desk
from tools.files import MEGABYTE
from tools.results import Saved

MOST_EXPORTS = 100
"""Exports that are remembered, the latest ones."""
MOST_BYTES = MEGABYTE
"""Bytes of an export that can be read: a host may put them all before its model."""


class Exports:
    """What was exported since this process started, and for whom."""

    def __init__(self) -> None:
        self._made = deque[tuple[str, Saved]](maxlen=MOST_EXPORTS)

    def add(self, principal: str, result: CallToolResult) -> None:
        """Remember the file that a tool's result links to."""
        self._made.append((principal, Saved.model_validate(result.structured_content)))

    def find(self, principal: str, address: str) -> Saved | None:
        """The export that this address was given to this principal for."""
        made = ((whose, saved) for whose, saved in self._made if saved.uri == address)
        return next((saved for whose, saved in made if whose == principal), None)


async def read(desk: Desk, export: Saved) -> str:
    """What an export holds.

    Raises:
        ResourceNotFoundError: It is no longer there, or is no longer what was exported.
        ResourceError: It is too large to be read here.
    """
    if export.bytes > MOST_BYTES:
        raise ResourceError(
            f"This export has {export.bytes} bytes, and {MOST_BYTES} at most can be read here: "
            f"open {export.file} in the folder of files, or export less."
        )
    try:
        piece = await desk.files.piece(export.file, most=MOST_BYTES)
    except ToolError as absent:
        raise ResourceNotFoundError(str(absent)) from None
    if piece.sha256 != export.sha256:
        raise ResourceNotFoundError(f"{export.file} is no longer the file that was exported.")
    return piece.content.decode("utf-8-sig")
