"""The results, as a table for a terminal, as JSON, and as the page of the documentation."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.rows import Row

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MEASURED = ("mcp", "pydantic", "httpx", "anyio", "orjson")
HEADINGS = ("figure", "ours", "reference", "what that is", "result", "target", "")

INTRODUCTION = """\
# Performance

Written by `python -m bench`, and never by hand. A time is measured beside that of a reference, a
program of `bench/references/`, in turn with it in one run: a ratio says something, a time only says
how busy the machine was. Ratios and differences are the medians of those of each round. What lasts
a minute, and the memory of a server that serves for long, are measured once.

A target that is missed is told as such.
"""


def shown(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*_cells(row), style="" if row.holds else "red")
    Console().print(table)


def as_json(rows: Sequence[Row]) -> str:
    """The same, with what it was measured on."""
    told = [
        asdict(row) | {"result": row.result, "promise": row.promise, "holds": row.holds}
        for row in rows
    ]
    return json.dumps({"machine": machine(), "rows": told}, ensure_ascii=False, indent=2)


def page(rows: Sequence[Row]) -> str:
    """The page of the documentation."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *map(_cells, rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    machine_ = "\n".join(f"- {name}: {told}" for name, told in machine().items())
    return f"{INTRODUCTION}\n{table}\n\n## Measured on\n\n{machine_}\n"


def machine() -> Mapping[str, str]:
    """What it was measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "busy": f"{os.getloadavg()[0]:.1f} programs wanting a processor at the end",
        "python": platform.python_version(),
        **{name: version(name) for name in MEASURED},
    }


def _cells(row: Row) -> tuple[str, ...]:
    reference = "" if row.reference is None else _amount(row.reference, row.unit)
    return (
        row.figure,
        _amount(row.ours, row.unit),
        reference,
        row.against,
        row.result,
        row.promise,
        "" if row.holds else "missed",
    )


def _amount(value: float, unit: str) -> str:
    digits = 0 if value >= _LARGE or value == int(value) else 1
    return f"{value:,.{digits}f} {unit}"


_LARGE = 100
