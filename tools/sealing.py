"""One instance's secret, and what is made with it: marks that compare, and seals that hide."""

import hmac
import os
from collections.abc import Callable
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class BrokenSealError(Exception):
    """Something sealed was altered, or sealed under another secret."""


class Seal:
    """Keyed by a secret that is read, or made, only when first needed."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    def key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, unrelated to those for others."""
        info = f"guichet/{purpose}/1".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._material)

    def mark(self, text: str) -> str:
        """A mark by which equal texts are known to be equal, and nothing else is known.

        A bare hash would not do: there are few enough phone numbers to try them all.
        """
        return hmac.new(self._marking, text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()

    def close(self, content: bytes) -> bytes:
        """The content, unreadable and unalterable without the secret."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, content, None)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            BrokenSealError: It was altered, or sealed under another secret.
        """
        try:
            return self._sealing.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except InvalidTag as error:
            raise BrokenSealError from error

    @cached_property
    def _material(self) -> bytes:
        return self._secret()

    @cached_property
    def _marking(self) -> bytes:
        return self.key("mark")

    @cached_property
    def _sealing(self) -> AESGCM:
        return AESGCM(self.key("seal"))
