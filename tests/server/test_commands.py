"""The commands that a person types, each run as they would run it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from subprocess import CompletedProcess

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from mcp import Client
from typer.main import get_command
from typer.testing import CliRunner

from server import stdio
from server.cli import app
from tests.support import OFFERED, facts

GUICHET = (sys.executable, "-I", "-m", "server")
NOBODY_S = {"GUICHET_CONFIG": os.devnull, "TERM": "dumb", "COLUMNS": "200", "NO_COLOR": "1"}


async def run(*arguments: str) -> CompletedProcess[bytes]:
    """What a command does when nobody is at the terminal."""
    with anyio.fail_after(60):
        return await anyio.run_process(
            [*GUICHET, *arguments],
            stdin=subprocess.DEVNULL,
            env=os.environ | NOBODY_S,
            check=False,
        )


@asynccontextmanager
async def serving(*arguments: str) -> AsyncGenerator[tuple[Process, int]]:
    """A command that serves on a free port, for as long as the block runs."""
    port = free_port()
    command = [*GUICHET, *arguments, "--port", str(port)]
    with anyio.fail_after(60):
        async with await anyio.open_process(command, env=os.environ | NOBODY_S) as process:
            await answering(port)
            yield process, port
            process.terminate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def answering(port: int) -> None:
    """Return once something listens on a port of this machine."""
    while True:
        try:
            stream = await anyio.connect_tcp("127.0.0.1", port)
        except OSError:
            await anyio.lowlevel.checkpoint()
        else:
            await stream.aclose()
            return


async def test_the_demo_does_what_it_says_and_says_who_answered():
    shown = await run("demo")

    told = shown.stdout.decode()
    assert shown.returncode == 0, told
    assert re.search(r"Answered yes, typing \d+ \(no terminal to ask at\)\.", told)
    assert "Answered no (for this step)." in told
    assert "cannot be reached" in told
    steps, done = re.findall(r"^(\d+) of (\d+) steps did what they say\.$", told, re.MULTILINE)[0]
    assert steps == done


async def test_the_sandbox_serves_the_four_services_each_under_its_name():
    """As any client of theirs would call them, with the credentials it prints."""
    async with serving("serve-sandbox", "--latency", "1") as (process, port):
        assert process.stdout
        printed = await TextReceiveStream(process.stdout).receive()
        address = f"http://127.0.0.1:{port}"
        bearer = {"Authorization": "Bearer sandbox"}
        async with httpx.AsyncClient(base_url=address, headers=bearer) as http:
            certificate = await http.get(
                "/covoiturage/v3.2/certificates/9415300a-7a51-4296-96d1-68636e46485d"
            )
            dossier = await http.post(
                "/demarches/api/v2/graphql", json={"query": "{ dossier(number: 200001) { state } }"}
            )
            mesures = await http.get("/emjpm/api/editors/mesures")
            partner = await http.get(
                "/faire_simple/api/users/4201?key=sandbox", auth=("sandbox", "sandbox")
            )

    assert f"GUICHET_DEMARCHES_URL={address}/demarches/api/v2/graphql\n" in printed
    assert certificate.json()["result"]["data"]["type"] == "ok"
    assert dossier.json()["data"]["dossier"]["state"] == "en_instruction"
    assert len(mesures.json()["mesures"]) == 72
    assert partner.json()["uid"] == "4201"


async def test_a_port_that_is_taken_is_not_said_to_be_served_on():
    with socket.create_server(("127.0.0.1", 0)) as other:
        started = await run("serve", "--http", "--sandbox", "--port", f"{other.getsockname()[1]}")

    assert started.returncode
    assert b"serving on" not in started.stderr
    assert started.stderr


async def test_the_variables_it_prints_configure_a_server_on_it(
    monkeypatch: pytest.MonkeyPatch,
):
    async with serving("serve-sandbox") as (process, _):
        assert process.stdout
        printed = await TextReceiveStream(process.stdout).receive()
        for line in printed.splitlines():
            monkeypatch.setenv(*line.split("=", 1))
        async with (
            serving("serve", "--http") as (server, port),
            Client(f"http://127.0.0.1:{port}/mcp") as host,
        ):
            assert server.stderr
            told = await TextReceiveStream(server.stderr).receive()
            listed = await host.list_tools()
            read = await host.call_tool("query_dossiers", {"demarche_number": 1001})
            flow = await host.call_tool("list_faire_simple", {"flow": "thematics"})

    assert told.splitlines() == [f"guichet: serving on http://127.0.0.1:{port}/mcp"]
    assert len(listed.tools) == len(OFFERED)
    assert len(facts(read)["dossiers"]) == 20
    assert len(facts(flow)["parts"]) == 1


def test_help_names_every_command():
    shown = CliRunner().invoke(app, ["--help"], env=NOBODY_S)

    names = list(getattr(get_command(app), "commands", {}))
    assert sorted(names) == [
        "call",
        "demo",
        "doctor",
        "install",
        "journal",
        "login",
        "logout",
        "serve",
        "serve-sandbox",
        "token",
        "tools",
    ]
    assert shown.exit_code == 0
    for name in names:
        assert f" {name} " in shown.stdout


def test_the_version_told_is_the_one_installed():
    shown = CliRunner().invoke(app, ["--version"], env=NOBODY_S)

    assert (shown.exit_code, shown.stdout) == (0, f"guichet {version('guichet-mcp')}\n")


@pytest.mark.parametrize(
    "arguments",
    [["demonstrate"], ["--sand-box"], ["serve"], ["serve-sandbox", "--port", "0"]],
    ids=" ".join,
)
def test_a_command_typed_wrong_is_an_error(arguments: Sequence[str]):
    shown = CliRunner().invoke(app, arguments, env=NOBODY_S)

    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert "Usage: " in shown.stderr


@asynccontextmanager
async def started_at_a_terminal() -> AsyncGenerator[tuple[Process, int]]:
    """A server that somebody starts, and the keyboard that they type at."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminal")
    keyboard, terminal = pty.openpty()
    command, environment = [*GUICHET, "--sandbox"], os.environ | NOBODY_S
    try:
        with anyio.fail_after(60):
            async with await anyio.open_process(
                command, stdin=terminal, env=environment
            ) as process:
                yield process, keyboard
    finally:
        os.close(keyboard)
        os.close(terminal)


async def test_a_hint_is_given_to_whoever_starts_it_at_a_terminal():
    async with started_at_a_terminal() as (process, keyboard):
        assert process.stderr
        hint = await process.stderr.receive()
        os.write(keyboard, b"\x04")  # Ctrl+D
        left = await process.wait()

    assert hint.decode() == stdio.HINT
    assert left == 0


async def test_whoever_started_it_at_a_terminal_leaves_with_one_interruption():
    async with started_at_a_terminal() as (process, keyboard):
        assert process.stdout
        os.write(keyboard, b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        await process.stdout.receive()  # it serves, and reads the next line
        process.send_signal(signal.SIGINT)  # Ctrl+C
        left = await process.wait()

    assert left == -signal.SIGINT


async def test_no_hint_is_given_to_a_host():
    started = await run("--sandbox")

    assert (started.returncode, started.stdout, started.stderr) == (0, b"", b"")
