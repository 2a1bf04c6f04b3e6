"""faire-simple (SGMAP): partners, and what they take part in.

All that is known of this API is half a document: two routes, of which the fields are not given, and
the names of six more without their paths. Answers are therefore passed on as they come.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import get_args
from urllib.parse import quote

import httpx
from pydantic import JsonValue, SecretStr, TypeAdapter, ValidationError

from clients.approval import Approval
from clients.errors import (
    AccessDeniedError,
    ApiError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
)
from clients.http import ONCE, Outgoing, Whole, document, from_response, outgoing, upstream
from clients.known import SEMESTER, Flow
from clients.secrecy import spellings

SERVICE = "faire-simple"

FLOWS: tuple[Flow, ...] = get_args(Flow)


class FaireSimpleClient:
    """The service as the application whose login, password and key authenticate `http` sees it."""

    def __init__(self, http: httpx.AsyncClient, paths: Mapping[Flow, str] | None = None) -> None:
        self._http = http
        self._paths = paths or {}

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows whose path is known."""
        return tuple(flow for flow in FLOWS if flow in self._paths)

    async def partner(self, uid: str) -> JsonValue:
        """A partner as the service sends it.

        Raises:
            AccessDeniedError: The login, the password or the key is refused.
            NotFoundError: It has no such partner.
            ApiError: It could not be read.
        """
        return await self._read(f"/users/{_segment(uid)}")

    async def flow(self, flow: Flow, semester: str = "") -> JsonValue:
        """What a flow gives, as the service sends it.

        Raises:
            RejectedError: No path is known for it, or it lacks its semester.
            ApiError: It could not be read.
        """
        path = self._paths.get(flow)
        if path is None:
            raise RejectedError(SERVICE, f"no path is known for {flow}.")
        if SEMESTER in path:
            path = path.replace(SEMESTER, _segment(semester))
        return await self._read(path)

    async def check_access(self, flow: Flow) -> None:
        """Return once the service has let this flow be read.

        Raises:
            ApiError: It does not answer, refuses the credentials, or has nothing at that path.
        """
        with upstream(SERVICE):
            _received(await self._http.get(self._paths[flow], extensions=ONCE))

    def status(self, uid: str, *, registered: bool) -> Outgoing:
        """What `set_status` will send."""
        return outgoing(self._status(uid, registered=registered))

    async def set_status(self, uid: str, *, registered: bool, approval: Approval) -> JsonValue:
        """What the service answered, having registered the partner or unregistered it.

        Raises:
            LostAnswerError: It may have been done: a redirection, or what is no JSON, says neither.
            ApiError: The service refused.
        """
        request = self._status(uid, registered=registered)
        with upstream(SERVICE, writing=True):
            response = await self._http.send(request)
            if response.is_redirect:
                told = f"HTTP {response.status_code}, a redirection, which may follow a change."
                raise LostAnswerError(SERVICE, told)
            return _received(response, writing=True)

    async def _read(self, path: str) -> JsonValue:
        with upstream(SERVICE):
            return _received(await self._http.get(path))

    def _status(self, uid: str, *, registered: bool) -> httpx.Request:
        path = f"/users/{_segment(uid)}/statut"
        return self._http.build_request("POST", path, json={"action": int(registered)})


class Keyed(httpx.AsyncBaseTransport):
    """A transport that adds the key to the address of what leaves, and takes it out of answers.

    It does so at the last moment, on a copy: httpx logs, quotes in its exceptions and lends to
    whatever traces it the request that it was given, and that one never holds the key.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, key: SecretStr) -> None:
        self._inner = Whole(inner)
        self._key = key

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        leaving = httpx.Request(
            request.method,
            request.url.copy_merge_params({"key": self._key.get_secret_value()}),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await self._inner.handle_async_request(leaving)
        headers = [(name, self._without(value)) for name, value in response.headers.raw]
        body = httpx.ByteStream(self._without(response.content))
        return httpx.Response(response.status_code, headers=headers, stream=body)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _without(self, sent: bytes) -> bytes:
        """What the service sent, its own links to itself included, without the key."""
        for spelling in spellings(self._key):
            sent = sent.replace(spelling.encode(), b"***")
        return sent


_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_PROOFS = (
    "Check GUICHET_FAIRE_SIMPLE_LOGIN, GUICHET_FAIRE_SIMPLE_PASSWORD and GUICHET_FAIRE_SIMPLE_KEY:"
    " it asks for the three."
)
_PLACE = "Check the uid, or the flow's path in the settings, and GUICHET_FAIRE_SIMPLE_URL."


def _segment(text: str) -> str:
    """A text as one segment of a path, which it can neither leave nor lengthen."""
    if not text.strip("."):
        raise RejectedError(SERVICE, "an identifier cannot be empty, nor dots alone.")
    return quote(text, safe="")


def _received(response: httpx.Response, *, writing: bool = False) -> JsonValue:
    """What a successful answer holds; a change may be accepted without a word."""
    if not response.is_success:
        raise _refusal(response, writing=writing)
    if writing and not response.content.strip():
        return None
    try:
        return _JSON.validate_python(document(response.content))
    except ValidationError:  # nested without end; it would tell where, in the service's own names
        raise ValueError("too deep") from None


def _refusal(response: httpx.Response, *, writing: bool) -> ApiError:
    """The error that an unsuccessful response stands for, by its status: no body is documented."""
    status = response.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AccessDeniedError(SERVICE, f"HTTP {status}: it refuses access.", remedy=_PROOFS)
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(SERVICE, f"HTTP {status}: it has nothing there.", remedy=_PLACE)
    return from_response(SERVICE, response, writing=writing)
