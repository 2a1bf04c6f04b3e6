"""The démarches that this counter was set up for: the service lists none."""

from collections.abc import Sequence

from pydantic import Field

from clients.demarches import Overview, Unread
from clients.text import Line
from tools.demarches.dependencies import Configured, Demarches
from tools.dependencies import Reporting
from tools.results import Result, fitting


class DemarcheRow(Result):
    """A démarche, and how many of its dossiers await somebody."""

    number: int
    title: Line
    state: Line
    en_construction: int = Field(description="How many await being taken under instruction.")
    en_instruction: int = Field(description="How many await a decision.")
    all_counted: bool = Field(description="False: a count of 100 means at least that many.")


class UnreadRow(Result):
    """A démarche that could not be read."""

    number: int
    reason: str


class DemarchesList(Result):
    """The configured démarches."""

    demarches: list[DemarcheRow]
    unread: list[UnreadRow]
    left_out: list[int] = Field(description="Those that this result could not hold, by number.")


async def list_demarches(
    demarches: Demarches, report: Reporting, configured: Configured
) -> DemarchesList:
    """List the démarches configured here (Démarches simplifiées), with how many dossiers await.

    Of each state, 100 dossiers are counted at most. Only these are listed; the other tools also
    take other numbers that the token covers.
    """

    async def heard(read: int) -> None:
        await report(read, f"{read} démarches read of {len(configured)}.", len(configured))

    found = await demarches.overviews(configured, heard)
    unread = [_unread(each) for each in found if isinstance(each, Unread)]
    rows = [_row(each) for each in found if isinstance(each, Overview)]
    told = fitting(unread)
    shown = fitting(rows, beside=told)
    return DemarchesList(
        demarches=list(shown),
        unread=list(told),
        left_out=_numbers(rows[len(shown) :]) + _numbers(unread[len(told) :]),
    )


def _row(overview: Overview) -> DemarcheRow:
    construction, instruction = overview.en_construction, overview.en_instruction
    return DemarcheRow(
        number=overview.number,
        title=overview.title,
        state=overview.state,
        en_construction=construction.count,
        en_instruction=instruction.count,
        all_counted=construction.all_counted and instruction.all_counted,
    )


def _unread(unread: Unread) -> UnreadRow:
    return UnreadRow(number=unread.number, reason=unread.reason)


def _numbers(rows: Sequence[DemarcheRow | UnreadRow]) -> list[int]:
    return [row.number for row in rows]
