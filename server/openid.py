"""The tokens of an OpenID issuer: JWT, verified with the keys that it publishes.

The keys are fetched when they are first needed, then from time to time and when a token names one
that is not known: an issuer changes them as it likes. Whatever is asked, it is not done often.
"""

import logging
import time
from collections.abc import Callable
from typing import Annotated

import anyio
import httpx
import jwt
from jwt import PyJWK, PyJWKSet, PyJWTError
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from clients import ApiError
from clients.http import document, upstream
from server.callers import Caller, UnknowableError
from server.settings import Address

ALGORITHMS = tuple(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""Those whose keys can be published; others are refused before any key is looked for."""
REQUIRED = ("iss", "aud", "exp", "sub")
LEEWAY = 30
"""Seconds by which two clocks may disagree."""
KEPT = 600.0
"""Seconds for which keys are taken to be those of the issuer."""
SELDOM = 10.0
"""Seconds between two attempts to fetch them."""
WITHIN = 10.0
"""Seconds that the issuer has to give them."""
LONGEST_SUBJECT = 255
LOG = logging.getLogger(__name__)

_OBJECT = TypeAdapter(dict[str, object])


class Claims(BaseModel):
    """What a token says of who it was issued to, which is written in two ways."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    sub: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT)]
    nonce: str = ""
    azp: str = ""
    """For whom it was issued, where it is meant for several."""
    scope: str | tuple[str, ...] = ()
    scp: str | tuple[str, ...] = ()

    @property
    def scopes(self) -> frozenset[str]:
        told = self.scope or self.scp
        return frozenset(told.split() if isinstance(told, str) else told)


class Discovered(BaseModel):
    """What an issuer says of itself, as far as it matters here."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: str
    jwks_uri: Address
    authorization_endpoint: Address | None = None
    token_endpoint: Address | None = None


class Issuer:
    """An issuer whose tokens are accepted, when they are meant for one audience."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        issuer: str,
        audience: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._about: Discovered | None = None
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = -KEPT
        self._fetching = anyio.Lock()

    async def recognised(self, token: str) -> Caller | None:
        """Whoever a token was issued to, if it is good.

        Raises:
            UnknowableError: The issuer gave no key yet.
        """
        claims = await self.claims(token, self._audience)
        return claims and Caller(self.principal(claims.sub), claims.scopes)

    async def claims(self, token: str, audience: str) -> Claims | None:
        """What a token of this issuer says, if it is good and meant for this audience.

        Raises:
            UnknowableError: The issuer gave no key yet.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self._key(header.get("kid"))
            return key and self._verified(token, key, audience)
        except (PyJWTError, ValidationError):
            return None

    def principal(self, subject: str) -> str:
        """One of its users: told apart from those of others, who may have the same name."""
        return f"{self._issuer} {subject}"

    async def about(self) -> Discovered:
        """What the issuer says of itself.

        Raises:
            UnknowableError: It did not answer yet.
        """
        await self._refresh(None)
        if self._about is None:
            raise UnknowableError
        return self._about

    def _verified(self, token: str, key: PyJWK, audience: str) -> Claims:
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": list(REQUIRED)},
        )
        return Claims.model_validate(claims)

    async def _key(self, name: str | None) -> PyJWK | None:
        await self._refresh(name)
        if not self._keys:
            raise UnknowableError
        return self._keys.get(name)

    async def _refresh(self, name: str | None) -> None:
        """Have the keys once more if it is time, or if none has this name.

        Whoever needs a key that is known does not wait for somebody else who is at it.
        """
        if name in self._keys and self._fetching.locked():
            return
        async with self._fetching:
            now = self._clock()
            due = name not in self._keys or now - self._fetched_at >= KEPT
            if due and now - self._tried_at >= SELDOM:
                self._tried_at = now
                await self._fetch(now)

    async def _fetch(self, now: float) -> None:
        """Have the keys of today; the last ones stay good where the issuer does not answer."""
        try:
            with anyio.fail_after(WITHIN), upstream("the OpenID issuer"):
                self._keys = _by_name(await self._published())
                self._fetched_at = now
        except (ApiError, PyJWTError, TimeoutError) as error:
            LOG.warning("The keys of the OpenID issuer cannot be had (%s).", type(error).__name__)

    async def _published(self) -> PyJWKSet:
        place = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        discovered = Discovered.model_validate(await self._read(place))
        if discovered.issuer != self._issuer:
            raise ValueError("another issuer")
        keys = await self._read(discovered.jwks_uri)
        self._about = discovered
        return PyJWKSet.from_dict(_OBJECT.validate_python(keys))

    async def _read(self, address: str) -> object:
        return document((await self._http.get(address)).raise_for_status().content)


def _by_name(keys: PyJWKSet) -> dict[str | None, PyJWK]:
    """The keys to verify with, by name; the only one also when a token names none."""
    verifying = [key for key in keys.keys if key.public_key_use in {None, "sig"}]
    named = {key.key_id: key for key in verifying}
    return named | {None: verifying[0]} if len(verifying) == 1 else named
