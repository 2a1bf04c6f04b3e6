"""What the answers hold: a page, a dossier, the outcome of a change."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from pydantic import ValidationError

from clients.demarches.acts import Act, Made, Outcome
from clients.demarches.failures import failure, partial
from clients.demarches.models import (
    Dossier,
    DossiersPage,
    DossierSummary,
    PartialError,
    Row,
)
from clients.demarches.wire import SERVICE, Reply, Wire
from clients.errors import ApiError, LostAnswerError, RejectedError, UnexpectedReplyError
from clients.text import quoted

Record = TypeVar("Record", bound=Wire)


def page(reply: Reply) -> DossiersPage:
    """A page with what could be read of it.

    Raises:
        ApiError: Nothing could.
    """
    if reply.data is None:
        raise failure(reply)
    demarche = _Listing.model_validate(reply.data).demarche
    edges = demarche.dossiers.edges
    if edges is None:
        raise failure(reply)
    rows = [_row(edge) for edge in edges]
    problems = [partial(error) for error in reply.errors]
    return DossiersPage(
        title=demarche.title,
        rows=tuple(row for row in rows if row),
        next=_next(demarche.dossiers.page_info),
        problems=(*problems, *_unexplained(rows, problems)),
    )


def whole(reply: Reply, member: str, kind: type[Record]) -> Record:
    """A record.

    Raises:
        ApiError: Something is missing from it.
    """
    if reply.errors or reply.data is None:
        raise failure(reply)
    return kind.model_validate(reply.data.get(member))


def each(reply: Reply, numbers: Sequence[int]) -> tuple[dict[int, Dossier], dict[int, ApiError]]:
    """The dossiers read together, by number, and what hides some of the others.

    One that cannot be given leaves no data at all, of none of them: the rest is to be asked again.

    Raises:
        ApiError: Nothing was given, and it is said of none of them in particular.
    """
    ranks = {f"n{rank}": number for rank, number in enumerate(numbers)}
    hidden: dict[int, ApiError] = {}
    for error in reply.errors:
        number = ranks.get(str(error.path[0])) if error.path else None
        if number is None:
            raise failure(reply)
        hidden.setdefault(number, failure(Reply(errors=(error,))))
    if reply.data is None:
        if not hidden:
            raise failure(reply)
        return {}, hidden
    given = {n: reply.data.get(rank) for rank, n in ranks.items() if n not in hidden}
    return {n: Dossier.model_validate(dossier) for n, dossier in given.items()}, hidden


def made(reply: Reply, act: Act[Made]) -> Made:
    """What a change made.

    Raises:
        LostAnswerError: The answer does not show it.
        RejectedError: The service refused it, in its own words.
        ApiError: It failed, or may have.
    """
    outcome = _Answered.model_validate(reply.data or {}).outcome
    if outcome is None:
        raise failure(reply, writing=True)
    if outcome.errors and not (act.in_part and outcome.annotations):
        told = " ".join(error.message for error in outcome.errors)
        raise RejectedError(SERVICE, f"it refuses: {quoted(told)}.", remedy=act.remedy)
    shown = act.made(outcome)
    if shown is None:
        raise LostAnswerError(SERVICE, "its answer does not show what it did.")
    return shown


class _Edge(Wire):
    cursor: str
    node: object = None


class _PageInfo(Wire):
    has_next_page: bool
    end_cursor: str | None


class _Connection(Wire):
    edges: tuple[_Edge | None, ...] | None
    page_info: _PageInfo


class _Listed(Wire):
    title: str
    dossiers: _Connection


class _Listing(Wire):
    demarche: _Listed


class _Answered(Wire):
    outcome: Outcome | None = None


def _row(edge: _Edge | None) -> Row | None:
    """The row an edge holds, if it can be read: one dossier must not hide the others."""
    try:
        return Row(edge.cursor, DossierSummary.model_validate(edge.node)) if edge else None
    except ValidationError:
        return None


def _unexplained(rows: list[Row | None], problems: list[PartialError]) -> Iterator[PartialError]:
    """The rows that are missing although the service says nothing of them."""
    for position, row in enumerate(rows):
        place = f"demarche.dossiers.edges.{position}"
        told = any(f"{problem.path}.".startswith(f"{place}.") for problem in problems)
        if row is None and not told:
            yield PartialError(place, "this dossier could not be read.")


def _next(page: _PageInfo) -> str:
    if not page.has_next_page:
        return ""
    if not page.end_cursor:
        raise UnexpectedReplyError(SERVICE, "more dossiers follow, and no cursor leads to them.")
    return page.end_cursor
