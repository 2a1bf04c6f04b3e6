"""The page of real processes, over stdio and over HTTP, on a machine that has no browser."""

import os
import re
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support import MODES, Browser, environ, facts, text

SOURCES = Path(__file__).parents[3]
ACCEPT = {"number": 200001, "motivation": "Dossier complet."}
Written = Callable[[], str]
Serving = Callable[[str, dict[str, str], Path], AbstractAsyncContextManager[tuple[Client, Written]]]
A_KEY = re.compile(r"http://127\.0\.0\.1:\d+/approvals/enter\?key=[\w-]+")


@pytest.fixture(name="variables")
def _variables(tmp_path: Path) -> dict[str, str]:
    """An environment without a browser, without a terminal, without anybody's settings."""
    return environ(
        PATH=str(tmp_path), TERM="dumb", PYTHONPATH=str(SOURCES), GUICHET_CONFIG=os.devnull
    )


@asynccontextmanager
async def over_stdio(
    era: str, variables: dict[str, str], log: Path
) -> AsyncGenerator[tuple[Client, Written]]:
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "server", "--sandbox"], env=variables, cwd=SOURCES
    )
    with log.open("w", encoding="utf-8") as stderr:
        async with Client(stdio_client(parameters, errlog=stderr), mode=MODES[era]) as host:
            yield host, log.read_text


@asynccontextmanager
async def over_http(
    era: str, variables: dict[str, str], log: Path
) -> AsyncGenerator[tuple[Client, Written]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "server", "serve", "--http", "--sandbox", "--port", str(port)]
    said, starting = list[str](), anyio.Event()

    async def listen(to: Process) -> None:
        assert to.stderr
        async for written in TextReceiveStream(to.stderr):
            said.append(written)
            starting.set()

    async with (
        await anyio.open_process(command, env=variables, cwd=SOURCES) as process,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listen, process)
        await starting.wait()
        await accepting(port)
        async with Client(f"http://127.0.0.1:{port}/mcp", mode=MODES[era]) as host:
            yield host, lambda: "".join(said)
        process.terminate()


@pytest.mark.parametrize("over", [over_stdio, over_http], ids=["stdio", "http"])
async def test_a_person_decides_on_the_page_of_a_real_process(
    era: str, over: Serving, variables: dict[str, str], tmp_path: Path
):
    """Its address, with the key, is on stderr; stdout is the protocol's: the client reads on."""
    with anyio.fail_after(60):
        async with (
            over(era, variables, tmp_path / "stderr") as (host, written),
            Browser() as browser,
        ):
            first = await host.call_tool("accept_dossier", ACCEPT)
            (key,) = A_KEY.findall(written())
            await browser.open(key)
            await browser.press("approve", agreed="yes", typed="200001")
            second = await host.call_tool("accept_dossier", ACCEPT)

    assert first.is_error
    assert key.partition("?")[2] not in text(first)
    assert facts(second)["outcome"] == "applied"


async def accepting(port: int) -> None:
    """Until a process that is about to accept connections does."""
    while True:
        try:
            stream = await anyio.connect_tcp("127.0.0.1", port)
        except OSError:
            await anyio.lowlevel.checkpoint()
        else:
            await stream.aclose()
            return
