"""The server over Streamable HTTP: the same counter, for the clients of this machine alone."""

import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from server import http
from tests.support import MODES, OFFERED, Between, Counter, Person, facts, served

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ANYWHERE = "0.0.0.0"  # noqa: S104  (what must be refused)
HEADERS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(name="address")
async def _address(counter: Counter) -> AsyncGenerator[str]:
    async with served(counter.server()) as address:
        yield address


async def test_a_client_lists_reads_and_changes_over_http(counter: Counter, address: str, era: str):
    person = Person()
    with anyio.fail_after(20):
        async with Client(address, mode=MODES[era], elicitation_callback=person) as host:
            assert host.protocol_version == era
            listed = await host.list_tools()
            read = await host.call_tool("list_mesures", {"limit": 1})
            changed = await host.call_tool("accept_dossier", {"number": 200001})

    assert [tool.name for tool in listed.tools] == OFFERED
    assert facts(read)["total"] == 72
    assert facts(changed)["outcome"] == "applied"
    assert len(person.questions) == len(counter.accepted) == 1


async def test_a_decline_changes_nothing_over_http(counter: Counter, address: str, era: str):
    with anyio.fail_after(20):
        async with Client(address, mode=MODES[era], elicitation_callback=Person("decline")) as host:
            result = await host.call_tool("accept_dossier", {"number": 200001})

    assert result.is_error
    assert not counter.accepted


async def test_several_clients_of_both_eras_are_served_at_once(counter: Counter, address: str):
    results: list[int] = []

    async def read(mode: str) -> None:
        async with Client(address, mode=mode) as host:
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
            served(counter.server()) as address,
            Client(address, mode=MODES[era]) as host,
        ):
            result = await host.call_tool("list_mesures", {"limit": 1})

    assert facts(result)["mesures"][0]["numero_rg"] == "a\ufffdb\ufffd"


# Who is refused.


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8765"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "null"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_page_of_another_site_gets_nothing(
    address: str, method: str, headers: dict[str, str]
):
    """A browser of this machine could be made to call: its Host or its Origin tells."""
    async with httpx.AsyncClient(headers=HEADERS | headers) as browser:
        response = await browser.request(method, address, json=LIST)

    assert response.status_code in {403, 421}
    assert "accept_dossier" not in response.text


async def test_a_body_over_four_megabytes_is_refused(address: str):
    body = b" " * (4 * 1024 * 1024 + 1)
    headers = HEADERS | {"Content-Type": "application/json"}
    async with httpx.AsyncClient(headers=headers) as client:
        response = await client.post(address, content=body)

    assert response.status_code == 413


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1", "guichet.example", ""])
def test_a_host_that_others_can_reach_is_refused(
    counter: Counter, capsys: pytest.CaptureFixture[str], host: str
):
    with pytest.raises(SystemExit) as left:
        http.serve(counter.server(), host, 8765)

    assert left.value.code == 2
    assert "nobody would have to sign in" in capsys.readouterr().err


async def test_the_command_refuses_such_a_host_too():
    command = [sys.executable, "-I", "-m", "server", "serve", "--http", "--host", ANYWHERE]
    with anyio.fail_after(20):
        ended = await anyio.run_process(command, check=False)

    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.startswith(b"guichet: 0.0.0.0 can be reached from elsewhere")
