"""How every client talks HTTP: bounded in time and size, repeated only when that is safe.

`connected` gives the `httpx.AsyncClient` of a service, `upstream` turns whatever goes wrong into
an `ApiError`, `document` reads JSON from a stranger.
"""

import json
import math
import re
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import NoReturn

import anyio
import httpx
from pydantic import ValidationError
from pydantic_core import from_json

from clients.errors import (
    AccessDeniedError,
    ApiError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.garbage import no_garbage
from clients.network import Ways, why_unreachable
from clients.text import without_surrogates

REPEATABLE = {"repeatable": True}
"""Pass as `extensions=` with a POST that only reads, such as a GraphQL query."""
PATIENT = {"patience": 65.0}
"""Pass as `extensions=` with one request of many, that had better wait a whole minute than fail."""
ONCE = {"once": True}
"""Pass as `extensions=` with a request whose first answer is wanted, whatever it is."""

CONNECT = 5.0
"""Seconds to reach a service."""
READ = 30.0
"""Seconds between two bytes of an answer, unless a service is known to be slower."""
WHOLE_READ = 75.0
"""Seconds a read may take in all, with its repetitions."""
WHOLE_WRITE = 90.0
"""Seconds a write may take."""
PATIENCE = 45.0
"""Seconds of waiting that a service may ask for within one request."""
MOST_BYTES = 20_000_000
"""The largest answer that is read."""

PASSING_TROUBLE = frozenset({408, 429, 502, 503, 504})
REQUEST_TIMEOUT = 408
TOO_MANY_REQUESTS = 429

Sleep = Callable[[float], Awaitable[None]]


def connected(
    url: str,
    *,
    auth: httpx.Auth | None = None,
    read: float = READ,
    transport: httpx.AsyncBaseTransport | None = None,
    sleep: Sleep = anyio.sleep,
) -> httpx.AsyncClient:
    """The one HTTP client of a service, for as long as the process lives.

    Nothing is loaded or opened before the first request. Redirections are not followed: they
    would carry credentials, or lose a POST.
    """
    return httpx.AsyncClient(
        base_url=url,
        auth=auth,
        cookies=no_cookies(),
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # 200 kB of gzip can hold 200 MB
            "User-Agent": user_agent(),
        },
        timeout=httpx.Timeout(read, connect=CONNECT),
        transport=Retrying(Whole(transport or Ways()), sleep=sleep),
        follow_redirects=False,
    )


def no_cookies() -> CookieJar:
    """Where none is kept: what a service gave for one token would go with another's requests."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def user_agent() -> str:
    """How we name ourselves to services."""
    return f"guichet-mcp/{version('guichet-mcp')}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it will leave, without what authenticates it."""

    method: str
    address: str
    """Without its query, which may hold a key."""
    body: str

    @property
    def origin(self) -> str:
        """The service it goes to: scheme, host and port."""
        return _origin(self.address)


@lru_cache
def _origin(address: str) -> str:
    return origin(httpx.URL(address))


def origin(url: httpx.URL) -> str:
    """The scheme, the host and the port of an address, but for the usual one."""
    return str(url.copy_with(raw_path=b"/", userinfo=b"", fragment=None)).rstrip("/")


def outgoing(request: httpx.Request, body: str | None = None) -> Outgoing:
    """What a request will send; `body` says it in other words where it is not to be shown."""
    address = str(request.url.copy_with(query=None, fragment=None))
    shown = request.content.decode("utf-8", "replace") if body is None else body
    return Outgoing(method=request.method, address=address, body=shown)


@contextmanager
def upstream(service: str, *, writing: bool = False) -> Generator[None]:
    """Turn whatever goes wrong inside the block into an `ApiError` naming the service.

    With `writing`, a failure after the request may have left is a `LostAnswerError`. Causes are
    cut off on purpose: the text of an HTTP exception holds the URL, and so may hold a key.
    """
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise from_response(service, error.response, writing=writing) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        cut = why_unreachable(error)
        told, remedy = f"cannot be reached: {cut.reason}.", f"Nothing was changed. {cut.remedy}"
        raise UnavailableError(service, told, remedy=remedy) from None
    except httpx.TransportError as error:
        _unanswered(service, f"no complete answer ({type(error).__name__}).", writing=writing)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        _unreadable(service, f"{place}: {first['msg']}.", writing=writing)
    except TooLargeError:
        told = f"an answer of more than {MOST_BYTES // 10**6} MB: too large to be read."
        _unreadable(service, told, writing=writing)
    except (httpx.DecodingError, ValueError, RecursionError) as error:
        _unreadable(service, f"an unreadable answer ({type(error).__name__}).", writing=writing)


def from_response(
    service: str, response: httpx.Response, reason: str = "", *, writing: bool = False
) -> ApiError:
    """The error that an unsuccessful response stands for, by its status alone."""
    status = response.status_code
    told = reason or f"{in_words(status)}."
    if response.is_redirect:
        remedy = "Check the address configured for this service: redirections are not followed."
        return UnexpectedReplyError(service, f"HTTP {status}, a redirection.", remedy=remedy)
    if status == TOO_MANY_REQUESTS:
        seconds = asked_pause(response, time.time())
        remedy = f"Nothing was changed. Try again in {_said(seconds)}." if seconds else ""
        return UnavailableError(service, reason or "too many requests.", remedy=remedy)
    if writing and (response.is_server_error or status == REQUEST_TIMEOUT):
        return LostAnswerError(service, told)
    kinds: dict[int, type[ApiError]] = {
        401: AccessDeniedError,
        403: AccessDeniedError,
        404: NotFoundError,
        408: UnavailableError,
        410: NotFoundError,
    }
    other = UnavailableError if response.is_server_error else RejectedError
    return kinds.get(status, other)(service, told)


def in_words(status: int) -> str:
    """A status and what it stands for; not the phrase it came with, which anybody may write."""
    return f"HTTP {status} {httpx.codes.get_reason_phrase(status)}".rstrip()


@no_garbage()
def document(content: bytes) -> object:
    """The JSON a service answered, as plain values that every other encoder accepts.

    Raises:
        ValueError: It is not JSON in UTF-8. NaN and infinities, which Python alone accepts, are
            not, even when written 1e999.
    """
    if not _may_overflow(content):
        with suppress(ValueError):  # half a character, for instance, or a byte order mark
            return from_json(content, allow_inf_nan=False)
    return _slowly_read(content)


def asked_pause(response: httpx.Response, now: float) -> float | None:
    """Seconds the service asks to wait: `Retry-After`, or the two spellings of `RateLimit-Reset`.

    The reset is in epoch seconds at both Démarches simplifiées and the carpooling registry, whose
    documentation says seconds left: a small number is read as such. It comes with any answer, and
    asks for nothing as long as the limit is not reached.
    """
    headers = response.headers
    if (seconds := headers.get("retry-after", "")).isdecimal():
        return float(seconds)
    reset = headers.get("ratelimit-reset") or headers.get("x-ratelimit-reset") or ""
    if response.status_code != TOO_MANY_REQUESTS or not reset.isdecimal():
        return None
    moment = float(reset)
    return max(0.0, moment - now) if moment > _A_YEAR else moment


class TooLargeError(httpx.DecodingError):
    """An answer is larger than what is read."""


class Retrying(httpx.AsyncBaseTransport):
    """A transport that repeats what a service was briefly unable to serve, within a deadline.

    Repeated are GET, HEAD and what is marked `REPEATABLE`. Anything else may have been done
    already, and is repeated only when the service says 429, which means it was not.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        pauses: Sequence[float] = (0.5, 2.0),
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self._inner = inner
        self._pauses = pauses
        self._sleep = sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reads = request.method in {"GET", "HEAD"} or bool(request.extensions.get("repeatable"))
        longer = _patience(request) - PATIENCE
        try:
            with anyio.fail_after((WHOLE_READ if reads else WHOLE_WRITE) + longer):
                return await self._attempts(request, PASSING_TROUBLE if reads else frozenset())
        except TimeoutError:
            raise httpx.ReadTimeout("no complete answer in time", request=request) from None

    async def _attempts(self, request: httpx.Request, trouble: frozenset[int]) -> httpx.Response:
        patience = _patience(request)
        for pause in () if request.extensions.get("once") else self._pauses:
            try:
                response = await self._inner.handle_async_request(request)
            except httpx.TransportError:
                if not trouble:
                    raise
                wait = pause
            else:
                if response.status_code not in trouble | {TOO_MANY_REQUESTS}:
                    return response
                wait = asked_pause(response, time.time()) or pause
                if wait > patience:
                    return response
            patience -= wait
            await self._sleep(wait)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Whole(httpx.AsyncBaseTransport):
    """A transport that gives complete answers, and refuses those that are compressed or huge.

    Reading here rather than later lets a broken answer to a read be asked for again.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, most: int = MOST_BYTES) -> None:
        self._inner = inner
        self._most = most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        try:
            body = await self._read(request, response)
        finally:
            await response.aclose()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _read(self, request: httpx.Request, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx.DecodingError("compressed though not asked for", request=request)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._most:
                raise TooLargeError("larger than what is read", request=request)
        return bytes(body)


_A_YEAR = 31_536_000.0
_AN_HOUR = 3600.0
_EVERY_DIGIT_0 = bytes.maketrans(b"123456789E", b"000000000e")
_LARGE_EXPONENT = re.compile(rb"0e\+?000")
_MANY_DIGITS = b"0" * 200
_HALF_CHARACTER = re.compile(rb"\\u[dD]")


def _may_overflow(content: bytes) -> bool:
    """Whether a number may be too large for a float, which `from_json` calls an infinity.

    One that is has hundreds of digits, or an exponent of three: few texts look like it.
    """
    shape = content.translate(_EVERY_DIGIT_0)
    return _LARGE_EXPONENT.search(shape) is not None or _MANY_DIGITS in shape


def _slowly_read(content: bytes) -> object:
    """What a document holds, whatever is peculiar about it, or why it is none."""
    # Given bytes, `json` would let half characters through that are no UTF-8.
    text = content.decode("utf-8-sig")
    values: object = json.loads(text, parse_constant=_not_json, parse_float=_finite)
    return without_surrogates(values) if _HALF_CHARACTER.search(content) else values


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _not_json(number)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _patience(request: httpx.Request) -> float:
    """Seconds of waiting that a service may ask for."""
    patience = request.extensions.get("patience")
    return patience if isinstance(patience, float) else PATIENCE


def _said(seconds: float) -> str:
    """A pause in words; whatever a service asks for, few digits of it are repeated."""
    return f"{seconds:.0f} seconds" if seconds <= _AN_HOUR else "more than an hour"


def _unanswered(service: str, reason: str, *, writing: bool) -> NoReturn:
    raise (LostAnswerError if writing else UnavailableError)(service, reason) from None


def _unreadable(service: str, reason: str, *, writing: bool) -> NoReturn:
    raise (LostAnswerError if writing else UnexpectedReplyError)(service, reason) from None
