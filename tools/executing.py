"""Making what was consented to: leased while it is made, recorded with what came of it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from clients import ApiError, Approval, LostAnswerError
from tools.desk import Desk
from tools.journal import Ending, Operation
from tools.results import Outcome, error, structured
from tools.settling import Settlement, ending, read, settled

Body = Callable[[], Awaitable[Outcome]]
Made = tuple[Ending, CallToolResult]


async def executed(desk: Desk, settlement: Settlement, operation: Operation, body: Body) -> Made:
    """What came of an operation that was committed as being executed: it runs to its end."""
    # This stands should the body fail in a way nobody foresaw.
    made: Made = ("undetermined", structured(settlement.unread(operation.subject)))
    with anyio.CancelScope(shield=True):
        try:
            async with desk.journal.lease(operation.id):
                made = await _made(desk, settlement, operation, body)
        finally:
            await _record(desk, operation, made)
    return made


async def led(desk: Desk, settlement: Settlement, operation: Operation, body: Body) -> Made:
    """The same of an operation made in parts: what came of it is what they tell.

    Each part runs to its end, and none is begun once the call is cancelled.
    """
    made: Made | None = None
    try:
        async with desk.journal.lease(operation.id):
            made = await _led(desk, settlement, operation, body)
            return made
    finally:
        with anyio.CancelScope(shield=True):
            await _record(desk, operation, made or await _so_far(desk, settlement, operation))


async def part(
    desk: Desk,
    settlement: Settlement,
    whole: Approval,
    body: Callable[[Approval], Awaitable[Outcome]],
    *,
    subject: str,
    goal: str = "",
    name: str = "",
) -> Made:
    """What came of one part of an operation made in parts, itself in the ledger.

    `settlement` is the part's own, and `body` is given the approval that stands for the whole.

    Raises:
        ToolError: The ledger cannot be written, or has a part of that name already: this one was
            not begun.
    """
    begun = await desk.journal.part(whole.operation, subject=subject, goal=goal, name=name)
    return await executed(desk, settlement, begun, lambda: body(whole))


async def _made(desk: Desk, settlement: Settlement, operation: Operation, body: Body) -> Made:
    try:
        outcome = await body()
        return ending(outcome), structured(outcome)
    except LostAnswerError:
        return await settled(desk, settlement, operation)
    except (ApiError, ToolError) as refusal:
        return "not_applied", error(str(refusal))


async def _led(desk: Desk, settlement: Settlement, operation: Operation, body: Body) -> Made:
    try:
        outcome = await body()
    except (ApiError, ToolError) as refusal:
        return await _so_far(desk, settlement, operation, str(refusal))
    return ending(outcome), structured(outcome)


async def _so_far(
    desk: Desk, settlement: Settlement, operation: Operation, refusal: str = ""
) -> Made:
    """What the parts tell of a whole that was cut short, and why; that alone if none was made."""
    if refusal and await _none_made(desk, operation):
        return "not_applied", error(refusal)
    outcome = await read(desk, settlement, operation)
    told = f"{outcome.conclusion} {refusal}".rstrip()
    return ending(outcome), structured(outcome.model_copy(update={"conclusion": told}))


async def _none_made(desk: Desk, operation: Operation) -> bool:
    """Whether it is known that no part of a whole was made."""
    try:
        parts = await desk.journal.parts(operation.id)
    except ToolError:  # the ledger cannot be read any more, and some may have been
        return False
    return all(one.status == "not_applied" for one in parts)


async def _record(desk: Desk, operation: Operation, made: Made) -> None:
    with suppress(ToolError):  # unrecorded, it stays to be settled: the change is made
        await desk.journal.end(operation.id, *made)
