"""A service that fails in every way, over a real socket: what each fault does to an answer.

What a fault lets through is what the service in miniature answers. A fault either stands before
the service, which then executes nothing, or spoils what it answers, once it has.
"""

import asyncio
import gzip
import json
import socket
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

import anyio.lowlevel
import httpx
from pydantic import JsonValue as Json
from starlette.types import ASGIApp

MARK = "c4n4ry"
"""A word of every page and of every sentence that is none of the service's own."""
PAGE = f"<!DOCTYPE html><html><body><h1>{MARK}</h1></body></html>".encode()

Writer = asyncio.StreamWriter


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Before:
    """A fault that stands before the service."""

    meet: Callable[[Writer], Awaitable[None]]


@dataclass(frozen=True)
class After:
    """A fault that spoils what the service answered."""

    spoil: Callable[[Writer, Answer], Awaitable[None]]


def head(status: int, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status} {MARK}", *headers, "", "")).encode()


def whole(status: int, body: bytes, *headers: str) -> bytes:
    return head(status, f"Content-Length: {len(body)}", *headers) + body


def says(message: bytes) -> Before:
    """Whatever is asked, this comes back."""

    async def meet(writer: Writer) -> None:
        writer.write(message)

    return Before(meet)


def then(after: bytes, meet: Callable[[Writer], Awaitable[None]]) -> Before:
    async def both(writer: Writer) -> None:
        writer.write(after)
        await writer.drain()
        await meet(writer)

    return Before(both)


async def silence(_: Writer) -> None:
    await asyncio.Event().wait()  # which nothing ever sets


async def leave(writer: Writer) -> None:
    """An end."""
    writer.close()


async def reset(writer: Writer) -> None:
    """No end, but a reset."""
    linger = b"\1\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def drip(writer: Writer) -> None:
    """A byte from time to time: never so long after another that a timeout between two sees it."""
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)  # the fault itself: a service that is slow on a real socket


async def flood(writer: Writer) -> None:
    """100 MB."""
    writer.write(head(200, "Content-Type: application/json", f"Content-Length: {100 * 2**20}"))
    for _ in range(100):
        writer.write(b"[" + b" " * (2**20 - 1))
        await writer.drain()


def rewritten(change: Callable[[bytes], bytes], *headers: str) -> After:
    """The answer, whose body is another."""

    async def spoil(writer: Writer, answer: Answer) -> None:
        kind = answer.headers.get("content-type", "application/json")
        writer.write(whole(answer.status, change(answer.body), f"Content-Type: {kind}", *headers))

    return After(spoil)


def of_json(change: Callable[[Json], Json]) -> After:
    """The answer, whose JSON is another; what is none becomes an empty object."""

    def changed(body: bytes) -> bytes:
        try:
            document: Json = json.loads(body)
        except ValueError:
            document = {}
        return json.dumps(change(document)).encode()

    return rewritten(changed)


def halved(*, announced: bool) -> After:
    """Half of the answer, then a reset if its length was announced, else an end."""

    async def spoil(writer: Writer, answer: Answer) -> None:
        length = (f"Content-Length: {len(answer.body)}",) if announced else ("Connection: close",)
        writer.write(head(answer.status, "Content-Type: application/json", *length))
        writer.write(answer.body[: len(answer.body) // 2])
        await writer.drain()
        if announced:
            await reset(writer)

    return After(spoil)


def dripped() -> After:
    async def spoil(writer: Writer, answer: Answer) -> None:
        writer.write(head(answer.status, f"Content-Length: {len(answer.body) + 10_000}"))
        await drip(writer)

    return After(spoil)


def other(value: Json) -> Json:
    """The same shape, where no leaf has its type."""
    match value:
        case dict():
            return {name: other(member) for name, member in value.items()}
        case list():
            return [other(member) for member in value]
        case str():
            return {"not": MARK}
        case _:
            return MARK


def emptied(value: Json) -> Json:
    """The outermost names, and nothing below them."""
    match value:
        case dict():
            return {
                name: {n: {} for n in member} if isinstance(member, dict) else [{}]
                for name, member in value.items()
            }
        case _:
            return [{}]


def with_text(value: Json, extra: str) -> Json:
    """The same, where every text has more."""
    match value:
        case dict():
            return {name: with_text(member, extra) for name, member in value.items()}
        case list():
            return [with_text(member, extra) for member in value]
        case str():
            return value + extra
        case _:
            return value


def twice(body: bytes) -> bytes:
    """Every first name is given twice, first with another value."""
    return body.replace(b"{", b'{"data": 1, "mesures": 2, ', 1) if body[:1] == b"{" else body


@cache
def bomb() -> bytes:
    """200 kB that hold 200 MB."""
    packer, million = zlib.compressobj(wbits=31), b"\0" * 1_000_000
    return b"".join([*(packer.compress(million) for _ in range(200)), packer.flush()])


COMPRESSED = "Content-Encoding: gzip"
DEEP = 20_000

UNREACHED = {"refused connection": False, "no connection": True}
"""Whether connections wait, rather than be refused."""

FAULTS: Mapping[str, Before | After | str] = {
    "no answer": Before(silence),
    "half a head, then nothing": then(b"HTTP/1.1 200", silence),
    "a head, then nothing": then(head(200, "Content-Length: 10"), silence),
    "half a body, then nothing": then(head(200, "Content-Length: 10") + b'{"a', silence),
    "closed unanswered": Before(leave),
    "reset unanswered": Before(reset),
    "reset in the head": then(b"HTTP/1.1 200 OK\r\nCont", reset),
    "not HTTP": says(b"SSH-2.0-c4n4ry\r\n\r\n"),
    "a head without end": then(head(200)[:-2] + b"X: " + b"a" * 200_000, drip),
    "reset in the body": halved(announced=True),
    "cut without notice": halved(announced=False),
    "a byte from time to time": dripped(),
    "truncated gzip": rewritten(lambda body: gzip.compress(body)[:-12], COMPRESSED),
    "compressed unasked": rewritten(gzip.compress, COMPRESSED),
    "a bomb": rewritten(lambda _: bomb(), COMPRESSED),
    "100 MB": Before(flood),
    "a page with 200": says(whole(200, PAGE, "Content-Type: text/html")),
    "a page with 404": says(whole(404, PAGE, "Content-Type: text/html")),
    "a page with 503": says(whole(503, PAGE, "Content-Type: text/html")),
    "a redirection": says(whole(302, b"", f"Location: http://127.0.0.1:1/{MARK}")),
    "a crash": says(whole(500, MARK.encode())),
    "a crash, in JSON": says(whole(500, json.dumps({"error": MARK, "message": MARK}).encode())),
    "a refusal, in JSON": says(whole(422, json.dumps({"errors": [{"message": MARK}]}).encode())),
    "its own 429": "429",
    "its own maintenance": "503",
    "nothing": says(whole(200, b"")),
    "invalid JSON": rewritten(lambda body: body[:-1] + b",}"),
    "NaN": of_json(lambda value: {"data": float("nan"), "mesures": float("inf"), "was": value}),
    "null": of_json(lambda _: None),
    "a number": of_json(lambda _: 10**400),
    "too long a number": rewritten(lambda _: b'{"data": ' + b"9" * 5_000 + b"}"),
    "not UTF-8": rewritten(lambda body: body[:-1] + b"\xff" + body[-1:]),
    "duplicate names": rewritten(twice),
    "half a character": of_json(lambda value: with_text(value, "\ud800")),
    "a mark of order": rewritten(lambda body: b"\xef\xbb\xbf" + body),
    "other types": of_json(other),
    "no members": of_json(emptied),
    "none at all": of_json(lambda _: {}),
    "nested lists": rewritten(lambda _: b"[" * DEEP + b"]" * DEEP),
    "nested objects": rewritten(lambda _: b'{"data":' * DEEP + b"1" + b"}" * DEEP),
}
"""By name; a word is a fault of the service in miniature, in the service's own form."""
NAMES = (*UNREACHED, *FAULTS)

ENDLESS = {
    *(
        "no answer",
        "half a head, then nothing",
        "a head, then nothing",
        "half a body, then nothing",
    ),
    *("a head without end", "a byte from time to time"),
}
"""Those that only a limit of time ends."""
TRUTHFUL = {"duplicate names", "half a character", "a mark of order", "other types", "no members"}
"""What a reader may make something of: the rest of the answer, or all of it."""


@dataclass
class Upstream:
    """Where the services are, and which fault what they are asked meets."""

    app: ASGIApp
    fault: str
    changes_only: bool
    """Whether what only reads is served: the fault is then met by what changes something."""
    address: str = ""
    met: int = 0
    _tasks: dict[asyncio.Task[None], Writer] = field(
        default_factory=dict[asyncio.Task[None], Writer]
    )

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        if task := asyncio.current_task():
            self._tasks[task] = writer
        with closing(writer), suppress(ConnectionError, EOFError, asyncio.CancelledError):
            await self._answer(await _received(reader), writer)
            await writer.drain()

    async def close(self) -> None:
        """Let go of whoever is still served."""
        for task, writer in self._tasks.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await anyio.lowlevel.checkpoint()  # what is aborted is let go of a turn of the loop later

    async def _answer(self, request: httpx.Request, writer: Writer) -> None:
        if self.changes_only and not _changes(request):
            return await _give(writer, await self._asked(request))
        self.met += 1
        match FAULTS[self.fault]:
            case Before(meet):
                return await meet(writer)
            case After(spoil):
                return await spoil(writer, await self._asked(request))
            case str() as own:
                request.headers["Sandbox-Fault"] = own
                return await _give(writer, await self._asked(request))

    async def _asked(self, request: httpx.Request) -> Answer:
        response = await httpx.ASGITransport(self.app).handle_async_request(request)
        body = await response.aread()
        return Answer(response.status_code, response.headers, body)


@asynccontextmanager
async def failing(
    app: ASGIApp, fault: str, *, changes_only: bool = False
) -> AsyncGenerator[Upstream]:
    """The services of an app, on a free port, with that fault."""
    upstream = Upstream(app, fault, changes_only)
    if fault in UNREACHED:
        with _closed_port(full=UNREACHED[fault]) as port:
            upstream.address = f"http://127.0.0.1:{port}"
            yield upstream
        return
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        await upstream.close()


@contextmanager
def _closed_port(*, full: bool) -> Generator[int]:
    """A port where nobody answers: connections are refused, or wait in a queue that is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        if full:
            listener.listen(0)
            for _ in range(2):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)  # noqa: FBT003  (positional alone)
                waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def _received(reader: asyncio.StreamReader) -> httpx.Request:
    """A request, whole."""
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = start.split(" ")
    headers = httpx.Headers([(n, v) for n, _, v in (line.partition(": ") for line in lines) if n])
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return httpx.Request(method, f"http://{headers['host']}{target}", headers=headers, content=body)


def _changes(request: httpx.Request) -> bool:
    """Whether it changes something; an exchange of keys does not, nor does a GraphQL query."""
    if request.url.path.endswith(("/auth/access_token", "/oauth/token")):
        return False
    if request.url.path.endswith("/graphql"):
        return b"mutation " in request.content
    return request.method != "GET"


async def _give(writer: Writer, answer: Answer) -> None:
    headers = (f"{n}: {v}" for n, v in answer.headers.items() if n.lower() != "content-length")
    writer.write(whole(answer.status, answer.body, *headers))
