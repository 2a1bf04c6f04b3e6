"""Pages of dossiers: cursors, limits, and which page comes before or after."""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Generic, Literal, TypeVar

from graphql import GraphQLError
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from server.sandbox.demarches.errors import bad_request
from server.sandbox.demarches.records import Facts

MOST_NODES = 100
"""Nodes on a page by default, and at most: a larger `first` is capped without a word."""

Item = TypeVar("Item")
Place = tuple[datetime, int]
"""Where an item stands: its moment, then its number."""


class Window(BaseModel):
    """The part of a connection that a query asks for, in the arguments they all take."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    first: int | None = None
    last: int | None = None
    after: str | None = None
    before: str | None = None
    order: Literal["ASC", "DESC"] | None = None

    @property
    def size(self) -> int:
        return min(n for n in (self.first, self.last, MOST_NODES) if n is not None)

    @property
    def from_the_end(self) -> bool:
        return self.last is not None or self.before is not None

    def check(self) -> None:
        """Refuse what the service refuses, in its words.

        Raises:
            GraphQLError: A `bad_request`.
        """
        if self.first is not None and self.last is not None:
            raise bad_request('Arguments "first" and "last" are exclusive')
        if self.before is not None and self.after is not None:
            raise bad_request('Arguments "before" and "after" are exclusive')
        if self.first is not None and self.first < 0:
            raise bad_request('Argument "first" must be a non-negative integer')
        if self.last is not None and self.last < 0:
            raise bad_request('Argument "last" must be a non-negative integer')
        if self.last is not None and self.order == "DESC":
            raise bad_request('Argument "last" is not supported with order "desc"')


@dataclass(frozen=True)
class Connection(Generic[Item]):
    """A page, in the members of a GraphQL connection."""

    nodes: Sequence[Item]
    edges: Sequence[Facts]
    page_info: Facts


def connection(
    items: Iterable[Item], window: Window, place: Callable[[Item], Place]
) -> Connection[Item]:
    """The page of `items` that `window` shows, ordered by `place`.

    `last` and `before` take the end of what they select, in ascending order; the deprecated
    `order: DESC` walks backwards from the newest. `after` always says that a page precedes, and
    `before` that one follows: the service does not look.

    Raises:
        GraphQLError: The window contradicts itself, or one of its cursors is not a cursor.
    """
    window.check()
    descending = window.order == "DESC"
    ordered = sorted(items, key=place, reverse=descending)
    beyond = _between(ordered, window, place, descending=descending)
    if window.from_the_end:
        taken = list(islice(reversed(beyond), window.size))[::-1]
    else:
        taken = beyond[: window.size]
    more = len(beyond) > len(taken)
    cursors = [_cursor(place(item)) for item in taken]
    return Connection(
        nodes=taken,
        edges=[{"cursor": c, "node": node} for c, node in zip(cursors, taken, strict=True)],
        page_info={
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
            "hasPreviousPage": window.after is not None or (more and window.from_the_end),
            "hasNextPage": window.before is not None or (more and not window.from_the_end),
        },
    )


def _between(
    ordered: Sequence[Item], window: Window, place: Callable[[Item], Place], *, descending: bool
) -> Sequence[Item]:
    if window.after is not None:
        start = _place(window.after)
        return [i for i in ordered if (place(i) < start if descending else place(i) > start)]
    if window.before is not None:
        end = _place(window.before)
        return [i for i in ordered if (place(i) > end if descending else place(i) < end)]
    return ordered


def _cursor(place: Place) -> str:
    """Base64 of `timestamp;number`, the timestamp being finer than the dates shown."""
    moment, number = place
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return base64.urlsafe_b64encode(f"{stamp};{number}".encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        stamp, number = base64.urlsafe_b64decode(padded).decode().split(";")
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC), int(number)
    except ValueError:
        raise GraphQLError(f'Invalid input: "{cursor}"') from None
