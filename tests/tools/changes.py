"""Changes as the journal knows them, without any service."""

import time
from collections.abc import Callable
from pathlib import Path

from clients.http import Outgoing
from tools.journal import Intent, Journal
from tools.questions import Asked
from tools.results import Outcome, structured
from tools.sealing import Seal

SECRET = "a secret for tests, long enough to be one"
INTENT = Intent(
    principal="local",
    tool="accept_dossier",
    subject="200001",
    arguments='{"motivation": "Vu avec Jeanne Ferrand."}',
    facts="Jeanne Ferrand, 06 12 34 56 78",
    asked=Asked(
        title="Accepter le dossier de Jeanne Ferrand ?",
        says=(),
        changes=(),
        words=(),
        typed=None,
        request=Outgoing("POST", "https://service.example", "Jeanne Ferrand"),
    ),
)
DONE = structured(Outcome(outcome="applied", conclusion="It was done."))


def journal_of(ledger: Path | str, clock: Callable[[], float] | None = time.time) -> Journal:
    """The journal kept in a file, or at the address of a database."""
    url = ledger if isinstance(ledger, str) else f"sqlite:///{ledger}"
    return Journal(lambda: url, Seal(SECRET.encode), clock=clock)


async def make(journal: Journal, *names: str) -> None:
    """Changes that were asked for, agreed to and made: three entries each."""
    for name in names:
        operation = await journal.ask(name, INTENT)
        assert await journal.begin(operation, "form")
        assert await journal.end(name, "applied", DONE)
