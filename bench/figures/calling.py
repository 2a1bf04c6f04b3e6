"""What a call costs, of a tool that reads and of one that writes, alone and among others."""

import asyncio
import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from bench.hosts import StdioHost, called_over_http
from bench.processes import MILLISECONDS, Process, installed, reference
from bench.recordings import Exchange, answers, recorded, typed
from bench.rounds import Pairs, Sample, paired
from bench.rows import Rows, growth, more, ratio
from bench.upstream import HOST, Upstream, upstream

CERTIFICATE = {"uuid": "9415300a-7a51-4296-96d1-68636e46485d"}
READ = ("verify_certificate", CERTIFICATE)
ACCEPTANCE = ("accept_dossier", {"number": 200002, "motivation": "Ok."})
PAGE = ("query_dossiers", {"demarche_number": 1001, "limit": 100})
CALLS = 200
"""Calls of a round: one alone is too short to compare."""
MUTATIONS = 100
AT_ONCE = 32
BARE = "a tool of the same SDK making the same bare request"
PINGS = 50
A_MINUTE = 60.0
WARM = 10.0
"""Seconds after which memory has reached what it needs."""
LISTING = ("query_dossiers", {"demarche_number": 1001})
UNPACED = {"GUICHET_DEMARCHES_A_MINUTE": "1000000"}
"""A minute holds so many requests out of courtesy: to wait for the next one is no cost of ours."""


def reading(rounds: int) -> Rows:
    """A tool that reads, over stdio."""
    exchanges = _read()
    with upstream(answers(exchanges)) as services, _both(services) as (ours, bare):
        pairs = paired(
            partial(_calls, ours, [READ], CALLS),
            partial(_calls, bare, [_bare(exchanges)], CALLS),
            rounds,
        )
    return [
        ratio("a read over stdio", pairs, "wall", against=BARE, target=1.25),
        ratio("a read over stdio, CPU", pairs, "cpu", against=BARE, target=1.25),
    ]


def reading_over_http(rounds: int) -> Rows:
    """The same over HTTP, many at once."""
    exchanges = _read()
    with (
        upstream(answers(exchanges)) as services,
        _over_http(("guichet", "serve", "--http", "--port"), services.environment) as ours,
        _over_http(("requests", services.address), services.environment) as bare,
    ):
        pairs = paired(
            lambda: _throughput(ours, *READ),
            lambda: _throughput(bare, *_bare(exchanges)),
            rounds,
        )
    figure = f"reads over HTTP, {AT_ONCE} at once"
    return [ratio(figure, pairs, "rate", against=BARE, target=0.6, unit="/s", at_least=True)]


def load(_: int) -> Rows:
    """A minute of many callers at once: none is failed, and memory stays what it was."""
    exchanges = recorded(*LISTING)
    with upstream(answers(exchanges)) as services:
        unpaced = services.environment | UNPACED
        with _over_http(("guichet", "serve", "--http", "--port"), unpaced) as ours:
            mine = _sustained(ours, *LISTING)
        bare = ("requests", services.address)
        with _over_http(bare, unpaced) as other:
            its = _sustained(other, *_bare(exchanges))
    figure = f"a minute of lists over HTTP, {AT_ONCE} at once"
    pairs = Pairs([mine], [its])
    return [
        ratio(figure, pairs, "rate", against=BARE, target=0.6, unit="/s", at_least=True),
        growth(f"{figure}: memory", mine["growth"], target=10.0, unit="%"),
    ]


def mutation(rounds: int) -> Rows:
    """A change, whose question is answered at once; the journal is kept."""
    exchanges = recorded(*ACCEPTANCE)
    asked, sent = exchanges[:1], exchanges[1:]
    with upstream(answers(exchanges)) as services, _both(services) as (ours, bare):
        pairs = paired(
            partial(_calls, ours, [ACCEPTANCE], MUTATIONS),
            partial(_calls, bare, [_bare(asked), _bare(sent)], MUTATIONS),
            rounds,
        )
    against = "the same bare requests, in two calls"
    figure = "a change, agreed to at once"
    return [
        ratio(figure, pairs, "wall", against=against, target=2.0),
        ratio(f"{figure}, CPU", pairs, "cpu", against=against, target=2.0),
    ]


def waiting(rounds: int) -> Rows:
    """The longest that a caller waits while a large page is made for another."""
    exchanges = recorded(*PAGE)
    with upstream(answers(exchanges)) as services, _both(services) as (ours, _):
        pairs = paired(lambda: _worst(ours, PAGE), lambda: _worst(ours, None), rounds)
    figure = "longest wait beside a page of 100"
    return [more(figure, pairs, "wait", against="the same, alone", target=10.0)]


Call = tuple[str, Mapping[str, object]]
"""A tool, and its arguments."""
Server = tuple[Process, StdioHost]


def _read() -> Sequence[Exchange]:
    """The one request of the read; the sandbox asks for a token before it."""
    return recorded(*READ)[-1:]


def _bare(exchanges: Sequence[Exchange]) -> Call:
    return "requests", {"requests": [exchange.bare for exchange in exchanges]}


@contextmanager
def _both(services: Upstream) -> Generator[tuple[Server, Server]]:
    """Guichet and the reference, connected to on stdio."""
    with (
        Process(installed("guichet"), services.environment | UNPACED) as guichet,
        Process(reference("requests", services.address), {}) as bare,
        StdioHost(guichet, typed) as ours,
        StdioHost(bare) as other,
    ):
        yield (guichet, ours), (bare, other)


def _calls(server: Server, calls: Sequence[Call], times: int) -> Sample:
    """What these calls take together, on average over so many times."""
    process, host = server
    cpu, start = process.cpu, time.perf_counter()
    for call in [*calls] * times:
        host.call(*call)
    wall = (time.perf_counter() - start) * MILLISECONDS
    return {"wall": wall / times, "cpu": (process.cpu - cpu) / times}


@contextmanager
def _over_http(
    command: Sequence[str], environment: Mapping[str, str]
) -> Generator[tuple[Process, int]]:
    """A server and its port, from when it listens until it is told to leave."""
    port = _free_port()
    name, *arguments = command
    launch = installed(name) if name == "guichet" else reference(name)
    with Process([*launch, *arguments, str(port)], environment) as process:
        try:
            _wait_for(port)
            yield process, port
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_for(port: int, within: float = 30.0) -> None:
    """Return once something listens there.

    Raises:
        ConnectionError: Nothing does in time.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _sustained(served: tuple[Process, int], tool: str, arguments: Mapping[str, object]) -> Sample:
    """The calls of a minute, by second, and how much memory grew once it was warm, in percent."""
    process, _ = served
    start, calls, warm = time.perf_counter(), 0, 0.0
    while (elapsed := time.perf_counter() - start) < A_MINUTE:
        if not warm and elapsed > WARM:
            warm = process.resident
        _throughput(served, tool, arguments)
        calls += CALLS // AT_ONCE * AT_ONCE
    return {"rate": calls / elapsed, "growth": (process.resident / warm - 1) * 100}


def _throughput(served: tuple[Process, int], tool: str, arguments: Mapping[str, object]) -> Sample:
    _, port = served
    calls = CALLS // AT_ONCE * AT_ONCE
    start = time.perf_counter()
    asyncio.run(called_over_http(port, tool, arguments, calls=calls, at_once=AT_ONCE))
    return {"rate": calls / (time.perf_counter() - start)}


def _worst(server: Server, beside: Call | None) -> Sample:
    """The longest of pings one after the other: while a call is under way, if one is given."""
    _, host = server
    if beside is None:
        return {"wait": max(_ping(host) for _ in range(PINGS))}
    under_way = host.begin("tools/call", name=beside[0], arguments=beside[1])
    waits: list[float] = []
    while not host.arrived(under_way):
        waits.append(_ping(host))
    host.result(under_way)
    return {"wait": max(waits)}


def _ping(host: StdioHost) -> float:
    start = time.perf_counter()
    host.ask("ping")
    return (time.perf_counter() - start) * MILLISECONDS
