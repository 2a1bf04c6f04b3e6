"""Access tokens: what an application's keys are exchanged for, and who a request comes from."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel

from server.sandbox.covoiturage.documents import MiddlewareError

FIXED = "sandbox"
"""A token of the older kind, that does not expire."""
LIFETIME = timedelta(minutes=5)


class Claims(BaseModel, frozen=True):
    """What a token says: whose it is, since when and until when, in epoch seconds."""

    name: str
    iat: int
    exp: int


class Tokens:
    """The tokens of one service: nobody else can sign them.

    The real ones are signed with a private key. A symmetric one is enough where the issuer and
    the verifier are the same process.
    """

    def __init__(self, operator_id: int, now: Callable[[], datetime]) -> None:
        self._operator_id = operator_id
        self._now = now
        self._key = secrets.token_bytes(32)

    def issue(self) -> str:
        """A JWT of the operator's application, good for five minutes."""
        now = self._now()
        claims = Claims(
            name=f"operator.application:{self._operator_id}",
            iat=int(now.timestamp()),
            exp=int((now + LIFETIME).timestamp()),
        )
        header = json.dumps({"alg": "HS256", "typ": "JWT"})
        content = f"{_encoded(header.encode())}.{_encoded(claims.model_dump_json().encode())}"
        return f"{content}.{self._signature(content)}"

    def operator_id(self, authorization: str) -> int | None:
        """The operator that an Authorization header stands for; none without a token.

        Raises:
            MiddlewareError: the token has expired, or was not issued here.
        """
        token = authorization.removeprefix("Bearer ")
        if not token:
            return None
        if token != FIXED:
            self._check(token)
        return self._operator_id

    def _check(self, token: str) -> None:
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            raise MiddlewareError("JWSInvalid", "Invalid Compact JWS")
        claims = Claims.model_validate_json(_decoded(content.partition(".")[2]))
        if claims.exp <= self._now().timestamp():
            raise MiddlewareError("Error", "Unauthorized Error", status=401)

    def _signature(self, content: str) -> str:
        return _encoded(hmac.digest(self._key, content.encode(), hashlib.sha256))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
