"""Who may see the page: one-time keys, the sessions they open, the forms shown in each.

All of it lives in memory and ends with the process. Secrets are kept as digests, and compared in
constant time.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hmac import compare_digest

KEY_LASTS = 600.0
"""Seconds: as long as a question."""
SESSION_LASTS = 3600.0
MOST_FORMS = 100
"""Forms of one session that may be waiting to be sent."""

Digest = bytes


@dataclass(slots=True)
class Session:
    """A browser that came in with a key."""

    principal: str
    until: float
    forms: dict[Digest, str] = field(default_factory=dict[Digest, str])
    """The operation that each form not yet sent is about."""

    def form(self, operation: str) -> str:
        """A token that lets one form about this operation be sent, once."""
        for oldest in list(self.forms)[: max(0, len(self.forms) + 1 - MOST_FORMS)]:
            del self.forms[oldest]
        token = _secret()
        self.forms[_digest(token)] = operation
        return token

    def spend(self, token: str, operation: str) -> bool:
        """Whether this token came with a form about this operation; it is worth nothing after."""
        known = _known(self.forms, token)
        return known is not None and self.forms.pop(known) == operation


@dataclass(frozen=True, slots=True)
class Key:
    """What lets one browser in, to decide on one operation first."""

    principal: str
    operation: str
    until: float


class Sessions:
    """The keys not yet used, and the browsers that used theirs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: dict[Digest, Key] = {}
        self._open: dict[Digest, Session] = {}

    def key(self, principal: str, operation: str) -> str:
        """A new key, good for one browser."""
        self._forget()
        secret = _secret()
        self._keys[_digest(secret)] = Key(principal, operation, self._clock() + KEY_LASTS)
        return secret

    def use(self, key: str) -> Key | None:
        """What a key is for, if it is good; it is worth nothing after."""
        self._forget()
        known = _known(self._keys, key)
        return None if known is None else self._keys.pop(known)

    def open(self, principal: str) -> str:
        """The secret of a new session, for the cookie."""
        secret = _secret()
        self._open[_digest(secret)] = Session(principal, self._clock() + SESSION_LASTS)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session that a cookie stands for."""
        self._forget()
        known = _known(self._open, secret)
        return None if known is None else self._open[known]

    def _forget(self) -> None:
        now = self._clock()
        self._keys = {digest: key for digest, key in self._keys.items() if now < key.until}
        self._open = {digest: kept for digest, kept in self._open.items() if now < kept.until}


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> Digest:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _known(digests: Iterable[Digest], secret: str) -> Digest | None:
    given = _digest(secret)
    same = [digest for digest in digests if compare_digest(digest, given)]
    return same[0] if same else None
