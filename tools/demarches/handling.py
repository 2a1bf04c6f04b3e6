"""Handling a dossier without changing its state: archive, group, labels, followers."""

from collections.abc import Sequence
from typing import Annotated

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients import Approval
from clients.demarches import Choices, GroupeOfDemarche, HandledDossier, Label, acts
from clients.text import quoted, shortened
from tools.demarches.acting import stated
from tools.demarches.dependencies import Demarches
from tools.demarches.in_hand import (
    Asking,
    DossierInHand,
    Handled,
    Wording,
    done,
    settled_by,
)
from tools.demarches.moving import TERMINATED
from tools.desk import Desk
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DossierNumber, DryRun
from tools.questions import Change, Question, Words

MOST_NAMED = 20
"""Groupes or labels that a refusal lists."""

Archived = Annotated[bool, Field(description="False: take it back out of the archives.")]
Group = Annotated[
    str, Field(max_length=300, description="The groupe instructeur, by its number or its label.")
]
LabelName = Annotated[str, Field(max_length=300, description="A label of the démarche, by name.")]
Present = Annotated[bool, Field(description="False: remove it.")]
Follow = Annotated[bool, Field(description="False: follow it no longer.")]


# Archiving.


async def archival(hand: DossierInHand, asking: Asking, archived: Archived) -> Question:
    """What a person has to agree to before a dossier is archived, or taken back out."""
    dossier, say = hand.dossier, asking.say
    if refusal := _cannot_be_archived(say, dossier, archived=archived):
        raise ToolError(refusal)
    number, demarche = dossier.number, dossier.demarche.number
    title = (
        say(
            fr=f"Archiver le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Archive dossier {number} (démarche {demarche})?",
        )
        if archived
        else say(
            fr=f"Désarchiver le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Take dossier {number} (démarche {demarche}) out of the archives?",
        )
    )
    wording = Wording(
        title=title,
        says=(_reversible(say), _nobody_told(say)),
        changes=(
            Change(
                field=say(fr="Archivé", en="Archived"),
                before=_yes_no(say, yes=dossier.archived),
                after=_yes_no(say, yes=archived),
            ),
        ),
        goal="archived" if archived else "not archived",
    )
    act = acts.archiving(dossier, instructeur=hand.signer.id, archived=archived)
    return asking.question(hand, act, wording)


async def archive_dossier(
    approval: Annotated[Approval, asks(archival)],
    hand: DossierInHand,
    demarches: Demarches,
    number: DossierNumber,
    archived: Archived = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Archive a dossier that was decided on, or take it back out. The user is asked first."""
    act = acts.archiving(hand.dossier, instructeur=hand.signer.id, archived=archived)
    await demarches.perform(act, approval=approval)
    return done(hand, f"Dossier {number} is {'' if archived else 'not '}archived.")


def _shows_archived(dossier: HandledDossier, operation: Operation, _: Desk) -> bool:
    return dossier.archived is (operation.goal == "archived")


ARCHIVING = settled_by(_shows_archived, "the change of its archiving")


# Groupes.


async def choices(hand: DossierInHand, demarches: Demarches) -> Choices:
    return await demarches.choices(hand.dossier.demarche.number)


Offered = Annotated[Choices, Resolve(choices)]


async def chosen_groupe(
    hand: DossierInHand, offered: Offered, asking: Asking, group: Group
) -> GroupeOfDemarche:
    """The groupe meant, refused if the dossier cannot be given to it."""
    say, dossier = asking.say, hand.dossier
    wanted = group.strip()
    found = [g for g in offered.groupes if wanted in {str(g.number), g.label}]
    if len(found) != 1:
        raise ToolError(_no_such_groupe(say, dossier, offered.groupes))
    (groupe,) = found
    if groupe.closed:
        raise ToolError(
            say(
                fr=f"Le groupe {quoted(groupe.label)} est fermé : choisissez-en un autre.",
                en=f"The group {quoted(groupe.label)} is closed: choose another.",
            )
        )
    if groupe.number == dossier.groupe_instructeur.number:
        raise ToolError(
            say(
                fr=f"Le dossier {dossier.number} est déjà dans ce groupe : rien à changer.",
                en=f"Dossier {dossier.number} is in that group already: nothing to change.",
            )
        )
    return groupe


ChosenGroupe = Annotated[GroupeOfDemarche, Resolve(chosen_groupe)]


async def assignment(hand: DossierInHand, groupe: ChosenGroupe, asking: Asking) -> Question:
    """What a person has to agree to before a dossier is given to another groupe."""
    dossier, say = hand.dossier, asking.say
    number, demarche, before = dossier.number, dossier.demarche.number, dossier.groupe_instructeur
    members = {each.id for each in groupe.instructeurs}
    leaving = [each.email for each in dossier.followers if each.id not in members]
    wording = Wording(
        title=say(
            fr=f"Confier à un autre groupe le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Give dossier {number} (démarche {demarche}) to another group?",
        ),
        says=(
            *_out_of_reach(say, member=hand.signer.id in members),
            *_left(say, len(leaving)),
            _nobody_told(say),
        ),
        changes=(
            Change(
                field=say(fr="Groupe n°", en="Group number"),
                before=str(before.number),
                after=str(groupe.number),
            ),
        ),
        words=(
            Words(label=say(fr="groupe actuel", en="its group now"), text=before.label),
            Words(label=say(fr="nouveau groupe", en="its new group"), text=groupe.label),
        ),
        goal=f"{before.number}>{groupe.number}",
        signed=False,
    )
    return asking.question(hand, acts.routing(dossier, groupe=groupe.id), wording)


async def assign_group(
    approval: Annotated[Approval, asks(assignment)],
    hand: DossierInHand,
    groupe: ChosenGroupe,
    demarches: Demarches,
    number: DossierNumber,
    group: Group,
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Give a dossier to another groupe instructeur of its démarche. The user is asked first."""
    await demarches.perform(acts.routing(hand.dossier, groupe=groupe.id), approval=approval)
    return done(hand, f"Dossier {number} is in group {groupe.number}.")


def _shows_groupe(dossier: HandledDossier, operation: Operation, _: Desk) -> bool | None:
    before, after = operation.goal.split(">")
    return {after: True, before: False}.get(str(dossier.groupe_instructeur.number))


ASSIGNMENT = settled_by(_shows_groupe, "its change of group")


# Labels.


async def chosen_label(
    hand: DossierInHand, offered: Offered, asking: Asking, label: LabelName, present: Present
) -> Label:
    """The label meant, refused if sticking or removing it would change nothing."""
    say, dossier = asking.say, hand.dossier
    found = [each for each in offered.labels if label.strip() in {each.id, each.name}]
    if len(found) != 1:
        raise ToolError(_no_such_label(say, dossier, offered.labels))
    (meant,) = found
    if (meant.id in {each.id for each in dossier.labels}) is present:
        raise ToolError(
            say(
                fr=f"Le dossier {dossier.number} est déjà ainsi : rien à changer.",
                en=f"Dossier {dossier.number} is so already: nothing to change.",
            )
        )
    return meant


ChosenLabel = Annotated[Label, Resolve(chosen_label)]


async def labelling(
    hand: DossierInHand, meant: ChosenLabel, asking: Asking, present: Present
) -> Question:
    """What a person has to agree to before a label is stuck or removed."""
    dossier, say = hand.dossier, asking.say
    number, demarche = dossier.number, dossier.demarche.number
    title = (
        say(
            fr=f"Ajouter un label au dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Add a label to dossier {number} (démarche {demarche})?",
        )
        if present
        else say(
            fr=f"Retirer un label du dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Remove a label from dossier {number} (démarche {demarche})?",
        )
    )
    wording = Wording(
        title=title,
        says=(_reversible(say), _nobody_told(say)),
        words=(Words(label="label", text=meant.name),),
        goal=f"{meant.id} {'present' if present else 'absent'}",
        signed=False,
    )
    return asking.question(hand, acts.labelling(dossier, label=meant.id, present=present), wording)


async def label_dossier(
    approval: Annotated[Approval, asks(labelling)],
    hand: DossierInHand,
    meant: ChosenLabel,
    demarches: Demarches,
    number: DossierNumber,
    label: LabelName,
    present: Present = True,  # noqa: FBT002  (likewise)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Stick a label on a dossier, or remove it. The user is asked first."""
    act = acts.labelling(hand.dossier, label=meant.id, present=present)
    await demarches.perform(act, approval=approval)
    return done(hand, f"The label is {'on' if present else 'off'} dossier {number}.")


def _shows_label(dossier: HandledDossier, operation: Operation, _: Desk) -> bool:
    identifier, wanted = operation.goal.split()
    return (identifier in {each.id for each in dossier.labels}) is (wanted == "present")


LABELLING = settled_by(_shows_label, "the change of its labels")


# Followers.


async def following(hand: DossierInHand, asking: Asking, follow: Follow) -> Question:
    """What a person has to agree to before somebody follows a dossier, or no longer."""
    dossier, say = hand.dossier, asking.say
    number, demarche = dossier.number, dossier.demarche.number
    if (hand.signer.id in {each.id for each in dossier.followers}) is follow:
        raise ToolError(
            say(
                fr=f"Il en est déjà ainsi du dossier {number} : rien à changer.",
                en=f"It is already so for dossier {number}: nothing to change.",
            )
        )
    title = (
        say(
            fr=f"Suivre le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Follow dossier {number} (démarche {demarche})?",
        )
        if follow
        else say(
            fr=f"Ne plus suivre le dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Follow dossier {number} (démarche {demarche}) no longer?",
        )
    )
    wording = Wording(
        title=title,
        says=(_followed(say), _reversible(say), _nobody_told(say)),
        goal=f"{hand.signer.id} {'follows' if follow else 'left'}",
    )
    act = acts.following(dossier, instructeur=hand.signer.id, follow=follow)
    return asking.question(hand, act, wording)


async def follow_dossier(
    approval: Annotated[Approval, asks(following)],
    hand: DossierInHand,
    demarches: Demarches,
    number: DossierNumber,
    follow: Follow = True,  # noqa: FBT002  (likewise)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Handled:
    """Have the instructeur who signs follow a dossier, or leave it. The user is asked first."""
    act = acts.following(hand.dossier, instructeur=hand.signer.id, follow=follow)
    await demarches.perform(act, approval=approval)
    return done(hand, f"Dossier {number} is {'' if follow else 'no longer '}followed.")


def _shows_follower(dossier: HandledDossier, operation: Operation, _: Desk) -> bool:
    identifier, wanted = operation.goal.split()
    return (identifier in {each.id for each in dossier.followers}) is (wanted == "follows")


FOLLOWING = settled_by(_shows_follower, "the change of its followers")


def _cannot_be_archived(say: Say, dossier: HandledDossier, *, archived: bool) -> str:
    """Why archiving would be refused, or change nothing; empty if neither."""
    number, state = dossier.number, dossier.state
    if dossier.archived is archived:
        return say(
            fr=f"Le dossier {number} est déjà ainsi : rien à changer.",
            en=f"Dossier {number} is so already: nothing to change.",
        )
    if archived and state not in TERMINATED:
        return say(
            fr=f"Le dossier {number} est {stated(say, state)} : seul un dossier accepté, refusé ou "
            "classé sans suite peut être archivé.",
            en=f"Dossier {number} is {state}: only one that is accepte, refuse or sans_suite can "
            "be archived.",
        )
    return ""


def _no_such_groupe(say: Say, dossier: HandledDossier, groupes: Sequence[GroupeOfDemarche]) -> str:
    named = [f"{g.number} {quoted(shortened(g.label))}" for g in groupes if not g.closed]
    return say(
        fr=f"La démarche {dossier.demarche.number} n'a pas ce groupe, ou en a plusieurs de ce nom. "
        f"Elle a : {_listed(say, named)}.",
        en=f"Démarche {dossier.demarche.number} has no such group, or several of that name. It "
        f"has: {_listed(say, named)}.",
    )


def _no_such_label(say: Say, dossier: HandledDossier, labels: Sequence[Label]) -> str:
    named = [quoted(shortened(each.name)) for each in labels]
    return say(
        fr=f"La démarche {dossier.demarche.number} n'a pas ce label, ou en a plusieurs de ce nom. "
        f"Elle a : {_listed(say, named)}.",
        en=f"Démarche {dossier.demarche.number} has no such label, or several of that name. It "
        f"has: {_listed(say, named)}.",
    )


def _listed(say: Say, named: Sequence[str]) -> str:
    shown = ", ".join(named[:MOST_NAMED]) or say(fr="rien de tel", en="none at all")
    more = len(named) - MOST_NAMED
    others = counted(more, "autre", "autres")
    return f"{shown}{say(fr=f' et {others}', en=f' and {more} more')}" if more > 0 else shown


def _out_of_reach(say: Say, *, member: bool) -> tuple[str, ...]:
    if member:
        return ()
    return (
        say(
            fr="Le signataire n'est pas membre du nouveau groupe : il ne pourra plus agir sur ce "
            "dossier, ni le reprendre.",
            en="Whoever signs is no member of the new group: they will not be able to act on this "
            "dossier any more, nor to take it back.",
        ),
    )


def _left(say: Say, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (
        say(
            fr=f"Instructeurs qui ne le suivront plus, n'étant pas du nouveau groupe : {count} "
            "en tout.",
            en=f"Instructeurs who will follow it no longer, not being of the new group: {count} in "
            "all.",
        ),
    )


def _followed(say: Say) -> str:
    return say(
        fr="Qui suit un dossier est notifié de ce qui y change.",
        en="Whoever follows a dossier is notified of what changes in it.",
    )


def _reversible(say: Say) -> str:
    return say(fr="Cela peut être défait.", en="This can be undone.")


def _nobody_told(say: Say) -> str:
    return say(fr="Aucun e-mail n'est envoyé à l'usager.", en="No e-mail is sent to the usager.")


def _yes_no(say: Say, *, yes: bool) -> str:
    return say(fr="oui", en="yes") if yes else say(fr="non", en="no")
