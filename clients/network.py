"""The way to a service: the proxy it goes through, the certificates to trust, and what cuts it.

What the network's libraries raise is read here and nowhere else. Their sentences hold addresses,
hence keys and passwords: only types, numbers and the status of a proxy are looked at.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpx


@dataclass(frozen=True, slots=True)
class Cut:
    """Why a service cannot be reached, in our words, and whose move it is."""

    reason: str
    remedy: str


class Ways(httpx.AsyncBaseTransport):
    """A transport to any host, each by its own way: its proxy, or none.

    A way is made when it is first taken: loading the certificates takes longer than a read.
    """

    def __init__(self) -> None:
        self._ways: dict[tuple[str, str, int | None], httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        there = (request.url.scheme, request.url.host, request.url.port)
        if there not in self._ways:
            self._ways[there] = network(request.url)
        return await self._ways[there].handle_async_request(request)

    async def aclose(self) -> None:
        for way in self._ways.values():
            await way.aclose()


class NothingTrustedError(httpx.ConnectError):
    """The certificates that this machine trusts cannot be read."""


def network(url: httpx.URL | str) -> httpx.AsyncHTTPTransport:
    """What carries requests to this address, through the proxy of the environment if it has one.

    Raises:
        httpx.ProxyError: The proxy's address is none.
        NothingTrustedError: The certificates to trust cannot be read.
    """
    try:
        address = httpx.URL(url)
        proxy = proxy_of(address)
        in_clear = address.scheme == "http" and not proxy
        # Reading the certificates of all the authorities takes longer than a call. In clear, none
        # is needed: this trusts nobody.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if in_clear else True
        return httpx.AsyncHTTPTransport(verify=verify, proxy=proxy or None)
    except OSError as error:
        raise NothingTrustedError(type(error).__name__) from error
    except (httpx.InvalidURL, ValueError, ImportError) as error:  # socks needs another package
        raise httpx.ProxyError(type(error).__name__) from error


def proxy_of(address: httpx.URL) -> str:
    """The proxy that the environment has for an address, with its password, or nothing."""
    proxies = {} if proxy_bypass(address.host) else getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all", "")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def why_unreachable(error: httpx.TransportError) -> Cut:
    """What stands between this machine and a service: names, the network, a proxy, or TLS.

    Through a proxy, TLS alone is spoken with the service: any other trouble is the proxy's.
    """
    causes = list(_causes(error))
    if isinstance(error, NothingTrustedError):
        return _NOTHING_TRUSTED
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        return _tls(tls)
    if isinstance(error, httpx.ProxyError):
        return _refused_by_proxy(str(error))
    reason = _on_the_way(causes)
    if _is_proxied(error):
        return Cut(f"its way goes through a proxy, and {reason}", _CHECK_PROXY)
    return Cut(reason, _CHECK_ADDRESS)


_CHECK_ADDRESS = (
    "Try again in a few minutes; if it lasts, check the address configured for this service, and"
    " that this machine is online."
)
_CHECK_PROXY = (
    "Check https_proxy (or all_proxy), or name the service's host in no_proxy if it needs no proxy."
)
_CHECK_CLOCK = "Check this machine's clock; if it is right, the service's team must renew it."

_NOTHING_TRUSTED = Cut(
    "the certificates that this machine trusts cannot be read",
    "Check SSL_CERT_FILE and SSL_CERT_DIR: a file, or a folder, of certificates in PEM.",
)
_UNTRUSTED = Cut(
    "its TLS certificate is signed by no authority that this machine trusts",
    "If your organisation inspects TLS, name its certificates by SSL_CERT_FILE; otherwise go no"
    " further, since this may not be the service.",
)
_ANOTHER_NAME = Cut(
    "its TLS certificate is for another name than its address",
    "Check the address configured for this service; if it is right, this may not be the service.",
)
_BY_CERTIFICATE = {
    9: Cut("its TLS certificate is not valid yet", _CHECK_CLOCK),
    10: Cut("its TLS certificate has expired", _CHECK_CLOCK),
    62: _ANOTHER_NAME,  # a host
    64: _ANOTHER_NAME,  # an IP address
}
"""By the number that OpenSSL gives to what is wrong with a certificate."""
_NO_TLS = Cut(
    "what answers there does not speak TLS",
    "Check the address configured for this service, its port included.",
)
_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
_NO_AGREEMENT = Cut(
    "it and this machine agree on no secure connection (TLS)",
    "Something on the way may inspect TLS; else this Python may be too old, or the service.",
)
_BY_PROXY = {
    "407": Cut(
        "the proxy asks who you are (HTTP 407)",
        "Give https_proxy a name and a password, as in http://name:password@host:port.",
    ),
    "": Cut("the proxy's address cannot be used, or it does not answer as a proxy", _CHECK_PROXY),
}
_BY_NUMBER = {
    errno.ECONNREFUSED: "the connection is refused",
    errno.EHOSTUNREACH: "no route leads there",
    errno.ENETUNREACH: "no route leads there",
}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that led to it, several connections tried at once included."""
    if error is None:
        return
    yield error
    together: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for part in together:
        yield from _causes(part)
    yield from _causes(error.__cause__ or error.__context__)


def _tls(error: ssl.SSLError) -> Cut:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_CERTIFICATE.get(error.verify_code, _UNTRUSTED)
    return _NO_TLS if error.reason in _NOT_TLS else _NO_AGREEMENT


def _refused_by_proxy(said: str) -> Cut:
    """What a proxy answered: httpcore's sentence starts with its status."""
    found = re.match(r"\d{3}\b", said)
    status = found[0] if found else ""
    return _BY_PROXY.get(status) or Cut(
        f"the proxy does not let it be reached (HTTP {status})", _CHECK_PROXY
    )


def _on_the_way(causes: list[BaseException]) -> str:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "its host name is unknown (DNS)"
    if isinstance(causes[0], httpx.TimeoutException):
        return f"no connection comes in time ({type(causes[0]).__name__})"
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError)]
    known = (_BY_NUMBER[number] for number in numbers if number in _BY_NUMBER)
    return next(known, f"the connection is cut ({type(causes[0]).__name__})")


def _is_proxied(error: httpx.TransportError) -> bool:
    try:
        return bool(proxy_of(error.request.url))
    except RuntimeError:  # it was raised before there was a request
        return False
