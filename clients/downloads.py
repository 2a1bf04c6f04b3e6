"""Files that a service gives by an address, fetched from the hosts it is known to keep them at.

Such an address is a secret, since it gives the file to whoever holds it: nothing repeats it here,
and it is followed to no other host. No token goes there.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import anyio
import httpx

from clients.errors import (
    ApiError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import CONNECT, from_response, no_cookies, origin, upstream, user_agent
from clients.network import Ways
from clients.text import shortened

Write = Callable[[bytes], Awaitable[None]]

READ = 65.0
"""Seconds between two bytes: some files are made when they are fetched."""
WHOLE = 900.0
"""Seconds a file may take in all."""
CHUNK = 262_144
"""Bytes that are held at a time."""
MOST_BYTES = 200_000_000
"""The largest file that is fetched."""


def downloading(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The HTTP client of downloads: it authenticates nowhere, and follows no redirection."""
    return httpx.AsyncClient(
        cookies=no_cookies(),
        headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": user_agent()},
        timeout=httpx.Timeout(READ, connect=CONNECT),
        transport=transport or Ways(),
        follow_redirects=False,
    )


class Downloads:
    """Fetches files from the hosts that are allowed, and from the service's own address.

    A host is allowed by its whole name, or by `*.` and what its sub-domains end with. It is then
    spoken to over https, on the usual port.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, service: str, own: str, hosts: Sequence[str], setting: str
    ) -> None:
        self._http = http
        self._service = service
        self._own = origin(httpx.URL(own))
        self._hosts = hosts
        self._setting = setting

    async def fetch(self, address: str, to: Write, *, most: int = MOST_BYTES) -> None:
        """Give a file to `to`, piece by piece, as it comes.

        Raises:
            RejectedError: It is at a host that is not allowed, or too large.
            NotFoundError: It is no longer there.
            ApiError: It could not be had whole.
        """
        with anyio.move_on_after(WHOLE) as bounds, upstream(self._service):
            request = self._http.build_request("GET", self._allowed(address))
            response = await self._http.send(request, stream=True)
            try:
                self._check(response, most)
                await self._give(response, to, most)
            finally:
                await response.aclose()
        if bounds.cancelled_caught:
            raise UnavailableError(self._service, "the file takes too long to come.")

    def _allowed(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise UnexpectedReplyError(self._service, "the file has no usable address.") from None
        if url.userinfo or not (origin(url) == self._own or self._is_known(url)):
            raise self._elsewhere(url)
        return url

    def _is_known(self, url: httpx.URL) -> bool:
        usual = url.scheme == "https" and url.port is None
        return usual and any(_covers(name, url.host) for name in self._hosts)

    def _elsewhere(self, url: httpx.URL) -> ApiError:
        host, scheme = shortened(url.host), shortened(url.scheme)
        reason = f"the file is kept at a host that is not allowed: {host}, over {scheme}."
        remedy = f"Nothing was fetched. If you know this host, add it to {self._setting}."
        return RejectedError(self._service, reason, remedy=remedy)

    def _check(self, response: httpx.Response, most: int) -> None:
        if response.status_code in _NO_LONGER:
            reason = "the address it gave of the file is refused, or no longer works."
            remedy = "Nothing was saved. Call again: another address is asked for each time."
            raise UnavailableError(self._service, reason, remedy=remedy)
        if response.status_code == HTTPStatus.NOT_FOUND:
            reason, remedy = "the file is missing from its storage.", "Tell the service's team."
            raise NotFoundError(self._service, reason, remedy=remedy)
        if not response.is_success:
            raise from_response(self._service, response)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise UnexpectedReplyError(self._service, "the file comes compressed, unasked.")
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise self._too_large(most)

    async def _give(self, response: httpx.Response, to: Write, most: int) -> None:
        size = 0
        async for chunk in response.aiter_raw(CHUNK):
            size += len(chunk)
            if size > most:
                raise self._too_large(most)
            await to(chunk)

    def _too_large(self, most: int) -> ApiError:
        reason = f"the file is larger than {most // 1_000_000} MB, the most that is fetched."
        return RejectedError(self._service, reason, remedy="Nothing was saved.")


_NO_LONGER = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE}


def _covers(name: str, host: str) -> bool:
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
