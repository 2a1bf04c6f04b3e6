"""What became of a change whose answer was lost: known by reading, never by writing again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import anyio
from mcp.types import CallToolResult

from clients import ApiError
from tools.desk import Desk
from tools.journal import Ending
from tools.results import Outcome, structured

READ_AGAIN_AFTER = (0.0, 2.0, 5.0, 10.0, 20.0, 25.0)
"""Seconds before each reading: together, as long as `AT_WORK`."""
AT_WORK = 60.0
"""Seconds a service may still be at work on what it received: before, not done is not settled."""
WITHIN = 10.0
"""Seconds that settling what others left may hold up a call."""


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
    return _ending(outcome), structured(outcome)


async def settle_abandoned(desk: Desk, settlements: Settlements) -> None:
    """Read once what became of the changes of processes that died, and of those unsettled since."""
    with anyio.move_on_after(WITHIN):
        for operation in await desk.journal.unsettled():
            settlement = settlements.get(operation.tool)
            if settlement is None or (operation.status == "undetermined" and not settlement.read):
                continue
            outcome = await _read(desk, settlement, operation.subject)
            if outcome.outcome == "not_applied" and desk.journal.idle(operation) < AT_WORK:
                outcome = settlement.unread(operation.subject)
            ending = _ending(outcome)
            if ending != operation.status:
                await desk.journal.settle(operation, ending, structured(outcome))


def _ending(outcome: Outcome) -> Ending:
    endings: dict[str, Ending] = {"applied": "applied", "not_applied": "not_applied"}
    return endings.get(outcome.outcome, "undetermined")


async def _read(desk: Desk, settlement: Settlement, subject: str) -> Outcome:
    try:
        return (
            await settlement.read(desk, subject) if settlement.read else settlement.unread(subject)
        )
    except ApiError:
        return settlement.unread(subject)
