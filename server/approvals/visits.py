"""Who may see the page of a team, whichever instance they come to: each browser keeps it, sealed.

Nothing is kept here. A form tells which visit and which operation it is of, by a mark that nobody
else can make; sent twice, it is the ledger that answers once.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from pydantic import BaseModel, ConfigDict, ValidationError

from server.approvals.sessions import SESSION_LASTS
from tools.sealing import BrokenSealError, Seal

Ground = Callable[[str], str]
"""What lets a principal in as of now; empty if nothing does."""


class _Kept(BaseModel):
    """What a browser keeps; nothing else that is sealed has these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    principal: str
    ground: str
    """What let them in: once it is something else, they are to sign in again."""
    until: float


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser whose person signed in."""

    id: str
    principal: str
    seal: Seal

    def form(self, operation: str) -> str:
        """A token that lets a form about this operation be sent, in this visit alone."""
        return self.seal.mark(self._of(operation))

    def spend(self, token: str, operation: str) -> bool:
        """Whether this token came with a form about this operation."""
        given = token.encode("utf-8", "surrogatepass")
        good = self.seal.marks(self._of(operation))
        return any(compare_digest(mark.encode(), given) for mark in good)

    def _of(self, operation: str) -> str:
        return f"form {self.id} {operation}"


class Visits:
    """The browsers of those who signed in, at any of the instances that share a secret."""

    def __init__(self, seal: Seal, clock: Callable[[], float], ground: Ground) -> None:
        self._seal = seal
        self._clock = clock
        self._ground = ground

    def open(self, principal: str) -> str:
        """What the browser of somebody who just signed in is to keep."""
        kept = _Kept(
            id=secrets.token_hex(16),
            principal=principal,
            ground=self._ground(principal),
            until=self._clock() + SESSION_LASTS,
        )
        return base64.urlsafe_b64encode(self._seal.close(kept.model_dump_json().encode())).decode()

    def find(self, cookie: str) -> Visit | None:
        """The visit that a cookie stands for, unless it is over or what let them in is gone."""
        try:
            sealed = base64.urlsafe_b64decode(cookie.encode())
            kept = _Kept.model_validate_json(self._seal.open(sealed))
        except (BrokenSealError, ValidationError, ValueError):
            return None
        ground = self._ground(kept.principal)
        is_good = self._clock() < kept.until and ground and ground == kept.ground
        return Visit(kept.id, kept.principal, self._seal) if is_good else None

    def use(self, _: str) -> None:
        """Nothing: nobody comes in with a key, they sign in."""
