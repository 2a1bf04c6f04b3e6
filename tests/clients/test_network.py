"""Why a service cannot be reached, told apart by what the libraries raise, and without their words.

That they raise it on real sockets is shown in tests/server/test_doctor.py.
"""

import errno
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from clients.errors import UnavailableError
from clients.http import connected, upstream
from clients.network import NothingTrustedError, network, proxy_of, why_unreachable

URL = "https://service.test"
SECRET = "p4ssword"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def caused(error: httpx.TransportError, *causes: BaseException) -> httpx.TransportError:
    """The error, led to by these, the nearest first."""
    above: BaseException = error
    for cause in causes:
        above.__cause__ = cause
        above = cause
    return error


def certificate(code: int) -> ssl.SSLError:
    error = ssl.SSLCertVerificationError(1, SECRET)
    error.verify_code = code
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, SECRET)
    error.reason = reason
    return error


REFUSED = OSError(errno.ECONNREFUSED, SECRET)
TOGETHER = ExceptionGroup("several addresses", [OSError(errno.ENETUNREACH, SECRET), REFUSED])


CAUSES: dict[str, tuple[httpx.TransportError, str]] = {
    "unknown name": (
        caused(httpx.ConnectError(SECRET), socket.gaierror(-2, SECRET)),
        "unknown (DNS)",
    ),
    "refused": (caused(httpx.ConnectError(SECRET), OSError(SECRET), REFUSED), "refused"),
    "no route": (
        caused(httpx.ConnectError(SECRET), OSError(errno.EHOSTUNREACH, SECRET)),
        "no route",
    ),
    "several addresses": (
        caused(httpx.ConnectError(SECRET), OSError(SECRET), TOGETHER),
        "no route",
    ),
    "cut": (httpx.ConnectError(SECRET), "is cut (ConnectError)"),
    "slow": (httpx.ConnectTimeout(SECRET), "in time (ConnectTimeout)"),
    "busy": (httpx.PoolTimeout(SECRET), "in time (PoolTimeout)"),
    "self-signed": (caused(httpx.ConnectError(SECRET), OSError(), certificate(18)), "no authority"),
    "unknown authority": (caused(httpx.ConnectError(SECRET), certificate(20)), "no authority"),
    "expired": (caused(httpx.ConnectError(SECRET), certificate(10)), "expired"),
    "not valid yet": (caused(httpx.ConnectError(SECRET), certificate(9)), "not valid yet"),
    "another host": (caused(httpx.ConnectError(SECRET), certificate(62)), "another name"),
    "another address": (caused(httpx.ConnectError(SECRET), certificate(64)), "another name"),
    "no TLS": (
        caused(httpx.ConnectError(SECRET), tls("WRONG_VERSION_NUMBER")),
        "does not speak TLS",
    ),
    "old TLS": (
        caused(httpx.ConnectError(SECRET), tls("UNSUPPORTED_PROTOCOL")),
        "no secure connection",
    ),
    "proxy asks": (httpx.ProxyError("407 Proxy Authentication Required"), "asks who you are"),
    "proxy refuses": (httpx.ProxyError(f"403 {SECRET}"), "HTTP 403"),
    "proxy babbles": (httpx.ProxyError(f"4033 {SECRET}"), "the proxy's address"),
    "proxy unusable": (httpx.ProxyError(SECRET), "the proxy's address"),
    "nothing trusted": (NothingTrustedError(SECRET), "this machine trusts cannot be read"),
}


@pytest.mark.parametrize(("error", "told"), CAUSES.values(), ids=CAUSES.keys())
def test_each_cause_is_told_in_our_words(error: httpx.TransportError, told: str):
    cut = why_unreachable(error)

    assert told in cut.reason
    assert cut.remedy
    assert SECRET not in f"{cut}"


async def test_what_is_cut_before_tls_on_a_way_through_a_proxy_is_cut_by_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@proxy.test:3128")

    refused = await told_of(caused(httpx.ConnectError("x"), REFUSED))
    expired = await told_of(caused(httpx.ConnectError("x"), certificate(10)))

    assert "through a proxy, and the connection is refused" in refused
    assert "https_proxy" in refused
    assert "its TLS certificate has expired" in expired
    assert "proxy" not in expired
    assert SECRET not in refused


async def test_a_host_that_needs_no_proxy_is_not_cut_by_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "service.test")

    assert "proxy" not in await told_of(caused(httpx.ConnectError("x"), REFUSED))


async def test_each_host_has_its_own_way(monkeypatch: pytest.MonkeyPatch):
    """A service may have files put at another host, which is not reached as it is itself."""
    monkeypatch.setenv("https_proxy", "gopher://proxy.test")
    monkeypatch.setenv("no_proxy", "service.test")

    assert "the proxy's address cannot be used" in await told_of(None, "https://storage.test/1")


@pytest.mark.parametrize(
    ("proxies", "found"),
    [
        ({"all_proxy": "http://any.test:1"}, "http://any.test:1"),
        ({"all_proxy": "any.test:1", "https_proxy": "own.test:2"}, "http://own.test:2"),
        ({"all_proxy": "any.test:1", "no_proxy": "service.test"}, ""),
        ({"http_proxy": "other.test:3"}, ""),
    ],
)
def test_the_proxy_of_any_address_is_that_of_those_that_have_none_of_their_own(
    monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str], found: str
):
    for name, proxy in proxies.items():
        monkeypatch.setenv(name, proxy)

    assert proxy_of(httpx.URL(URL)) == found


@pytest.mark.parametrize("proxy", ["http://proxy.test:port", "gopher://proxy.test"])
async def test_a_proxy_that_is_no_address_is_a_proxy_s_trouble(
    monkeypatch: pytest.MonkeyPatch, proxy: str
):
    monkeypatch.setenv("https_proxy", proxy)

    assert "the proxy's address cannot be used" in await told_of(None)


async def test_certificates_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")

    assert "SSL_CERT_FILE" in await told_of(None)


async def told_of(error: httpx.TransportError | None, address: str = "/") -> str:
    """What a client says of a network that raises this, or of ours."""

    def broken(_: httpx.Request) -> httpx.Response:
        assert error
        raise error

    async def no_pause(_: float) -> None: ...

    transport = httpx.MockTransport(broken) if error else None
    async with connected(URL, transport=transport, sleep=no_pause) as client:
        with pytest.raises(UnavailableError) as caught, upstream("Service"):
            await client.get(address)
    assert caught.value.remedy.startswith("Nothing was changed. ")
    return str(caught.value)


async def test_what_goes_in_clear_reads_no_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))

    with pytest.raises(NothingTrustedError):
        network(URL)
    await network("http://127.0.0.1:1").aclose()
