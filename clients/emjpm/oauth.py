"""Signing in to eMJPM: the editor's OAuth application, and the tokens a user lets it have.

A user has one pair of tokens for an editor. Each exchange and each refresh replaces it, and what
it replaces is dead at once: a pair is kept before it is used, and refreshed by one process alone.
"""

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Protocol

import anyio
import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from clients.emjpm.failures import SERVICE
from clients.errors import AccessDeniedError, ApiError, RejectedError
from clients.http import ONCE, document, from_response, upstream

LOGIN = "guichet login emjpm"
TOKEN_ADDRESS = "/api/oauth/token"  # noqa: S105  (where tokens are given)
MARGIN = 60.0
"""Seconds before its end when an access token is no longer used."""


class Pair(BaseModel):
    """What a user's consent is worth: a token to call with, and one to have the next pair."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: SecretStr
    refresh_token: SecretStr
    end: float
    """In epoch seconds, when to stop using the access token."""


class Store(Protocol):
    """Where the pair is kept, for every process that uses it."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """A block that no other process, and no other task, is in at the same time."""
        ...

    async def read(self) -> Pair | None: ...

    async def write(self, pair: Pair) -> None:
        """Keep the pair: once this returns, it outlives the process and the machine's power."""
        ...

    async def forget(self) -> None: ...


class OAuth:
    """The editor's application, at the addresses of one eMJPM; `http` goes to its API."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        authorize_url: str,
        client_id: str,
        client_secret: SecretStr,
        redirect_uri: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._authorize_url = authorize_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock

    def consent_page(self, state: str) -> str:
        """Where the user agrees; their browser then goes to the redirect address, with `state`."""
        asked = {"client_id": self._client_id, "redirect_uri": self._redirect_uri, "state": state}
        return str(httpx.URL(self._authorize_url).copy_merge_params(asked))

    async def exchange(self, code: str) -> Pair:
        """The pair that a code buys; the one before, if any, is dead.

        Raises:
            RejectedError: The code is not good, or not any more.
            AccessDeniedError: The application's id, secret or address is wrong.
            ApiError: Nobody knows whether the code was used: ask for another.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
        }
        return await self._asked(form, _refused_code)

    async def refresh(self, pair: Pair) -> Pair:
        """The pair that follows this one, which is dead.

        Raises:
            AccessDeniedError: It was dead already, or the application's id or secret is wrong.
            ApiError: There may be a next pair that never came: signing in gives another.
        """
        token = pair.refresh_token.get_secret_value()
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return await self._asked(form, _refused_refresh)

    async def _asked(
        self, form: dict[str, str], refusal: Callable[[httpx.Response], ApiError]
    ) -> Pair:
        own = {
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        with upstream(SERVICE):
            response = await self._http.post(TOKEN_ADDRESS, data=own | form, extensions=ONCE)
            if not response.is_success:
                raise refusal(response)
            given = _Given.model_validate(document(response.content))
        end = self._clock() + given.expires_in - MARGIN
        return Pair(access_token=given.access_token, refresh_token=given.refresh_token, end=end)


class SignedIn(httpx.Auth):
    """Authenticates as the user who signed in, for as long as they let it.

    The store is read for every request, so that a pair that another process obtained is used at
    once, and a sign-in that was ended is.
    """

    def __init__(
        self, oauth: OAuth, store: Store, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._oauth = oauth
        self._store = store
        self._clock = clock

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The request; again, with the next pair, if the service does not know this one.

        Raises:
            AccessDeniedError: Nobody is signed in, or not any more.
            ApiError: A new pair was needed and did not come.
        """
        pair = await self._kept()
        if pair.end <= self._clock():
            pair = await self._after(pair)
        response = yield _signed(request, pair)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            yield _signed(request, await self._after(pair))

    async def _kept(self) -> Pair:
        pair = await self._store.read()
        if pair is None:
            raise AccessDeniedError(SERVICE, "nobody is signed in.", remedy=_SIGN_IN)
        return pair

    async def _after(self, refused: Pair) -> Pair:
        """The pair that takes this one's place: the one kept by now, or else a new one."""
        async with self._store.alone():
            pair = await self._kept()
            if not _differ(pair, refused):
                with anyio.CancelScope(shield=True):  # a pair that came and is not kept is lost
                    pair = await self._renewed(pair)
            return pair

    async def _renewed(self, pair: Pair) -> Pair:
        try:
            following = await self._oauth.refresh(pair)
        except EndedError:
            kept = await self._kept()
            if _differ(kept, pair):  # the store let another process be here at the same time
                return kept
            await self._store.forget()
            raise
        await self._store.write(following)
        return following


class EndedError(AccessDeniedError):
    """The pair is dead: revoked by its user, replaced by another sign-in, or too old."""


class _Given(BaseModel):
    """A pair, as the service gives it."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)
    expires_in: float = Field(gt=0, allow_inf_nan=False)


class _Refused(BaseModel, hide_input_in_errors=True):
    error: str = ""


_APPLICATION = (
    "Check GUICHET_EMJPM_CLIENT_ID, GUICHET_EMJPM_CLIENT_SECRET and GUICHET_EMJPM_REDIRECT_URI,"
    " and that they are those of this environment."
)
_SIGN_IN = f"Run `{LOGIN}`."
_ANOTHER_CODE = f"Run `{LOGIN}` again."


def _refused_code(response: httpx.Response) -> ApiError:
    """Why a code bought nothing: for one it does not know, the service crashes with a 503."""
    error = _error(response)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE or error == "invalid_grant":
        told = "the code is not known to it, or is more than five minutes old."
        return RejectedError(SERVICE, told, remedy=_ANOTHER_CODE)
    return _refused(response, error)


def _refused_refresh(response: httpx.Response) -> ApiError:
    error = _error(response)
    if error == "invalid_grant":
        told = "the sign-in has ended: revoked, too old, or replaced by another one."
        return EndedError(SERVICE, told, remedy=_SIGN_IN)
    return _refused(response, error)


def _refused(response: httpx.Response, error: str) -> ApiError:
    if error in {"invalid_client", "invalid_request", "unauthorized_client"}:
        told = f"the editor's application is refused ({error})."
        return AccessDeniedError(SERVICE, told, remedy=_APPLICATION)
    return from_response(SERVICE, response)


def _error(response: httpx.Response) -> str:
    """The code of an OAuth error, if the answer is one."""
    try:
        return _Refused.model_validate(document(response.content)).error
    except (ValueError, RecursionError):
        return ""


def _differ(one: Pair, other: Pair) -> bool:
    ours = one.access_token.get_secret_value().encode()
    return not secrets.compare_digest(ours, other.access_token.get_secret_value().encode())


def _signed(request: httpx.Request, pair: Pair) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {pair.access_token.get_secret_value()}"
    return request
