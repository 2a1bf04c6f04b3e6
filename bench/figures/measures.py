"""What a piece of work takes of a process that lives on."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.processes import MILLISECONDS, Process, reference
from bench.rounds import Sample
from bench.upstream import Upstream


@contextmanager
def taking(process: Process) -> Generator[dict[str, float]]:
    """What the block takes of it, once it is over: wall, CPU, and memory at most."""
    took: dict[str, float] = {}
    process.forget_peak()
    cpu, resident, start = process.cpu, process.resident, time.perf_counter()
    yield took
    took["wall"] = (time.perf_counter() - start) * MILLISECONDS
    took["cpu"] = process.cpu - cpu
    took["peak"] = process.peak - resident


def obeyed(process: Process, order: Mapping[str, Any]) -> Any:
    """What a reference gives once it has done as it was told."""
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def waited(distant: Upstream, requests: int, together: int = 1) -> Sample:
    """What the latency of services takes alone, for so many requests, so many at once."""
    with Process(reference("waiting", distant.address), {}) as process:
        obeyed(process, {"requests": 1, "together": 1})
        with taking(process) as took:
            obeyed(process, {"requests": requests, "together": together})
    return took
