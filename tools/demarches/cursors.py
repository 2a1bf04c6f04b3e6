"""What `next` holds: a place in a list, and the order of the list it is a place in.

The service tells its cursors apart in no way: one of another order would quietly lead elsewhere.
"""

from dataclasses import dataclass

from mcp.server.mcpserver.exceptions import ToolError

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class Order:
    """How a list of dossiers is sorted."""

    by_change: bool
    newest_first: bool

    def marked(self, cursor: str) -> str:
        """A cursor of the service in this order, as `next` gives it; nothing for none."""
        return f"{_MARKS[self]}{SEPARATOR}{cursor}" if cursor else ""

    def cursor(self, after: str) -> str:
        """The cursor of the service in a `next` of this order; nothing for none.

        Raises:
            ToolError: It is of another order, or no `next` of ours.
        """
        if not after:
            return ""
        mark, _, cursor = after.partition(SEPARATOR)
        own = next((order for order, name in _MARKS.items() if name == mark), None)
        if own is None or not cursor:
            raise ToolError(_MALFORMED)
        if own != self:
            raise ToolError(
                f"`after` comes from a list in another order ({own}) than this one ({self}): give "
                "the same updated_since and newest_first as for that page, or leave `after` out."
            )
        return cursor

    def __str__(self) -> str:
        what = "changes" if self.by_change else "deposits"
        return f"{what}, {'newest' if self.newest_first else 'oldest'} first"


_MARKS = {
    Order(by_change=False, newest_first=False): "depots",
    Order(by_change=False, newest_first=True): "derniers-depots",
    Order(by_change=True, newest_first=False): "modifications",
    Order(by_change=True, newest_first=True): "dernieres-modifications",
}
_MALFORMED = (
    "`after` is not a `next` of query_dossiers: give one exactly as it came, or leave `after` out "
    "to start again."
)
