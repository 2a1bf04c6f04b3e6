"""Passwords that a person types, known by what scrypt derives from them and nothing more."""

import hashlib
import re
import secrets
from hmac import compare_digest

DERIVED = re.compile(r"scrypt:([0-9a-f]{32}):([0-9a-f]{64})")
"""A salt, and what is derived from the password with it."""
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for others."""
GROUPS = 5
COST = {"n": 2**14, "r": 8, "p": 1}
"""Some 0.05 s and 16 MB: these passwords are never chosen, and too long to be guessed."""


def fresh() -> str:
    """A new password, of 99 bits, to be copied by hand."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(GROUPS))


def derived(password: str) -> str:
    """What to keep of a password."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_derivation(password, salt).hex()}"


def fits(password: str, kept: str) -> bool:
    """Whether this is the password that something kept was derived from."""
    found = DERIVED.fullmatch(kept)
    if found is None:
        return False
    salt, derivation = map(bytes.fromhex, found.groups())
    return compare_digest(_derivation(password, salt), derivation)


def _derivation(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, dklen=32, **COST)
