"""Looking for dossiers by what tells them apart: the service only filters on state and dates."""

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from mcp.server.mcpserver.exceptions import ToolError

from clients.demarches import DossiersPage, DossierSummary, PartialError, Row
from clients.demarches.client import Heard

MOST_SCANNED = 1_000
"""Dossiers looked at in one search."""
LONGEST = 60.0
"""Seconds a search may take: what it looked at by then is its answer."""

Wanted = Callable[[DossierSummary], bool]
Read = Callable[[str], Awaitable[DossiersPage]]
"""Gives the page after a cursor."""


@dataclass(slots=True)
class Scan:
    """How far a search went, and what it found."""

    after: str
    """Where to go on from; nothing once everything was looked at."""
    title: str = ""
    scanned: int = 0
    rows: list[Row] = field(default_factory=list[Row])
    problems: list[PartialError] = field(default_factory=list[PartialError])

    async def run(self, read: Read, wanted: Wanted, heard: Heard, *, most: int) -> None:
        """Look until `most` are found, a thousand looked at, a minute passed, or the end.

        Raises:
            ToolError: A minute passed and nothing could be looked at.
        """
        with anyio.move_on_after(LONGEST) as waiting:
            while self._look(await read(self.after), wanted, most):
                await heard(self.scanned)
        if waiting.cancelled_caught and not self.scanned:
            raise ToolError("Démarches simplifiées is too slow to be searched now: try later.")

    def _look(self, page: DossiersPage, wanted: Wanted, most: int) -> bool:
        """Look at a page; whether there is reason to look further."""
        self.title = page.title
        self.problems += page.problems
        for row in page.rows:
            if len(self.rows) == most:
                return False
            self.scanned += 1
            self.after = row.cursor
            if wanted(row.dossier):
                self.rows.append(row)
        self.after = page.next
        return bool(page.next) and self.scanned < MOST_SCANNED and len(self.rows) < most


def matching(search: str) -> Wanted:
    """Whether every word is in a dossier's number, demandeur or e-mail, accents and case aside.

    A number may be given with spaces inside, as a SIRET often is.
    """
    words = _folded(search).split()
    joined = "".join(words)

    def wanted(dossier: DossierSummary) -> bool:
        told = _folded(f"{dossier.number} {dossier.demandeur.line} {dossier.usager.email}")
        return all(word in told for word in words) or (joined.isdecimal() and joined in told)

    return wanted


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()
