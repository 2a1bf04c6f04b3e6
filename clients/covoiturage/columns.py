"""Cells of a column, read by one call: one for each would take three times as long."""

import re
from collections.abc import Callable, Sequence


def expression(known: str) -> re.Pattern[str]:
    """What finds any line, and has the groups of `known` if that is all that the line holds."""
    return re.compile(rf"^{known}$|^.*$", re.ASCII | re.MULTILINE)


def found(
    read: re.Pattern[str], cells: Sequence[str], *, bare: Callable[[str], str] = str
) -> Sequence[str]:
    """What an `expression` of one group finds in each cell, made `bare`; or nothing."""
    every = read.findall(bare("\n".join(cells)))
    if len(every) == len(cells):
        return every
    each = (read.fullmatch(bare(cell)) for cell in cells)  # one of them goes over several lines
    return [(cell[1] or "") if cell else "" for cell in each]
