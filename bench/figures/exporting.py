"""What an export of many dossiers takes, beside the simplest loop that writes the same file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from bench.figures.measures import obeyed, taking, waited
from bench.hosts import StdioHost
from bench.processes import MILLISECONDS, Process, installed, reference
from bench.recordings import GRAPHQL, Exchange, answers, recorded
from bench.rounds import Sample, paired
from bench.rows import Row, Rows, growth, ratio
from bench.upstream import PAGE, Upstream, upstream
from clients.demarches.exports import columns
from clients.demarches.wire import Reply

Format = Literal["jsonl", "csv"]
PAGES, MORE_PAGES = 100, 300
"""Of a hundred dossiers; the service answers no more than 400 requests a minute."""
LATENCY = 0.05
MOST_ROUNDS = 5
"""At that latency, where each takes a dozen seconds, and of so many dossiers."""
TIMES: Mapping[Format, float] = {"jsonl": 1.25, "csv": 1.5}
BARE = "httpx and orjson, the same file"


class OtherFileError(Exception):
    """The reference wrote another file: there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Export:
    """An export that was made: its file, and what it took."""

    sha256: str
    took: Sample


@dataclass(frozen=True, slots=True)
class Loop:
    """What the bare loop has to be told: the query of a page, the labels of the questions."""

    query: Mapping[str, Any]
    champs: Mapping[str, str]
    annotations: Mapping[str, str]

    def order(self, pages: int, format_: Format, file: str) -> Mapping[str, object]:
        variables = {**self.query["variables"], "demarche": pages}
        return {
            "query": {**self.query, "variables": variables},
            "champs": self.champs,
            "annotations": self.annotations,
            "format": format_,
            "file": file,
        }


def exporting(rounds: int) -> Rows:
    """Ten thousand dossiers: how long beside the loop, how much memory, and at 50 ms a page."""
    exchanges = recorded("export_dossiers", {"demarche_number": 1001})
    first, loop = answers(exchanges[:2]), _loop(exchanges)  # the columns, and a page
    with upstream(first) as services:
        rows = [row for format_ in TIMES for row in _beside(services, loop, format_, rounds)]
        rows += _memory(services, min(rounds, MOST_ROUNDS))
    with upstream(first, LATENCY) as distant:
        return [*rows, _at_a_distance(distant, min(rounds, MOST_ROUNDS))]


def _loop(exchanges: Sequence[Exchange]) -> Loop:
    told = columns(Reply.model_validate_json(exchanges[0].answer))
    return Loop(
        json.loads(exchanges[1].body),
        {column.id: column.label for column in told.champs},
        {column.id: column.label for column in told.annotations},
    )


def _beside(services: Upstream, loop: Loop, format_: Format, rounds: int) -> Rows:
    if _ours(services, format_, 1).sha256 != _bare(services, loop, format_, 1).sha256:
        raise OtherFileError(format_)
    pairs = paired(
        lambda: _ours(services, format_, PAGES).took,
        lambda: _bare(services, loop, format_, PAGES).took,
        rounds,
        warm_up=0,
    )
    figure, most = f"{PAGES * PAGE:,} dossiers to {format_}", TIMES[format_]
    return [
        ratio(figure, pairs, "wall", against=BARE, target=most),
        ratio(f"{figure}, CPU", pairs, "cpu", against=BARE, target=most),
    ]


def _memory(services: Upstream, rounds: int) -> Rows:
    peaks = [
        {pages: _ours(services, "jsonl", pages).took["peak"] for pages in (PAGES, MORE_PAGES)}
        for _ in range(rounds)
    ]
    few = median(peak[PAGES] for peak in peaks)
    more = median(peak[MORE_PAGES] - peak[PAGES] for peak in peaks)
    return [
        growth(f"memory for {PAGES * PAGE:,} dossiers", few, target=15.0),
        growth(f"memory for {(MORE_PAGES - PAGES) * PAGE:,} more", more, target=2.0),
    ]


def _at_a_distance(distant: Upstream, rounds: int) -> Row:
    pairs = paired(
        lambda: _ours(distant, "jsonl", PAGES).took,
        lambda: waited(distant, PAGES + 1),
        rounds,
        warm_up=0,
    )
    figure = f"{PAGES * PAGE:,} dossiers at {LATENCY * MILLISECONDS:.0f} ms a page"
    return ratio(figure, pairs, "wall", against="the latency alone", target=1.15)


def _ours(services: Upstream, format_: Format, pages: int) -> Export:
    """An export by a fresh server, that has already made a small one."""
    with (
        Process(installed("guichet"), services.environment) as process,
        StdioHost(process) as host,
    ):
        host.call("export_dossiers", {"demarche_number": 1, "format": format_})
        with taking(process) as took:
            wanted = {"demarche_number": pages, "format": format_}
            made = host.call("export_dossiers", wanted)["structuredContent"]
    (services.folder / made["file"]).unlink()
    return Export(made["sha256"], took)


def _bare(services: Upstream, loop: Loop, format_: Format, pages: int) -> Export:
    """The same by the loop."""
    file = str(services.folder / f"bare.{format_}")
    with Process(reference("exporting", f"{services.address}{GRAPHQL}"), {}) as process:
        obeyed(process, loop.order(1, format_, file))
        with taking(process) as took:
            sha256 = obeyed(process, loop.order(pages, format_, file))
    return Export(sha256, took)
