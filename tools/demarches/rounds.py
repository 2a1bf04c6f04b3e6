"""Where a synchronisation stands: what the next round starts from, as a text to give back.

The service is asked each time for what changed since the same date, after the last cursor it
gave. A cursor of another démarche, or of other filters, would quietly lead elsewhere.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import TypeAdapter

MARK = "sync-"
"""How such a text starts, which no date does."""
DIGEST = 8
"""Characters that tell a text that was miscopied, or is of another list."""
MISCOPIED = (
    "`since` is neither an ISO date nor the `next_since` of an export, to be given exactly as it "
    "came. Nothing was written."
)


@dataclass(frozen=True, slots=True)
class Round:
    """What was read so far of a list of changes, and of the two lists of deletions."""

    since: datetime
    dossiers: str = ""
    deleted: str = ""
    pending: str = ""

    def written(self, listed: str) -> str:
        """The text to give back, for a list named by its démarche and its filters."""
        places = (self.since.isoformat(), self.dossiers, self.deleted, self.pending)
        told = json.dumps(places, separators=(",", ":")).encode()
        return MARK + base64.urlsafe_b64encode(_digest(listed, told) + told).decode().rstrip("=")

    def going_on(self, *, dossiers: str, deleted: str, pending: str) -> "Round":
        """The next round, after these cursors."""
        return replace(self, dossiers=dossiers, deleted=deleted, pending=pending)


def round_of(text: str, listed: str) -> Round:
    """The round that a text of ours stands for.

    Raises:
        ToolError: It is none, or that of another list.
    """
    try:
        packed = base64.urlsafe_b64decode(text.removeprefix(MARK) + "==")
        digest, told = packed[:DIGEST], packed[DIGEST:]
        since, *cursors = _PLACES.validate_json(told)
        start = datetime.fromisoformat(since)
    except ValueError:
        raise ToolError(MISCOPIED) from None
    if digest != _digest(listed, told):
        raise ToolError(_ELSEWHERE)
    return Round(start, *cursors)


_PLACES = TypeAdapter(tuple[str, str, str, str])
_ELSEWHERE = (
    "`since` comes from an export of another démarche, group, state or archived, or was miscopied: "
    "give the same ones, or a date to start a synchronisation anew. Nothing was written."
)


def _digest(listed: str, told: bytes) -> bytes:
    return hashlib.sha256(f"{listed}\n".encode() + told).hexdigest()[:DIGEST].encode()
