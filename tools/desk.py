"""What a tool works with, given to the server when it starts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from clients import Clients
from tools.asking import Consent
from tools.fences import NONE, Fences
from tools.files import Folder
from tools.journal import Journal
from tools.language import Say
from tools.understood import SERVICE_HOSTS

Present = Callable[[str], Awaitable[str]]
"""Shows an operation to the person, outside the client; gives an address without any secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The services, the ledger, the one folder, and how the person is spoken to."""

    clients: Clients
    journal: Journal
    files: Folder
    say: Say
    principal: Callable[[], str]
    """On whose behalf the current call is made."""
    principals: frozenset[str] | None = None
    """Those whose changes can be settled with these credentials; None where all share them."""
    consent: Consent = "ask"
    fences: Fences = NONE
    """What each principal may have changed in a day."""
    four_eyes: frozenset[str] = frozenset()
    """The tools whose changes another person must approve."""
    somebody_else: Callable[[str], bool] = lambda _: False
    """Whether anybody but whom the current call is made for may approve a change by this tool."""
    present: Present | None = None
    signs_in: Callable[[], bool] | None = None
    """Whether whom the current call is made for can sign in to the page; None where the page opens
    by itself, on their own machine."""
    instructeur: str = ""
    """The e-mail or the identifier of the instructeur who signs decisions."""
    places: frozenset[str] = frozenset()
    """Where the services answer: a change is settled only where it was asked for."""
    pages: frozenset[str] = SERVICE_HOSTS
    """The hosts whose pages show the dossiers of this counter."""
    demarches: tuple[int, ...] = ()
    """The démarches to offer, by number: the service lists none."""
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
