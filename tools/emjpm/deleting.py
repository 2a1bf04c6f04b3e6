"""Deleting mesures, which nothing brings back: one of them, or all those of the account."""

from functools import partial
from typing import Annotated

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from clients import Approval
from clients.emjpm import Mesure, content
from clients.http import Outgoing
from tools.dependencies import Counter, Saying
from tools.desk import Desk
from tools.emjpm.aims import Aim, Witness, found
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.differences import shown
from tools.emjpm.owners import Owner, author, locking, owner_of
from tools.emjpm.parameters import MesureId
from tools.fences import Toll
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DryRun
from tools.questions import Asked, Change, Question, Typed, Words
from tools.results import Outcome
from tools.settling import Settlement

Awaiting = Annotated[
    bool,
    Field(
        description="Whether to send the parameter documented for those en_attente; they are "
        "deleted either way."
    ),
]


class DeletedMesures(Outcome):
    """What became of mesures to delete."""

    deleted: int | None = Field(
        default=None, description="How many were deleted; absent if not known."
    )


class Doomed(BaseModel):
    """A mesure to delete, as it is now."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    owner: Owner
    mesure: Mesure


class AllDoomed(BaseModel):
    """Every mesure of an account, by its status."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    owner: Owner
    en_cours: tuple[int, ...]
    en_attente: tuple[int, ...]
    eteinte: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.en_cours) + len(self.en_attente) + len(self.eteinte)


async def to_delete(id: MesureId, emjpm: Emjpm) -> Doomed:  # noqa: A002  (as listed)
    """The mesure to delete, which the service says is this account's."""
    return Doomed(mesure=await emjpm.mesure(id), owner=await owner_of(emjpm))


async def to_delete_all(emjpm: Emjpm, say: Saying) -> AllDoomed:
    """The mesures to delete; refused if there are none."""
    doomed = AllDoomed(
        owner=await owner_of(emjpm),
        en_cours=_ids(await emjpm.mesures("en_cours")),
        en_attente=_ids(await emjpm.mesures("en_attente")),
        eteinte=_ids(await emjpm.mesures("eteinte")),
    )
    if not doomed.count:
        raise ToolError(_none(say))
    return doomed


ToDelete = Annotated[Doomed, Resolve(to_delete)]
ToDeleteAll = Annotated[AllDoomed, Resolve(to_delete_all)]


async def deletion(
    doomed: ToDelete,
    id: MesureId,  # noqa: A002  (as listed)
    desk: Counter,
    emjpm: Emjpm,
) -> Question:
    """What a person has to agree to before a mesure is deleted."""
    before = desk.journal.seal.mark(content(doomed.mesure, whole=False))
    aim = Aim(owner=doomed.owner.key, count=1, witnesses=(Witness(id=id, before=before),))
    return Question(
        asked=await _asked(desk, doomed, emjpm.deletion(id)),
        subject=str(id),
        facts=doomed,
        read_again=partial(to_delete, id, emjpm),
        goal=aim.goal,
        toll=Toll(deletions=1),
    )


async def deletion_of_all(
    doomed: ToDeleteAll, include_awaiting: Awaiting, desk: Counter, emjpm: Emjpm, say: Saying
) -> Question:
    """What a person has to agree to before every mesure of an account is deleted."""
    request = emjpm.deletion_of_all(include_awaiting=include_awaiting)
    lock = await locking(desk, doomed.owner, request)
    asked = Asked(
        title=say(
            fr=f"Supprimer toutes les mesures de ce compte eMJPM ({doomed.count}) ?",
            en=f"Delete all the mesures of this eMJPM account ({doomed.count})?",
        ),
        says=tuple(filter(None, (_counts(say, doomed), _all_of_them(say, doomed), lock))),
        changes=(
            Change(
                field="mesures",
                before=str(doomed.count),
                after=say(fr="aucune", en="none"),
            ),
        ),
        words=(doomed.owner.words(say),),
        typed=_count(say, doomed.count),
        request=request,
    )
    return Question(
        asked=asked,
        subject=counted(doomed.count, "mesure", "mesures"),
        facts=doomed,
        read_again=partial(to_delete_all, emjpm, say),
        goal=Aim(owner=doomed.owner.key, count=doomed.count).goal,
        toll=Toll(deletions=doomed.count),
    )


async def delete_mesure(
    approval: Annotated[Approval, asks(deletion)],
    emjpm: Emjpm,
    id: MesureId,  # noqa: A002  (as listed)
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> DeletedMesures:
    """Delete a mesure of the connected account (eMJPM), with its états and ressources, for good.

    For a mesure that is over, update date_fin_mesure and cause_sortie instead: delete only what
    should never have been there. The user is asked first, and types its id: do not ask them
    yourself.
    """
    await emjpm.delete(id, approval=approval)
    return DeletedMesures(outcome="applied", conclusion=f"Mesure {id} is deleted.", deleted=1)


async def delete_all_mesures(
    approval: Annotated[Approval, asks(deletion_of_all)],
    doomed: ToDeleteAll,
    emjpm: Emjpm,
    include_awaiting: Awaiting = False,  # noqa: FBT002  (named by whoever calls it)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> DeletedMesures:
    """Delete every mesure of the connected account (eMJPM), for good, whoever wrote them.

    Those en_attente, which a court entered, go too whatever is asked: the service does not do what
    it documents. A person decides on a page, with the counts by status. Never use it to start an
    import afresh: an import writes over what is there.
    """
    deleted = await emjpm.delete_all(include_awaiting=include_awaiting, approval=approval)
    conclusion = f"{deleted} mesures deleted, of the {doomed.count} there were."
    return DeletedMesures(outcome="applied", conclusion=conclusion, deleted=deleted)


async def _deleted(desk: Desk, operation: Operation) -> DeletedMesures:
    """What became of a deletion whose answer was lost: is the mesure still there, and whole?"""
    (doomed,) = Aim.model_validate_json(operation.goal).witnesses
    marks = desk.journal.seal.marks
    there = found(marks, doomed, await desk.clients.emjpm.mesures())
    if there is None:
        conclusion = f"The answer was lost, but mesure {doomed.id} is no longer there."
        return DeletedMesures(outcome="applied", conclusion=conclusion, deleted=1)
    if doomed.before in marks(content(there, whole=False)):
        conclusion = (
            f"The answer was lost, and mesure {doomed.id} is still there, as it was. Call again if "
            "the user still wants it deleted; they will be asked again."
        )
        return DeletedMesures(outcome="not_applied", conclusion=conclusion, deleted=0)
    conclusion = (
        f"The answer was lost, and mesure {doomed.id} is still there, but not as it was: its états "
        "and ressources may be gone. Look at it before doing anything else."
    )
    return DeletedMesures(outcome="undetermined", conclusion=conclusion)


async def _all_deleted(desk: Desk, operation: Operation) -> DeletedMesures:
    """What became of the deletion of all mesures whose answer was lost: how many are left?"""
    before = Aim.model_validate_json(operation.goal).count
    left = len(await desk.clients.emjpm.mesures())
    if not left:
        conclusion = "The answer was lost, but no mesure is left."
        return DeletedMesures(outcome="applied", conclusion=conclusion, deleted=before)
    if left == before:
        conclusion = "The answer was lost, and as many mesures as before are there."
        return DeletedMesures(outcome="not_applied", conclusion=conclusion, deleted=0)
    conclusion = f"The answer was lost: {left} mesures are there, out of {before}. List them first."
    return DeletedMesures(outcome="undetermined", conclusion=conclusion)


def _unknown(subject: str) -> DeletedMesures:
    conclusion = (
        f"The answer was lost and the service cannot be read: the deletion ({subject}) may have "
        "been made. Look at what is there before doing anything else."
    )
    return DeletedMesures(outcome="undetermined", conclusion=conclusion)


MESURE_DELETION = Settlement(unread=_unknown, read=_deleted)
MESURES_DELETION = Settlement(unread=_unknown, read=_all_deleted)


def _ids(mesures: tuple[Mesure, ...]) -> tuple[int, ...]:
    return tuple(sorted(mesure.id for mesure in mesures))


async def _asked(desk: Desk, doomed: Doomed, request: Outgoing) -> Asked:
    say, mesure = desk.say, doomed.mesure
    etats, ressources = len(mesure.etats), len(mesure.ressources)
    lock = await locking(desk, doomed.owner, request)
    return Asked(
        title=say(
            fr=f"Supprimer la mesure n° {mesure.id} ({shown(mesure.numero_rg)}) ?",
            en=f"Delete mesure {mesure.id} ({shown(mesure.numero_rg)})?",
        ),
        says=tuple(filter(None, (_described(say, mesure), _for_good(say), lock))),
        changes=(
            Change(
                field=say(fr=f"mesure n° {mesure.id}", en=f"mesure {mesure.id}"),
                before=say(
                    fr=f"états : {etats}, ressources : {ressources}",
                    en=f"états: {etats}, ressources: {ressources}",
                ),
                after=say(fr="supprimée", en="deleted"),
            ),
        ),
        words=(doomed.owner.words(say), *_dossier(mesure)),
        typed=Typed(
            label=say(fr="Numéro de la mesure", en="The mesure's id"),
            asks=say(
                fr="Pour confirmer, recopiez le numéro de la mesure",
                en="To confirm, type the mesure's id",
            ),
            value=str(mesure.id),
        ),
        request=request,
    )


def _described(say: Say, mesure: Mesure) -> str:
    since = mesure.date_nomination
    nomination = say(
        fr=f"nomination du {since}" if since else "sans nomination",
        en=f"nomination of {since}" if since else "without a nomination",
    )
    court = shown(mesure.tribunal_siret)
    return say(
        fr=f"Tribunal {court}, {nomination}, {author(say, mesure)}.",
        en=f"Tribunal {court}, {nomination}, {author(say, mesure)}.",
    )


def _dossier(mesure: Mesure) -> tuple[Words, ...]:
    number = mesure.numero_dossier
    return (Words(label="numero_dossier", text=number),) if number else ()


def _for_good(say: Say) -> str:
    return say(
        fr="Rien ne la fera revenir. Une mesure qui prend fin ne se supprime pas : on lui donne "
        "une date de fin.",
        en="Nothing brings it back. A mesure that ends is not deleted: it is given an end date.",
    )


def _counts(say: Say, doomed: AllDoomed) -> str:
    current, awaiting, ended = (
        len(ids) for ids in (doomed.en_cours, doomed.en_attente, doomed.eteinte)
    )
    return say(
        fr=f"En cours : {current} ; en attente : {awaiting} ; éteintes : {ended} ; avec leurs "
        "états et leurs ressources. Rien ne les fera revenir.",
        en=f"{current} en_cours, {awaiting} en_attente, {ended} eteinte, with their états and "
        "ressources. Nothing brings them back.",
    )


def _all_of_them(say: Say, doomed: AllDoomed) -> str:
    awaiting = len(doomed.en_attente)
    return say(
        fr="La documentation d'eMJPM promet d'épargner les mesures en attente, mais le service les "
        f"supprime toujours : celles qu'un tribunal propose ({awaiting}) disparaîtront aussi.",
        en="eMJPM's documentation promises to spare the mesures en_attente, but the service always "
        f"deletes them: the {awaiting} entered by a court will go too.",
    )


def _count(say: Say, count: int) -> Typed:
    return Typed(
        label=say(fr="Nombre de mesures", en="Number of mesures"),
        asks=say(
            fr="Pour confirmer, recopiez le nombre de mesures",
            en="To confirm, type the number of mesures",
        ),
        value=str(count),
    )


def _none(say: Say) -> str:
    return say(
        fr="Ce compte n'a aucune mesure : rien n'a été envoyé.",
        en="This account has no mesure: nothing was sent.",
    )
