"""One answer, one change: whatever is sent again finds what the first one obtained.

An operation is named after what its answer must come back with: the sealed state of the 2026-07-28
protocol, or a code. A replayed answer therefore finds the operation it already served. In the older
eras the answer arrives within the call, and on the page it arrives outside it: names are random.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult

from tools import refusals
from tools.asking import Rung
from tools.desk import Desk
from tools.journal import Evidence, Intent, Operation
from tools.questions import Asked, Question
from tools.results import Outcome, Preview, error, shortened, structured
from tools.settling import Settlements, settle_abandoned

LOG = logging.getLogger(__name__)
MOST_QUESTION_BYTES = 12_000
"""Bytes of a question that a dry run shows: the page shows it whole."""
MOST_BODY_BYTES = 6_000


@dataclass(frozen=True, slots=True)
class OnPage:
    """A question that awaits its answer on the page."""

    asked: Asked
    address: str
    """Where the page is, without any secret."""


@dataclass(slots=True)
class Call:
    """What is known of the call under way."""

    answers: str | None = None
    """The operation whose answer came back with this call."""
    tool: str = ""
    rung: Rung = Rung.PAGE
    arguments: str = ""
    operation: Operation | None = None
    asking: Intent | None = None
    evidence: Evidence = "form"
    on_page: OnPage | None = None
    """What this call left for the person to decide on."""
    desk: Desk = field(init=False)


CALL: ContextVar[Call] = ContextVar("call")


class ServedError(Exception):
    """The answer has already made its change, or is making it."""


class AlreadyDoneError(Exception):
    """There is nothing left to do of what the call asks for: nobody needs to be asked."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class PreviewedError(Exception):
    """The call only wanted to know what would be asked and sent."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question


async def remembering(ctx: ServerRequestContext[Desk, Any], call_next: CallNext) -> HandlerResult:
    """Middleware around calls, that sees sealed states: it names the operation asked, or answered.

    It goes first: inside the SDK's own boundary a state is unsealed, and two approvals of the same
    call look the same.
    """
    state = (ctx.params or {}).get("requestState")
    call = Call(answers=_name(state) if isinstance(state, str) else None)
    token = CALL.set(call)
    try:
        result = await call_next(ctx)
    finally:
        CALL.reset(token)
    if call.asking and (sealed := _sealed_state(result)):
        try:
            await ctx.lifespan_context.journal.ask(_name(sealed), call.asking)
        except ToolError as unusable:
            return error(str(unusable))
    return result


async def once(
    desk: Desk,
    settlements: Settlements,
    tool: str,
    rung: Rung,
    arguments: Mapping[str, object],
    code: str,
    proceed: Callable[[], Awaitable[CallToolResult | InputRequiredResult]],
) -> CallToolResult | InputRequiredResult:
    """The result of a mutation's call: the recorded one if its answer was served already.

    Raises:
        ToolError: What came back is no answer to this call's question, or is too late.
    """
    call = CALL.get()
    call.desk, call.tool, call.rung = desk, tool, rung
    call.arguments = _canonical(arguments)
    call.answers = call.answers or (await _coded(desk, code) if code else None)
    await settle_abandoned(desk, settlements)
    if call.answers:
        call.operation = await _answered(desk, call, call.answers)
        if call.operation.status != "pending":
            return await _recorded(call, settlements)
    try:
        result = await proceed()
    except UnexpectedToolError as crash:
        if told := _told_unasked(desk, settlements, tool, crash.__cause__):
            return told
        if not isinstance(crash.__cause__, ServedError):
            await _check_recorded(call, crash)
    except ToolError as refusal:
        if not await _ended_already(call, str(refusal.__cause__ or refusal)):
            raise
    else:
        asks_anew = isinstance(result, InputRequiredResult)
        if not (asks_anew and await _ended_already(call, refusals.changed(desk.say))):
            return result
    return await _recorded(call, settlements)


def code_name(desk: Desk, code: str) -> str:
    """The name to give to the operation that a code is good for."""
    return desk.journal.seal.mark(_code(code))


async def _coded(desk: Desk, code: str) -> str:
    """The name of the operation that a code is good for, whenever it was given."""
    names = desk.journal.seal.marks(_code(code))
    for name in names:
        if await desk.journal.find(name):
            return name
    return names[0]


def _code(code: str) -> str:
    return f"code {code}"


def _told_unasked(
    desk: Desk, settlements: Settlements, tool: str, why: BaseException | None
) -> CallToolResult | None:
    """What is told where nobody had to be asked, if that is why the call was cut short."""
    match why:
        case PreviewedError(question=question):
            return _previewed(desk, settlements, tool, question)
        case AlreadyDoneError(outcome=outcome):
            return structured(outcome)
        case _:
            return None


def _previewed(
    desk: Desk, settlements: Settlements, tool: str, question: Question
) -> CallToolResult:
    preview = Preview(
        question=shortened(question.asked.text(desk.say), MOST_QUESTION_BYTES),
        method=question.asked.request.method,
        address=question.asked.request.address,
        body=shortened(question.asked.request.body, MOST_BODY_BYTES),
    )
    outcome = settlements[tool].unread(question.subject)
    conclusion = "Nothing was sent and nobody was asked: this is what would be."
    return structured(
        outcome.model_copy(
            update={"outcome": "dry_run", "conclusion": conclusion, "preview": preview}
        )
    )


async def _check_recorded(call: Call, crash: UnexpectedToolError) -> None:
    """Return if the ledger tells what came of the change that this crash cut short.

    Raises:
        UnexpectedToolError: Nothing was begun.
    """
    found = call.operation and await call.desk.journal.find(call.operation.id)
    if not (found and found.result):
        raise crash
    LOG.error("%s was cut short", call.tool, exc_info=crash.__cause__)


async def _ended_already(call: Call, refusal: str) -> bool:
    """Whether this call's question was answered otherwise; if it was still open, it is void."""
    if call.operation is None:
        return False
    return not await call.desk.journal.refuse(call.operation.id, "stale", error(refusal))


async def _answered(desk: Desk, call: Call, name: str) -> Operation:
    """The operation that what came back is an answer to, if this call may have it."""
    operation, marks = await desk.journal.find(name), desk.journal.seal.marks
    if (
        operation is None
        or operation.principal != desk.principal()
        or operation.tool != call.tool
        or operation.arguments not in marks(call.arguments)
    ):
        raise ToolError(refusals.unknown(desk.say))
    if operation.status == "pending" and not desk.journal.is_open(operation):
        raise ToolError(refusals.too_late(desk.say))
    return operation


async def _recorded(call: Call, settlements: Settlements) -> CallToolResult:
    """What came of the operation of this call, once it has ended, or that nobody can tell."""
    desk, operation = call.desk, call.operation
    if operation is None:
        raise ToolError(refusals.unknown(desk.say))
    if result := await _ended(desk, operation):
        return result
    await settle_abandoned(desk, settlements)
    unread = settlements[operation.tool].of(operation).unread
    return await _ended(desk, operation) or structured(unread(operation.subject))


async def _ended(desk: Desk, operation: Operation) -> CallToolResult | None:
    """What came of an operation, once it has ended; None if its process died meanwhile.

    Raises:
        ToolError: It was not begun, or is not there any more.
    """
    now = await desk.journal.find(operation.id)
    if now is None:
        raise ToolError(refusals.unknown(desk.say))
    if now.status in {"pending", "approved"}:
        raise ToolError(refusals.too_late(desk.say))
    return await desk.journal.result(now)


def _canonical(arguments: Mapping[str, object]) -> str:
    """The arguments as they are compared: in any order, whether previewed or not."""
    own = {name: value for name, value in arguments.items() if name != "dry_run"}
    return json.dumps(own, sort_keys=True, default=str)


def _name(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()


def _sealed_state(result: HandlerResult) -> str | None:
    state = result.get("requestState") if isinstance(result, Mapping) else None
    return state if isinstance(state, str) else None
