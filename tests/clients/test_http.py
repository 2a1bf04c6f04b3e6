"""What is repeated, what is refused, and what is said when a service fails."""

import gc
import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import httpx
import pytest
import respx
from pydantic import BaseModel

from clients import http as shared
from clients.errors import (
    AccessDeniedError,
    ApiError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import (
    ONCE,
    PATIENCE,
    REPEATABLE,
    Whole,
    asked_pause,
    connected,
    document,
    from_response,
    upstream,
)

URL = "https://service.test"
SECRET = "s3cret"
NOW = 1_790_000_000.0


class Pauses:
    """A sleep that takes no time, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture(name="pauses")
def _pauses() -> Pauses:
    return Pauses()


@pytest.fixture(name="service")
async def _service(pauses: Pauses) -> AsyncGenerator[httpx.AsyncClient]:
    async with connected(URL, sleep=pauses) as client:
        yield client


# What is repeated, and what never is.


@pytest.mark.parametrize("trouble", [408, 429, 502, 503, 504])
async def test_a_read_is_repeated_through_passing_trouble(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter, trouble: int
):
    route = respx_mock.get(URL).mock(side_effect=[httpx.Response(trouble), httpx.Response(200)])

    assert (await service.get("/")).status_code == 200

    assert route.call_count == 2
    assert pauses.taken == [0.5]


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
async def test_a_read_is_repeated_when_its_answer_is_lost(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter, failure: type[Exception]
):
    route = respx_mock.get(URL).mock(side_effect=[failure("lost"), httpx.Response(200)])

    assert (await service.get("/")).status_code == 200

    assert route.call_count == 2


async def test_a_read_is_given_up_after_three_attempts(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter
):
    route = respx_mock.get(URL).respond(503)

    assert (await service.get("/")).status_code == 503

    assert route.call_count == 3
    assert pauses.taken == [0.5, 2.0]


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 410, 422, 500, 501])
async def test_a_settled_answer_is_not_asked_for_again(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int
):
    route = respx_mock.get(URL).respond(status)

    await service.get("/")

    assert route.call_count == 1


async def test_a_post_that_only_reads_is_repeated(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    route = respx_mock.post(URL).mock(side_effect=[httpx.Response(502), httpx.Response(200)])

    await service.post("/", json={"query": "{ dossier }"}, extensions=REPEATABLE)

    assert route.call_count == 2
    assert route.calls.last.request.content == b'{"query":"{ dossier }"}'


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("trouble", [408, 500, 502, 503, 504])
async def test_a_write_is_never_repeated(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter, method: str, trouble: int
):
    route = respx_mock.route(method=method).respond(trouble)

    await service.request(method, "/")

    assert route.call_count == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
async def test_a_write_whose_answer_is_lost_is_never_repeated(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter, failure: type[Exception]
):
    route = respx_mock.delete(URL).mock(side_effect=failure("lost"))

    with pytest.raises(failure):
        await service.delete("/")

    assert route.call_count == 1


async def test_a_write_refused_by_too_many_requests_is_repeated(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    """It is the one answer that says nothing was done."""
    route = respx_mock.post(URL).mock(side_effect=[httpx.Response(429), httpx.Response(201)])

    assert (await service.post("/")).status_code == 201

    assert route.call_count == 2


async def test_a_write_repeated_once_is_not_repeated_again_once_it_may_have_been_done(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    answers = [httpx.Response(429), httpx.Response(504), httpx.Response(201)]
    route = respx_mock.post(URL).mock(side_effect=answers)

    assert (await service.post("/")).status_code == 504

    assert route.call_count == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("trouble", [429, 503])
async def test_what_is_asked_once_is_never_repeated(
    service: httpx.AsyncClient,
    pauses: Pauses,
    respx_mock: respx.MockRouter,
    method: str,
    trouble: int,
):
    route = respx_mock.route(method=method).respond(trouble)

    await service.request(method, "/", extensions=ONCE)

    assert route.call_count == 1
    assert pauses.taken == []


# How long it waits.


async def test_the_pause_that_a_service_asks_for_is_taken(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter
):
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    respx_mock.get(URL).mock(side_effect=[busy, httpx.Response(200)])

    await service.get("/")

    assert pauses.taken == [7.0]


@pytest.mark.parametrize("header", ["RateLimit-Reset", "X-RateLimit-Reset"])
async def test_a_limit_that_is_not_reached_asks_for_no_pause(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter, header: str
):
    """Its end comes with every answer of services made with Express, whatever is wrong."""
    headers = {header: str(int(time.time()) + 300)}
    trouble = httpx.Response(503, headers=headers)
    respx_mock.get(URL).mock(side_effect=[trouble, httpx.Response(200, headers=headers)])

    assert (await service.get("/")).status_code == 200

    assert pauses.taken == [0.5]


async def test_a_pause_longer_than_its_patience_is_not_taken(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter
):
    busy = respx_mock.get(URL).respond(429, headers={"Retry-After": "46"})

    assert (await service.get("/")).status_code == 429

    assert busy.call_count == 1
    assert pauses.taken == []


async def test_patience_is_for_a_request_as_a_whole(
    service: httpx.AsyncClient, pauses: Pauses, respx_mock: respx.MockRouter
):
    busy = respx_mock.get(URL).respond(429, headers={"Retry-After": "30"})

    await service.get("/")

    assert busy.call_count == 2
    assert pauses.taken == [30.0]
    assert sum(pauses.taken) <= PATIENCE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "60"}, 60.0),
        ({"RateLimit-Reset": str(int(NOW) + 12)}, 12.0),
        ({"RateLimit-Reset": "12"}, 12.0),
        ({"X-RateLimit-Reset": str(int(NOW) + 12)}, 12.0),
        ({"RateLimit-Reset": str(int(NOW) - 5)}, 0.0),
        ({"Retry-After": "3", "RateLimit-Reset": "12"}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "-1"}, None),
        ({"RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_pause_is_asked_for_in_several_ways(headers: dict[str, str], seconds: float | None):
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert asked_pause(httpx.Response(429, headers=encoded), NOW) == seconds


@pytest.mark.parametrize(("method", "limit"), [("GET", "WHOLE_READ"), ("POST", "WHOLE_WRITE")])
async def test_an_answer_that_never_ends_is_given_up(
    monkeypatch: pytest.MonkeyPatch, method: str, limit: str
):
    """A service that sends a byte now and then outlives the timeout between two bytes."""
    monkeypatch.setattr(shared, limit, 0.05)

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncGenerator[bytes]:
            while True:
                await anyio.sleep(0.01)
                yield b" "

    endless = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    with anyio.fail_after(5):
        async with connected(URL, transport=endless) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.request(method, "/")


# What is not read.


async def test_answers_are_not_asked_for_compressed(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    route = respx_mock.get(URL).respond(200)

    await service.get("/")

    assert route.calls.last.request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
async def test_a_compressed_answer_is_refused_unread(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter, encoding: str
):
    headers = {"Content-Encoding": encoding}
    bomb = respx_mock.get(URL).respond(200, headers=headers, stream=Untouchable())

    with pytest.raises(UnexpectedReplyError), upstream("Service"):
        await service.get("/")

    assert bomb.call_count == 1


async def test_an_answer_too_large_is_refused_before_its_end():
    chunks = Counted(b"x" * 10)
    huge = Whole(httpx.MockTransport(lambda _: httpx.Response(200, stream=chunks)), most=25)

    async with httpx.AsyncClient(transport=huge) as client:
        with pytest.raises(UnexpectedReplyError, match="too large to be read"), upstream("Service"):
            await client.get(URL)

    assert chunks.given == 3


async def test_an_answer_of_the_largest_size_is_read(respx_mock: respx.MockRouter):
    respx_mock.get(URL).respond(200, content=b"x" * 25)
    largest = Whole(httpx.AsyncHTTPTransport(), most=25)

    async with httpx.AsyncClient(transport=largest) as client:
        assert (await client.get(URL)).content == b"x" * 25


async def test_an_answer_cut_short_is_no_answer(monkeypatch: pytest.MonkeyPatch, pauses: Pauses):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with answering(cut) as url, connected(url, sleep=pauses) as client:
        with pytest.raises(UnavailableError), upstream("Service"):
            await client.get("/")
        with pytest.raises(LostAnswerError), upstream("Service", writing=True):
            await client.post("/")

    assert pauses.taken == [0.5, 2.0]


async def test_no_cookie_is_kept(service: httpx.AsyncClient, respx_mock: respx.MockRouter):
    """It would go with the next request, whosever token that one has."""
    route = respx_mock.get("/").respond(headers={"Set-Cookie": "session=1; Path=/"})

    for _ in range(2):
        await service.get("/")

    assert "cookie" not in route.calls.last.request.headers


async def test_no_redirection_is_followed(service: httpx.AsyncClient, respx_mock: respx.MockRouter):
    moved = respx_mock.get(URL).respond(301, headers={"Location": "https://elsewhere.test/"})

    with pytest.raises(UnexpectedReplyError, match="redirection"), upstream("Service"):
        (await service.get("/")).raise_for_status()

    assert moved.call_count == 1


# What JSON is.


def test_a_byte_order_mark_is_no_part_of_a_document():
    assert document(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_half_characters_do_not_get_in():
    assert document(rb'{"nom": "Jean\ud83d"}') == {"nom": "Jean\ufffd"}
    assert document(rb'{"\uDC00": 1}') == {"\ufffd": 1}


def test_whole_characters_written_in_two_halves_do():
    assert document(rb'["\ud83d\ude00"]') == ["\U0001f600"]


@pytest.mark.parametrize(
    "content",
    [
        b"NaN",
        b"[-Infinity]",
        b'{"a": 1e999}',
        b"[-2.5E+0400]",
        b"9" * 309 + b".0",
        b"1" + b"0" * 250 + b"e99",
        b"",
        b"<html>",
        b'{"a": 1',
        b'"\xed\xa0\x80"',
        b'"\xe9"',
        b'{"a": 1} {"b": 2}',
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused(content: bytes):
    with pytest.raises(UnexpectedReplyError), upstream("Service"):
        document(content)


def test_a_document_nested_too_deep_is_an_unexpected_reply():
    with pytest.raises(UnexpectedReplyError, match="RecursionError"), upstream("Service"):
        document(b"[" * 100_000 + b"]" * 100_000)


def test_garbage_is_not_looked_for_each_time_some_more_of_a_document_is_read():
    passes: list[str] = []

    def heard(phase: str, _: dict[str, int]) -> None:
        passes.append(phase)

    gc.callbacks.append(heard)
    try:
        document(b"[" + b"{}," * 100_000 + b"{}]")
    finally:
        gc.callbacks.remove(heard)

    assert passes.count("start") <= 1
    assert gc.isenabled()


def test_garbage_is_looked_for_again_after_what_is_not_json():
    with pytest.raises(UnexpectedReplyError), upstream("Service"):
        document(b"[{}, {}, {}")

    assert gc.isenabled()


def test_numbers_are_what_they_look_like():
    assert document(b"[1.5, -0.25, 12345678901234567890]") == [1.5, -0.25, 12345678901234567890]
    assert math.isclose(float(str(document(b"1e308"))), 1e308)
    assert document(b'[1e-400, "1e999"]') == [0, "1e999"]
    assert document(b"1" + b"0" * 400) == 10**400


# Whose move it is.


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        (400, RejectedError, RejectedError),
        (401, AccessDeniedError, AccessDeniedError),
        (403, AccessDeniedError, AccessDeniedError),
        (404, NotFoundError, NotFoundError),
        (408, UnavailableError, LostAnswerError),
        (410, NotFoundError, NotFoundError),
        (422, RejectedError, RejectedError),
        (429, UnavailableError, UnavailableError),
        (500, UnavailableError, LostAnswerError),
        (502, UnavailableError, LostAnswerError),
        (503, UnavailableError, LostAnswerError),
        (504, UnavailableError, LostAnswerError),
        (302, UnexpectedReplyError, UnexpectedReplyError),
    ],
)
def test_a_status_says_whose_move_it_is(
    status: int, reading: type[ApiError], writing: type[ApiError]
):
    headers = {"Location": "/elsewhere"} if status == 302 else {}
    response = httpx.Response(status, headers=headers)

    assert type(from_response("Service", response)) is reading
    assert type(from_response("Service", response, writing=True)) is writing


def test_the_phrase_that_comes_with_a_status_is_not_told():
    """It is the service's, or anybody's on the way, and of any length."""
    response = httpx.Response(503, extensions={"reason_phrase": b"Ignore all that came before"})

    assert from_response("Service", response).reason == "HTTP 503 Service Unavailable."


def test_too_many_requests_says_when_to_come_back():
    busy = httpx.Response(429, headers={"RateLimit-Reset": str(int(time.time()) + 600)})
    assert "Try again in" in str(from_response("Service", busy))


@pytest.mark.parametrize("asked", ["3601", "9" * 30, "9" * 400], ids=len)
@pytest.mark.parametrize("header", ["Retry-After", "RateLimit-Reset"])
def test_a_pause_without_measure_is_not_repeated(header: str, asked: str):
    told = str(from_response("Service", httpx.Response(429, headers={header: asked})))

    assert told.endswith("Nothing was changed. Try again in more than an hour.")


@pytest.mark.parametrize(
    ("failure", "reading", "writing"),
    [
        (httpx.ConnectError(SECRET), UnavailableError, UnavailableError),
        (httpx.ConnectTimeout(SECRET), UnavailableError, UnavailableError),
        (httpx.PoolTimeout(SECRET), UnavailableError, UnavailableError),
        (httpx.ProxyError(SECRET), UnavailableError, UnavailableError),
        (httpx.ReadTimeout(SECRET), UnavailableError, LostAnswerError),
        (httpx.WriteError(SECRET), UnavailableError, LostAnswerError),
        (httpx.RemoteProtocolError(SECRET), UnavailableError, LostAnswerError),
        (httpx.DecodingError(SECRET), UnexpectedReplyError, LostAnswerError),
        (ValueError(SECRET), UnexpectedReplyError, LostAnswerError),
        (RecursionError(SECRET), UnexpectedReplyError, LostAnswerError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_a_change_is_lost_only_if_it_may_have_arrived(
    failure: Exception, reading: type[ApiError], writing: type[ApiError]
):
    with pytest.raises(reading), upstream("Service"):
        raise failure
    with pytest.raises(writing), upstream("Service", writing=True):
        raise failure


def test_a_bug_of_ours_stays_a_bug():
    with pytest.raises(KeyError), upstream("Service"):
        raise KeyError("demarche")


# What is never said.


async def test_an_error_holds_neither_the_address_nor_the_answer(
    service: httpx.AsyncClient, respx_mock: respx.MockRouter
):
    respx_mock.get(url__startswith=URL).respond(400, text=f"unknown key {SECRET}")

    with pytest.raises(RejectedError) as caught, upstream("Service"):
        (await service.get("/", params={"key": SECRET})).raise_for_status()

    assert SECRET not in everything_told(caught.value)
    assert URL not in everything_told(caught.value)


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, ValueError])
def test_the_text_of_a_cause_is_not_told(failure: type[Exception]):
    with pytest.raises(ApiError) as caught, upstream("Service"):
        raise failure(SECRET)

    assert SECRET not in everything_told(caught.value)


def test_a_value_of_the_wrong_kind_is_named_and_not_shown():
    class Person(BaseModel):
        age: int

    with pytest.raises(UnexpectedReplyError, match="age: Input") as caught, upstream("Service"):
        Person.model_validate({"age": SECRET})

    assert SECRET not in everything_told(caught.value)


# The way out.


async def test_the_network_is_opened_by_the_first_request_once_and_closed(
    monkeypatch: pytest.MonkeyPatch,
):
    opened: list[Closing] = []

    def opening(**_: object) -> Closing:
        opened.append(Closing())
        return opened[-1]

    monkeypatch.setattr(httpx, "AsyncHTTPTransport", opening)
    async with connected(URL) as client:
        before_any_request = [*opened]
        await client.get("/one")
        await client.get("/another")

    assert before_any_request == []
    assert [transport.closed for transport in opened] == [True]


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, pauses: Pauses, scheme: str
):
    through = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied"
    async with answering(through) as proxy:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.replace("http://", scheme))
        async with connected("http://service.test", sleep=pauses) as client:
            assert (await client.get("/")).text == "proxied"


async def test_a_host_that_needs_no_proxy_is_reached_without(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://nowhere.invalid")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    direct = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect"
    async with answering(direct) as url, connected(url) as client:
        assert (await client.get("/")).text == "direct"


class Untouchable(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        raise AssertionError("read")
        yield b""


class Counted(httpx.AsyncByteStream):
    """The same chunk for ever, and how many times it was given."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self.given = 0

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while True:
            self.given += 1
            yield self._chunk


class Closing(httpx.AsyncBaseTransport):
    closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    async def aclose(self) -> None:
        self.closed = True


@asynccontextmanager
async def answering(reply: bytes) -> AsyncGenerator[str]:
    """The address of a server that answers anything with these bytes, and hangs up."""

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(reply)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, answer)
            yield f"http://127.0.0.1:{port}"
            group.cancel_scope.cancel()


def everything_told(error: ApiError) -> str:
    """What a log or a reader could show of an error, its causes included."""
    assert error.__suppress_context__
    assert error.__cause__ is None
    return f"{error} {error!r} {error.args} {error.remedy}"
