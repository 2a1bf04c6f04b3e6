"""No change without consent: how a person is asked, and how their answer lets one change through.

`asks(question)` fills a tool's `Approval` parameter. A client that can question its person does (an
MCP elicitation, in both protocol eras). Otherwise, or when the operation or the settings require
it, the person decides on a page outside the client, and the model calls again; `dangerously-relay`
lets the model carry a single-use code where the client cannot ask, and `dangerously-none` asks
nobody but where the page alone will do. `performing` runs a tool's body once consent is recorded,
out of reach of cancellation, and records what came of it.
"""

import functools
import secrets
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any, ParamSpec

import anyio
from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ElicitResult, InputResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from clients import Approval
from tools import refusals
from tools.asking import Rung
from tools.desk import Desk
from tools.executing import executed, led
from tools.fences import FencedError
from tools.journal import Intent, Operation
from tools.language import Say
from tools.parameters import DryRun
from tools.questions import Question, Typed
from tools.replays import CALL, Call, OnPage, PreviewedError, ServedError, code_name
from tools.results import Outcome, error
from tools.settling import Settlement

P = ParamSpec("P")

INPUT_REQUIRED_ERA = "2026-07-28"
"""The first protocol revision in which an answer comes back with the call, sealed state and all."""


class Answer(BaseModel):
    """What a person answered, however it came."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    agreed: bool
    typed: str = ""


def asks(question: Callable[..., Awaitable[Question]]) -> Resolve:
    """Fill an `Approval` parameter by putting `question`, a resolver, to a person.

    The tool must take it first, so that a no is heard before anything is read, and
    `dry_run: DryRun = False`.
    """

    async def answer(
        ctx: Context[Desk],
        put: Annotated[Question, Resolve(question)],
        dry_run: DryRun,
    ) -> Answer | Elicit[Any]:
        desk, call = ctx.request_context.lifespan_context, CALL.get()
        with _within_fences(desk):
            await desk.journal.check_fences(desk.principal(), put.toll, desk.fences)
        if dry_run:
            raise PreviewedError(put)
        intent, elsewhere = _intent(desk, call, put), _elsewhere(ctx, desk, call, put)
        if elsewhere:
            return await elsewhere(desk, call, put, intent)
        call.evidence = "form, typed" if put.asked.typed else "form"
        form = _form(desk.say, put.asked.typed.label if put.asked.typed else "")
        if (ctx.protocol_version or "") >= INPUT_REQUIRED_ERA:
            call.asking = intent
            return Elicit(put.asked.text(desk.say), form)
        call.operation = await desk.journal.ask(secrets.token_hex(32), intent)
        return await _asked_now(ctx, desk, put.asked.text(desk.say), form)

    async def approval(
        ctx: Context[Desk],
        _: Annotated[None, Resolve(_check_not_refused)],  # before what `question` reads
        put: Annotated[Question, Resolve(question)],
        outcome: Annotated[ElicitationResult[BaseModel], Resolve(answer)],
    ) -> Approval:
        desk, operation = ctx.request_context.lifespan_context, CALL.get().operation
        if operation is None:
            raise ToolError(refusals.unknown(desk.say))
        if refusal := _refusal(desk.say, put.asked.typed, _given(outcome)):
            await desk.journal.refuse(operation.id, "declined", error(refusal))
            raise ToolError(refusal)
        if not await _still_true(desk, operation, put):
            raise ToolError(refusals.changed(desk.say))
        return Approval(operation.id)

    return Resolve(approval)


def performing(
    function: Callable[P, Awaitable[Outcome]], settlement: Settlement
) -> Callable[P, Awaitable[CallToolResult]]:
    """The same tool, run once per approval, to its end, with what came of it recorded.

    One that is made in parts can be cancelled between two of them.
    """

    @functools.wraps(function)
    async def performed(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        call = CALL.get()
        desk, operation = call.desk, call.operation
        if operation is None:
            raise ServedError
        body = functools.partial(function, *args, **kwargs)
        own = settlement.of(operation)
        makes = led if own.part else executed
        with anyio.CancelScope(shield=True):
            if _alone(desk, operation):
                raise ToolError(refusals.nobody_else(desk.say))
            with _within_fences(desk):
                begun = await desk.journal.begin(operation, call.evidence, desk.fences)
            if not begun:
                raise ServedError
        return (await makes(desk, own, operation, body))[1]

    return performed


async def planned(desk: Desk) -> str:
    """The plan that this very call put on the page, if it is not over; empty if there is none.

    A plan is carried out as it was read: it is neither read nor made again for the second call.
    """
    waiting = await _on_page(desk, CALL.get())
    if waiting is None or waiting.place not in desk.places or not desk.journal.is_open(waiting):
        return ""
    return desk.journal.plan(waiting)


async def put_at(desk: Desk) -> float:
    """When the question of this very call was put; now, if it is being put.

    What a question says of the journal is what it held then: it reads the same when the answer
    comes, whatever happened in between.
    """
    call = CALL.get()
    put = call.operation or await _on_page(desk, call)
    return put.asked_at if put else desk.journal.now()


def fits(typed: Typed, given: str) -> bool:
    """Whether what a person typed is what was asked for; spaces group digits and do not count."""
    return "".join(given.split()) == typed.value


@contextmanager
def _within_fences(desk: Desk) -> Generator[None]:
    """A block that what the settings leave no room for does not go past."""
    try:
        yield
    except FencedError as fenced:
        raise ToolError(fenced.told(desk.say)) from None


async def _check_not_refused(ctx: Context[Desk]) -> None:
    """Return unless the person's no came with the call: it counts even if nothing can be read.

    Raises:
        ToolError: It did.
    """
    desk, operation = ctx.request_context.lifespan_context, CALL.get().operation
    if operation and any(map(_says_no, (ctx.input_responses or {}).values())):
        refusal = refusals.declined(desk.say)
        await desk.journal.refuse(operation.id, "declined", error(refusal))
        raise ToolError(refusal)


def _elsewhere(ctx: Context[Desk], desk: Desk, call: Call, put: Question):
    """What asks in the client's place, if the client is not to ask, or cannot."""
    by_page = call.rung is Rung.PAGE or put.by_page or desk.consent == "page"
    if by_page or call.tool in desk.four_eyes:
        return _by_page
    if desk.consent == "dangerously-none":
        return _unattended
    if _can_ask(ctx):
        return None
    return _relayed if desk.consent == "dangerously-relay" else _by_page


async def _by_page(desk: Desk, call: Call, put: Question, intent: Intent) -> Answer:
    """What a person answered on the page, which opens if this is the first time they are asked."""
    if desk.present is None:
        raise ToolError(refusals.nobody_to_ask(desk.say))
    _check_somebody_can_decide(desk, call)
    waiting = await _on_page(desk, call)
    if waiting and waiting.status == "declined":
        await desk.journal.told(waiting.id)
        raise ToolError(refusals.declined(desk.say))
    if waiting and waiting.status == "approved" and not _alone(desk, waiting):
        call.operation, call.evidence = waiting, "page"
        return _agreed(put)
    if waiting and (waiting.status == "approved" or not _same(desk, waiting, put)):
        await desk.journal.refuse(waiting.id, "stale", error(refusals.changed(desk.say)))
        waiting = None
    if waiting is None and await desk.journal.under_way(
        desk.principal(), call.tool, call.arguments
    ):
        raise ToolError(refusals.under_way(desk.say))
    if waiting is None:
        async with desk.journal.asking:
            waiting = await _on_page(desk, call) or await desk.journal.ask(
                secrets.token_hex(32), intent, by_page=True
            )
    call.on_page = OnPage(put.asked, await desk.present(waiting.id))
    raise ToolError(_invitation(desk, call)(desk.say, call.on_page.address))


def _check_somebody_can_decide(desk: Desk, call: Call) -> None:
    """Return if whoever is to decide can come to the page.

    Raises:
        ToolError: They cannot.
    """
    if call.tool in desk.four_eyes:
        if not desk.somebody_else(call.tool):
            raise ToolError(refusals.nobody_else(desk.say))
    elif desk.signs_in and not desk.signs_in():
        raise ToolError(refusals.no_page(desk.say))


def _alone(desk: Desk, operation: Operation) -> bool:
    """Whether nobody but the one who asked agreed to what takes two persons."""
    return operation.tool in desk.four_eyes and not operation.decided_by


def _invitation(desk: Desk, call: Call) -> Callable[[Say, str], str]:
    """What says who is to decide, and where."""
    if call.tool in desk.four_eyes:
        return refusals.another_decides
    return refusals.sign_in_to_decide if desk.signs_in else refusals.decide_on_page


async def _on_page(desk: Desk, call: Call) -> Operation | None:
    """This very call, as it was just decided on or awaits a decision on the page.

    Calls made at once, in several processes, may each have put the question: an answer to one of
    them comes before those that still wait, and a refusal before an agreement.
    """
    arguments = desk.journal.seal.marks(call.arguments)
    found = [
        operation
        for operation in await desk.journal.on_page(desk.principal())
        if operation.tool == call.tool
        and operation.arguments in arguments
        and (operation.status == "declined" or desk.journal.is_open(operation))
    ]
    first = ("declined", "approved", "pending")
    return min(found, key=lambda operation: first.index(operation.status), default=None)


async def _unattended(desk: Desk, call: Call, put: Question, intent: Intent) -> Answer:
    """Nobody's word: the settings let whatever calls change things alone."""
    call.evidence = "nobody was asked"
    call.operation = await desk.journal.ask(secrets.token_hex(32), intent)
    return _agreed(put)


async def _relayed(desk: Desk, call: Call, put: Question, intent: Intent) -> Answer:
    """The model's word that the person agreed, where the settings accept that."""
    call.evidence = "relayed by the client, no human evidence"
    if call.operation:
        return _agreed(put)
    code = secrets.token_hex(8)
    await desk.journal.ask(code_name(desk, code), intent)
    raise ToolError(
        f"Nothing was changed yet. Ask the user, word for word:\n\n{put.asked.text(desk.say)}\n\n"
        f"Only if they agree, call again with the same arguments and confirmation={code!r}."
    )


async def _asked_now(ctx: Context[Desk], desk: Desk, text: str, form: type[BaseModel]) -> Answer:
    try:
        with anyio.fail_after(desk.journal.answer_within):
            return _given(await ctx.elicit(text, form))
    except TimeoutError:
        raise ToolError(refusals.too_late(desk.say)) from None
    except MCPError:  # the client failed at asking, though it said it could
        raise ToolError(refusals.nobody_to_ask(desk.say)) from None
    except ValueError:  # what came back does not fit the form
        return Answer(agreed=False)


async def _still_true(desk: Desk, operation: Operation, put: Question) -> bool:
    """Whether the service still shows what the question was written from."""
    again = await put.read_again()
    unchanged = operation.facts in desk.journal.seal.marks(again.model_dump_json())
    return unchanged and _same(desk, operation, put)


def _same(desk: Desk, operation: Operation, put: Question) -> bool:
    marks = desk.journal.seal.marks
    return operation.question in marks(put.asked.model_dump_json()) and operation.facts in marks(
        put.facts.model_dump_json()
    )


def _says_no(response: InputResponse) -> bool:
    if not isinstance(response, ElicitResult):
        return False
    return response.action != "accept" or (response.content or {}).get("agreed") is False


def _refusal(say: Say, typed: Typed | None, given: Answer) -> str:
    """Why an answer is no consent; empty if it is one."""
    if not given.agreed:
        return refusals.declined(say)
    return refusals.mistyped(say) if typed and not fits(typed, given.typed) else ""


def _agreed(put: Question) -> Answer:
    """An agreement that came otherwise than by the form, whole."""
    return Answer(agreed=True, typed=put.asked.typed.value if put.asked.typed else "")


def _given(outcome: ElicitationResult[BaseModel]) -> Answer:
    match outcome:
        case AcceptedElicitation(data=Answer() as answer):
            return answer
        case AcceptedElicitation(data=form):
            return Answer.model_validate(form, from_attributes=True)
        case _:
            return Answer(agreed=False)


def _intent(desk: Desk, call: Call, put: Question) -> Intent:
    return Intent(
        principal=desk.principal(),
        tool=call.tool,
        subject=put.subject,
        arguments=call.arguments,
        facts=put.facts.model_dump_json(),
        asked=put.asked,
        goal=put.goal,
        keeps_facts=put.keeps_facts,
        toll=put.toll,
    )


def _can_ask(ctx: Context[Desk]) -> bool:
    elicitation = ctx.client_capabilities and ctx.client_capabilities.elicitation
    if not elicitation or (elicitation.form is None and elicitation.url is not None):
        return False
    modern = (ctx.protocol_version or "") >= INPUT_REQUIRED_ERA
    return modern or ctx.session.can_send_request


@functools.cache
def _form(say: Say, copied: str) -> type[BaseModel]:
    """What the person fills in: a box to tick, and what has to be copied."""
    agree = say(fr="J'ai lu, et je suis d'accord", en="I have read this, and I agree")
    box = (bool, Field(title=agree, strict=True))
    if not copied:
        return create_model("Consent", agreed=box)
    config, typed = (
        ConfigDict(coerce_numbers_to_str=True),
        (str, Field(title=copied, max_length=100)),
    )
    return create_model("Consent", __config__=config, agreed=box, typed=typed)
