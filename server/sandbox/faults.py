"""Faults on demand: what goes wrong at a service, when a request asks for it.

| fault     | rank | what the client meets                                                     |
|-----------|------|---------------------------------------------------------------------------|
| timeout   | 1    | no answer until it leaves, and nothing executed                           |
| 429       | 2    | too many requests, with the service's own headers and body                |
| 503       | 3    | the service's own maintenance                                             |
| html      | 4    | a web page, with status 200                                               |
| partial   | 5    | half of the JSON; of Démarches simplifiées, one null and its root error   |
| lost      | 6    | a write is executed, then no byte of an answer; what only reads is served |
| gzip      | 7    | an answer compressed unasked                                              |
| slow      | 8    | one byte every half second, for two minutes at most                       |
| surrogate | 9    | half a character, escaped, at the start of a text                         |

A request asks for one in three ways:

- the header `Sandbox-Fault: 429`, every time; with `429; times=1` once: later requests with that
  same header are served. `429; times=1; key=other` is another header, and so another count;
- the token `sandbox-fault-429` in place of `sandbox`, every time; faire-simple has no token;
- a reserved number that ends with the rank, in its address or its body, every time:

| service      | reserved for the 429                                                          |
|--------------|-------------------------------------------------------------------------------|
| covoiturage  | the certificate, or the application, 00000000-0000-4000-8000-000000000002     |
| demarches    | the démarche 999002 and its one dossier, 999002, by number or by id           |
| emjpm        | the mesure 999002, by id or by its numéro RG, 00999002                        |
| faire_simple | the partner 999002                                                            |

Each is a real record, so that what a fault lets through has something to show. The header wins
over the token, and the token over the number.
"""

import gzip
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FAULTS = ("timeout", "429", "503", "html", "partial", "lost", "gzip", "slow", "surrogate")
"""In the order of their ranks, from 1."""
RANKS = range(1, len(FAULTS) + 1)

HEADER = "Sandbox-Fault"
ASKED = re.compile(r"(?P<name>\w+)(; *times=(?P<times>[0-9]{1,4}))?(; *key=\S+)?")
TOKEN = re.compile(r"\bsandbox-fault-(\w+)")

PARTIAL = "sandbox.partial"
"""What a scope holds when a service that makes its own partial answers must."""

PAUSE = timedelta(seconds=30)
"""What is left of the window of a 429, where the service says so."""
BETWEEN_BYTES = 0.5
"""Seconds."""
MOST_SLOW_BYTES = 240
"""What is left after them comes at once: two minutes outlive every deadline that is one."""

PAGE = """<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Service indisponible</title></head>
<body><h1>Service momentanément indisponible</h1><p>Veuillez réessayer plus tard.</p></body>
</html>
"""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Failing:
    """How one service fails: in its own words, for its own reserved numbers."""

    reserved: Mapping[str, str]
    """The fault that each reserved text stands for."""
    limited: Callable[[datetime], Response]
    """The 429 of a window that ends then."""
    closed: Callable[[], Response]
    """The 503 of its maintenance."""
    writes: Callable[[Request, bytes], bool]
    """Whether a request, with that body, changes something."""
    texts: Collection[str]
    """The members that hold what people write."""
    truncates: bool = True
    """Whether its partial answers are cut short; if not, it finds `PARTIAL` in the scope."""


def reserved(*spellings: Callable[[int], str]) -> Mapping[str, str]:
    """The fault that each reserved text stands for, of the texts that `spellings` give a rank."""
    ranked = zip(RANKS, FAULTS, strict=True)
    return {spelling(rank): name for rank, name in ranked for spelling in spellings}


class DroppedError(ConnectionError):
    """The connection was closed on purpose. Without a socket, the caller gets this instead."""


class UnknownFaultError(Exception):
    """What was asked for is not a fault of ours."""


class Faults:
    """The middleware that stands before a service and does what the table of this module says."""

    def __init__(
        self,
        app: ASGIApp,
        failing: Failing,
        *,
        now: Callable[[], datetime],
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self._app = app
        self._failing = failing
        self._now = now
        self._sleep = sleep
        self._numbers = _any_of(failing.reserved)
        self._met: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        try:
            fault = self._fault(request, body)
        except UnknownFaultError as error:
            await JSONResponse({"error": str(error)}, 400)(scope, receive, send)
            return
        meant = {**scope, "headers": _with_a_good_token(request.headers)}
        await self._meet(fault, meant, _again(body, receive), send)

    def _fault(self, request: Request, body: bytes) -> str:
        """The fault a request meets; empty, none.

        Raises:
            UnknownFaultError: It asks for another.
        """
        asked = request.headers.get(HEADER)
        name, times = _read(asked) if asked else (self._named(request, body), None)
        if name == "lost" and not self._failing.writes(request, body):
            return ""
        if asked and times is not None:
            self._met[asked] += 1
            return name if self._met[asked] <= times else ""
        return name

    def _named(self, request: Request, body: bytes) -> str:
        """The fault that the token stands for, or a number."""
        if found := TOKEN.search(request.headers.get("Authorization", "")):
            return _known(found[1])
        sought = b"\n".join((request.url.path.encode(), request.url.query.encode(), body))
        number = self._numbers.search(sought)
        return self._failing.reserved[number[0].decode()] if number else ""

    async def _meet(self, fault: str, scope: Scope, receive: Receive, send: Send) -> None:
        match fault:
            case "":
                await self._app(scope, receive, send)
            case "timeout":
                await _left(receive)
            case "lost":
                await self._answer(scope, receive)
                await _drop(send)
            case "429" | "503" | "html":
                await self._instead(fault)(scope, receive, send)
            case _:
                told = {PARTIAL: True} if fault == "partial" else {}
                answer = await self._answer({**scope, **told}, receive)
                await self._spoilt(fault, answer)(scope, receive, send)

    def _instead(self, fault: str) -> Response:
        """What is answered without asking the service."""
        match fault:
            case "429":
                return self._failing.limited(self._now() + PAUSE)
            case "503":
                return self._failing.closed()
            case _:
                return HTMLResponse(PAGE)

    def _spoilt(self, fault: str, answer: Response) -> Response:
        """What becomes of the service's answer."""
        body = bytes(answer.body)
        match fault:
            case "gzip":
                return _like(answer, gzip.compress(body), {"Content-Encoding": "gzip"})
            case "slow":
                trickle = _trickle(body, self._sleep)
                return StreamingResponse(trickle, answer.status_code, answer.headers)
            case "surrogate":
                return _like(answer, _with_half_a_character(body, self._failing.texts))
            case "partial" if self._failing.truncates:
                return _like(answer, body[: len(body) // 2])
            case _:
                return answer

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        """What the service answers, kept from the client."""
        body = bytearray()
        kept = Response()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept.status_code, kept.raw_headers = message["status"], [*message["headers"]]
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        kept.body = bytes(body)
        return kept


def _known(name: str) -> str:
    if name not in FAULTS:
        told = ", ".join(FAULTS)
        raise UnknownFaultError(f"The sandbox has no such fault. It has: {told}.")
    return name


def _read(asked: str) -> tuple[str, int | None]:
    """A fault, and how many times it is wanted: None, always."""
    found = ASKED.fullmatch(asked.strip())
    if found is None:
        raise UnknownFaultError(f"{HEADER} reads like this: 429; times=1; key=anything")
    times = found["times"]
    return _known(found["name"]), None if times is None else int(times)


def _any_of(texts: Collection[str]) -> re.Pattern[bytes]:
    """One of the texts, standing alone: no part of a longer number, nor of a time."""
    choice = "|".join(map(re.escape, texts))
    return re.compile(rf"(?<![\w.-])(?:{choice})(?![\w-])".encode())


def _with_a_good_token(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers, where the token that asks for a fault gives way to one that is accepted."""
    meant = MutableHeaders(raw=[*headers.raw])
    if "Authorization" in meant:
        meant["Authorization"] = TOKEN.sub("sandbox", meant["Authorization"])
    return meant.raw


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was already received, then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


async def _left(receive: Receive) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(send: Send) -> None:
    """Have the connection closed without a byte.

    ASGI has no word for that. A server refuses to write a line break in a header, and can then
    only close; one that wrote it would close after the head, which no client takes for an answer.
    """
    unwritable = (b"sandbox-fault", b"lost\n")
    with suppress(Exception):  # each server has its own
        await send({"type": "http.response.start", "status": 200, "headers": [unwritable]})
    raise DroppedError("Sandbox-Fault: lost. The write was executed, and its answer dropped.")


def _like(answer: Response, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """The answer with another body, of its own length."""
    kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(body, answer.status_code, kept | dict(headers or {}))


async def _trickle(body: bytes, sleep: Sleep) -> AsyncGenerator[bytes]:
    for place in range(min(len(body), MOST_SLOW_BYTES)):
        yield body[place : place + 1]
        await sleep(BETWEEN_BYTES)
    yield body[MOST_SLOW_BYTES:]


def _with_half_a_character(body: bytes, members: Collection[str]) -> bytes:
    """The JSON, where the first text of these members starts with a lone surrogate, escaped."""
    choice = "|".join(map(re.escape, members))
    text = re.compile(rf'"(?:{choice})":\s*"'.encode())
    return text.sub(rb"\g<0>\\ud83d", body, count=1)
