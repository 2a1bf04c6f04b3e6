"""One instance's secret, and what is made with it: marks that compare, and seals that hide."""

import hmac
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class BrokenSealError(Exception):
    """Something sealed was altered, or sealed under another secret."""


class Seal:
    """Keyed by a secret that is read, or made, only when first needed.

    What was made under a previous secret is still known, and opened; nothing is made under it.
    """

    def __init__(self, secret: Callable[[], bytes], previous: Sequence[bytes] = ()) -> None:
        self._secret = secret
        self._previous = previous

    def read(self) -> None:
        """Read the secret now, or make it: what keeps it from being had is told here."""
        _ = self._secrets

    def keys(self, purpose: str) -> list[bytes]:
        """Keys of 32 bytes for one purpose, unrelated to those for others; the one to use first."""
        info = f"guichet/{purpose}/1".encode()
        return [
            HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
            for secret in self._secrets
        ]

    def mark(self, text: str) -> str:
        """A mark by which equal texts are known to be equal, and nothing else is known.

        A bare hash would not do: there are few enough phone numbers to try them all.
        """
        return _mark(self._marking[0], text)

    def marks(self, text: str) -> tuple[str, ...]:
        """The marks that this text may have been given: under each secret, its own first."""
        return tuple(_mark(key, text) for key in self._marking)

    def close(self, content: bytes) -> bytes:
        """The content, unreadable and unalterable without the secret."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._sealing[0].encrypt(nonce, content, None)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            BrokenSealError: It was altered, or sealed under another secret.
        """
        for key in self._sealing:
            with suppress(InvalidTag, ValueError):  # too short even for a nonce
                return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        raise BrokenSealError

    @cached_property
    def _secrets(self) -> tuple[bytes, ...]:
        return self._secret(), *self._previous

    @cached_property
    def _marking(self) -> list[bytes]:
        return self.keys("mark")

    @cached_property
    def _sealing(self) -> list[AESGCM]:
        return [AESGCM(key) for key in self.keys("seal")]


def _mark(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
