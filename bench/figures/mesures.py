"""What it takes to find a few mesures among those of a large service."""

import json
from typing import Any

from bench.figures.measures import obeyed, taking
from bench.hosts import StdioHost
from bench.processes import Process, installed, reference
from bench.recordings import answers, recorded
from bench.rounds import Sample, paired
from bench.rows import Rows, count, ratio
from bench.upstream import upstream

MANY = 20_000
FIRST_ID = 500_001
PATH = "/emjpm/api/editors/mesures"
WANTED = {"nature": "tutelle", "limit": 100}
BARE = "httpx and json, the same body"


def mesures(rounds: int) -> Rows:
    """Twenty thousand mesures, listed and filtered: the answer is a page of them."""
    found = answers(recorded("list_mesures", {}))
    with (
        upstream({PATH: _many(found[PATH])}) as services,
        Process(installed("guichet"), services.environment) as guichet,
        Process(reference("mesures", f"{services.address}{PATH}"), {}) as bare,
        StdioHost(guichet) as host,
    ):
        pairs = paired(lambda: _ours(guichet, host), lambda: _bare(bare), rounds)
        size = len(_text(host))
    figure = f"{MANY:,} mesures, filtered"
    return [
        ratio(figure, pairs, "wall", against=BARE, target=2.0),
        ratio(f"{figure}, CPU", pairs, "cpu", against=BARE, target=2.0),
        count("their answer", size, target=20_000, unit="bytes"),
    ]


def _many(recorded_answer: str) -> str:
    """The mesures of the answer, again and again, each with an id of its own."""
    few: list[dict[str, Any]] = json.loads(recorded_answer)["mesures"]
    many = [{**few[n % len(few)], "id": FIRST_ID + n} for n in range(MANY)]
    return json.dumps({"mesures": many}, ensure_ascii=False)


def _ours(guichet: Process, host: StdioHost) -> Sample:
    with taking(guichet) as took:
        host.call("list_mesures", WANTED)
    return took


def _bare(process: Process) -> Sample:
    with taking(process) as took:
        obeyed(process, {"nature": WANTED["nature"]})
    return took


def _text(host: StdioHost) -> bytes:
    content = host.call("list_mesures", WANTED)["content"]
    return content[0]["text"].encode()
