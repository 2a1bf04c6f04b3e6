"""A key that goes in addresses, and a password: planted, then looked for wherever failures write.

Every kind of failure is made to happen, at the level of log that tells most; what fails repeats
what it was sent whenever it can.
"""

import base64
import logging
import traceback
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, NoReturn

import anyio
import anyio.abc
import anyio.to_thread
import httpx
import pytest
from mcp.types import CallToolResult
from pydantic import SecretStr

from clients import Approval
from clients.errors import ApiError
from clients.faire_simple import FaireSimpleClient
from clients.secrecy import spellings
from server import connect, instance, logs
from server.cli.doctor import run
from server.services.ways import Transports
from server.settings import FaireSimple, Settings
from tests.spans import Spans
from tests.support import Counter, Person, own_log

LOGIN, PASSWORD, KEY = "guichet", "p4ss/0f+n0 b0dy", "k3y/0f+n0 b0dy"
BASIC = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
PLANTED = [*spellings(SecretStr(KEY)), *spellings(SecretStr(PASSWORD)), BASIC]
TALKATIVE = ("", "httpx", "httpcore", "mcp", "anyio")

Reply = Callable[[bytes, bytes], bytes]
"""What is answered to a target and a value of `Authorization`."""


def settings_at(url: str) -> Settings:
    return Settings(
        services=("faire_simple",),
        faire_simple=FaireSimple.model_validate(
            {
                "url": url,
                "login": LOGIN,
                "password": PASSWORD,
                "key": KEY,
                "path_partners": "/partenaires",
                "path_thematics": "/thematiques",
            }
        ),
    )


def answered(status: str, body: bytes = b"", *headers: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    head = b"\r\n".join((b"HTTP/1.1 " + status.encode(), length, *headers))
    return head + b"\r\n\r\n" + body


def as_json(target: bytes, basic: bytes) -> bytes:
    return b'{"asked": "%s", "by": "%s"' % (target, basic)


FAILURES: dict[str, Reply] = {
    "moved": lambda t, _: answered("302 Found", b"", b"Location: http://127.0.0.1" + t),
    "moved nowhere": lambda t, _: answered("302 Found", b"", b"Location: http://[" + t),
    "unauthorized": lambda t, b: answered("401 No", as_json(t, b), b"WWW-Authenticate: " + t),
    "forbidden": lambda t, b: answered("403 " + t.decode(), as_json(t, b)),
    "absent": lambda t, b: answered("404 Not Found", as_json(t, b)),
    "refused": lambda t, b: answered("422 No", as_json(t, b)),
    "too many": lambda t, b: answered("429 Slow", as_json(t, b), b"Retry-After: 99"),
    "crashed": lambda t, b: answered("500 Oops", as_json(t, b)),
    "closed": lambda t, b: answered("503 Later", b"<p>" + as_json(t, b)),
    "page": lambda t, b: answered("200 OK", b"<html>" + t + b),
    "cut": lambda t, b: answered("200 OK", as_json(t, b)),
    "not a text": lambda t, b: answered("200 OK", b"\xff" + as_json(t, b)),
    "no answer": lambda t, b: b"",
    "no status": lambda t, b: t + b"\r\n\r\n" + b,
    "half a status": lambda t, b: b"HTTP/1.1 " + t + b"\r\n\r\n",
    "no header": lambda t, b: b"HTTP/1.1 200 OK\r\n" + t + b"\r\n\r\n",
    "less than announced": lambda t, b: answered("200 OK", as_json(t, b))[:-1],
    "compressed": lambda t, b: answered("200 OK", t, b"Content-Encoding: gzip"),
    "huge": lambda t, b: answered("200 OK", b'["' + t * 600_000),
    "deep": lambda t, b: answered("200 OK", b'{"%s":' % t * 400 + b"1" + b"}" * 400),
}


@asynccontextmanager
async def failing(reply: Reply, *, reads: bool = True) -> AsyncGenerator[str]:
    """The address of a service that fails so: whatever it is asked, or changes only."""

    async def serve(stream: anyio.abc.ByteStream) -> None:
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
            async with stream:
                head = await stream.receive()
                target = head.split(b" ", 2)[1]
                assert target.endswith(b"?key=k3y%2F0f%2Bn0+b0dy"), "what was planted is sent"
                assert BASIC.encode() in head
                fails = reads or head.startswith(b"POST")
                await stream.send(
                    reply(target, BASIC.encode()) if fails else answered("200 OK", b'{"uid": 1}')
                )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{port}/api"
        group.cancel_scope.cancel()


@contextmanager
def telling_all(settings: Settings) -> Generator[None]:
    """The log of the process, where everybody says everything."""
    with own_log():
        logs.to_stderr(settings)
        levels = {name: logging.getLogger(name).level for name in TALKATIVE}
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@pytest.fixture(name="spans")
def _spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


def assert_untold(*written: str | bytes) -> None:
    text = "\n".join(w if isinstance(w, str) else w.decode("latin-1") for w in written)
    assert not [planted for planted in PLANTED if planted in text]


CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_partner", {"uid": "4201"}),
    ("list_faire_simple", {"flow": "partners"}),
    ("set_partner_status", {"uid": "4201", "registered": True, "dry_run": True}),
    ("set_partner_status", {"uid": "4201", "registered": True}),
    ("list_operations", {}),
)


async def results(counter: Counter, settings: Settings) -> list[CallToolResult]:
    """What the model is told of everything it can try."""
    counter.settings |= {"faire_simple": settings.faire_simple}
    async with counter.host("2026-07-28", Person()) as host:
        return [await host.call_tool(tool, arguments) for tool, arguments in CALLS]


def kept_by(counter: Counter) -> bytes:
    """The ledger, as it is on the disk."""
    return b"".join(path.read_bytes() for path in counter.folder.glob("ledger.db*"))


@pytest.mark.parametrize("reads", [True, False], ids=["everything fails", "changes fail"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_neither_the_key_nor_the_password_gets_out_of_any_failure(
    counter: Counter,
    spans: Spans,
    capsys: pytest.CaptureFixture[str],
    failure: str,
    *,
    reads: bool,
):
    async with failing(FAILURES[failure], reads=reads) as url:
        settings = settings_at(url)
        counter.over["faire_simple"] = httpx.AsyncHTTPTransport()
        with telling_all(settings), anyio.fail_after(30):
            told = await results(counter, settings)
    log = capsys.readouterr().err

    assert told[0].is_error == reads
    assert told[3].is_error
    assert "DEBUG httpcore" in log
    assert reads or f"INFO httpx: HTTP Request: GET {url}/users/4201 " in log
    assert spans.told
    assert_untold(log, *spans.told, kept_by(counter))
    assert_untold(*(result.model_dump_json() for result in told))


EXCEPTIONS: list[Callable[[str], Exception]] = [
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError),
    *(httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.CloseError),
    *(httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.UnsupportedProtocol),
    *(httpx.DecodingError, httpx.TooManyRedirects, httpx.InvalidURL, httpx.StreamError),
    *(ValueError, RecursionError, RuntimeError, KeyError, OSError),
]


@pytest.mark.parametrize("kind", EXCEPTIONS)
async def test_neither_gets_out_of_any_exception_that_quotes_them(
    counter: Counter,
    spans: Spans,
    capsys: pytest.CaptureFixture[str],
    kind: Callable[[str], Exception],
):
    """Libraries quote addresses; a bug of ours could quote anything."""
    settings = settings_at("https://faire-simple.test/api")

    class Crashing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> NoReturn:
            raise kind(f"{request.url} {PASSWORD}") from RuntimeError(f"{request.url.query} {KEY}")

    counter.over["faire_simple"] = Crashing()
    with telling_all(settings):
        told = await results(counter, settings)

    assert all(result.is_error for result in told[:-1])
    assert_untold(capsys.readouterr().err, *spans.told, kept_by(counter))
    assert_untold(*(result.model_dump_json() for result in told))


@pytest.mark.parametrize("failure", FAILURES)
async def test_neither_is_in_an_exception_of_the_client(failure: str):
    async with failing(FAILURES[failure]) as url:
        seal, by = instance.throwaway_seal(), Transports(sleep=at_once)
        async with connect.sandbox(settings_at(url), seal, by) as desk:
            client = desk.clients.faire_simple
            raised = [await error(call) for call in calls(client)]
            assert_untold(repr(desk), repr(client), repr(vars(client)))

    for caught in raised:
        assert_untold(*traceback.format_exception(caught), repr(caught), repr(vars(caught)))


async def at_once(_: float) -> None:
    """A pause that takes no time."""


def calls(client: FaireSimpleClient):
    return (
        partial(client.partner, "4201"),
        partial(client.flow, "partners"),
        partial(client.check_access, "thematics"),
        partial(client.set_status, "4201", registered=True, approval=Approval("1")),
    )


async def error(call: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call()
    return caught.value


@pytest.mark.parametrize("failure", ["unauthorized", "crashed", "page", "no status", "huge"])
async def test_neither_is_in_what_the_doctor_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, failure: str
):
    for name, value in {"LOGIN": LOGIN, "PASSWORD": PASSWORD, "KEY": KEY}.items():
        monkeypatch.setenv(f"GUICHET_FAIRE_SIMPLE_{name}", value)
    monkeypatch.setenv("GUICHET_FAIRE_SIMPLE_PATH_THEMATICS", "/thematiques")
    monkeypatch.setenv("GUICHET_SERVICES", "faire_simple")
    async with failing(FAILURES[failure]) as url:
        monkeypatch.setenv("GUICHET_FAIRE_SIMPLE_URL", url)
        with own_log():
            code = await anyio.to_thread.run_sync(partial(run, offline=False))

    said = capsys.readouterr()
    assert code == 1
    assert "In trouble: faire_simple." in said.out
    assert_untold(said.out, said.err)


def test_neither_is_in_the_settings_as_they_are_shown():
    settings = settings_at("https://faire-simple.test/api")

    assert_untold(repr(settings), str(settings), settings.model_dump_json())
