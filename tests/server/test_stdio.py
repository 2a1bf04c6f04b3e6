"""The process that hosts start: stdout is the protocol's alone, from its start to its end."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client, StdioServerParameters

from server import stdio
from server.sandbox.covoiturage import certificates
from tests.support import MODES, OFFERED, Person, facts
from tools import TOOLS

ISOLATED = ("-I", "-m", "server")
"""How hosts are told to start it: the working directory may hold anything."""
NOBODY_S = {"GUICHET_CONFIG": os.devnull}

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
INITIALIZED = '{"jsonrpc": "2.0", "method": "notifications/initialized"}'


def sandboxed(*options: str) -> StdioServerParameters:
    arguments = [*ISOLATED, "--sandbox", *options]
    return StdioServerParameters(command=sys.executable, args=arguments, env=NOBODY_S)


class Conversation:
    """What is said to a process on stdin, and everything it says on stdout."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self._said = process.stdin
        self._heard = BufferedByteReceiveStream(process.stdout)
        self._count = 0

    async def say(self, line: str) -> None:
        await self._said.send(f"{line}\n".encode())

    async def ask(self, method: str, params: object) -> dict[str, Any]:
        """The answer to a request, whatever was said before it."""
        self._count += 1
        request = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        await self.say(json.dumps(request))
        while True:
            heard = await self.next()
            if heard.get("id") == self._count:
                return heard

    async def next(self) -> dict[str, Any]:
        """Whatever is said next."""
        heard = json.loads(await self._heard.receive_until(b"\n", 1_000_000))
        assert heard["jsonrpc"] == "2.0"
        return heard

    async def begin(self) -> None:
        await self.ask("initialize", HELLO)
        await self.say(INITIALIZED)

    async def end(self) -> tuple[int, str]:
        """Close stdin, as a host that leaves does; the exit code, and what was said after that."""
        await self._said.aclose()
        rest = self._heard.buffer + b"".join([chunk async for chunk in self._heard])
        return await self._process.wait(), rest.decode()


@asynccontextmanager
async def started(*arguments: str) -> AsyncGenerator[tuple[Conversation, Process]]:
    env = os.environ | NOBODY_S
    with anyio.fail_after(60):
        async with await anyio.open_process([sys.executable, *arguments], env=env) as process:
            yield Conversation(process), process


async def test_a_host_lists_reads_and_changes_over_stdio(era: str):
    person = Person()
    with anyio.fail_after(60):
        async with Client(sandboxed(), mode=MODES[era], elicitation_callback=person) as host:
            assert host.protocol_version == era
            listed = await host.list_tools()
            read = await host.call_tool("list_mesures", {"limit": 1})
            changed = await host.call_tool("accept_dossier", {"number": 200001})

    assert [tool.name for tool in listed.tools] == OFFERED
    assert facts(read)["total"] == 72
    assert facts(changed)["outcome"] == "applied"
    assert len(person.questions) == 1


async def test_read_only_offers_no_change(era: str):
    with anyio.fail_after(60):
        async with Client(sandboxed("--read-only"), mode=MODES[era]) as host:
            listed = await host.list_tools()

    reads = [tool.name for tool in TOOLS if not tool.writes]
    assert [tool.name for tool in listed.tools] == reads


async def test_it_ends_by_itself_when_its_host_leaves():
    async with started(*ISOLATED, "--sandbox") as (conversation, _):
        await conversation.begin()
        with anyio.fail_after(5):
            ended = await conversation.end()

    assert ended == (0, "")


async def test_it_ends_by_itself_when_nobody_ever_speaks():
    async with started(*ISOLATED, "--sandbox") as (conversation, _):
        assert await conversation.end() == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal to send")
async def test_it_leaves_without_a_word_when_its_host_interrupts_it():
    """While it reads what the host said last."""
    async with started(*ISOLATED, "--sandbox") as (conversation, process):
        await conversation.begin()
        await conversation.say("\n".join([INITIALIZED] * 200))
        process.send_signal(signal.SIGINT)
        left = await process.wait()
        assert process.stderr
        log = b"".join([chunk async for chunk in process.stderr])

    assert (left, log) == (130, b"")


EARLY = """
import signal, sys
from server.__main__ import main

class Interrupting:
    def find_spec(self, name, *_):
        if name == "server.build":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = []
main()
"""


async def test_it_leaves_without_a_word_when_it_is_interrupted_while_it_loads(tmp_path: Path):
    script = tmp_path / "early.py"
    await anyio.Path(script).write_text(EARLY)

    left = await anyio.run_process([sys.executable, "-I", str(script)], check=False)

    assert (left.returncode, left.stdout, left.stderr) == (130, b"", b"")


CHATTY = """
import os, sys
from clients.emjpm import EmjpmClient
from server import stdio

mesures = EmjpmClient.mesures

async def chatty(*arguments):
    print("said at once", flush=True)
    os.write(1, b"said by the system\\n")
    os.system("echo said by a child; cat")  # whose stdin is empty
    print("said by print")  # and kept for the end, unless somebody flushes it
    return await mesures(*arguments)

EmjpmClient.mesures = chatty
stdio.serve(sandbox=True, read_only=False)
"""


async def test_what_a_tool_prints_stays_off_the_wire(tmp_path: Path):
    script = tmp_path / "chatty.py"
    await anyio.Path(script).write_text(CHATTY)

    async with started("-I", str(script)) as (conversation, process):
        await conversation.begin()
        answer = await conversation.ask("tools/call", {"name": "list_mesures", "arguments": {}})
        ended = await conversation.end()
        assert process.stderr
        log = b"".join([chunk async for chunk in process.stderr]).decode()

    assert answer["result"]["structuredContent"]["total"] == 72
    assert ended == (0, "")
    for said in ("by print", "at once", "by the system", "by a child"):
        assert f"said {said}\n" in log


async def test_each_request_is_answered_once_however_late_its_host_reads():
    numbers = range(1_000, 2_000)
    async with started(*ISOLATED, "--sandbox") as (conversation, _):
        await conversation.begin()
        for number in numbers:  # the first few have long answers, that fill the pipe
            method = "ping" if number % 50 else "tools/list"
            await conversation.say(f'{{"jsonrpc": "2.0", "id": {number}, "method": "{method}"}}')
        answered = [(await conversation.next())["id"] for _ in numbers]
        ended = await conversation.end()

    assert sorted(answered) == list(numbers)
    assert ended == (0, "")


LOADED = """
import atexit, sys
from server.__main__ import main

atexit.register(lambda: sys.stderr.write(" ".join(sys.modules)))
sys.argv[1:] = ["--sandbox"]
main()
"""
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
ANY_SERVICE = {"httpx", "sqlalchemy", "clients.http", "server.connect", "tools.desk"}
OTHERS = {"clients.demarches", "clients.covoiturage", "tools.demarches", "rich", "uvicorn"}
OF_APPLICATIONS = {"clients.covoiturage.applications", "clients.rows", "tools.covoiturage.works"}


@pytest.mark.parametrize(
    ("asked", "named", "spared"),
    [
        (LISTS, {}, ANY_SERVICE | OTHERS),
        (("tools/call",), {"name": "list_tribunaux", "arguments": {"search": "Paris"}}, OTHERS),
        (
            ("tools/call",),
            {"name": "verify_certificate", "arguments": {"uuid": certificates.VALID}},
            (OTHERS | OF_APPLICATIONS) - {"clients.covoiturage"},
        ),
    ],
    ids=["lists", "a call", "a certificate"],
)
async def test_only_the_service_that_is_called_is_loaded(
    tmp_path: Path, asked: Sequence[str], named: dict[str, Any], spared: set[str]
):
    script = tmp_path / "loaded.py"
    await anyio.Path(script).write_text(LOADED)

    async with started("-I", str(script)) as (conversation, process):
        await conversation.begin()
        answers = [await conversation.ask(method, named) for method in asked]
        await conversation.end()
        assert process.stderr
        loaded = b"".join([chunk async for chunk in process.stderr]).decode().split()

    assert not [answer for answer in answers if answer["result"].get("isError")]
    assert "server.app" in loaded
    assert not spared.intersection(loaded)


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        "\\ud800",
        '{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "\\ud800"}}',
    ],
)
async def test_a_line_that_makes_no_sense_does_not_end_it(line: str):
    async with started(*ISOLATED, "--sandbox") as (conversation, _):
        await conversation.begin()
        await conversation.say(line)
        answer = await conversation.ask("tools/list", {})

    assert len(answer["result"]["tools"]) == len(OFFERED)


async def told(arguments: Sequence[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """The exit code of a process that ends at once, and what it wrote to stdout and stderr."""
    with anyio.fail_after(60):
        ended = await anyio.run_process(
            [sys.executable, *arguments], env=os.environ | NOBODY_S | environment, check=False
        )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


@pytest.mark.parametrize("options", [(), ("--sandbox",), ("serve", "--http")])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "GUICHET_DEMARCHE_TOKEN",
            "GUICHET_DEMARCHE_TOKEN is not a setting. Did you mean GUICHET_DEMARCHES_TOKEN?",
        ),
        ("GUICHET_LANGUAGE", "GUICHET_LANGUAGE: must be 'fr' or 'en'."),
    ],
    ids=["misspelt", "unusable"],
)
async def test_a_wrong_setting_ends_it_with_a_line_that_says_which(
    options: Sequence[str], name: str, line: str
):
    ended = await told([*ISOLATED, *options], {name: "s3cr3t-0f-n0b0dy"})

    assert ended == (2, "", f"guichet: {line}\n")


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_it_says_in_a_line_that_nobody_could_talk_to_it(
    closed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, closed, None)  # as Python has it, where a shell closed it

    with pytest.raises(SystemExit, match="2"):
        stdio.serve(sandbox=True, read_only=False)

    assert capsys.readouterr().err == (
        "guichet: a client talks to the server over stdin and stdout: leave both open.\n"
    )
