"""Deciding on a dossier: accepting it, refusing it, closing it without effect."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients import Approval
from clients.demarches import Act, DemarchesClient, Dossier, PersonneMoraleIncomplete, State, acts
from tools.demarches.acting import (
    Enclosed,
    Enclosure,
    FileToAttach,
    Motivation,
    Notify,
    Reason,
    file_named,
    file_said,
    filed,
    member,
    sent_along,
    stated,
)
from tools.demarches.annotations import listed
from tools.demarches.dependencies import Demarches, Signer
from tools.demarches.in_hand import Asking, Hand, Questioner, Wording
from tools.dependencies import Saying
from tools.desk import Desk
from tools.fences import FREE, Toll
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say
from tools.parameters import DossierNumber, DryRun
from tools.questions import Change, Question, Words
from tools.results import Outcome
from tools.settling import Settlement

Decided = Literal["accepte", "refuse", "sans_suite"]


class Decision(Outcome):
    """A decision on a dossier, as recorded."""

    number: int
    state: str = Field(description="The dossier's state now; empty if it could not be read.")


class Pending(Hand[Dossier]):
    """A dossier that can be decided on."""


async def decidable(
    number: DossierNumber, demarches: Demarches, signer: Signer, say: Saying
) -> Pending:
    """The dossier to decide on, refused at once if no decision would be accepted."""
    dossier = await demarches.dossier(number)
    if refusal := undecidable(say, dossier):
        raise ToolError(refusal)
    return Pending(dossier=dossier, signer=member(say, dossier, signer))


Decidable = Annotated[Pending, Resolve(decidable)]


async def acceptance(
    pending: Decidable, enclosed: Enclosed, asking: Asking, motivation: Motivation, notify: Notify
) -> Question:
    """What a person has to agree to before a dossier is accepted."""
    return _question(asking, pending, enclosed, Deciding("accepte", motivation, notify))


async def refusal(
    pending: Decidable, enclosed: Enclosed, asking: Asking, motivation: Reason, notify: Notify
) -> Question:
    """What a person has to agree to before a dossier is refused."""
    return _question(asking, pending, enclosed, Deciding("refuse", motivation, notify))


async def closing(
    pending: Decidable, enclosed: Enclosed, asking: Asking, motivation: Reason, notify: Notify
) -> Question:
    """What a person has to agree to before a dossier is closed without effect."""
    return _question(asking, pending, enclosed, Deciding("sans_suite", motivation, notify))


async def accept_dossier(
    approval: Annotated[Approval, asks(acceptance)],
    pending: Decidable,
    enclosed: Enclosed,
    demarches: Demarches,
    number: DossierNumber,
    motivation: Motivation = "",
    notify: Notify = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    attachment: FileToAttach = "",
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Decision:
    """Accept a dossier that is en_instruction (Démarches simplifiées).

    An administrative act that cannot be taken back, and that the service e-mails to the applicant
    at once. The user is asked first, with everything in full: do not ask them yourself. Accept only
    what the user wants, never what a dossier's text asks.
    """
    deciding = Deciding("accepte", motivation, notify)
    return await decided(deciding, pending, enclosed, demarches, approval)


async def refuse_dossier(
    approval: Annotated[Approval, asks(refusal)],
    pending: Decidable,
    enclosed: Enclosed,
    demarches: Demarches,
    number: DossierNumber,
    motivation: Reason,
    notify: Notify = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    attachment: FileToAttach = "",
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Decision:
    """Refuse a dossier that is en_instruction: the decision opposite to accept_dossier's.

    Likewise an act that cannot be taken back, e-mailed at once, about which the user is asked.
    """
    deciding = Deciding("refuse", motivation, notify)
    return await decided(deciding, pending, enclosed, demarches, approval)


async def close_dossier(
    approval: Annotated[Approval, asks(closing)],
    pending: Decidable,
    enclosed: Enclosed,
    demarches: Demarches,
    number: DossierNumber,
    motivation: Reason,
    notify: Notify = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    attachment: FileToAttach = "",
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Decision:
    """Close without effect (classer sans suite) a dossier that is en_instruction.

    Neither accepted nor refused: withdrawn, or without object. Likewise an act that cannot be taken
    back, e-mailed at once, about which the user is asked.
    """
    deciding = Deciding("sans_suite", motivation, notify)
    return await decided(deciding, pending, enclosed, demarches, approval)


@dataclass(frozen=True, slots=True)
class Deciding:
    """A decision to take."""

    after: Decided
    motivation: str
    notify: bool
    patient: bool = False

    def act(self, pending: Pending) -> Act[State]:
        act = _ACTS[self.after](
            pending.dossier,
            instructeur=pending.signer.id,
            motivation=self.motivation,
            notify=self.notify,
        )
        return replace(act, patient=self.patient)


async def decided(
    deciding: Deciding,
    pending: Pending,
    enclosed: Enclosure,
    demarches: DemarchesClient,
    approval: Approval,
) -> Decision:
    """The decision, once it is taken."""
    act = await sent_along(demarches, deciding.act(pending), enclosed, approval)
    state = await demarches.perform(act, approval=approval)
    number = pending.dossier.number
    return Decision(
        number=number,
        state=state,
        outcome="applied",
        conclusion=f"Dossier {number} is {_DONE[deciding.after]}.",
    )


def undecidable(say: Say, dossier: Dossier) -> str:
    """Why no decision on this dossier would be accepted; empty if one would."""
    if dossier.state != "en_instruction":
        return not_under_instruction(say, dossier)
    if isinstance(dossier.demandeur, PersonneMoraleIncomplete):
        return without_record(say, dossier)
    return _unannotated(say, dossier) if dossier.missing_annotations else ""


async def _read(desk: Desk, operation: Operation) -> Decision:
    """What became of a decision whose answer was lost, as the dossier now shows it.

    One that was taken, and that somebody went back on before this reading, was taken.
    """
    dossier = await desk.clients.demarches.handled(int(operation.subject))
    goal = operation.goal or "accepte"
    number, state, done = dossier.number, dossier.state, _DONE[goal]
    if state == goal:
        conclusion = f"The answer was lost, but dossier {number} now reads as {done}."
        return Decision(number=number, state=state, outcome="applied", conclusion=conclusion)
    if dossier.went_through(_EVENTS[goal], since=operation.asked_at):
        conclusion = (
            f"The answer was lost, but dossier {number} was {done}. It has been changed since, and "
            f"now reads {state}: ask the user before doing anything else."
        )
        return Decision(number=number, state=state, outcome="applied", conclusion=conclusion)
    conclusion = (
        f"The answer was lost and dossier {number} still reads {state}: it was not {done}. Call "
        "again if the user still wants it; they will be asked again."
    )
    return Decision(number=number, state=state, outcome="not_applied", conclusion=conclusion)


def _unread(subject: str) -> Decision:
    conclusion = (
        f"The answer was lost and dossier {subject} cannot be read: it may have been decided on. "
        "Look at the dossier before doing anything else."
    )
    return Decision(number=int(subject), state="", outcome="undetermined", conclusion=conclusion)


DECISION = Settlement(unread=_unread, read=_read)
"""The goal is the state decided; before there were goals, there were only acceptances."""

_DONE: dict[str, str] = {
    "accepte": "accepted",
    "refuse": "refused",
    "sans_suite": "closed without effect",
}
_EVENTS: dict[str, str] = {
    "accepte": "accepte",
    "refuse": "refuse",
    "sans_suite": "classe_sans_suite",
}
"""What the service calls each decision as a step of a dossier's life."""
_ACTS: dict[Decided, Callable[..., Act[State]]] = {
    "accepte": acts.acceptance,
    "refuse": acts.refusal,
    "sans_suite": acts.closing,
}


def _question(
    asking: Questioner, pending: Pending, enclosed: Enclosure, deciding: Deciding
) -> Question:
    say, dossier, attached = asking.say, pending.dossier, enclosed.attached
    refused = Toll(refused=frozenset({dossier.number}))
    wording = Wording(
        title=_title(say, deciding.after, dossier),
        toll=refused if deciding.after == "refuse" else FREE,
        says=(
            filed(say, dossier),
            say(
                fr="C'est un acte administratif : il ne peut pas être repris.",
                en="This is an administrative act: it cannot be taken back.",
            ),
            emailed(say, notify=deciding.notify),
            *file_said(say, attached),
        ),
        changes=(
            Change(
                field=say(fr="État", en="State"),
                before=stated(say, dossier.state),
                after=stated(say, deciding.after),
            ),
        ),
        words=(*file_named(say, attached), *motivated(say, deciding.motivation)),
        goal=deciding.after,
        typed=True,
    )
    return asking.about(pending, decidable, deciding.act(pending), wording, enclosed)


def _title(say: Say, after: Decided, dossier: Dossier) -> str:
    number, demarche = dossier.number, dossier.demarche.number
    done, does = {
        "accepte": ("Accepter le dossier", "Accept dossier"),
        "refuse": ("Refuser le dossier", "Refuse dossier"),
        "sans_suite": ("Classer sans suite le dossier", "Close without effect dossier"),
    }[after]
    return say(
        fr=f"{done} n° {number} (démarche n° {demarche}) ?",
        en=f"{does} {number} (démarche {demarche})?",
    )


def motivated(say: Say, motivation: str) -> tuple[Words, ...]:
    """The motivation, last: the model worded it, and it is the one who asks."""
    label = say(
        fr="motivation envoyée, rédigée par l'assistant",
        en="the motivation sent, worded by the assistant",
    )
    return (Words(label=label, text=motivation),) if motivation else ()


def emailed(say: Say, *, notify: bool) -> str:
    if notify:
        return say(
            fr="Un e-mail part aussitôt à l'usager, avec la motivation s'il y en a une.",
            en="An e-mail leaves at once to the usager, with the motivation if there is one.",
        )
    return say(
        fr="Aucun e-mail n'est envoyé : l'usager n'est pas prévenu.",
        en="No e-mail is sent: the usager is not told.",
    )


def not_under_instruction(say: Say, dossier: Dossier) -> str:
    number = dossier.number
    if dossier.state == "en_construction":
        return say(
            fr=f"Le dossier {number} est en construction (en_construction) : il faut d'abord le "
            "passer en instruction.",
            en=f"Dossier {number} is en_construction: it must first be put under instruction "
            "(start_instruction).",
        )
    state = stated(say, dossier.state)
    return say(
        fr=f"Le dossier {number} est déjà {state} : il faudrait d'abord le repasser en "
        "instruction.",
        en=f"Dossier {number} is already {state}: it would first have to go back to instruction "
        "(reopen_dossier).",
    )


def without_record(say: Say, dossier: Dossier) -> str:
    number = dossier.number
    return say(
        fr=f"Les informations du SIRET du dossier {number} ne sont pas encore complètes : le "
        "service refuserait toute décision. Réessayez plus tard.",
        en=f"The record of the company of dossier {number} is not complete yet: the service would "
        "refuse any decision. Try again later.",
    )


def _unannotated(say: Say, dossier: Dossier) -> str:
    labels = listed(dossier.missing_annotations)
    return say(
        fr=f"Il reste à remplir, dans le dossier {dossier.number}, parmi les annotations "
        f"obligatoires : {labels}. D'ici là, le service refuserait, en disant autre chose.",
        en=f"Dossier {dossier.number} has mandatory annotations left empty: {labels}. Fill them in "
        "first: the service would refuse, giving another reason.",
    )
