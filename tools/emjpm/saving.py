"""Creating a mesure, or changing one: what is not given stays as it is, and a list is replaced."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from clients import Approval
from clients.emjpm import EmjpmClient, Mesure, MesureToSend, become, content, rewritten
from clients.http import Outgoing
from tools.dependencies import Counter, Saying
from tools.desk import Desk
from tools.emjpm.aims import Aim, Marks, Witness, found, refused, told, witness
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.differences import differences, shown
from tools.emjpm.owners import Owner, author, locking, owner_of
from tools.emjpm.parameters import MesureId
from tools.executing import part
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say
from tools.parameters import DryRun
from tools.questions import Asked, Question, Words
from tools.results import Outcome
from tools.settling import Settlement

Fields = Annotated[
    dict[str, object],
    Field(
        description="numero_rg (8 capitals or digits), tribunal_siret, annee_naissance, civilite, "
        "date_nomination[, date_premier_mesure, date_protection_en_cours, date_fin_mesure, "
        "cause_sortie, resultat_revision, numero_dossier, antenne_id]; etats: "
        "[{date_changement_etat, nature_mesure, lieu_vie, pays[, champ_mesure, "
        "type_etablissement, code_postal, ville]}]; ressources: [{annee, niveau_ressource[, "
        "prestations_sociales]}]. null clears."
    ),
]
Changes = Annotated[
    dict[str, object],
    Field(description="Those that change, named as in create_mesure; null clears."),
]


class SavedMesure(Outcome):
    """What became of a mesure that was sent."""

    id: int | None = Field(default=None, description="The mesure's id; absent if not known.")


class Saving(BaseModel):
    """A mesure to send, and what the service holds of it now."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    owner: Owner
    before: Mesure | None
    awaits: bool
    """Whether it still awaits its mandataire."""
    sent: MesureToSend
    tribunal: str
    antenne: str

    @property
    def after(self) -> Mesure:
        return become(self.before, self.sent)

    @property
    def subject(self) -> str:
        return str(self.before.id) if self.before else self.sent.numero_rg


async def to_create(fields: Fields, emjpm: Emjpm, say: Saying) -> Saving:
    """The mesure to create, or the one that it would be written over."""
    sought = fields.get("numero_rg"), fields.get("tribunal_siret")
    there = (m for m in await emjpm.mesures() if (m.numero_rg, m.tribunal_siret) == sought)
    known = next(there, None)
    return await _saving(emjpm, say, await emjpm.mesure(known.id) if known else None, fields)


async def to_update(
    id: MesureId,  # noqa: A002  (as listed)
    fields: Changes,
    emjpm: Emjpm,
    say: Saying,
) -> Saving:
    """The mesure to change; refused if nothing of it would."""
    return await _saving(emjpm, say, await emjpm.mesure(id), fields)


ToCreate = Annotated[Saving, Resolve(to_create)]
ToUpdate = Annotated[Saving, Resolve(to_update)]


async def creation(
    saving: ToCreate,
    fields: Fields,
    desk: Counter,
    emjpm: Emjpm,
    say: Saying,
) -> Question:
    """What a person has to agree to before a mesure is created, or written over."""
    aim = Aim(owner=saving.owner.key, requests=1 if saving.sent.antenne_id is None else 2)
    return Question(
        asked=await _asked(desk, saving, emjpm.creation(saving.sent), by_id=False),
        subject=saving.subject,
        facts=saving,
        read_again=partial(to_create, fields, emjpm, say),
        goal=aim.goal,
    )


async def updating(
    saving: ToUpdate,
    id: MesureId,  # noqa: A002  (as listed)
    fields: Changes,
    desk: Counter,
    emjpm: Emjpm,
    say: Saying,
) -> Question:
    """What a person has to agree to before a mesure is changed."""
    return Question(
        asked=await _asked(desk, saving, emjpm.updating(id, saving.sent), by_id=True),
        subject=saving.subject,
        facts=saving,
        read_again=partial(to_update, id, fields, emjpm, say),
        goal=_aim(desk, saving.owner, saving.before, saving.after).goal,
    )


async def create_mesure(
    approval: Annotated[Approval, asks(creation)],
    saving: ToCreate,
    desk: Counter,
    emjpm: Emjpm,
    fields: Fields,
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> SavedMesure:
    """Create a mesure (eMJPM), or write over the one with this numero_rg at this tribunal.

    What is left out stays as it is; a list replaces the whole list. A wrong value is refused with
    those accepted. The user is asked first, with each field before and after: do not ask them
    yourself.
    """
    after = _without_antenne(saving)
    goal = _aim(desk, saving.owner, saving.before, after).goal
    body = partial(_create, emjpm, saving)
    _, result = await part(desk, PART, approval, body, subject=saving.subject, goal=goal)
    created = told(result, SavedMesure)
    if saving.sent.antenne_id is None or created.outcome != "applied" or created.id is None:
        return created
    made = after.model_copy(update={"id": created.id})
    goal = _aim(desk, saving.owner, made, become(made, saving.sent)).goal
    body = partial(_place, emjpm, saving, created.id)
    _, result = await part(desk, PART, approval, body, subject=str(created.id), goal=goal)
    return _both(created, refused(result) or told(result, SavedMesure))


async def update_mesure(
    approval: Annotated[Approval, asks(updating)],
    saving: ToUpdate,
    emjpm: Emjpm,
    id: MesureId,  # noqa: A002  (as listed)
    fields: Changes,
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> SavedMesure:
    """Change fields of a mesure (eMJPM); the others stay as they are.

    `etats` and `ressources` replace the whole list: read get_mesure with every detail first, and
    give again what must stay. To reopen a mesure that ended, give date_fin_mesure and cause_sortie
    as null. One en_attente is thereby accepted. The user is asked first, with each change.
    """
    await emjpm.update(id, saving.sent, approval=approval)
    return SavedMesure(outcome="applied", conclusion=f"Mesure {id} is updated.", id=id)


async def _saving(
    emjpm: EmjpmClient, say: Say, before: Mesure | None, given: Mapping[str, object]
) -> Saving:
    """What is to be sent, checked against the service's rules, tribunaux and antennes."""
    sent = rewritten(before, given)
    if before and content(become(before, sent)) == content(before):
        raise ToolError(_unchanged(say, before))
    tribunal = {t.siret: t.nom for t in await emjpm.tribunaux()}.get(sent.tribunal_siret)
    if tribunal is None:
        raise ToolError(_no_tribunal(say, sent.tribunal_siret))
    return Saving(
        owner=await owner_of(emjpm),
        before=before,
        awaits=before is not None and before.id in await _awaiting(emjpm),
        sent=sent,
        tribunal=tribunal,
        antenne=await _antenne(emjpm, say, sent.antenne_id),
    )


async def _awaiting(emjpm: EmjpmClient) -> frozenset[int]:
    return frozenset(mesure.id for mesure in await emjpm.mesures("en_attente"))


async def _antenne(emjpm: EmjpmClient, say: Say, wanted: int | None) -> str:
    """The name of the antenne to set, if one is."""
    if wanted is None:
        return ""
    antennes = {antenne.id: antenne.nom for antenne in await emjpm.antennes()}
    if wanted not in antennes:
        raise ToolError(_no_antenne(say, wanted))
    return antennes[wanted]


async def _create(emjpm: EmjpmClient, saving: Saving, approval: Approval) -> SavedMesure:
    mesure = await emjpm.create(saving.sent, approval=approval)
    what = "is written over" if saving.before else "is created"
    conclusion = f"Mesure {mesure.id} ({mesure.numero_rg}) {what}."
    return SavedMesure(outcome="applied", conclusion=conclusion, id=mesure.id)


async def _place(
    emjpm: EmjpmClient, saving: Saving, number: int, approval: Approval
) -> SavedMesure:
    """A mesure that was just saved, given its antenne."""
    await emjpm.update(number, saving.sent, approval=approval)
    return SavedMesure(outcome="applied", conclusion="Its antenne is set.", id=number)


def _both(created: SavedMesure, placed: SavedMesure | str) -> SavedMesure:
    """What became of a mesure that is saved, whatever became of its antenne."""
    if isinstance(placed, SavedMesure) and placed.outcome == "applied":
        told = f"{created.conclusion} Its antenne is set."
        return created.model_copy(update={"conclusion": told})
    why = f" ({placed})" if isinstance(placed, str) else ""
    told = (
        f"{created.conclusion} Its antenne may not be set{why}: read it with get_mesure, and set "
        "it with update_mesure."
    )
    unsure = isinstance(placed, SavedMesure) and placed.outcome == "undetermined"
    return created.model_copy(
        update={"conclusion": told, "outcome": "undetermined" if unsure else "applied"}
    )


def _without_antenne(saving: Saving) -> Mesure:
    """The mesure after its first request, which does not set its antenne."""
    kept = saving.before.antenne_id if saving.before else None
    return saving.after.model_copy(update={"antenne_id": kept})


def _aim(desk: Desk, owner: Owner, before: Mesure | None, after: Mesure) -> Aim:
    shown_by = witness(desk.journal.seal.mark, before, after)
    return Aim(owner=owner.key, count=1, witnesses=(shown_by,))


async def _saved(desk: Desk, operation: Operation) -> SavedMesure:
    """What became of a mesure whose answer was lost, as the service now shows it."""
    marks = desk.journal.seal.marks
    (wanted,) = Aim.model_validate_json(operation.goal).witnesses
    mesure = await _found(desk.clients.emjpm, marks, wanted)
    standing = wanted.standing(marks, mesure, whole=True)
    conclusion = {
        "applied": "The answer was lost, but the mesure now reads as it was sent.",
        "not_applied": "The answer was lost, and the mesure was not saved. Call again if the user "
        "still wants it; they will be asked again.",
        "undetermined": "The answer was lost, and the mesure reads neither as before nor as it was "
        "sent: look at it before doing anything else.",
    }[standing]
    number = mesure.id if mesure else None
    return SavedMesure(outcome=standing, conclusion=conclusion, id=number)


async def _found(emjpm: EmjpmClient, marks: Marks, wanted: Witness) -> Mesure | None:
    if wanted.id:
        return await emjpm.mesure(wanted.id)
    known = found(marks, wanted, await emjpm.mesures())
    return await emjpm.mesure(known.id) if known else None


async def _created(desk: Desk, operation: Operation) -> SavedMesure:
    """What became of a creation, by the one or two requests it took."""
    parts = await desk.journal.parts(operation.id)
    done = [result for one in parts if (result := _result(desk, one, "applied"))]
    if any(one.status in {"executing", "undetermined"} for one in parts):
        return _unknown(operation.subject)
    if not done:
        told = "It was interrupted: the mesure was not saved. Call again if the user still wants it"
        return SavedMesure(outcome="not_applied", conclusion=f"{told}; they will be asked again.")
    number = next((result.id for result in done if result.id), None)
    told = f"Mesure {number} is saved."
    if len(done) < Aim.model_validate_json(operation.goal).requests:
        told += " Its antenne is not set: set it with update_mesure."
    return SavedMesure(outcome="applied", conclusion=told, id=number)


def _result(desk: Desk, part: Operation, status: str) -> SavedMesure | None:
    result = desk.journal.recorded(part) if part.status == status else None
    return told(result, SavedMesure) if result else None


def _unknown(subject: str) -> SavedMesure:
    conclusion = (
        f"The answer was lost and mesure {subject} cannot be read: it may have been saved. Look at "
        "it before doing anything else."
    )
    return SavedMesure(outcome="undetermined", conclusion=conclusion)


UPDATE = Settlement(unread=_unknown, read=_saved)
PART = UPDATE
CREATION = Settlement(unread=_unknown, read=_created, part=PART)


async def _asked(desk: Desk, saving: Saving, request: Outgoing, *, by_id: bool) -> Asked:
    say, before, after = desk.say, saving.before, saving.after
    says = (
        _whose(say, before) if before and not by_id else "",
        _accepting(say) if saving.awaits else "",
        _removing(say, before, after) if before else "",
        _disordered(say, saving.sent),
        _unchanged_rest(say) if before else "",
        _in_two(say) if saving.antenne and not by_id else "",
        await locking(desk, saving.owner, request),
    )
    return Asked(
        title=_title(say, saving, by_id=by_id),
        says=tuple(filter(None, says)),
        changes=differences(say, before, after),
        words=tuple(_words(say, saving)),
        typed=None,
        request=request,
    )


def _title(say: Say, saving: Saving, *, by_id: bool) -> str:
    number, before = saving.sent.numero_rg, saving.before
    if before is None:
        return say(fr=f"Créer la mesure {number} ?", en=f"Create mesure {number}?")
    named = f"{before.id} ({shown(before.numero_rg)})"
    if by_id:
        return say(fr=f"Modifier la mesure n° {named} ?", en=f"Change mesure {named}?")
    return say(fr=f"Écrire par-dessus la mesure n° {named} ?", en=f"Write over mesure {named}?")


def _whose(say: Say, before: Mesure) -> str:
    return say(
        fr=f"Ce numéro existe déjà à ce tribunal, dans ce compte : la mesure n° {before.id}, "
        f"{author(say, before)}, sera récrite, et non doublée.",
        en=f"This number is already there at this tribunal, in this account: mesure {before.id}, "
        f"{author(say, before)}, will be written over, not doubled.",
    )


def _accepting(say: Say) -> str:
    return say(
        fr="Elle est en attente : la changer l'accepte, et elle sera en cours.",
        en="It is en_attente: changing it accepts it, and it will be en_cours.",
    )


def _removing(say: Say, before: Mesure, after: Mesure) -> str:
    etats, ressources = (len(_lost(before, after, name)) for name in ("etats", "ressources"))
    if not etats and not ressources:
        return ""
    return say(
        fr="Ce qui n'est pas donné de nouveau sera supprimé (états : "
        f"{etats}, ressources : {ressources}).",
        en=f"What is not given again will be removed (états: {etats}, ressources: {ressources}).",
    )


def _lost(before: Mesure, after: Mesure, name: str) -> set[object]:
    """The dates of the états, or the years of the ressources, that are no longer there."""
    old, new = (
        {getattr(each, DATED[name]) for each in getattr(mesure, name)} for mesure in (before, after)
    )
    return old - new


DATED = {"etats": "date_changement_etat", "ressources": "annee"}


def _disordered(say: Say, sent: MesureToSend) -> str:
    first = sent.oldest_first[0].date_changement_etat
    if sent.date_nomination <= first:
        return ""
    return say(
        fr=f"À vérifier : la date de nomination, {sent.date_nomination}, suit le premier état, du "
        f"{first}.",
        en=f"To be checked: the nomination, {sent.date_nomination}, comes after the first état, of "
        f"{first}.",
    )


def _unchanged_rest(say: Say) -> str:
    return say(fr="Le reste ne change pas.", en="The rest does not change.")


def _in_two(say: Say) -> str:
    return say(
        fr="L'antenne est donnée par une seconde requête, juste après.",
        en="The antenne is set by a second request, just after.",
    )


def _words(say: Say, saving: Saving) -> Iterator[Words]:
    yield saving.owner.words(say)
    yield Words(label="tribunal", text=saving.tribunal)
    if saving.antenne:
        yield Words(label="antenne", text=saving.antenne)


def _unchanged(say: Say, mesure: Mesure) -> str:
    return say(
        fr=f"La mesure {mesure.id} est déjà ainsi : rien n'a été envoyé.",
        en=f"Mesure {mesure.id} already reads so: nothing was sent.",
    )


def _no_tribunal(say: Say, siret: str) -> str:
    return say(
        fr=f"eMJPM n'a pas de tribunal {siret} : cherchez-le avec list_tribunaux. "
        "Rien n'a été envoyé.",
        en=f"eMJPM has no tribunal {siret}: look for it with list_tribunaux. Nothing was sent.",
    )


def _no_antenne(say: Say, wanted: int) -> str:
    return say(
        fr=f"Ce compte n'a pas d'antenne {wanted} : prenez-la dans list_antennes. "
        "Rien n'a été envoyé.",
        en=f"This account has no antenne {wanted}: take it from list_antennes. Nothing was sent.",
    )
