"""Files to send: announced to the service, then put into its storage, which is another host.

The address to put a file at gives that right to whoever holds it: it is told to nobody.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from pydantic import Field, Json

from clients.demarches.failures import failure
from clients.demarches.wire import SERVICE, Reply, Wire
from clients.errors import AccessDeniedError, RejectedError, UnavailableError, UnexpectedReplyError
from clients.http import origin


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send."""

    name: str
    content_type: str
    content: bytes = field(repr=False)

    @property
    def checksum(self) -> str:
        """MD5 in base64, as storages have it."""
        digest = hashlib.md5(self.content, usedforsecurity=False)
        return base64.b64encode(digest.digest()).decode()


class DirectUpload(Wire):
    """Where and how to put a file, and what to call it by for the hour to come."""

    url: str = Field(repr=False)
    headers: Json[dict[str, str]] = Field(repr=False)
    signed_blob_id: str = Field(repr=False)


def announced(reply: Reply) -> DirectUpload:
    """Where the service wants a file.

    Raises:
        ApiError: It does not want it.
    """
    # Of a token that only reads, it says no more than that the address is missing.
    if reply.cause == "invalid_null":
        told = "the token only reads, or it takes no file for this dossier."
        raise AccessDeniedError(SERVICE, told, remedy=_WRITES)
    outcome = _Announced.model_validate(reply.data or {}).outcome
    if outcome is None:
        raise failure(reply)
    return outcome.direct_upload


def address(upload: DirectUpload, endpoint: httpx.URL) -> httpx.URL:
    """Where to put the file: by the service itself, or by any host of the Internet over https.

    Raises:
        UnexpectedReplyError: It would travel in clear or to a machine nearby, or there is
            no such address.
    """
    # Which host that is, the service documents nowhere: a list of them would refuse real files.
    try:
        url = httpx.URL(upload.url)
    except httpx.InvalidURL:
        raise UnexpectedReplyError(SERVICE, "the address it gives for a file is none.") from None
    if url.userinfo or not (origin(url) == origin(endpoint) or _is_public(url)):
        told = "the address it gives for a file is not https, or not that of a host by its name."
        raise UnexpectedReplyError(SERVICE, told)
    return url


def check_stored(response: httpx.Response) -> None:
    """Return if the storage took the file.

    Raises:
        ApiError: It did not.
    """
    status = response.status_code
    if response.is_success:
        return
    if response.is_server_error or status == HTTPStatus.TOO_MANY_REQUESTS:
        told = f"its storage of files is not available (HTTP {status})."
        raise UnavailableError(SERVICE, told)
    told = f"its storage does not take the file (HTTP {status})."
    raise RejectedError(SERVICE, told, remedy="Nothing was changed. Call again to start anew.")


_WRITES = "Nothing was changed. Create a token that may write, in an administrator's profile."


class _Place(Wire):
    direct_upload: DirectUpload


class _Announced(Wire):
    outcome: _Place | None = None


def _is_public(url: httpx.URL) -> bool:
    """Whether it may be somewhere on the Internet: neither a bare name, nor numbers in any form."""
    *above, last = url.host.removesuffix(".").split(".")
    named = bool(above) and last[:1].isalpha() and last != "localhost"
    return url.scheme == "https" and named
