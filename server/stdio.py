"""The server that a host starts, and talks to over stdin and stdout."""

import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, redirect_stdout
from typing import TYPE_CHECKING

from server.app import Connect
from server.build import MISUSE, build, configured, connection
from server.opening import at_the_desk, on_first_use
from server.starting import started

if TYPE_CHECKING:
    from tools.desk import Desk

HINT = (
    "guichet: an MCP server is waiting for a client on stdin. A client usually starts it: see "
    "mcp.json. Try `guichet demo`, or `guichet --help`. Ctrl+C to leave.\n"
)
CLOSED = "guichet: a client talks to the server over stdin and stdout: leave both open.\n"


def serve(*, sandbox: bool, read_only: bool) -> None:
    """Serve until stdin ends, or until interrupted."""
    if sys.stdin is None or sys.stdout is None:
        sys.stderr.write(CLOSED)
        raise SystemExit(MISUSE)
    settings = configured(sandbox=sandbox, read_only=read_only)
    if sys.stdin.isatty():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # asyncio would wait for the line to end
        sys.stderr.write(HINT)
    connect, seal = connection(settings, sandbox=sandbox)
    server = build(settings, on_first_use(_off_the_wire(connect)), seal)
    server.middleware.insert(1, at_the_desk)  # the first keeps what bugs say to itself
    started()
    server.run("stdio")


def _off_the_wire(connect: Connect) -> Connect:
    """The same desk, where whatever prints goes to stderr: stdout is the protocol's alone."""

    @asynccontextmanager
    async def connected() -> "AsyncGenerator[Desk]":
        with redirect_stdout(sys.stderr):
            async with connect() as desk:
                yield desk

    return connected
