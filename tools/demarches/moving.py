"""Moving a dossier to another state without deciding: under instruction, or back."""

from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients import Approval
from clients.demarches import Act, HandledDossier, State, acts
from tools.demarches.acting import Notify, filed, stated
from tools.demarches.dependencies import Demarches
from tools.demarches.in_hand import (
    Asking,
    DossierInHand,
    Handled,
    InHand,
    Wording,
    done,
    settled_by,
)
from tools.desk import Desk
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say
from tools.parameters import DossierNumber, DryRun
from tools.questions import Change, Question

Back = Literal["instruction", "construction"]
To = Annotated[
    Back,
    Field(
        description="instruction, once decided; construction, from en_instruction: the applicant "
        "can then change it."
    ),
]
TERMINATED = frozenset[State]({"accepte", "refuse", "sans_suite"})


async def starting(hand: DossierInHand, asking: Asking, notify: Notify) -> Question:
    """What a person has to agree to before a dossier is taken under instruction."""
    dossier, say = hand.dossier, asking.say
    if dossier.state != "en_construction":
        raise ToolError(_not_filed(say, dossier))
    number, demarche = dossier.number, dossier.demarche.number
    wording = Wording(
        title=say(
            fr=f"Passer en instruction le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Take dossier {number} under instruction (démarche {demarche})?",
        ),
        says=(
            filed(say, dossier),
            say(
                fr="L'usager ne pourra plus le modifier, et le signataire le suivra.",
                en="The usager can change it no more, and whoever signs will follow it.",
            ),
            *_awaited(say, dossier),
            _told(say, notify=notify),
        ),
        changes=(_change(say, dossier, "en_instruction"),),
        goal="en_construction>en_instruction",
    )
    return asking.question(hand, _instruction(hand, notify=notify), wording)


async def reopening(hand: DossierInHand, asking: Asking, to: To, notify: Notify) -> Question:
    """What a person has to agree to before a dossier goes back."""
    dossier, say = hand.dossier, asking.say
    if refusal := _cannot_go_back(say, dossier, to):
        raise ToolError(refusal)
    number, demarche = dossier.number, dossier.demarche.number
    wording = Wording(
        title=say(
            fr=f"Repasser en {to} le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Take dossier {number} back to {to} (démarche {demarche})?",
        ),
        says=(filed(say, dossier), *_erased(say, to, notify=notify)),
        changes=(_change(say, dossier, _STATE[to]),),
        goal=f"{dossier.state}>{_STATE[to]}",
        typed=True,
    )
    return asking.question(hand, _back(hand, to, notify=notify), wording)


async def start_instruction(
    approval: Annotated[Approval, asks(starting)],
    hand: DossierInHand,
    demarches: Demarches,
    number: DossierNumber,
    notify: Notify = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Take a dossier that is en_construction under instruction, before a decision on it.

    The applicant can change it no more. The user is asked first.
    """
    state = await demarches.perform(_instruction(hand, notify=notify), approval=approval)
    return done(hand, f"Dossier {number} is under instruction.", state=state)


async def reopen_dossier(
    approval: Annotated[Approval, asks(reopening)],
    hand: DossierInHand,
    demarches: Demarches,
    number: DossierNumber,
    to: To,
    notify: Notify = True,  # noqa: FBT002  (likewise)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Take a decided dossier back to instruction, or one under instruction back to construction.

    Back to instruction erases the motivation, its file and the attestation. The user is asked
    first.
    """
    state = await demarches.perform(_back(hand, to, notify=notify), approval=approval)
    return done(hand, f"Dossier {number} is back to {state}.", state=state)


def _shows(dossier: HandledDossier, operation: Operation, _: Desk) -> bool | None:
    """Whether it went there, be it somewhere else by now."""
    before, after = operation.goal.split(">")
    if dossier.went_through(_event(before, after), since=operation.asked_at):
        return True
    return {after: True, before: False}.get(dossier.state)


START = settled_by(_shows, "the start of its instruction")
REOPENING = settled_by(_shows, "its return")

_STATE: dict[Back, State] = {"instruction": "en_instruction", "construction": "en_construction"}


def _event(before: str, after: str) -> str:
    """What the service calls a move."""
    if after == "en_construction":
        return "repasse_en_construction"
    return "passe_en_instruction" if before == "en_construction" else "repasse_en_instruction"


def _instruction(hand: InHand, *, notify: bool) -> Act[State]:
    return acts.instruction(hand.dossier, instructeur=hand.signer.id, notify=notify)


def _back(hand: InHand, to: Back, *, notify: bool) -> Act[State]:
    state = "en_instruction" if to == "instruction" else "en_construction"
    return acts.reopening(hand.dossier, instructeur=hand.signer.id, to=state, notify=notify)


def _change(say: Say, dossier: HandledDossier, after: State) -> Change:
    field = say(fr="État", en="State")
    return Change(field=field, before=stated(say, dossier.state), after=stated(say, after))


def _told(say: Say, *, notify: bool) -> str:
    if notify:
        return say(
            fr="Un e-mail part aussitôt à l'usager.", en="An e-mail leaves at once to the usager."
        )
    return _untold(say)


def _untold(say: Say) -> str:
    return say(
        fr="Aucun e-mail n'est envoyé : l'usager n'est pas prévenu.",
        en="No e-mail is sent: the usager is not told.",
    )


def _awaited(say: Say, dossier: HandledDossier) -> tuple[str, ...]:
    since = dossier.date_derniere_correction_en_attente
    if since is None:
        return ()
    return (
        say(
            fr=f"Une correction est attendue depuis le {since:%d/%m/%Y} : elle ne le sera plus.",
            en=f"A correction has been awaited since {since:%d/%m/%Y}: it no longer will be.",
        ),
    )


def _erased(say: Say, to: Back, *, notify: bool) -> tuple[str, ...]:
    if to == "construction":
        return (
            say(
                fr="L'usager pourra de nouveau le modifier.",
                en="The usager will be able to change it again.",
            ),
            _untold(say),
        )
    return (
        say(
            fr="La motivation de la décision, le fichier qui l'accompagne et l'attestation sont "
            "effacés pour de bon, et le dossier n'est plus archivé.",
            en="The motivation of the decision, the file that goes with it and the attestation "
            "are erased for good, and the dossier is archived no longer.",
        ),
        _told(say, notify=notify),
    )


def _not_filed(say: Say, dossier: HandledDossier) -> str:
    number, state = dossier.number, dossier.state
    return say(
        fr=f"Le dossier {number} est {stated(say, state)} : seul un dossier en construction peut "
        "passer en instruction.",
        en=f"Dossier {number} is {state}: only one that is en_construction can be taken under "
        "instruction.",
    )


def _cannot_go_back(say: Say, dossier: HandledDossier, to: Back) -> str:
    """Why a dossier cannot go back there; empty if it can."""
    number, state = dossier.number, dossier.state
    if state not in (TERMINATED if to == "instruction" else {"en_instruction"}):
        return say(
            fr=f"Le dossier {number} est {stated(say, state)} : il ne peut pas repasser en {to}. "
            "Vers l'instruction, il faut qu'il soit accepté, refusé ou classé sans suite ; vers la "
            "construction, qu'il soit en instruction.",
            en=f"Dossier {number} is {state}: it cannot go back to {to}. To instruction, it must "
            "be accepte, refuse or sans_suite; to construction, en_instruction.",
        )
    if dossier.connection_usager == "deleted":
        return say(
            fr=f"L'usager du dossier {number} a supprimé son compte : le service refuserait.",
            en=f"The usager of dossier {number} deleted their account: the service would refuse.",
        )
    return ""
