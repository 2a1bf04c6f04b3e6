"""What the lists hold: pages of dossiers, of those that are gone, and counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from pydantic import Field, ValidationError

from clients.demarches.failures import failure, partial
from clients.demarches.models import (
    Awaiting,
    DeletedDossier,
    DossiersPage,
    DossierSummary,
    Overview,
    PartialError,
    Removal,
    Removals,
    RemovalsPage,
    Row,
)
from clients.demarches.wire import SERVICE, Reply, Wire
from clients.errors import RejectedError, UnexpectedReplyError

MOST_NAMED = 20
"""Groupes named in a refusal."""


def page(reply: Reply, *, newest_first: bool = False) -> DossiersPage:
    """A page of a démarche, with what could be read of it.

    Raises:
        ApiError: Nothing could.
    """
    demarche = _read(reply, _Listing).demarche
    place = "demarche.dossiers"
    return _page(reply, demarche.title, demarche.dossiers, place, newest_first=newest_first)


def page_of_groupe(
    reply: Reply, demarche: int, groupe: int, *, newest_first: bool = False
) -> DossiersPage:
    """A page of a groupe instructeur, with what could be read of it.

    Raises:
        RejectedError: The groupe is of another démarche.
        ApiError: Nothing could be read.
    """
    listing = _read(reply, _GroupeListing)
    _check_groupe(listing.demarche, demarche, groupe)
    title, dossiers = listing.demarche.title, listing.groupe.dossiers
    place = "groupeInstructeur.dossiers"
    return _page(reply, title, dossiers, place, newest_first=newest_first)


def removals(reply: Reply) -> RemovalsPage:
    """What is gone of a démarche.

    Raises:
        ApiError: Nothing could be read.
    """
    return _removals(reply, _read(reply, _RemovedListing).demarche, "demarche")


def removals_of_groupe(reply: Reply, demarche: int, groupe: int) -> RemovalsPage:
    """What is gone of a groupe instructeur.

    Raises:
        RejectedError: The groupe is of another démarche.
        ApiError: Nothing could be read.
    """
    listing = _read(reply, _GroupeRemovedListing)
    _check_groupe(listing.demarche, demarche, groupe)
    return _removals(reply, listing.groupe, "groupeInstructeur")


def overview(reply: Reply) -> Overview:
    """A démarche, and how much of it awaits somebody.

    Raises:
        ApiError: Something is missing: a count would be wrong.
    """
    if reply.errors:
        raise failure(reply)
    counted = _read(reply, _Counting).demarche
    return Overview(
        number=counted.number,
        title=counted.title,
        state=counted.state,
        en_construction=_awaiting(counted.en_construction),
        en_instruction=_awaiting(counted.en_instruction),
    )


class _Edge(Wire):
    cursor: str
    node: object = None


class _PageInfo(Wire):
    has_next_page: bool
    has_previous_page: bool = False
    start_cursor: str | None = None
    end_cursor: str | None = None


class _Connection(Wire):
    edges: tuple[_Edge | None, ...] | None
    page_info: _PageInfo


class _Listed(Wire):
    title: str
    dossiers: _Connection


class _Listing(Wire):
    demarche: _Listed


class _Numbered(Wire):
    number: int


class _WithGroupes(Wire):
    title: str = ""
    groupe_instructeurs: tuple[_Numbered, ...]


class _GroupeListed(Wire):
    dossiers: _Connection


class _GroupeListing(Wire):
    demarche: _WithGroupes
    groupe: _GroupeListed = Field(validation_alias="groupeInstructeur")


class _Removed(Wire):
    deleted_dossiers: _Connection | None = None
    pending_deleted_dossiers: _Connection | None = None


class _RemovedListing(Wire):
    demarche: _Removed


class _GroupeRemovedListing(Wire):
    demarche: _WithGroupes
    groupe: _Removed = Field(validation_alias="groupeInstructeur")


class _Count(Wire):
    nodes: tuple[_Numbered | None, ...] | None
    page_info: _PageInfo


class _Counted(Wire):
    number: int
    title: str
    state: str
    en_construction: _Count
    en_instruction: _Count


class _Counting(Wire):
    demarche: _Counted


Listing = TypeVar("Listing", bound=Wire)
Node = TypeVar("Node", bound=Wire)
Found = tuple[str, Node]
"""A node, after the cursor that leads past it."""


def _read(reply: Reply, listing: type[Listing]) -> Listing:
    if reply.data is None:
        raise failure(reply)
    return listing.model_validate(reply.data)


def _page(
    reply: Reply, title: str, dossiers: _Connection, place: str, *, newest_first: bool
) -> DossiersPage:
    found = _found(reply, dossiers, DossierSummary)
    rows = [Row(*each) for each in found if each]
    return DossiersPage(
        title=title,
        rows=tuple(reversed(rows) if newest_first else rows),
        next=_next(dossiers.page_info, newest_first=newest_first),
        problems=_problems(reply, {place: found}),
    )


def _removals(reply: Reply, removed: _Removed, place: str) -> RemovalsPage:
    lists = {
        f"{place}.deletedDossiers": removed.deleted_dossiers,
        f"{place}.pendingDeletedDossiers": removed.pending_deleted_dossiers,
    }
    found = {
        place: _found(reply, asked, DeletedDossier) if asked else []
        for place, asked in lists.items()
    }
    deleted, pending = (_list(asked, found[place]) for place, asked in lists.items())
    return RemovalsPage(deleted=deleted, pending=pending, problems=_problems(reply, found))


def _list(asked: _Connection | None, found: Sequence[Found[DeletedDossier] | None]) -> Removals:
    if asked is None:
        return Removals()
    rows = tuple(Removal(*each) for each in found if each)
    return Removals(rows, asked.page_info.end_cursor or "", more=asked.page_info.has_next_page)


def _found(reply: Reply, connection: _Connection, kind: type[Node]) -> list[Found[Node] | None]:
    """What each edge holds, if it can be read: one dossier must not hide the others."""
    if connection.edges is None:
        raise failure(reply)
    return [_node(edge, kind) for edge in connection.edges]


def _node(edge: _Edge | None, kind: type[Node]) -> Found[Node] | None:
    try:
        return (edge.cursor, kind.model_validate(edge.node)) if edge else None
    except ValidationError:
        return None


def _problems(
    reply: Reply, found: Mapping[str, Sequence[Found[Node] | None]]
) -> tuple[PartialError, ...]:
    """What is missing: what the service says, and what it says nothing of."""
    told = [partial(error) for error in reply.errors]
    silent = [
        problem for place, nodes in found.items() for problem in _unexplained(nodes, place, told)
    ]
    return (*told, *silent)


def _unexplained(
    nodes: Sequence[object | None], place: str, problems: Sequence[PartialError]
) -> Iterator[PartialError]:
    for position, node in enumerate(nodes):
        path = f"{place}.edges.{position}"
        told = any(f"{problem.path}.".startswith(f"{path}.") for problem in problems)
        if node is None and not told:
            yield PartialError(path, "this dossier could not be read.")


def _next(page: _PageInfo, *, newest_first: bool) -> str:
    more = page.has_previous_page if newest_first else page.has_next_page
    if not more:
        return ""
    cursor = page.start_cursor if newest_first else page.end_cursor
    if not cursor:
        raise UnexpectedReplyError(SERVICE, "more dossiers follow, and no cursor leads to them.")
    return cursor


def _awaiting(count: _Count) -> Awaiting:
    return Awaiting(len(count.nodes or ()), all_counted=not count.page_info.has_next_page)


def _check_groupe(listed: _WithGroupes, demarche: int, groupe: int) -> None:
    numbers = [each.number for each in listed.groupe_instructeurs]
    if groupe not in numbers:
        named = ", ".join(map(str, numbers[:MOST_NAMED]))
        reason = f"groupe instructeur {groupe} is not of démarche {demarche}."
        raise RejectedError(SERVICE, reason, remedy=f"Its groupes are: {named}.")
