"""A server as `guichet serve --http` runs it, on a free port of this machine."""

import hashlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from server.app import Connect
from server.http.serving import Hurrying, prepared
from server.settings import Http, Settings
from tests.support import MODES, Person
from tools.sealing import Seal

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream"}
HOST = "127.0.0.1"


class Connected(Protocol):
    """What a server can be made of, such as a `Counter`."""

    def connection(self) -> tuple[Settings, Connect, Seal]: ...


@asynccontextmanager
async def running(counter: Connected, headers_within: float = 10.0) -> AsyncGenerator[Hurrying]:
    """A server that was told its port, for as long as the block runs."""
    with socket.create_server((HOST, 0)) as listener:
        server = prepared(*counter.connection(), HOST, listener.getsockname()[1])
        assert isinstance(server, Hurrying)
        server.headers_within = headers_within
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            while not server.started:
                await anyio.lowlevel.checkpoint()
            yield server
            server.should_exit = True


@asynccontextmanager
async def served(counter: Connected) -> AsyncGenerator[str]:
    """The address of a server, for as long as the block runs."""
    async with running(counter) as server:
        yield address(server)


def address(server: Hurrying) -> str:
    return f"http://{HOST}:{server.config.port}/mcp"


def known_by(**people: str | dict[str, Any]) -> dict[str, Any]:
    """Settings by which each of these is known, with these scopes; their token is their name."""
    tokens = {
        name: {"sha256": hashlib.sha256(name.encode()).hexdigest()}
        | (given if isinstance(given, dict) else {"scopes": given})
        for name, given in people.items()
    }
    return {"http": Http.model_validate({"tokens": tokens})}


@asynccontextmanager
async def signed_in(
    url: str, token: str, era: str, person: Person | None = None
) -> AsyncGenerator[Client]:
    """A client that shows a token."""
    async with httpx2.AsyncClient(headers=bearer(token)) as http:
        way = streamable_http_client(url, http_client=http)
        async with Client(way, mode=MODES[era], elicitation_callback=person) as client:
            yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
