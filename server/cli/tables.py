"""Tables on stdout, for a person's terminal or for a program."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clients.text import one_line

WIDE = 200
"""Columns when nobody's terminal says how many: lines are then for programs, and must not wrap."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table, whose cells are never markup."""
    console, table = Console(), Table(box=None, pad_edge=False)
    if not console.is_terminal:
        console.width = WIDE
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
