"""What a piece of work takes of a process that lives on."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.processes import MILLISECONDS, Process


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
