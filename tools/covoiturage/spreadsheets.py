"""Files that people open in a spreadsheet, in the manner of those in French: with semicolons."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO


def separated(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of such a file."""
    text = StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue()
