"""The command: `python -m bench`, or `python -m bench NAME…` for some of the figures."""

import argparse
import sys

from bench import report
from bench.figures import FIGURES
from bench.rows import Row

ROUNDS = 11
"""Enough for a median that a busy moment does not move."""


def main() -> None:
    options = _options()
    rows: list[Row] = []
    for name in options.names or FIGURES:
        sys.stderr.write(f"{name}…\n")
        rows += FIGURES[name](options.rounds)
    if options.json:
        sys.stdout.write(report.as_json(rows) + "\n")
    else:
        report.shown(rows)
    if not options.names:
        report.PAGE.write_text(report.page(rows), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Guichet beside what it is compared with. All the figures together "
        "are also written to docs/performance.md.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--json", action="store_true", help="instead of a table")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each, {ROUNDS} by default")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    return options


if __name__ == "__main__":
    main()
