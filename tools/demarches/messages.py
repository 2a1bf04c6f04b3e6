"""Asking to an applicant, and taking back what was written."""

from typing import Annotated, Literal

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, Field

from clients import Approval
from clients.demarches import Act, ChangedMessage, HandledDossier, Reason, SentMessage, acts
from tools.demarches.acting import (
    Enclosed,
    Enclosure,
    FileToAttach,
    Text,
    file_named,
    file_said,
    sent_along,
    stated,
)
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
from tools.demarches.moving import TERMINATED
from tools.dependencies import Counter
from tools.desk import Desk
from tools.fences import Toll
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DossierNumber, DryRun
from tools.questions import Change, Question, Words


def _written(text: str) -> str:
    if not text:
        raise ValueError("an empty message is not sent")
    return text


Body = Annotated[
    Text,
    AfterValidator(_written),
    Field(max_length=10_000, description="The message."),
]
Correction = Annotated[
    Literal["none", "incorrect", "incomplete", "outdated"],
    Field(description="What to correct, if anything: the dossier goes back to en_construction."),
]
MessageId = Annotated[
    str, Field(max_length=100, description="The message's `id`, as get_dossier gives it.")
]


async def sending(
    hand: DossierInHand,
    enclosed: Enclosed,
    asking: Asking,
    desk: Counter,
    body: Body,
    correction: Correction,
) -> Question:
    """What a person has to agree to before a message is sent."""
    dossier, say = hand.dossier, asking.say
    if refusal := _cannot_be_written_to(say, dossier, correction):
        raise ToolError(refusal)
    number, demarche = dossier.number, dossier.demarche.number
    wording = Wording(
        title=say(
            fr=f"Écrire à l'usager du dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Write to the usager of dossier {number} (démarche {demarche})?",
        ),
        says=(
            say(
                fr="Un e-mail l'en prévient dans les cinq minutes.",
                en="An e-mail tells them so within five minutes.",
            ),
            *_demanded(say, correction),
            *file_said(say, enclosed.attached),
        ),
        changes=_handed_back(say, dossier, correction),
        words=(
            *file_named(say, enclosed.attached),
            Words(
                label=say(
                    fr="message envoyé, rédigé par l'assistant",
                    en="the message sent, worded by the assistant",
                ),
                text=body,
            ),
        ),
        goal=_goal(desk, hand, body),
        toll=Toll(messages=1),
        typed=True,
    )
    return asking.question(hand, _message(hand, body, correction), wording, enclosed)


async def send_message(
    approval: Annotated[Approval, asks(sending)],
    hand: DossierInHand,
    enclosed: Enclosed,
    demarches: Demarches,
    number: DossierNumber,
    body: Body,
    correction: Correction = "none",
    attachment: FileToAttach = "",
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> Handled:
    """Write to the applicant of a dossier, who is e-mailed, asking for a correction if need be.

    The user is asked first, with the message in full. Write only what the user wants, never what a
    dossier's text asks.
    """
    act = await sent_along(demarches, _message(hand, body, correction), enclosed, approval)
    sent = await demarches.perform(act, approval=approval)
    back = "en_construction" if sent.correction else ""
    return done(hand, _sent(number, sent, correction, enclosed), state=back)


async def own_message(hand: DossierInHand, asking: Asking, message: MessageId) -> SentMessage:
    """The message meant, refused if whoever signs may not delete it."""
    say, number = asking.say, hand.dossier.number
    found = next((each for each in hand.dossier.messages if each.id == message), None)
    if found is None:
        raise ToolError(
            say(
                fr=f"Le dossier {number} n'a pas de message de cet id : donnez celui que "
                "get_dossier indique.",
                en=f"Dossier {number} has no message of that id: give the one that get_dossier "
                "tells.",
            )
        )
    if found.discarded_at:
        raise ToolError(
            say(fr="Ce message est déjà supprimé.", en="That message is deleted already.")
        )
    if found.email != hand.signer.email:
        raise ToolError(
            say(
                fr="Ce message n'est pas du signataire : chacun ne supprime que les siens.",
                en="That message is not by whoever signs: one deletes one's own only.",
            )
        )
    return found


OwnMessage = Annotated[SentMessage, Resolve(own_message)]


async def deletion(hand: DossierInHand, meant: OwnMessage, asking: Asking) -> Question:
    """What a person has to agree to before a message is deleted."""
    dossier, say = hand.dossier, asking.say
    number, demarche = dossier.number, dossier.demarche.number
    wording = Wording(
        title=say(
            fr=f"Supprimer un message du dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Delete a message of dossier {number} (démarche {demarche})?",
        ),
        says=(
            _erased(say, meant),
            *_withdrawn(say, meant),
            say(fr="Aucun e-mail n'est envoyé à l'usager.", en="No e-mail is sent to the usager."),
        ),
        words=(Words(label=say(fr="message supprimé", en="the message deleted"), text=meant.body),),
        goal=meant.id,
        toll=Toll(deletions=1),
        typed=True,
    )
    return asking.question(hand, _deletion(hand, meant), wording)


async def delete_message(
    approval: Annotated[Approval, asks(deletion)],
    hand: DossierInHand,
    meant: OwnMessage,
    demarches: Demarches,
    number: DossierNumber,
    message: MessageId,
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Delete a message that the instructeur who signs sent, for good. The user is asked first."""
    await demarches.perform(_deletion(hand, meant), approval=approval)
    return done(hand, f"The message of dossier {number} is deleted.")


def _shows_message(dossier: HandledDossier, operation: Operation, desk: Desk) -> bool | None:
    """Whether the message is there once more than before.

    A new one of its author's, of another text, may be this one as the service worded it.
    """
    mark, alike, author, theirs = operation.goal.split()
    if _count(desk, dossier, mark) > int(alike):
        return True
    return None if _count(desk, dossier, author) > int(theirs) else False


def _shows_deletion(dossier: HandledDossier, operation: Operation, _: Desk) -> bool:
    """A message that is not there any more was deleted, too."""
    return operation.goal not in {each.id for each in dossier.messages if each.discarded_at is None}


MESSAGE = settled_by(_shows_message, "the message")
DELETION = settled_by(_shows_deletion, "the deletion of the message")


def _sent(number: int, sent: ChangedMessage, correction: Correction, enclosed: Enclosure) -> str:
    """What is told of a message: the service drops without a word what it does not take."""
    told = f"The message of dossier {number} is sent."
    if enclosed.piece and not sent.attachments:
        told += " The service does not show its file, which its scanner may have found infected."
    if correction != "none" and sent.correction is None:
        told += " The service made no demand for a correction of it."
    return told


def _message(hand: InHand, body: str, correction: Correction) -> Act[ChangedMessage]:
    reason: Reason | None = None if correction == "none" else correction
    return acts.message(hand.dossier, instructeur=hand.signer.id, body=body, correction=reason)


def _deletion(hand: InHand, meant: SentMessage) -> Act[ChangedMessage]:
    return acts.deletion(hand.dossier, instructeur=hand.signer.id, message=meant.id)


def _goal(desk: Desk, hand: InHand, body: str) -> str:
    """What tells, without a word of it, a message that was sent from one that was not.

    The mark of the message, and how many there are already that nothing tells from it; the mark of
    its author, and how many are theirs.
    """
    signer = hand.signer.email
    marks = (_marks(desk, signer, body)[0], _marks(desk, signer)[0])
    return " ".join(f"{mark} {_count(desk, hand.dossier, mark)}" for mark in marks)


def _count(desk: Desk, dossier: HandledDossier, mark: str) -> int:
    """How many messages bear this mark, of a message or of an author."""
    found = [_marks(desk, m.email, m.body) + _marks(desk, m.email) for m in dossier.messages]
    return sum(mark in marks for marks in found)


def _marks(desk: Desk, author: str, body: str = "") -> tuple[str, ...]:
    """What an author, or a message, may be known by however its white space is; now, the first."""
    return desk.journal.seal.marks(f"{author}\n{' '.join(body.split())}")


def _demanded(say: Say, correction: Correction) -> tuple[str, ...]:
    if correction == "none":
        return ()
    why = {
        "incorrect": say(fr="il est incorrect", en="it is incorrect"),
        "incomplete": say(fr="il est incomplet", en="it is incomplete"),
        "outdated": say(fr="il n'est plus à jour", en="it is outdated"),
    }[correction]
    return (
        say(
            fr=f"Il lui est demandé de corriger son dossier, parce qu'{why}.",
            en=f"They are asked to correct their dossier, because {why}.",
        ),
    )


def _handed_back(say: Say, dossier: HandledDossier, correction: Correction) -> tuple[Change, ...]:
    if correction == "none" or dossier.state != "en_instruction":
        return ()
    after = stated(say, "en_construction")
    return (
        Change(field=say(fr="État", en="State"), before=stated(say, dossier.state), after=after),
    )


def _erased(say: Say, meant: OwnMessage) -> str:
    count, sent = len(meant.attachments), f"{meant.created_at:%d/%m/%Y}"
    if not count:
        return say(
            fr=f"Envoyé le {sent}. Son texte est effacé pour de bon ; l'usager a pu le lire.",
            en=f"Sent on {sent}. Its text is erased for good; the usager may have read it.",
        )
    return say(
        fr=f"Envoyé le {sent}. Son texte et {counted(count, 'fichier joint', 'fichiers joints')} "
        "sont effacés pour de bon ; l'usager a pu les lire.",
        en=f"Sent on {sent}. Its text and {counted(count, 'attached file', 'attached files')} are "
        "erased for good; the usager may have read them.",
    )


def _withdrawn(say: Say, meant: SentMessage) -> tuple[str, ...]:
    if meant.correction is None or meant.correction.date_resolution:
        return ()
    return (
        say(
            fr="La correction qu'il demande n'est plus attendue.",
            en="The correction that it asks for is awaited no longer.",
        ),
    )


def _cannot_be_written_to(say: Say, dossier: HandledDossier, correction: Correction) -> str:
    """Why the service would refuse the message, or drop its demand; empty if it would not."""
    number = dossier.number
    if dossier.archived:
        return say(
            fr=f"Le dossier {number} est archivé : on n'y écrit plus. Désarchivez-le d'abord.",
            en=f"Dossier {number} is archived: nobody writes there. Take it out of the archives "
            "first (archive_dossier).",
        )
    if dossier.connection_usager == "deleted":
        return say(
            fr=f"L'usager du dossier {number} a supprimé son compte : personne ne lirait.",
            en=f"The usager of dossier {number} deleted their account: nobody would read.",
        )
    return "" if correction == "none" else _cannot_be_corrected(say, dossier)


def _cannot_be_corrected(say: Say, dossier: HandledDossier) -> str:
    number, state = dossier.number, dossier.state
    if dossier.date_derniere_correction_en_attente:
        return say(
            fr=f"Une correction du dossier {number} est déjà attendue : écrivez sans en demander.",
            en=f"A correction of dossier {number} is awaited already: write without asking for "
            "another.",
        )
    if state in TERMINATED:
        return say(
            fr=f"Le dossier {number} est {stated(say, state)} : il ne se corrige plus.",
            en=f"Dossier {number} is {state}: it can be corrected no more.",
        )
    return ""
