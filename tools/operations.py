"""Tools about what was asked and changed here: the journal, as its own principal may read it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from tools.dependencies import Counter
from tools.desk import Desk
from tools.journal import SHORT, Evidence, Operation
from tools.parameters import Whole
from tools.registry import read
from tools.results import Outcome, Result, fitting

Standing = Literal[
    "pending",
    "expired",
    "approved",
    "declined",
    "stale",
    "executing",
    "applied",
    "not_applied",
    "undetermined",
]
"""Where an operation stands: its status, or that nobody answered or used the answer in time."""

MEANINGS: dict[Standing, str] = {
    "pending": "The question was put to the person, who has not answered yet: nothing was changed.",
    "expired": "Nobody answered in time, or the answer was not used in time: nothing was changed.",
    "approved": "The person agreed, and the change was not made yet: call again with the same "
    "arguments for it to be.",
    "declined": "The person did not agree: nothing was changed.",
    "stale": "The question became void before it was answered: nothing was changed.",
    "executing": "It is being made; or the process that was making it died, and it will be read.",
    "applied": "It was made, once; if in parts, those that say so were.",
    "not_applied": "The person agreed, but the service refused it or shows that it was not made.",
    "undetermined": "It was sent and its answer was lost: the service could not tell whether it "
    "was made.",
}
"""Where an operation stands, in plain words."""

EVENTS: dict[str, str] = {**MEANINGS, "asked": "The question was put to the person."}
"""What an entry tells, in plain words."""

Limit = Annotated[Whole, Field(ge=1, le=100, description="How many operations at most.")]
Page = Annotated[
    str,
    Field(pattern=r"^([0-9a-f]{16,64})?$", description="The `next` of the page before this one."),
]
PartOf = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{16,64})?$",
        description="The `id` of a change made in parts, to list its parts instead.",
    ),
]
Identifier = Annotated[
    str, Field(pattern=r"^[0-9a-f]{16,64}$", description="The operation's `id`, as listed.")
]


class OperationRow(Result):
    """A change that was asked for, and where it stands."""

    id: str
    tool: str
    subject: str = Field(description="What it is about: a dossier's number, a count of rows.")
    status: Standing
    meaning: str = Field(description="The status, in plain words.")
    evidence: Evidence = Field(
        description="How the person's consent was given; empty: it was not, or not yet."
    )
    decided_by: str | None = Field(
        default=None, description="Another person who agreed or refused on the page."
    )
    asked_at: datetime
    ended_at: datetime | None = None


class OperationsPage(Result):
    """A page of operations, newest first."""

    operations: list[OperationRow]
    next: str = Field(description="The `after` of the next page; empty on the last.")


class Event(Result):
    """One thing that happened to an operation."""

    at: datetime
    event: str
    meaning: str


class OperationDetails(OperationRow):
    """A change that was asked for, what happened to it, and what the caller was told."""

    events: list[Event] = Field(description="Oldest first.")
    outcome: str | None = Field(default=None, description="As the call returned it.")
    conclusion: str | None = Field(
        default=None, description="What the call said happened; absent until the operation ends."
    )


async def list_operations(
    desk: Counter, limit: Limit = 20, after: Page = "", part_of: PartOf = ""
) -> OperationsPage:
    """List the changes that were asked for here on this user's behalf, made or not, newest first.

    The journal, not your memory, says what was done: read it when the user asks what you changed,
    after an interruption, or before repeating a change. It keeps no name and no text: only the
    tool, the number it was about, how the person agreed and what came of it. Reads are not in it.
    """
    place = await _known(desk, after) if after else None
    whole = (await _known(desk, part_of)).id if part_of else ""
    # One more than asked for tells whether there is a next page.
    found = await desk.journal.recent(desk.principal(), limit + 1, place, whole)
    rows = fitting([_row(desk, operation) for operation in found[:limit]])
    return OperationsPage(operations=list(rows), next=rows[-1].id if len(rows) < len(found) else "")


async def get_operation(desk: Counter, id: Identifier) -> OperationDetails:  # noqa: A002  (as listed)
    """Tell one change from the question to what came of it: each event, and what the call returned.

    Use it to explain why a change was not made, or to prove that it was. It holds no more of the
    question, the arguments or the result than its outcome and its conclusion.
    """
    operation = await _known(desk, id)
    outcome, conclusion = _told(desk.journal.recorded(operation))
    events = [
        Event(at=local(entry.at), event=entry.event, meaning=EVENTS[entry.event])
        for entry in await desk.journal.entries(operation.id)
    ]
    return OperationDetails(
        **dict(_row(desk, operation)), events=events, outcome=outcome, conclusion=conclusion
    )


WORKS = (
    read(list_operations, "List what was asked and changed", "ledger"),
    read(get_operation, "Tell what came of a change", "ledger"),
)


def local(at: float) -> datetime:
    """A time of the journal as this machine's clock shows it, to the second."""
    return datetime.fromtimestamp(int(at), UTC).astimezone()


async def _known(desk: Desk, beginning: str) -> Operation:
    operation = await desk.journal.named(desk.principal(), beginning)
    if operation is None:
        raise ToolError(
            f"No operation of this user has the id {beginning[:SHORT]}: take one from "
            "list_operations. Old ones may have been purged."
        )
    return operation


def _row(desk: Desk, operation: Operation) -> OperationRow:
    status = operation.status
    over = status in {"pending", "approved"} and not desk.journal.is_open(operation)
    standing: Standing = "expired" if over else status
    return OperationRow(
        id=operation.short,
        tool=operation.tool,
        subject=operation.subject,
        status=standing,
        meaning=MEANINGS[standing],
        evidence=operation.evidence,
        decided_by=operation.decided_by or None,
        asked_at=local(operation.asked_at),
        ended_at=None if operation.ended_at is None else local(operation.ended_at),
    )


def _told(result: CallToolResult | None) -> tuple[str | None, str | None]:
    """The outcome and the conclusion of a result; a refusal has only its text."""
    match result:
        case None:
            return None, None
        case CallToolResult(structured_content=None, content=[TextContent(text=text), *_]):
            return None, text
        case _:
            outcome = Outcome.model_validate(result.structured_content)
            return outcome.outcome, outcome.conclusion
