"""What became of a change whose answer was lost: known by reading, never by writing again."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import anyio
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from clients import ApiError
from tools.desk import Desk
from tools.journal import Ending, Operation
from tools.results import Outcome, structured

LOG = logging.getLogger(__name__)

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
    read: Callable[[Desk, Operation], Awaitable[Outcome]] | None = None
    """What the service now shows of an operation; None where it has nothing to read."""
    part: "Settlement | None" = None
    """How a part of the change is settled, where it is carried out by several requests."""

    def of(self, operation: Operation) -> "Settlement":
        """How this operation of the tool is settled.

        A tool that makes changes in parts may make some at once: those have no goal to read by.
        """
        if self.part is None:
            return self
        if operation.part_of:
            return self.part
        return self if operation.goal else Settlement(self.unread)


Settlements = Mapping[str, Settlement]
"""By the name of the tool."""


async def settled(
    desk: Desk, settlement: Settlement, operation: Operation
) -> tuple[Ending, CallToolResult]:
    """What became of a change, as far as reading can tell."""
    outcome = settlement.unread(operation.subject)
    for pause in READ_AGAIN_AFTER if settlement.read else ():
        await desk.sleep(pause)
        outcome = await read(desk, settlement, operation)
        if outcome.outcome == "applied":
            break
    return ending(outcome), structured(outcome)


async def settle_abandoned(desk: Desk, settlements: Settlements) -> None:
    """Read once what became of the changes of processes that died, and of those unsettled since.

    Parts come before what they are parts of, being newer. What was asked of a service at another
    address, or with other credentials, is left alone: what is read here would be somebody else's.
    """
    with anyio.move_on_after(WITHIN):
        for operation in await desk.journal.unsettled():
            if operation.tool in settlements and _is_ours(desk, operation):
                await _settle(desk, settlements[operation.tool].of(operation), operation)


def ending(outcome: Outcome) -> Ending:
    """How the ledger says it."""
    endings: dict[str, Ending] = {"applied": "applied", "not_applied": "not_applied"}
    return endings.get(outcome.outcome, "undetermined")


async def read(desk: Desk, settlement: Settlement, operation: Operation) -> Outcome:
    """What a service shows of an operation, or that it could not be read."""
    try:
        if settlement.read:
            return await settlement.read(desk, operation)
    except (ApiError, ToolError):  # or what the ledger keeps of its parts cannot
        pass
    except ValueError as unlike:  # what is there, or was kept, is not of the kind it should be
        LOG.warning("%s cannot be settled: %s", operation.tool, type(unlike).__name__)
    return settlement.unread(operation.subject)


def _is_ours(desk: Desk, operation: Operation) -> bool:
    theirs = desk.principals is not None and operation.principal not in desk.principals
    return not theirs and operation.place in {"", *desk.places}


async def _settle(desk: Desk, settlement: Settlement, operation: Operation) -> None:
    if operation.status == "undetermined" and not settlement.read:
        return
    outcome = await read(desk, settlement, operation)
    if outcome.outcome == "not_applied" and desk.journal.idle(operation) < AT_WORK:
        outcome = settlement.unread(operation.subject)
    came = ending(outcome)
    if came != operation.status:
        await desk.journal.settle(operation, came, structured(outcome))
