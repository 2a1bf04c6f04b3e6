"""Signing in to the page at an OpenID issuer: the authorization code flow, with PKCE.

Nothing is kept here of a browser that left: it keeps it itself, in a sealed cookie.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from clients.http import ONCE, document, upstream
from server.callers import UnknowableError
from server.openid import Issuer
from tools.sealing import BrokenSealError, Seal

LASTS = 600
"""Seconds that a person has to sign in at the issuer."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the issuer knows the page as."""

    id: str
    secret: SecretStr | None
    redirect_uri: str


class Attempt(BaseModel):
    """A browser that was sent to the issuer."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    state: str
    nonce: str
    verifier: str
    until: float


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id_token: str


class CodeFlow:
    """The issuer's word for who a browser's person is."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        issuer: Issuer,
        client: Client,
        seal: Seal,
        clock: Callable[[], float],
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._client = client
        self._seal = seal
        self._clock = clock

    async def begun(self) -> tuple[str, str]:
        """Where to send a browser, and what it must keep until it is back.

        Raises:
            UnknowableError: The issuer does not say where one signs in.
        """
        place = (await self._issuer.about()).authorization_endpoint
        if place is None:
            raise UnknowableError
        attempt = Attempt(
            state=_secret(), nonce=_secret(), verifier=_secret(), until=self._clock() + LASTS
        )
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        sealed = self._seal.close(attempt.model_dump_json().encode())
        joint = "&" if "?" in place else "?"
        return f"{place}{joint}{urlencode(query)}", base64.urlsafe_b64encode(sealed).decode()

    async def principal(self, kept: str, answer: Mapping[str, str]) -> str | None:
        """Who came back, if this is the browser that left and the issuer says who they are.

        Raises:
            ApiError: The issuer does not answer.
            UnknowableError: Its keys cannot be had.
        """
        attempt = self._attempt(kept)
        if attempt is None or not compare_digest(
            answer.get("state", "").encode(), attempt.state.encode()
        ):
            return None
        about = await self._issuer.about()
        if answer.get("iss", about.issuer) != about.issuer or not answer.get("code"):
            return None
        token = await self._id_token(about.token_endpoint or "", answer["code"], attempt.verifier)
        claims = await self._issuer.claims(token, self._client.id)
        if claims is None or not compare_digest(claims.nonce.encode(), attempt.nonce.encode()):
            return None
        return self._issuer.principal(claims.sub) if claims.azp in {"", self._client.id} else None

    def _attempt(self, kept: str) -> Attempt | None:
        try:
            sealed = base64.urlsafe_b64decode(kept.encode())
            attempt = Attempt.model_validate_json(self._seal.open(sealed))
        except (BrokenSealError, ValidationError, ValueError):
            return None
        return attempt if self._clock() < attempt.until else None

    async def _id_token(self, endpoint: str, code: str, verifier: str) -> str:
        """What the issuer gives for a code, which serves once."""
        client = self._client
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
            "client_id": client.id,
        }
        secret = client.secret.get_secret_value() if client.secret else ""
        proof = httpx.BasicAuth(client.id, secret) if secret else httpx.Auth()
        with upstream("the OpenID issuer"):
            answer = await self._http.post(endpoint, data=fields, auth=proof, extensions=ONCE)
            return _Answer.model_validate(document(answer.raise_for_status().content)).id_token


def _secret() -> str:
    return secrets.token_urlsafe(32)
