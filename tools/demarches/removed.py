"""The dossiers that are gone: a copy kept elsewhere must lose them too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients.demarches import Removal, Removals, RemovalsPage, State
from clients.text import Line
from tools.demarches.dependencies import Demarches
from tools.demarches.missing import Missing, missing
from tools.parameters import DemarcheNumber, GroupNumber, Since, Whole, moment
from tools.results import Result, fitting

SEPARATOR = ":"

Kind = Literal["deleted", "pending"]


class RemovedRow(Result):
    """A dossier that cannot be read any more."""

    number: int
    kind: Kind = Field(description="deleted: for good. pending: hidden, and deleted later.")
    state: State = Field(description="The state it was in.")
    reason: Line
    at: datetime


class RemovedPage(Result):
    """A page of dossiers that are gone, oldest removal first."""

    dossiers: list[RemovedRow]
    next: str = Field(description="The `after` of the next page; empty on the last.")
    missing: list[Missing] = Field(
        description="What the service failed to give: with any, dossiers may be missing here."
    )
    missing_more: int = Field(description="How many more it failed to give.")


async def list_deleted_dossiers(
    demarches: Demarches,
    demarche_number: DemarcheNumber,
    group: GroupNumber = 0,
    kind: Annotated[
        Literal["all", "deleted", "pending"],
        Field(description="pending: hidden, and deleted later."),
    ] = "all",
    since: Annotated[Since, Field(description="Only since this ISO date (Paris).")] = "",
    limit: Annotated[Whole, Field(ge=1, le=100, description="At most.")] = 20,
    after: Annotated[str, Field(description="The `next` of the page before.")] = "",
) -> RemovedPage:
    """List deleted dossiers of a démarche, and those that will be (Démarches simplifiées).

    Oldest first. A pending one comes again once deleted: tell them by number.
    """
    start = _places(after)
    page = await demarches.removals(
        demarche_number,
        groupe=group or None,
        since=moment(since),
        deleted=kind != "pending",
        pending=kind != "deleted",
        first=limit,
        after=start,
    )
    found = _merged(page)[:limit]
    lost = missing(page.problems)
    rows = fitting([_row(removal, kind) for removal, kind in found], beside=lost)
    given = [removal for removal, _ in found[: len(rows)]]
    return RemovedPage(
        dossiers=list(rows),
        next=_next(page, start, given),
        missing=lost,
        missing_more=len(page.problems) - len(lost),
    )


def _places(after: str) -> tuple[str, str]:
    """The cursor of each list in a `next`."""
    deleted, separator, pending = after.partition(SEPARATOR)
    if after and (not separator or SEPARATOR in pending):
        raise ToolError(
            "`after` is not a `next` of list_deleted_dossiers: give one exactly as it came, or "
            "leave `after` out to start again."
        )
    return deleted, pending


def _merged(page: RemovalsPage) -> list[tuple[Removal, Kind]]:
    """Both lists as one; what comes later in either is on its next page."""
    deleted: list[tuple[Removal, Kind]] = [(removal, "deleted") for removal in page.deleted.rows]
    pending: list[tuple[Removal, Kind]] = [(removal, "pending") for removal in page.pending.rows]
    return sorted((*deleted, *pending), key=_removed_at)


def _removed_at(found: tuple[Removal, Kind]) -> tuple[datetime, int]:
    dossier = found[0].dossier
    return dossier.date_supression, dossier.number


def _next(page: RemovalsPage, start: tuple[str, str], given: Sequence[Removal]) -> str:
    """Where both lists go on; nothing when neither does."""
    left = any(
        each.more or any(row not in given for row in each.rows)
        for each in (page.deleted, page.pending)
    )
    lists = zip((page.deleted, page.pending), start, strict=True)
    places = [_place(each, at, given) for each, at in lists]
    return SEPARATOR.join(places) if left else ""


def _place(removals: Removals, start: str, given: Sequence[Removal]) -> str:
    """Where a list goes on: after the last row given of it, or after its page once all are."""
    taken = [row for row in removals.rows if row in given]
    if len(taken) == len(removals.rows):
        return removals.end or start
    return taken[-1].cursor if taken else start


def _row(removal: Removal, kind: Kind) -> RemovedRow:
    return RemovedRow(
        number=removal.dossier.number,
        kind=kind,
        state=removal.dossier.state,
        reason=removal.dossier.reason,
        at=removal.dossier.date_supression,
    )
