"""Importing mesures from a file: checked whole, then sent by batches that are saved whole or not.

A mesure that is there already is written over, so that an import that was cut short can be made
again. What became of a batch whose answer was lost is read, and nothing is sent after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import anyio.to_thread
from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from clients import Approval
from clients.emjpm import (
    EmjpmClient,
    Mesure,
    MesuresFile,
    MesureToSend,
    NumberedMesure,
    become,
    content,
    mesures,
)
from clients.http import Outgoing
from clients.rows import Problem
from tools.dependencies import Counter, Files, Reporting, Saying
from tools.desk import Desk
from tools.emjpm.aims import Aim, Witness, found, refused, told, witness
from tools.emjpm.dependencies import Emjpm
from tools.emjpm.owners import Owner, locking, owner_of
from tools.executing import part
from tools.files import MEGABYTE, Folder
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DryRun
from tools.questions import Asked, Change, Question, Typed, Words
from tools.results import Outcome
from tools.settling import Settlement

MOST_MESURES = 10_000
MOST_TYPED = 1_000
"""Mesures beyond which a person decides on the page."""
BATCH = 500
"""Mesures sent at once. The service takes twice as many, in seconds that may be lost."""
MOST_FILE_BYTES = 10 * MEGABYTE
MOST_SHOWN = 10
MOST_WITNESSES = 5

FileName = Annotated[
    str,
    Field(
        max_length=200,
        description="A file of GUICHET_FILES: CSV with a line per état, or a JSON object per line, "
        "with the service's names.",
    ),
]


Convert = Annotated[
    bool,
    Field(
        description="True if the user wants a numero_rg that is not 8 capitals or digits to be "
        "made so."
    ),
]


class ImportedMesures(Outcome):
    """What became of the mesures of a file."""

    imported: int | None = Field(default=None, description="How many are saved; absent if unsure.")
    left: int | None = Field(default=None, description="How many are not; absent if unsure.")


class ImportFacts(BaseModel):
    """What a person agrees on: a file, and what it would be written over."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    owner: Owner
    file: str
    sha256: str
    there: tuple[Mesure, ...]
    """The mesures that will be written over, as they are now."""
    awaiting: tuple[int, ...]
    """Those of them that still await their mandataire."""
    tribunaux: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """The mesures of a file, all of them valid, and the facts about them."""

    facts: ImportFacts
    rows: tuple[NumberedMesure, ...]
    doubts: tuple[Problem, ...]

    @property
    def sent(self) -> tuple[MesureToSend, ...]:
        return tuple(row.mesure for row in self.rows)

    @property
    def over(self) -> Mapping[tuple[str, str], Mesure]:
        """What is there already, by number and tribunal."""
        return {(m.numero_rg, m.tribunal_siret or ""): m for m in self.facts.there}

    def batches(self) -> Iterator[tuple[NumberedMesure, ...]]:
        for start in range(0, len(self.rows), BATCH):
            yield self.rows[start : start + BATCH]


async def to_import(
    file: FileName, convert_numero_rg: Convert, files: Files, emjpm: Emjpm, say: Saying
) -> Import:
    """The mesures to import and what they would be written over; refused if one is wrong."""
    read = await _read(files, file, convert=convert_numero_rg)
    owner, tribunaux = await owner_of(emjpm), {t.siret: t.nom for t in await emjpm.tribunaux()}
    problems = [*read.problems, *_unknown_courts(read, tribunaux)]
    problems += _same_dossiers(read) if owner.is_service else []
    if problems:
        raise ToolError(_problems(say, problems))
    if len(read.mesures) > MOST_MESURES:
        raise ToolError(_too_many(say, len(read.mesures)))
    keys = {row.mesure.key for row in read.mesures}
    there = [m for m in await emjpm.mesures() if (m.numero_rg, m.tribunal_siret) in keys]
    sirets = sorted({row.mesure.tribunal_siret for row in read.mesures})
    facts = ImportFacts(
        owner=owner,
        file=file,
        sha256=read.sha256,
        there=tuple(sorted(there, key=lambda mesure: mesure.id)),
        awaiting=await _awaiting(emjpm, there),
        tribunaux=tuple(tribunaux[siret] for siret in sirets),
    )
    found = Import(facts, read.mesures, read.doubts)
    return replace(found, rows=tuple(_still_ended(found.over, row) for row in read.mesures))


ToImport = Annotated[Import, Resolve(to_import)]


async def importation(
    found: ToImport,
    file: FileName,
    convert_numero_rg: Convert,
    files: Files,
    desk: Counter,
    emjpm: Emjpm,
    say: Saying,
) -> Question:
    """What a person has to agree to before a file of mesures is imported."""
    count = len(found.rows)

    async def again() -> ImportFacts:
        return (await to_import(file, convert_numero_rg, files, emjpm, say)).facts

    aim = Aim(owner=found.facts.owner.key, count=count)
    return Question(
        asked=await _asked(desk, found, emjpm.importation(found.sent)),
        subject=counted(count, "mesure", "mesures"),
        facts=found.facts,
        read_again=again,
        goal=aim.goal,
        by_page=count > MOST_TYPED,
    )


async def import_mesures(
    approval: Annotated[Approval, asks(importation)],
    found: ToImport,
    desk: Counter,
    emjpm: Emjpm,
    report: Reporting,
    file: FileName,
    convert_numero_rg: Convert = False,  # noqa: FBT002  (named by whoever calls it)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> ImportedMesures:
    """Import mesures from a file (eMJPM): creates them, or writes over those with the same number.

    Every line is checked first, and nothing is sent if one is wrong; lines are told by number.
    États and ressources of a mesure that is there are replaced by the file's. No antenne: set it
    with update_mesure. If it stops halfway, import the same file again. The user is asked first.
    """
    done, total = 0, len(found.rows)
    for batch in found.batches():
        aim = _aim(desk, found, batch)
        body, subject = partial(_send, emjpm, batch), f"mesures {done + 1}-{done + len(batch)}"
        _, result = await part(desk, PART, approval, body, subject=subject, goal=aim.goal)
        if why := refused(result):
            return _stopped(done, total, why)
        sent = told(result, ImportedMesures)
        if sent.outcome != "applied":
            return _cut_short(done, total, sent)
        done += len(batch)
        await report(done, f"{counted(done, 'mesure', 'mesures')} imported of {total}", total)
    return _saved(done)


async def _send(
    emjpm: EmjpmClient, batch: Sequence[NumberedMesure], approval: Approval
) -> ImportedMesures:
    lines = [row.line for row in batch]
    saved = await emjpm.create_batch([row.mesure for row in batch], lines, approval=approval)
    return ImportedMesures(
        outcome="applied", conclusion="Saved.", imported=len(saved), left=len(batch) - len(saved)
    )


def _saved(done: int) -> ImportedMesures:
    told = f"{counted(done, 'mesure', 'mesures')} imported."
    return ImportedMesures(outcome="applied", conclusion=told, imported=done, left=0)


def _stopped(done: int, total: int, why: str) -> ImportedMesures:
    """What is said of an import of which a batch was refused."""
    if not done:
        raise ToolError(why)
    conclusion = (
        f"{done} mesures imported, {total - done} not: {why} Correct the file, then import it "
        "again: what is there already is written over, not doubled."
    )
    return ImportedMesures(
        outcome="applied", conclusion=conclusion, imported=done, left=total - done
    )


def _cut_short(done: int, total: int, last: ImportedMesures) -> ImportedMesures:
    """What is said of an import that stopped at a batch whose answer was lost."""
    if last.outcome == "not_applied" and done:
        return _stopped(done, total, "an answer was lost, and what it answered was not saved.")
    conclusion = f"{done} mesures imported for sure, of {total}. {last.conclusion}"
    known = 0 if last.outcome == "not_applied" else None
    return ImportedMesures(outcome=last.outcome, conclusion=conclusion, imported=known)


async def _sent(desk: Desk, operation: Operation) -> ImportedMesures:
    """What became of a batch whose answer was lost: saved whole or not at all, by a few of it."""
    aim, marks = Aim.model_validate_json(operation.goal), desk.journal.seal.marks
    there = await desk.clients.emjpm.mesures()
    seen = {one.standing(marks, found(marks, one, there), whole=False) for one in aim.witnesses}
    if seen == {"applied"}:
        told = "The answer was lost, but the mesures now read as they were sent."
        return ImportedMesures(outcome="applied", conclusion=told, imported=aim.count, left=0)
    if seen == {"not_applied"}:
        told = "The answer was lost, and these mesures were not saved: import the file again."
        return ImportedMesures(outcome="not_applied", conclusion=told, imported=0, left=aim.count)
    return _unknown(operation.subject)


async def _imported(desk: Desk, operation: Operation) -> ImportedMesures:
    """What became of an import, by the batches it was made of."""
    total = Aim.model_validate_json(operation.goal).count
    parts = await desk.journal.parts(operation.id)
    aims = [Aim.model_validate_json(one.goal) for one in parts if one.status == "applied"]
    done = sum(aim.count for aim in aims)
    if any(one.status in {"executing", "undetermined"} for one in parts):
        return _unknown(operation.subject)
    if not done:
        told = "It was interrupted before anything was saved: import the file again."
        return ImportedMesures(outcome="not_applied", conclusion=told, imported=0, left=total)
    if done < total:
        return _stopped(done, total, "it was interrupted.")
    return _saved(done)


def _unknown(subject: str) -> ImportedMesures:
    conclusion = (
        f"The answer was lost, and what became of {subject} cannot be read. Import the same file "
        "again: what is there already is written over, not doubled."
    )
    return ImportedMesures(outcome="undetermined", conclusion=conclusion)


PART = Settlement(unread=_unknown, read=_sent)
IMPORTATION = Settlement(unread=_unknown, read=_imported, part=PART)


async def _read(files: Folder, name: str, *, convert: bool) -> MesuresFile:
    content = await files.content(name, most=MOST_FILE_BYTES)
    return await anyio.to_thread.run_sync(partial(mesures, content, name=name, convert=convert))


async def _awaiting(emjpm: EmjpmClient, there: Sequence[Mesure]) -> tuple[int, ...]:
    awaiting = {mesure.id for mesure in await emjpm.mesures("en_attente")}
    return tuple(sorted(mesure.id for mesure in there if mesure.id in awaiting))


def _unknown_courts(read: MesuresFile, tribunaux: Mapping[str, str]) -> Iterator[Problem]:
    for row in read.mesures:
        if row.mesure.tribunal_siret not in tribunaux:
            yield Problem(row.line, "tribunal_siret: eMJPM has no such tribunal.")


def _same_dossiers(read: MesuresFile) -> Iterator[Problem]:
    """The mesures that have another's numero_dossier, which a service may not give twice."""
    lines = dict[str, int]()
    for row in read.mesures:
        dossier = row.mesure.numero_dossier
        if dossier and (first := lines.setdefault(dossier, row.line)) != row.line:
            yield Problem(row.line, f"the same numero_dossier as line {first}.")


def _still_ended(over: Mapping[tuple[str, str], Mesure], row: NumberedMesure) -> NumberedMesure:
    """The mesure, which stays ended if the file says nothing of it: it would be open anew."""
    there = over.get(row.mesure.key)
    if there is None or there.date_fin_mesure is None:
        return row
    if "date_fin_mesure" in row.mesure.model_fields_set:
        return row
    end = {"date_fin_mesure": there.date_fin_mesure}
    return replace(row, mesure=row.mesure.model_copy(update=end))


def _aim(desk: Desk, found: Import, batch: Sequence[NumberedMesure]) -> Aim:
    """What a batch aims at, told by a few of its mesures that will be seen to change."""
    witnesses = _witnesses(desk, found, batch)
    return Aim(owner=found.facts.owner.key, count=len(batch), witnesses=witnesses)


def _witnesses(desk: Desk, found: Import, batch: Sequence[NumberedMesure]) -> tuple[Witness, ...]:
    """New mesures first: that they are there says it all."""
    mark, over = desk.journal.seal.mark, found.over
    mesures = sorted((row.mesure for row in batch), key=lambda mesure: mesure.key in over)
    chosen = list[Witness]()
    for mesure in mesures:
        there = over.get(mesure.key)
        one = witness(mark, there, become(there, mesure), whole=False)
        if one.tells:
            chosen.append(one)
        if len(chosen) == MOST_WITNESSES:
            break
    return tuple(chosen)


async def _asked(desk: Desk, found: Import, request: Outgoing) -> Asked:
    say, facts, count = desk.say, found.facts, len(found.rows)
    over, mesures = len(facts.there), counted(count, "mesure", "mesures")
    says = (
        _counts(say, found),
        _written_by(say, facts),
        _accepted(say, facts),
        _removed(say, found),
        _disordered(say, found),
        _doubtful(say, found),
        _in_batches(say, count),
        say(
            fr=f"Empreinte SHA-256 du fichier : {facts.sha256}",
            en=f"SHA-256 of the file: {facts.sha256}",
        ),
        await locking(desk, facts.owner, request),
    )
    created = Change(
        field=say(fr="mesures nouvelles", en="new mesures"), before="0", after=str(count - over)
    )
    rewritten = Change(
        field=say(
            fr=counted(over, "mesure existante", "mesures existantes"),
            en=f"{counted(over, 'mesure', 'mesures')} already there",
        ),
        before=say(fr="comme aujourd'hui", en="as today"),
        after=say(fr="comme dans le fichier", en="as in the file"),
    )
    return Asked(
        title=say(fr=f"Importer {mesures} dans eMJPM ?", en=f"Import {mesures}?"),
        says=tuple(filter(None, says)),
        changes=tuple(
            change for change, many in ((created, count - over), (rewritten, over)) if many
        ),
        words=tuple(_words(say, found)),
        typed=Typed(
            label=say(fr="Nombre de mesures", en="Number of mesures"),
            asks=say(
                fr="Pour confirmer, recopiez le nombre de mesures",
                en="To confirm, type the number of mesures",
            ),
            value=str(count),
        ),
        request=request,
    )


def _counts(say: Say, found: Import) -> str:
    over = found.over
    same = sum(
        content(there, whole=False) == content(become(there, mesure), whole=False)
        for mesure in found.sent
        if (there := over.get(mesure.key))
    )
    new = len(found.rows) - len(over)
    unchanged = say(
        fr=f", dont {same} sans autre changement que, peut-être, de prestations sociales",
        en=f", {same} of which without a change but, maybe, of prestations sociales",
    )
    counts = say(
        fr=f"{new} à créer, {len(over)} à récrire",
        en=f"{new} to create, {len(over)} to write over",
    )
    return f"{counts}{unchanged if same else ''}."


def _written_by(say: Say, facts: ImportFacts) -> str:
    editors = sorted({mesure.editor_id for mesure in facts.there if mesure.editor_id is not None})
    by_nobody = sum(mesure.editor_id is None for mesure in facts.there)
    named = ", ".join(map(str, editors)) or say(fr="aucun", en="none")
    if not facts.there:
        return ""
    return say(
        fr=f"Celles qui existent sont de ce compte ; logiciels qui les ont écrites : {named} ; "
        f"{by_nobody} sans logiciel.",
        en=f"Those already there are this account's; software that wrote them: {named}; "
        f"{by_nobody} without any.",
    )


def _accepted(say: Say, facts: ImportFacts) -> str:
    count = len(facts.awaiting)
    accepted = say(
        fr="1 était en attente : elle sera acceptée, et en cours."
        if count == 1
        else f"{count} étaient en attente : elles seront acceptées, et en cours.",
        en=f"{counted(count, 'was', 'were')} en_attente, to be accepted, and en_cours.",
    )
    return accepted if count else ""


def _removed(say: Say, found: Import) -> str:
    """How many états and ressources the file leaves out, and of which mesures."""
    losing, etats, ressources = list[str](), 0, 0
    sent = {mesure.key: mesure for mesure in found.sent}
    for there in found.facts.there:
        mesure = sent[there.numero_rg, there.tribunal_siret or ""]
        days = {etat.date_changement_etat for etat in mesure.etats}
        years = {ressource.annee for ressource in mesure.ressources}
        lost = sum(etat.date_changement_etat not in days for etat in there.etats)
        dropped = sum(ressource.annee not in years for ressource in there.ressources)
        etats, ressources = etats + lost, ressources + dropped
        losing += [str(there.id)] if lost or dropped else []
    if not losing:
        return ""
    named = ", ".join(losing[:MOST_SHOWN]) + ("…" if len(losing) > MOST_SHOWN else "")
    mesures = counted(len(losing), "mesure", "mesures")
    return say(
        fr=f"Ce que le fichier ne redonne pas sera supprimé (états : {etats}, ressources : "
        f"{ressources}), pour {mesures} (n° {named}).",
        en=f"What the file leaves out will be removed (états: {etats}, ressources: {ressources}), "
        f"of {mesures} ({named}).",
    )


def _disordered(say: Say, found: Import) -> str:
    lines = [
        str(row.line)
        for row in found.rows
        if row.mesure.date_nomination > row.mesure.oldest_first[0].date_changement_etat
    ]
    told = say(
        fr=f"À vérifier : des nominations qui suivent le premier état ({len(lines)} en tout, par "
        f"ligne : {', '.join(lines[:MOST_SHOWN])}).",
        en=f"To be checked: nominations that come after the first état ({len(lines)} in all, by "
        f"line: {', '.join(lines[:MOST_SHOWN])}).",
    )
    return told if lines else ""


def _doubtful(say: Say, found: Import) -> str:
    told = say(
        fr="Le fichier n'est pas en UTF-8 : vérifiez que les accents sont justes.",
        en="The file is not in UTF-8: check that accents came out right.",
    )
    return told if found.doubts else ""


def _in_batches(say: Say, count: int) -> str:
    return say(
        fr=f"Envoyées par {BATCH} au plus : chaque envoi est fait en entier, ou pas du tout.",
        en=f"Sent by {BATCH} at most: each batch is saved whole, or not at all.",
    ) * (count > BATCH)


def _words(say: Say, found: Import) -> Iterator[Words]:
    facts = found.facts
    yield facts.owner.words(say)
    yield Words(label="tribunaux", text=_listed(facts.tribunaux))
    converted = [
        f"{row.written_rg} → {row.mesure.numero_rg}"
        for row in found.rows
        if row.written_rg != row.mesure.numero_rg
    ]
    if converted:
        label = say(
            fr=f"numero_rg du fichier, convertis ({len(converted)})",
            en=f"numero_rg of the file, converted ({len(converted)})",
        )
        yield Words(label=label, text=_listed(converted))
    label = say(fr="fichier, nommé par l'assistant", en="the file, named by the assistant")
    yield Words(label=label, text=facts.file)


def _listed(texts: Sequence[str]) -> str:
    return " ; ".join(texts[:MOST_SHOWN]) + (" …" if len(texts) > MOST_SHOWN else "")


def _problems(say: Say, problems: Sequence[Problem]) -> str:
    ordered = sorted(problems, key=lambda problem: problem.line)
    shown = "\n".join(f"- {problem.line}: {problem.reason}" for problem in ordered[:MOST_SHOWN])
    count, more = len({problem.line for problem in problems}), len(problems) - MOST_SHOWN
    rest = say(fr=f"\n… et {more} de plus.", en=f"\n… and {more} more.") if more > 0 else ""
    lines = say(
        fr=counted(count, "ligne du fichier est", "lignes du fichier sont"),
        en=counted(count, "line", "lines"),
    )
    lead = say(
        fr=f"{lines} à corriger, rien n'a été envoyé. Par ligne :\n",
        en=f"{lines} of the file must be corrected, nothing was sent. By line:\n",
    )
    return f"{lead}{shown}{rest}"


def _too_many(say: Say, count: int) -> str:
    return say(
        fr=f"Le fichier a {count} mesures : découpez-le, {MOST_MESURES} au plus à la fois. "
        "Rien n'a été envoyé.",
        en=f"The file has {count} mesures: split it, {MOST_MESURES} at most at once. "
        "Nothing was sent.",
    )
