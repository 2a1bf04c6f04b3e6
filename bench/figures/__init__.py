"""The figures, by the name that asks for one."""

from collections.abc import Callable, Mapping

from bench.figures import calling, exporting, mesures, starting, tokens
from bench.rows import Rows

FIGURES: Mapping[str, Callable[[int], Rows]] = {
    "start": starting.start,
    "memory": starting.memory,
    "read": calling.reading,
    "http": calling.reading_over_http,
    "change": calling.mutation,
    "wait": calling.waiting,
    "export": exporting.exporting,
    "mesures": mesures.mesures,
    "tokens": tokens.tokens,
}
