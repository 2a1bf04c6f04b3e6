"""What became of a change whose answer was lost: known by reading, never by writing again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mcp.types import CallToolResult

from clients import ApiError
from tools.desk import Desk
from tools.journal import Ending
from tools.results import Outcome, structured

READ_AGAIN_AFTER = (0.0, 2.0, 5.0)
"""Seconds before each reading: the service may still be at work on what it received."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a mutation settles a lost answer."""

    unread: Callable[[str], Outcome]
    """What is said of a subject that cannot be read."""
    read: Callable[[Desk, str], Awaitable[Outcome]] | None = None
    """What the service now shows of a subject; None where it has nothing to read."""


Settlements = Mapping[str, Settlement]
"""By the name of the tool."""


async def settled(
    desk: Desk, settlement: Settlement, subject: str
) -> tuple[Ending, CallToolResult]:
    """What became of a change, as far as reading can tell."""
    outcome = settlement.unread(subject)
    for pause in READ_AGAIN_AFTER if settlement.read else ():
        await desk.sleep(pause)
        outcome = await _read(desk, settlement, subject)
        if outcome.outcome == "applied":
            break
    endings: dict[str, Ending] = {"applied": "applied", "not_applied": "not_applied"}
    return endings.get(outcome.outcome, "undetermined"), structured(outcome)


async def settle_abandoned(desk: Desk, settlements: Settlements) -> None:
    """Settle the changes that a process was making when it died, and those not settled since."""
    for operation in await desk.journal.unsettled():
        settlement = settlements.get(operation.tool)
        if settlement is None or (operation.status == "undetermined" and not settlement.read):
            continue
        ending, result = await settled(desk, settlement, operation.subject)
        if ending != operation.status:
            await desk.journal.end(operation.id, operation.status, ending, result)


async def _read(desk: Desk, settlement: Settlement, subject: str) -> Outcome:
    try:
        return (
            await settlement.read(desk, subject) if settlement.read else settlement.unread(subject)
        )
    except ApiError:
        return settlement.unread(subject)
