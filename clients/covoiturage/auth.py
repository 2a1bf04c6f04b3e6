"""How the carpooling registry is told who is calling: an operator's keys buy short-lived tokens."""

import math
import time
from base64 import urlsafe_b64decode
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import httpx
from pydantic import BaseModel, Field, SecretStr

from clients.covoiturage.refusals import KEYS, SERVICE, reason, refuses_token, withdrawn
from clients.errors import AccessDeniedError, ApiError, UnavailableError, UnexpectedReplyError
from clients.http import from_response, upstream

MOST_EXCHANGES = 5
"""Exchanges in any `WINDOW` seconds; beyond, the service refuses them for the whole address."""
WINDOW = 60.0
MARGIN = 30.0
"""Seconds before its end when a token is no longer used."""
UNREADABLE = 240.0
"""Seconds a token is used when it does not say how long; they are made to last five minutes."""


class OperatorKeys(httpx.Auth):
    """An operator's keys, exchanged for a token that all requests share until it nearly ends.

    The exchange goes through the client that it authenticates. When the service refuses a token
    that had been kept, the request is sent once more with a new one. How old a token is does not
    depend on the time that this machine believes it is.
    """

    def __init__(
        self,
        url: str,
        *,
        access_key: SecretStr,
        secret_key: SecretStr,
        version: str = "v3.3",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = f"{url.rstrip('/')}/{version}/auth/access_token"
        self._access_key = access_key
        self._secret_key = secret_key
        self._clock = clock
        self._one_at_a_time = anyio.Lock()
        self._exchanges: deque[float] = deque(maxlen=MOST_EXCHANGES)
        self._token: _Token | None = None

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The requests to send: an exchange when a token is needed, then the request itself.

        Raises:
            AccessDeniedError: The keys are wrong.
            UnavailableError: Too many exchanges, or the service cannot make one now.
            ApiError: The exchange failed otherwise.
        """
        for _ in range(2):
            async with self._one_at_a_time:
                token = kept = self._kept()
                if token is None:
                    exchange = yield self._exchange(request)
                    await exchange.aread()
                    token = self._token = _bought(exchange, self._clock())
            request.headers["Authorization"] = f"Bearer {token.value.get_secret_value()}"
            response = yield request
            await response.aread()
            if kept is None or not refuses_token(response):
                return
            self._forget(kept)

    def _kept(self) -> "_Token | None":
        token = self._token
        return token if token and self._clock() < token.end else None

    def _forget(self, token: "_Token") -> None:
        if self._token is token:  # else another request has already replaced it
            self._token = None

    def _exchange(self, request: httpx.Request) -> httpx.Request:
        """The exchange, sent like the request it is for, except that it is no reason to repeat."""
        self._count()
        usual = ("accept", "accept-encoding", "user-agent")
        return httpx.Request(
            "POST",
            self._address,
            headers={name: request.headers[name] for name in usual if name in request.headers},
            json={
                "access_key": self._access_key.get_secret_value(),
                "secret_key": self._secret_key.get_secret_value(),
            },
            extensions={
                name: request.extensions[name]
                for name in ("timeout", "once")
                if name in request.extensions
            },
        )

    def _count(self) -> None:
        now = self._clock()
        recent = [moment for moment in self._exchanges if now - moment < WINDOW]
        if len(recent) == MOST_EXCHANGES:
            told = (
                f"the keys were exchanged {MOST_EXCHANGES} times in a minute, which is its limit."
            )
            wait = math.ceil(recent[0] + WINDOW - now)
            remedy = f"Nothing was changed. Try again in {wait} seconds."
            raise UnavailableError(SERVICE, told, remedy=remedy)
        self._exchanges.append(now)


def holder(request: httpx.Request) -> str:
    """Who the token of a request was given to, as it says itself; else the token.

    Unverified: it tells operators apart for us, and proves nothing to anybody.
    """
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    claims = _claims(token)
    return claims.name if claims and claims.name else token


@contextmanager
def nothing_sent_before_a_token() -> Generator[None]:
    """Tell an exchange whose answer was lost from a change whose answer was lost.

    Raises:
        ApiError: The exchange failed on the way, hence nothing else was sent.
    """
    try:
        yield
    except httpx.RequestError as error:
        if not error.request.url.path.endswith("/auth/access_token"):
            raise
        with upstream(SERVICE):
            raise


@dataclass(frozen=True, slots=True)
class _Token:
    value: SecretStr
    end: float
    """By our clock, when to stop using it."""


def _bought(response: httpx.Response, now: float) -> _Token:
    """The token that an exchange gave.

    Raises:
        ApiError: It gave none.
    """
    if not response.is_success:
        raise _refused(response)
    try:
        token = _Reply.model_validate_json(response.content).access_token
    except ValueError:
        told = "no token came in exchange for the operator's keys."
        raise UnexpectedReplyError(SERVICE, told) from None
    claims = _claims(token.get_secret_value())
    lifetime = claims and claims.lifetime
    return _Token(token, now + (lifetime - MARGIN if lifetime else UNREADABLE))


class _Reply(BaseModel, hide_input_in_errors=True):
    access_token: SecretStr = Field(min_length=1)


class _Claims(BaseModel, hide_input_in_errors=True):
    iat: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    exp: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    name: str = ""

    @property
    def lifetime(self) -> float | None:
        """Seconds, if it says when it was made and when it ends."""
        return self.exp - self.iat if self.iat and self.exp else None


def _claims(token: str) -> _Claims | None:
    """What a JWT says; unverified, since only the service has to trust it."""
    try:
        claims = token.split(".")[1]
        padded = claims + "=" * (-len(claims) % 4)
        return _Claims.model_validate_json(urlsafe_b64decode(padded))
    except (IndexError, ValueError):
        return None


def _refused(response: httpx.Response) -> ApiError:
    match response.status_code:
        case 400 | 401 | 403:
            told = "the access key or the secret key is wrong."
            return AccessDeniedError(SERVICE, told, remedy=KEYS)
        case 404:
            return withdrawn("IMPORT")
        case _:
            return from_response(SERVICE, response, f"{reason(response)}.")
