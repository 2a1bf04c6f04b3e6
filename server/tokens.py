"""The bearer tokens of the configuration, which knows them by their digests alone."""

import hashlib
import secrets
from collections.abc import Mapping
from hmac import compare_digest

from server.callers import Caller
from server.settings import Token

PREFIX = "guichet_"
"""By which whoever finds a token knows what it is."""


def fresh() -> str:
    """A new token, of 256 bits."""
    return f"{PREFIX}{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    """What the configuration knows a token by: no salt or cost would add to its 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def principal(name: str) -> str:
    """Whom a token stands for: told apart from the issuer's users, and from this machine's own."""
    return f"token {name}"


def recognised(tokens: Mapping[str, Token], shown: str) -> Caller | None:
    """Whom a token belongs to, if it is one of these; told in constant time."""
    given = digest(shown)
    known = [name for name, token in tokens.items() if compare_digest(token.sha256, given)]
    if not known:
        return None
    token = tokens[known[0]]
    return Caller(principal(known[0]), frozenset(token.scopes), bool(token.page_password))
