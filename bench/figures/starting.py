"""How fast the server is there, and what it weighs."""

from collections.abc import Sequence

from bench.hosts import StdioHost
from bench.processes import Process, installed, python, reference
from bench.recordings import answers, recorded
from bench.rounds import Sample, paired
from bench.rows import Rows, growth, ratio
from bench.upstream import Upstream, upstream

READ = "verify_certificate"
CERTIFICATE = {"uuid": "9415300a-7a51-4296-96d1-68636e46485d"}
HELLO = "a one-tool MCPServer"
FEW, MANY = 1_000, 30_000
CALLS_A_ROUND = 1_000
"""Calls of which `FEW` and `MANY` are multiples, by so many in flight."""


def start(rounds: int) -> Rows:
    """A whole life: it starts, lists its tools, answers a first read, and leaves."""
    with upstream(answers(recorded(READ, CERTIFICATE))) as services:
        guichet, module = installed("guichet"), python("-m", "server")
        pairs = paired(lambda: _life(guichet, services), _hello, rounds)
        launches = paired(
            lambda: _listing(guichet, services), lambda: _listing(module, services), rounds
        )
    return [
        ratio("start to tools/list", pairs, "listed", against=HELLO, target=1.0),
        ratio("start to the first read", pairs, "read", against=HELLO, target=1.15),
        ratio("CPU of a whole life", pairs, "cpu", against=HELLO, target=0.85),
        ratio("memory when idle", pairs, "idle", against=HELLO, target=1.1, unit="MB"),
        ratio("launch as in mcp.json", launches, "listed", against="python -m", target=1.1),
    ]


def memory(_: int) -> Rows:
    """What thirty thousand calls leave behind."""
    with (
        upstream(answers(recorded(READ, CERTIFICATE))) as services,
        Process(installed("guichet"), services.environment) as process,
        StdioHost(process) as host,
    ):
        _call(host, FEW)
        before = process.resident
        _call(host, MANY - FEW)
        return [growth("memory from 1,000 to 30,000 calls", process.resident - before, target=1.0)]


def _life(command: Sequence[str], services: Upstream) -> Sample:
    """To the list of tools alone, then, in another life, to the first read."""
    listing = _listing(command, services)
    with Process(command, services.environment) as process, StdioHost(process) as host:
        host.ask("tools/list")
        host.call(READ, CERTIFICATE)
        return {**listing, "read": process.age}


def _listing(command: Sequence[str], services: Upstream) -> Sample:
    with Process(command, services.environment) as process, StdioHost(process) as host:
        host.ask("tools/list")
        listed, idle = process.age, process.resident
        return {"listed": listed, "idle": idle, "cpu": process.end().cpu}


def _hello() -> Sample:
    with Process(reference("hello"), {}) as process, StdioHost(process) as host:
        host.ask("tools/list")
        listed, idle = process.age, process.resident
        cpu = process.end().cpu
    with Process(reference("hello"), {}) as process, StdioHost(process) as host:
        host.ask("tools/list")
        host.call("hello", {"name": "Camille"})
        return {"listed": listed, "idle": idle, "cpu": cpu, "read": process.age}


def _call(host: StdioHost, calls: int) -> None:
    for _ in range(calls):
        host.call(READ, CERTIFICATE)
