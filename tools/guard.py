"""No change without consent: how a person is asked, and how one answer makes one change at most.

`asks(question)` fills a tool's `Approval` parameter. A client that can question its person does (an
MCP elicitation, in both protocol eras); any other is refused, unless `dangerously-relay` lets the
model carry a single-use code. `performing` runs a tool's body once consent is recorded, out of
reach of cancellation, and records what came of it; an answer that was lost is settled by reading.

An operation is named after what its answer must come back with: the sealed state of the 2026-07-28
protocol, or a code. A replayed answer therefore finds the operation it already served, and gets its
result. In the older eras the answer arrives within the call, and the name is random.
"""

import functools
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, ParamSpec

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field, create_model

from clients import ApiError, Approval, LostAnswerError
from tools.desk import Desk
from tools.journal import Ending, Evidence, Intent, Operation
from tools.language import Say
from tools.results import Outcome, error, structured

P = ParamSpec("P")

INPUT_REQUIRED_ERA = "2026-07-28"
"""The first protocol revision in which an answer comes back with the call, sealed state and all."""
READ_AGAIN_AFTER = (0.0, 2.0, 5.0)
"""Seconds before each reading that settles a lost answer: the service may still be at work."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person must copy out of the question, so that it was read."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person has to agree to, and the facts it was written from.

    The text states everything that will be sent and nothing that changes between two askings; what
    strangers wrote comes last, quoted.
    """

    text: str
    subject: str
    """What the ledger keeps in clear: a number, never a name."""
    facts: BaseModel
    """What the service showed; consent is void once it shows anything else."""
    read_again: Callable[[], Awaitable[BaseModel]]
    typed: Typed | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How to know what became of a change whose answer was lost: by reading, never by repeating."""

    unread: Callable[[str], Outcome]
    """What is said of a subject that cannot be read."""
    read: Callable[[Desk, str], Awaitable[Outcome]] | None = None
    """What the service now shows of a subject; None where it has nothing to read."""


@dataclass(slots=True)
class Call:
    """What the guard knows of the call under way."""

    answers: str | None = None
    """The operation whose answer came back with this call."""
    tool: str = ""
    arguments: str = ""
    operation: Operation | None = None
    asking: Intent | None = None
    evidence: Evidence = "form"
    desk: Desk = field(init=False)


CALL: ContextVar[Call] = ContextVar("call")


class Answer(BaseModel):
    """What a person answered, however it came."""

    model_config = ConfigDict(frozen=True)

    agreed: bool
    typed: str = ""


class ServedError(Exception):
    """The answer has already made its change, or is making it."""


async def remembering(ctx: ServerRequestContext[Desk, Any], call_next: CallNext) -> HandlerResult:
    """Middleware that sees sealed states: it names the operation asked, or answered, by a call.

    It goes first: inside the SDK's own boundary a state is unsealed, and two approvals of the same
    call look the same.
    """
    if ctx.method != "tools/call":
        return await call_next(ctx)
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
    settlements: Mapping[str, Settlement],
    tool: str,
    arguments: Mapping[str, object],
    code: str,
    proceed: Callable[[], Awaitable[CallToolResult | InputRequiredResult]],
) -> CallToolResult | InputRequiredResult:
    """The result of a mutation's call: the recorded one if its answer was served already.

    Raises:
        ToolError: What came back is no answer to this call's question, or is too late.
    """
    call = CALL.get()
    call.desk, call.tool = desk, tool
    call.arguments = json.dumps(arguments, sort_keys=True, default=str)
    call.answers = call.answers or (_code_name(desk, code) if code else None)
    await settle_abandoned(desk, settlements)
    if call.answers:
        call.operation = await _answered(desk, call, call.answers)
        if call.operation.status != "pending":
            return await _recorded(call, settlements)
    try:
        result = await proceed()
    except UnexpectedToolError as crash:
        if not isinstance(crash.__cause__, ServedError):
            raise
    except ToolError as refusal:
        if not await _ended_already(call, str(refusal.__cause__ or refusal)):
            raise
    else:
        asks_anew = isinstance(result, InputRequiredResult)
        if not (asks_anew and await _ended_already(call, _changed(desk.say))):
            return result
    return await _recorded(call, settlements)


def asks(question: Callable[..., Awaitable[Question]]) -> Resolve:
    """Fill an `Approval` parameter by putting `question`, a resolver, to a person."""

    async def answer(
        ctx: Context[Desk], asked: Annotated[Question, Resolve(question)]
    ) -> Answer | Elicit[Any]:
        desk, call = ctx.request_context.lifespan_context, CALL.get()
        form, intent = _form(desk.say, asked.typed), _intent(desk, call, asked)
        if not _can_ask(ctx):
            return await _relayed(desk, call, asked, intent)
        call.evidence = "form, typed" if asked.typed else "form"
        if (ctx.protocol_version or "") >= INPUT_REQUIRED_ERA:
            call.asking = intent
            return Elicit(asked.text, form)
        call.operation = await desk.journal.ask(secrets.token_hex(32), intent)
        return await _asked_now(ctx, desk, asked.text, form)

    async def approval(
        ctx: Context[Desk],
        asked: Annotated[Question, Resolve(question)],
        outcome: Annotated[ElicitationResult[BaseModel], Resolve(answer)],
    ) -> Approval:
        desk, operation = ctx.request_context.lifespan_context, CALL.get().operation
        if operation is None:
            raise ToolError(_unknown(desk.say))
        given = _given(outcome)
        if not given.agreed:
            await _decline(desk, operation, _declined(desk.say))
        if asked.typed and _digits(given.typed) != asked.typed.value:
            await _decline(desk, operation, _mistyped(desk.say))
        if not await _still_true(desk, operation, asked):
            raise ToolError(_changed(desk.say))
        return Approval(operation.id)

    return Resolve(approval)


def performing(
    function: Callable[P, Awaitable[BaseModel]], settlement: Settlement
) -> Callable[P, Awaitable[CallToolResult]]:
    """The same tool, run once per approval, to its end, with what came of it recorded."""

    @functools.wraps(function)
    async def performed(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        call = CALL.get()
        desk, operation = call.desk, call.operation
        if operation is None:
            raise ServedError
        body = functools.partial(function, *args, **kwargs)
        # This stands should the body fail in a way nobody foresaw.
        made: tuple[Ending, CallToolResult] = (
            "undetermined",
            structured(settlement.unread(operation.subject)),
        )
        with anyio.CancelScope(shield=True):
            if not await desk.journal.begin(operation.id, call.evidence):
                raise ServedError
            try:
                async with desk.journal.lease(operation.id):
                    made = await _ended(body, desk, settlement, operation)
            finally:
                with suppress(ToolError):  # unrecorded, it stays to be settled: the change is made
                    await desk.journal.end(operation.id, "executing", *made)
        return made[1]

    return performed


async def settle_abandoned(desk: Desk, settlements: Mapping[str, Settlement]) -> None:
    """Read what became of the changes a process was making when it died, and record it."""
    for operation in await desk.journal.unsettled():
        settlement = settlements.get(operation.tool)
        if settlement is None or (operation.status == "undetermined" and not settlement.read):
            continue
        ending, result = await _settled(desk, settlement, operation.subject)
        await desk.journal.end(operation.id, operation.status, ending, result)


async def _ended(
    body: Callable[[], Awaitable[BaseModel]],
    desk: Desk,
    settlement: Settlement,
    operation: Operation,
) -> tuple[Ending, CallToolResult]:
    try:
        return "applied", structured(await body())
    except LostAnswerError:
        return await _settled(desk, settlement, operation.subject)
    except (ApiError, ToolError) as refusal:
        return "not_applied", error(str(refusal))


async def _settled(
    desk: Desk, settlement: Settlement, subject: str
) -> tuple[Ending, CallToolResult]:
    outcome = settlement.unread(subject)
    for pause in READ_AGAIN_AFTER if settlement.read else ():
        await desk.sleep(pause)
        outcome = await _read(desk, settlement, subject)
        if outcome.outcome == "applied":
            break
    return outcome.outcome, structured(outcome)


async def _read(desk: Desk, settlement: Settlement, subject: str) -> Outcome:
    try:
        return (
            await settlement.read(desk, subject) if settlement.read else settlement.unread(subject)
        )
    except ApiError:
        return settlement.unread(subject)


async def _ended_already(call: Call, refusal: str) -> bool:
    """Whether this call's question was answered otherwise; if it was still open, it is void."""
    if call.operation is None:
        return False
    return not await call.desk.journal.refuse(call.operation.id, "stale", error(refusal))


async def _answered(desk: Desk, call: Call, name: str) -> Operation:
    """The operation that what came back is an answer to, if this call may have it."""
    operation, mark = await desk.journal.find(name), desk.journal.seal.mark
    if (
        operation is None
        or operation.principal != desk.principal()
        or operation.tool != call.tool
        or operation.arguments != mark(call.arguments)
    ):
        raise ToolError(_unknown(desk.say))
    if operation.status == "pending" and not desk.journal.is_open(operation):
        raise ToolError(_too_late(desk.say))
    return operation


async def _recorded(call: Call, settlements: Mapping[str, Settlement]) -> CallToolResult:
    """What came of the operation of this call, once it has ended."""
    desk = call.desk
    while operation := call.operation and await desk.journal.find(call.operation.id):
        if operation.status == "pending":
            raise ToolError(_too_late(desk.say))
        result = await desk.journal.result(operation)
        if result is not None:
            return result
        await settle_abandoned(desk, settlements)
    raise ToolError(_unknown(desk.say))


async def _relayed(desk: Desk, call: Call, asked: Question, intent: Intent) -> Answer:
    """The model's word that the person agreed, where the settings accept that."""
    if desk.consent != "dangerously-relay":
        raise ToolError(_nobody_to_ask(desk.say))
    call.evidence = "relayed by the client, no human evidence"
    if call.operation:
        return Answer(agreed=True, typed=asked.typed.value if asked.typed else "")
    code = secrets.token_hex(8)
    await desk.journal.ask(_code_name(desk, code), intent)
    raise ToolError(
        f"Nothing was changed yet. Ask the user, word for word:\n\n{asked.text}\n\n"
        f"Only if they agree, call again with the same arguments and confirmation={code!r}."
    )


async def _asked_now(ctx: Context[Desk], desk: Desk, text: str, form: type[BaseModel]) -> Answer:
    try:
        with anyio.fail_after(desk.journal.answer_within):
            return _given(await ctx.elicit(text, form))
    except TimeoutError:
        raise ToolError(_too_late(desk.say)) from None
    except ValueError:  # what came back does not fit the form
        return Answer(agreed=False)


async def _still_true(desk: Desk, operation: Operation, asked: Question) -> bool:
    """Whether the service still shows what the question was written from."""
    mark = desk.journal.seal.mark
    again = await asked.read_again()
    return (
        operation.question == mark(asked.text)
        and operation.facts == mark(asked.facts.model_dump_json())
        and operation.facts == mark(again.model_dump_json())
    )


async def _decline(desk: Desk, operation: Operation, words: str) -> None:
    await desk.journal.refuse(operation.id, "declined", error(words))
    raise ToolError(words)


def _given(outcome: ElicitationResult[BaseModel]) -> Answer:
    match outcome:
        case AcceptedElicitation(data=Answer() as answer):
            return answer
        case AcceptedElicitation(data=form):
            return Answer.model_validate(form, from_attributes=True)
        case _:
            return Answer(agreed=False)


def _intent(desk: Desk, call: Call, asked: Question) -> Intent:
    return Intent(
        principal=desk.principal(),
        tool=call.tool,
        subject=asked.subject,
        arguments=call.arguments,
        question=asked.text,
        facts=asked.facts.model_dump_json(),
    )


def _can_ask(ctx: Context[Desk]) -> bool:
    elicitation = ctx.client_capabilities and ctx.client_capabilities.elicitation
    if not elicitation or (elicitation.form is None and elicitation.url is not None):
        return False
    modern = (ctx.protocol_version or "") >= INPUT_REQUIRED_ERA
    return modern or ctx.session.can_send_request


@functools.cache
def _form(say: Say, typed: Typed | None) -> type[BaseModel]:
    """What the person fills in: a box to tick, and what has to be copied."""
    agree = say(fr="J'ai lu, et je suis d'accord", en="I have read this, and I agree")
    box = (bool, Field(title=agree, strict=True))
    if typed is None:
        return create_model("Consent", agreed=box)
    copied = (str, Field(title=typed.label, max_length=100))
    config = ConfigDict(coerce_numbers_to_str=True)
    return create_model("Consent", __config__=config, agreed=box, typed=copied)


def _name(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()


def _code_name(desk: Desk, code: str) -> str:
    return desk.journal.seal.mark(f"code {code}")


def _sealed_state(result: HandlerResult) -> str | None:
    state = result.get("requestState") if isinstance(result, Mapping) else None
    return state if isinstance(state, str) else None


def _digits(typed: str) -> str:
    return "".join(typed.split())


def _declined(say: Say) -> str:
    return say(
        fr="La personne n'a pas donné son accord : rien n'a été changé.",
        en="The person did not agree: nothing was changed.",
    )


def _mistyped(say: Say) -> str:
    return say(
        fr="Ce qui a été recopié n'est pas ce que la question demandait : rien n'a été changé.",
        en="What was typed is not what the question asked for: nothing was changed.",
    )


def _changed(say: Say) -> str:
    return say(
        fr="Ce que la question disait n'est plus vrai : rien n'a été changé. Refaites l'appel pour "
        "que la question soit posée à nouveau.",
        en="What the question said is no longer true: nothing was changed. Call again for the "
        "question to be put anew.",
    )


def _too_late(say: Say) -> str:
    return say(
        fr="Personne n'a répondu à temps : rien n'a été changé. Refaites l'appel pour que la "
        "question soit posée à nouveau.",
        en="Nobody answered in time: nothing was changed. Call again for the question to be put "
        "anew.",
    )


def _unknown(say: Say) -> str:
    return say(
        fr="Cet accord ne correspond à aucune question posée pour cet appel : rien n'a été changé. "
        "Refaites l'appel sans lui.",
        en="This consent answers no question put for this call: nothing was changed. Call again "
        "without it.",
    )


def _nobody_to_ask(say: Say) -> str:
    return say(
        fr="Ce client ne sait pas poser de question à la personne, et rien ne change sans son "
        "accord : rien n'a été changé. Utilisez un client qui gère l'« elicitation » de MCP.",
        en="This client cannot put a question to its person, and nothing changes without their "
        "consent: nothing was changed. Use a client that supports MCP elicitation.",
    )
