"""The server over Streamable HTTP: the same counter, and what it refuses before it is asked."""

import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import INVALID_REQUEST, PARSE_ERROR
from starlette.responses import PlainTextResponse

from server.http.gate import Whole
from server.http.serving import unfit
from server.http.streams import Streams
from tests.over_http import HEADERS, LIST, address, known_by, running, served
from tests.support import MODES, OFFERED, Between, Counter, Person, facts, listening

META = "io.modelcontextprotocol"
MODERN: dict[str, Any] = {
    f"{META}/protocolVersion": "2026-07-28",
    f"{META}/clientCapabilities": {},
}
ANYWHERE = "0.0.0.0"  # noqa: S104  (what must be refused)


@pytest.fixture(name="url")
async def _url(counter: Counter) -> AsyncGenerator[str]:
    async with served(counter) as url:
        yield url


async def test_a_client_lists_reads_and_changes_over_http(counter: Counter, url: str, era: str):
    person = Person()
    with anyio.fail_after(20):
        async with Client(url, mode=MODES[era], elicitation_callback=person) as host:
            assert host.protocol_version == era
            listed = await host.list_tools()
            read = await host.call_tool("list_mesures", {"limit": 1})
            changed = await host.call_tool("accept_dossier", {"number": 200001})

    assert [tool.name for tool in listed.tools] == OFFERED
    assert facts(read)["total"] == 72
    assert facts(changed)["outcome"] == "applied"
    assert len(person.questions) == len(counter.accepted) == 1


async def test_a_decline_changes_nothing_over_http(counter: Counter, url: str, era: str):
    with anyio.fail_after(20):
        async with Client(url, mode=MODES[era], elicitation_callback=Person("decline")) as host:
            result = await host.call_tool("accept_dossier", {"number": 200001})

    assert result.is_error
    assert not counter.accepted


async def test_several_clients_of_both_eras_are_served_at_once(counter: Counter, url: str):
    results: list[int] = []

    async def read(mode: str) -> None:
        async with Client(url, mode=mode) as host:
            results.append(facts(await host.call_tool("list_mesures", {}))["total"])

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for mode in [*MODES.values()] * 5:
                tasks.start_soon(read, mode)

    assert results == [72] * 10


async def test_half_characters_of_a_service_reach_no_client(counter: Counter, era: str):
    """No encoder accepts them: passed on, they would end the connection."""

    def spoil(reply: dict[str, Any]) -> None:
        reply["mesures"][0].update(numero_rg="a\ud800b\x00", date_nomination="2099-01-01")

    counter.over["emjpm"] = Between(counter.mesures, spoil)
    with anyio.fail_after(20):
        async with (
            served(counter) as url,
            Client(url, mode=MODES[era]) as host,
        ):
            result = await host.call_tool("list_mesures", {"limit": 1})

    assert facts(result)["mesures"][0]["numero_rg"] == "a\ufffdb\ufffd"


# Who is refused.


async def test_a_page_of_another_site_gets_nothing(url: str):
    """A browser of this machine could be made to call: its Host or its Origin tells."""
    foreign = [
        {"Host": "evil.example"},
        {"Host": "evil.example:8765"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "127.0.0.1:port"},
        {"Host": "127.0.0.1/evil.example"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "null"},
    ]
    async with httpx.AsyncClient(headers=HEADERS) as browser:
        for headers in foreign:
            for method in ("POST", "GET", "DELETE"):
                response = await browser.request(method, url, json=LIST, headers=headers)
                assert response.status_code in {403, 421}, headers
                assert "accept_dossier" not in response.text


@pytest.mark.parametrize("host", [None, "evil.example"])
async def test_nobody_is_sent_to_another_address(url: str, host: str | None):
    """Behind a proxy, it would be one in clear, where whoever follows shows their token."""
    headers = HEADERS | ({"Host": host} if host else {})
    async with httpx.AsyncClient(headers=headers) as client:
        response = await client.post(f"{url}/", json=LIST)

    assert response.status_code == httpx.codes.NOT_FOUND
    assert "Location" not in response.headers


async def test_blanks_around_the_value_of_a_header_are_no_part_of_it(url: str):
    """Proxies may leave them there, and clients in Python cannot send them."""
    place = httpx.URL(url)
    call: dict[str, Any] = {"name": "verify_certificate", "arguments": {}, "_meta": MODERN}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    head = [
        "POST /mcp HTTP/1.1",
        f"Host: {place.host}:{place.port}",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method:\t tools/call \t",
        "Mcp-Name:   verify_certificate   ",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    async with await anyio.connect_tcp(place.host, place.port or 0) as stream:
        await stream.send("\r\n".join([*head, "", body]).encode())
        answer = b"".join([part async for part in stream])

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Give uuid, or uuids" in answer


async def test_a_body_over_four_megabytes_is_refused(url: str):
    body = b" " * (4 * 1024 * 1024 + 1)
    headers = HEADERS | {"Content-Type": "application/json"}
    async with httpx.AsyncClient(headers=headers) as client:
        response = await client.post(url, content=body)

    assert response.status_code == 413


async def test_what_cannot_be_read_is_refused(url: str, era: str):
    unreadable = {
        "deep": b'{"a":' * 500 + b"1" + b"}" * 500,
        "deeper": b"[" * 100_000,
        "a long number": b"1" * 10_000,
        "not UTF-8": b'{"method": "tools/call", "params": {"name": "\xff"}}',
        "empty": b"",
    }
    headers = HEADERS | {"Content-Type": "application/json", "MCP-Protocol-Version": era}
    async with httpx.AsyncClient(headers=headers) as client:
        for kind, body in unreadable.items():
            response = await client.post(url, content=body)
            assert response.status_code == 400, kind
            assert response.json()["error"]["code"] in {PARSE_ERROR, INVALID_REQUEST}, kind


@pytest.mark.parametrize("body", ["[]", f"[{json.dumps(LIST)}]", "1", '"Martin"', "null"])
async def test_what_is_not_one_message_is_refused_in_a_sentence(url: str, body: str):
    async with httpx.AsyncClient(headers=HEADERS) as client:
        answer = await client.post(url, content=body)

    assert answer.status_code == 400
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "Send one message, a JSON object, in each request."},
    }


async def test_who_takes_their_time_is_cut_off_and_the_others_are_served(counter: Counter):
    """Neither says what it wants: one sends nothing, the other its headers without end."""
    with anyio.fail_after(20):
        async with running(counter, headers_within=0.3) as server:
            silent = await anyio.connect_tcp("127.0.0.1", server.config.port)
            slow = await anyio.connect_tcp("127.0.0.1", server.config.port)
            await slow.send(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-More: ")
            async with Client(address(server)) as host:
                assert not (await host.call_tool("list_mesures", {"limit": 1})).is_error
            for connection in (silent, slow):
                async with connection:
                    with pytest.raises(anyio.EndOfStream):
                        await connection.receive()


async def test_a_body_that_does_not_come_is_not_waited_for():
    """It is cut off after a while, however little of it comes now and then."""
    app = Whole(PlainTextResponse("served"), most=100, within=0.2)
    with anyio.fail_after(10):
        async with listening(app) as url:
            host, port = url.removeprefix("http://").split(":")
            async with await anyio.connect_tcp(host, int(port)) as connection:
                await connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n")
                await connection.send(b"{")
                answer = await connection.receive()

    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_hundred_idle_sessions_leave_the_others_alone(url: str):
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "idle", "version": "1"},
        },
    }
    async with httpx.AsyncClient(headers=HEADERS, timeout=20) as client:
        opened = [await client.post(url, json=opening) for _ in range(100)]
        with anyio.fail_after(5):
            async with Client(url) as host:
                result = await host.call_tool("list_mesures", {"limit": 1})

    assert len({response.headers["mcp-session-id"] for response in opened}) == 100
    assert not result.is_error


async def test_anybody_may_know_that_it_is_alive_and_ready_and_nothing_more(counter: Counter):
    counter.settings = known_by(alice="read")
    async with served(counter) as url, httpx.AsyncClient() as probe:
        told = [
            await probe.get(url.replace("/mcp", path), headers={"Host": "10.0.0.1"})
            for path in ("/healthz", "/readyz", "/other")
        ]

    assert [(answer.status_code, answer.text) for answer in told] == [
        (200, "alive"),
        (200, "ready"),
        (404, "Not Found"),
    ]
    assert not {"server", "x-powered-by"} & set(told[0].headers)


async def test_it_is_not_ready_when_the_ledger_is_not(counter: Counter):
    (counter.folder / "ledger.db").write_bytes(b"this is no database")
    async with served(counter) as url, httpx.AsyncClient() as probe:
        answer = await probe.get(url.replace("/mcp", "/readyz"))

    assert (answer.status_code, answer.text) == (503, "not ready")


async def test_a_change_that_is_being_made_is_made_to_its_end_when_the_server_stops(
    counter: Counter, era: str
):
    """Whoever asked for it is told, in both eras, though a stream of the older one stays open."""
    began, stopped, ended = anyio.Event(), anyio.Event(), anyio.Event()

    class Slow(Between):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"dossierAccepter" in request.content:
                began.set()
                await stopped.wait()
            return await super().handle_async_request(request)

    counter.over["demarches"] = Slow(counter.dossiers)
    told: list[str] = []

    async def accept(url: str) -> None:
        async with Client(url, mode=MODES[era], elicitation_callback=Person()) as host:
            await host.list_tools()  # or the client would, to check the answer
            result = await host.call_tool("accept_dossier", {"number": 200001})
            told.append(facts(result)["outcome"])
            await ended.wait()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            async with running(counter) as server:
                tasks.start_soon(accept, address(server))
                await began.wait()
                server.should_exit = True
                while server.servers[0].is_serving():
                    await anyio.lowlevel.checkpoint()
                stopped.set()
            ended.set()

    assert len(counter.accepted) == 1
    assert [row["status"] for row in await counter.rows()] == ["applied"]
    assert told == ["applied"]


async def test_a_stream_that_has_not_begun_when_the_server_stops_is_refused():
    streams, asked = Streams(), anyio.Event()

    async def beginning(*_: object) -> None:
        asked.set()
        await anyio.sleep_forever()

    async def stop() -> None:
        await asked.wait()
        streams.close()

    with anyio.fail_after(10):
        async with (
            listening(streams.over(beginning)) as url,
            httpx.AsyncClient() as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(stop)
            answer = await client.get(url)
            assert (answer.status_code, answer.text) == (503, "Stopping")


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1", "guichet.example", ""])
def test_a_host_that_others_can_reach_is_refused(counter: Counter, host: str):
    """Unless everybody signs in there, and calls it by the one address that was given."""
    settings, *_ = counter.connection()
    signing_in = settings.model_copy(update=known_by(alice="read"))

    assert "nobody would have to sign in" in unfit(settings, host)
    assert "GUICHET_HTTP_PUBLIC_URL" in unfit(signing_in, host)
    assert not unfit(signing_in, "127.0.0.1")


async def test_the_command_refuses_such_a_host_too():
    command = [sys.executable, "-I", "-m", "server", "serve", "--http", "--host", ANYWHERE]
    with anyio.fail_after(20):
        ended = await anyio.run_process(command, check=False)

    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.startswith(b"guichet: 0.0.0.0 can be reached from elsewhere")
