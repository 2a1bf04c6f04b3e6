"""The figures, by the name that asks for one."""

from collections.abc import Callable, Mapping

from bench.figures import calling, exporting, identities, mesures, starting, tokens
from bench.rows import Rows

FIGURES: Mapping[str, Callable[[int], Rows]] = {
    "start": starting.start,
    "memory": starting.memory,
    "read": calling.reading,
    "http": calling.reading_over_http,
    "load": calling.load,
    "change": calling.mutation,
    "wait": calling.waiting,
    "export": exporting.exporting,
    "prepare": identities.preparing,
    "import": identities.importing,
    "mesures": mesures.mesures,
    "tokens": tokens.tokens,
}
