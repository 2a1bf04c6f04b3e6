"""Tools about faire-simple, whose answers are shown as they come: their fields are undocumented."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Annotated

from mcp.server.mcpserver import Context, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from clients import Approval
from clients.faire_simple import FaireSimpleClient
from clients.http import Outgoing
from clients.known import Flow
from tools.asking import Rung
from tools.dependencies import Saying
from tools.desk import Desk
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say
from tools.operations import Counter, local
from tools.parameters import DryRun
from tools.questions import Asked, Change, Question, Typed, Words
from tools.received import Offset, Part, Received, lines, page
from tools.registry import mutation, read
from tools.results import Outcome
from tools.settling import Settlement

MOST_LINES = 20
"""Of a partner, in a question."""
BY_SEMESTER = "updates_by_semester"
REGISTERED, UNREGISTERED = "registered", "unregistered"


async def faire_simple(ctx: Context[Desk]) -> FaireSimpleClient:
    return ctx.request_context.lifespan_context.clients.faire_simple


FaireSimple = Annotated[FaireSimpleClient, Resolve(faire_simple)]
Uid = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$",
        description="The partner's unique id at faire-simple.",
    ),
]
Registered = Annotated[
    bool, Field(strict=True, description="True: register the partner. False: unregister it.")
]
Semester = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,31})?$",
        description="For updates_by_semester, and in the service's own way of writing it.",
    ),
]


class PartnerStatus(Outcome):
    """A change of a partner's status, as recorded."""

    uid: str
    answer: list[Part] = Field(
        default=[], description="What the service said of it; what that means is not documented."
    )
    answer_cut: bool | None = Field(
        default=None, description="True: it said more than a result holds."
    )


class Sent(BaseModel):
    """What was last sent about a partner from here, as the journal tells."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    registered: bool
    at: float
    answered: bool


class Known(BaseModel):
    """A partner as the service shows it, and what was last sent about it from here."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    partner: JsonValue
    sent: Sent | None


async def get_partner(faire_simple: FaireSimple, uid: Uid, offset: Offset = 0) -> Received:
    """Read a partner of faire-simple, as the service knows it at this moment.

    Its fields are not documented: give them as they are, and do not guess what they mean.
    """
    return page(await faire_simple.partner(uid), offset)


async def list_faire_simple(
    faire_simple: FaireSimple,
    flow: Annotated[Flow, Field(description="What to read.")],
    semester: Semester = "",
    offset: Offset = 0,
) -> Received:
    """Read one of the flows of faire-simple: its partners, its consultations, or what changed.

    What they hold is not documented: give it as it is, and do not guess what it means.
    """
    if flow not in faire_simple.flows:
        raise ToolError(
            f"No path is configured for {flow}: GUICHET_FAIRE_SIMPLE_PATH_{flow.upper()} sets it."
        )
    if (flow == BY_SEMESTER) != bool(semester):
        raise ToolError(f"`semester` goes with {BY_SEMESTER}, and with nothing else.")
    return page(await faire_simple.flow(flow, semester), offset)


async def known(uid: Uid, faire_simple: FaireSimple, desk: Counter) -> Known:
    """The partner whose status is to change."""
    operation = await desk.journal.last_sent(
        desk.principal(), set_partner_status.__name__, uid, desk.places
    )
    return Known(partner=await faire_simple.partner(uid), sent=operation and _sent(operation))


AsKnown = Annotated[Known, Resolve(known)]


async def change_of_status(
    partner: AsKnown,
    faire_simple: FaireSimple,
    desk: Counter,
    say: Saying,
    uid: Uid,
    registered: Registered,
) -> Question:
    """What a person has to agree to before a partner's status changes."""
    request = faire_simple.status(uid, registered=registered)
    return Question(
        asked=_asked(say, uid, partner, request, registered=registered),
        subject=uid,
        goal=REGISTERED if registered else UNREGISTERED,
        facts=partner,
        read_again=partial(known, uid, faire_simple, desk),
    )


async def set_partner_status(
    approval: Annotated[Approval, asks(change_of_status)],
    faire_simple: FaireSimple,
    uid: Uid,
    registered: Registered,
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> PartnerStatus:
    """Register a partner with faire-simple, or unregister it.

    The user is asked first, with the partner as the service shows it: do not ask them yourself.
    If the answer is lost, nothing can tell what was done: no documented field says the status.
    """
    answer = await faire_simple.set_status(uid, registered=registered, approval=approval)
    status = REGISTERED if registered else UNREGISTERED
    said = None if answer is None else page(answer)
    return PartnerStatus(
        uid=uid,
        outcome="applied",
        conclusion=f"The service accepted that partner {uid} be {status}.",
        answer=said.parts if said else [],
        answer_cut=True if said and said.next_offset else None,
    )


def _unknown(uid: str) -> PartnerStatus:
    conclusion = (
        f"The answer about partner {uid} was lost: the status may have been changed, and no "
        "documented field says it. Have the user look at faire-simple before anything else."
    )
    return PartnerStatus(uid=uid, outcome="undetermined", conclusion=conclusion)


STATUS = Settlement(unread=_unknown)

WORKS = (
    read(get_partner, "Read a partner", "faire_simple"),
    read(list_faire_simple, "List what faire-simple holds", "faire_simple_flows"),
    mutation(
        set_partner_status,
        "Register or unregister a partner",
        "faire_simple",
        Rung.TYPE,
        STATUS,
    ),
)


def _sent(operation: Operation) -> Sent:
    return Sent(
        registered=operation.goal == REGISTERED,
        at=operation.ended_at or operation.asked_at,
        answered=operation.status == "applied",
    )


def _asked(say: Say, uid: str, known: Known, request: Outgoing, *, registered: bool) -> Asked:
    shown = list(islice(lines(known.partner), MOST_LINES + 1))
    return Asked(
        title=_title(say, uid, registered=registered),
        says=tuple(_says(say, known, cut=len(shown) > MOST_LINES)),
        changes=(
            Change(
                field=say(fr="Statut", en="Status"),
                before=say(fr="non documenté", en="not documented"),
                after=f"{_status(say, registered=registered)} (action = {int(registered)})",
            ),
        ),
        words=tuple(
            Words(label=say(fr="reçu du service", en="received from the service"), text=line)
            for line in shown[:MOST_LINES]
        ),
        # The uid is all that says whom this is about, and easily mistaken: a tick would not do. A
        # partner unregistered by mistake loses what being one gives.
        typed=Typed(
            label=say(fr="Identifiant du partenaire", en="The partner's identifier"),
            asks=say(
                fr="Pour confirmer, recopiez l'identifiant du partenaire",
                en="To confirm, type the partner's identifier",
            ),
            value=uid,
        ),
        request=request,
    )


def _title(say: Say, uid: str, *, registered: bool) -> str:
    if registered:
        return say(
            fr=f"Inscrire le partenaire {uid} (faire-simple) ?",
            en=f"Register partner {uid} (faire-simple)?",
        )
    return say(
        fr=f"Désinscrire le partenaire {uid} (faire-simple) ?",
        en=f"Unregister partner {uid} (faire-simple)?",
    )


def _status(say: Say, *, registered: bool) -> str:
    if registered:
        return say(fr="inscrit", en="registered")
    return say(fr="désinscrit", en="unregistered")


def _says(say: Say, known: Known, *, cut: bool) -> Iterator[str]:
    """What is known of the change, and what is not."""
    yield say(
        fr="Ce service ne documente pas ses champs : le partenaire est montré tel que reçu.",
        en="This service does not document its fields: the partner is shown as received.",
    )
    if cut:
        yield say(
            fr=f"Il a d'autres champs : seuls les {MOST_LINES} premiers sont montrés.",
            en=f"It has more fields: only the first {MOST_LINES} are shown.",
        )
    yield say(
        fr="Guichet ne sait pas si le service prévient le partenaire.",
        en="Guichet does not know whether the service tells the partner.",
    )
    if known.sent:
        yield _last(say, known.sent)


def _last(say: Say, sent: Sent) -> str:
    """What the journal says of the last change: a date, never how long ago, which changes."""
    when, asked = local(sent.at), _status(say, registered=sent.registered)
    came = (
        say(fr="le service l'a acceptée", en="the service accepted it")
        if sent.answered
        else say(fr="la réponse n'est pas connue", en="its answer is not known")
    )
    return say(
        fr=f"Dernière demande de Guichet, d'après son journal : {asked}, le {when:%d/%m/%Y à %H:%M}"
        f" ; {came}.",
        en=f"Guichet's last request, by its journal: {asked}, on {when:%d/%m/%Y at %H:%M}; {came}.",
    )
