"""Deciding on many dossiers at once: one plan, one consent, an entry of the journal each.

The plan is read once, shown whole on the page, and kept sealed until it is carried out. Each
dossier is read again just before its turn: one that changed meanwhile is left as it is, and the
others are decided on.
"""

import hashlib
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Annotated, Literal

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from clients import ApiError, Approval
from clients.demarches import Act, Dossier, PersonneMoraleIncomplete, State
from clients.errors import AccessDeniedError, NotFoundError, RejectedError
from clients.http import Outgoing
from clients.rows import Row, rows
from tools.demarches.acting import Enclosure, Motivation, Notify, Reason, member_of, stated
from tools.demarches.decisions import (
    DECISION,
    Decided,
    Deciding,
    Decision,
    Pending,
    decided,
    emailed,
    motivated,
    not_under_instruction,
    without_record,
)
from tools.demarches.dependencies import Demarches, Signer
from tools.dependencies import Counter, Files, Reporting, Saying
from tools.desk import Desk
from tools.executing import part
from tools.fences import Toll
from tools.guard import asks, planned
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DossierNumber, DryRun, Several
from tools.questions import Asked, Change, Question, Typed, Words
from tools.results import Outcome, Result, fitting, told
from tools.settling import Settlement

MOST_DOSSIERS = 300
MOST_FILE_BYTES = 2_000_000
MOST_PROBLEMS = 20
MOST_IN_A_ROW = 3
"""Dossiers that the service may fail to decide on, one after the other, before it is left alone."""

Numbers = Annotated[
    tuple[DossierNumber, ...],
    Field(max_length=MOST_DOSSIERS, description="The dossiers that `decision` is for."),
    Several,
]
Choice = Annotated[
    Literal["", "accept", "refuse", "close"],
    Field(description="The one decision for `numbers`; close is sans suite."),
]
FileName = Annotated[
    str,
    Field(
        max_length=500,
        description="Instead: a CSV of GUICHET_FILES with the columns number, decision and "
        "motivation.",
    ),
]

_COLUMNS = {
    **dict.fromkeys(("number", "numéro", "numero", "dossier"), "number"),
    **dict.fromkeys(("decision", "décision"), "decision"),
    "motivation": "motivation",
}
_DECISIONS: dict[str, Decided] = {
    **dict.fromkeys(("accept", "accepter", "accepte", "accepté"), "accepte"),
    **dict.fromkeys(("refuse", "refuser", "refusé"), "refuse"),
    **dict.fromkeys(
        ("close", "classer sans suite", "classé sans suite", "sans_suite", "sans suite"),
        "sans_suite",
    ),
}


class Frozen(BaseModel, defer_build=True, frozen=True, hide_input_in_errors=True):
    """A part of a plan."""


class Wanted(Frozen, frozen=True):
    """A decision that was asked for."""

    number: DossierNumber
    after: Decided
    motivation: Motivation


class Explained(Wanted, frozen=True):
    """A decision that must say why."""

    motivation: Reason


class Step(Wanted, frozen=True):
    """A decision that can be taken, on a dossier as it was read."""

    demarche: int
    demandeur: str
    seen: str
    """A digest of all that was read."""


class LeftOut(Frozen, frozen=True):
    """A dossier that nothing will be decided on."""

    number: int
    why: str


class Plan(Frozen, frozen=True):
    """What will be done and what will not, as it was read once."""

    wanted: str
    """A digest of what was asked for."""
    signer: str
    """Whoever signs, as the settings name them."""
    signed_by: str
    """Their e-mail."""
    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]
    request: Outgoing
    """The first of the requests, and how many there will be."""


class NotDecided(Result):
    """A dossier of the plan that was not decided on."""

    number: int
    why: str


class Decisions(Outcome):
    """What came of a plan."""

    decided: int = Field(default=0, description="How many dossiers were decided on.")
    not_decided: list[NotDecided] = Field(
        default=[], description="Those of the plan that were not, and why."
    )
    not_decided_more: int = Field(default=0, description="How many more were not.")
    undetermined: list[int] = Field(
        default=[], description="Dossiers whose answer was lost: look at each before going on."
    )
    not_begun: int = Field(default=0, description="How many were left for a next call.")


async def wanted(
    files: Files,
    say: Saying,
    decision: Choice,
    numbers: Numbers,
    motivation: Motivation,
    file: FileName,
) -> tuple[Wanted, ...]:
    """What is asked for, from the arguments or the file; refused if any of it is wrong."""
    if bool(file) == bool(numbers) or bool(numbers) != bool(decision) or (file and motivation):
        raise ToolError(_one_or_the_other(say))
    if file:
        content = await files.content(file, most=MOST_FILE_BYTES)
        found, problems = _read(content, PurePath(file).suffix)
    else:
        after = _DECISIONS[decision]
        cells = ({"number": str(n), "decision": after, "motivation": motivation} for n in numbers)
        found, problems = _checked(enumerate(cells, 1))
    if problems:
        raise ToolError(_to_correct(say, problems))
    if not 1 <= len(found) <= MOST_DOSSIERS:
        raise ToolError(_too_many(say, len(found)))
    return tuple(found)


AllWanted = Annotated[tuple[Wanted, ...], Resolve(wanted)]


async def plan(
    desk: Counter,
    all_wanted: AllWanted,
    demarches: Demarches,
    signer: Signer,
    say: Saying,
    report: Reporting,
    notify: Notify,
) -> Plan:
    """What will be done: as the page shows it if it was asked already, or else read now."""
    digest = hashlib.sha256(_ALL_WANTED.dump_json(all_wanted)).hexdigest()
    if kept := await planned(desk):
        shown = Plan.model_validate_json(kept)
        if (shown.wanted, shown.signer) == (digest, signer):
            return shown

    async def heard(read: int) -> None:
        await report(read, f"{read} dossiers read of {len(all_wanted)}.", len(all_wanted))

    found, hidden = await demarches.dossiers_together([each.number for each in all_wanted], heard)
    ready = {number: _pending(say, dossier, signer) for number, dossier in found.items()}
    hindered = {number: why for number, why in ready.items() if isinstance(why, str)}
    steps = [
        (each, pending)
        for each in all_wanted
        if isinstance(pending := ready.get(each.number), Pending)
    ]
    if not steps:
        told = {number: str(error) for number, error in hidden.items()}
        raise ToolError(_nothing_to_do(say, hindered | told))
    hindered |= {number: _unreadable(say, number, error) for number, error in hidden.items()}
    return Plan(
        wanted=digest,
        signer=signer,
        signed_by=steps[0][1].signer.email,
        steps=tuple(_step(each, pending.dossier) for each, pending in steps),
        left_out=tuple(LeftOut(number=number, why=why) for number, why in sorted(hindered.items())),
        request=_first_of(len(steps), demarches.request(_act(*steps[0], notify=notify))),
    )


ToDo = Annotated[Plan, Resolve(plan)]


async def decisions(to_do: ToDo, say: Saying, motivation: Motivation, notify: Notify) -> Question:
    """What a person has to agree to, on the page, before the dossiers are decided on."""

    async def as_planned() -> Plan:
        return to_do

    return Question(
        asked=_asked(say, to_do, motivation, notify=notify),
        subject=counted(len(to_do.steps), "dossier", "dossiers"),
        facts=to_do,
        read_again=as_planned,
        goal=str(len(to_do.steps)),
        keeps_facts=True,
        toll=Toll(
            dossiers=frozenset(step.number for step in to_do.steps),
            refused=frozenset(step.number for step in to_do.steps if step.after == "refuse"),
        ),
    )


async def decide_dossiers(
    approval: Annotated[Approval, asks(decisions)],
    to_do: ToDo,
    desk: Counter,
    report: Reporting,
    signer: Signer,
    say: Saying,
    decision: Choice = "",
    numbers: Numbers = (),
    motivation: Motivation = "",
    file: FileName = "",
    notify: Notify = True,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
    dry_run: DryRun = False,  # noqa: FBT002  (likewise)
) -> Decisions:
    """Accept, refuse or close up to 300 dossiers at once, each as the tool for one would.

    The user sees the whole plan on a page, and what cannot be done, then types the count; call
    again with the same arguments once they did. Interrupted, call again: what is decided is left
    out.
    """
    run = Run(desk, approval, signer, say, notify)
    for done, step in enumerate(to_do.steps, 1):
        await run.take(step)
        left = len(to_do.steps) - done
        await report(done, f"Dossier {step.number}; {left} remain.", len(to_do.steps))
        if run.stopped:
            break
    return await _told_by_parts(desk, approval.operation, len(to_do.steps))


@dataclass
class Run:
    """A plan as it is carried out."""

    desk: Desk
    approval: Approval
    signer: str
    say: Say
    notify: bool
    stopped: bool = False
    """Whether the service is in such a state that the rest is better left for later."""
    failures: int = 0
    """In a row, and of the service's own making."""

    async def take(self, step: Step) -> None:
        """Take one decision of the plan, if its dossier still is what the person saw."""
        number = str(step.number)
        body = partial(self._taken, step)
        came, _ = await part(
            self.desk, DECISION, self.approval, body, subject=number, goal=step.after
        )
        self.failures = 0 if came == "applied" else self.failures
        self.stopped = came == "undetermined" or self.failures >= MOST_IN_A_ROW

    async def _taken(self, step: Step, approval: Approval) -> Decision:
        demarches = self.desk.clients.demarches
        found, hidden = await demarches.dossiers_together([step.number])
        if error := hidden.get(step.number):
            self._count(error)
            raise error
        dossier = found[step.number]
        signer = member_of(self.say, dossier, self.signer)
        if signer is None or _digest(dossier) != step.seen:
            raise ToolError(_CHANGED)
        deciding = Deciding(step.after, step.motivation, self.notify, patient=True)
        pending = Pending(dossier=dossier, signer=signer)
        try:
            return await decided(deciding, pending, Enclosure(), demarches, approval)
        except ApiError as refusal:
            self._count(refusal)
            raise

    def _count(self, error: ApiError) -> None:
        """A refusal is the dossier's own; whatever else goes wrong may well go on."""
        self.failures += not isinstance(error, RejectedError | NotFoundError)


async def _told_by_parts(desk: Desk, operation: str, planned_count: int) -> Decisions:
    """What came of a plan, whether it came to its end or not: what the ledger says of each part."""
    parts = sorted(await desk.journal.parts(operation), key=lambda one: int(one.subject))
    made = sum(one.status == "applied" for one in parts)
    unknown = [int(p.subject) for p in parts if p.status not in {"applied", "not_applied"}]
    not_decided = [
        NotDecided(number=int(one.subject), why=told(result))
        for one in parts
        if one.status == "not_applied" and (result := desk.journal.recorded(one))
    ]
    shown, left = fitting(not_decided), planned_count - len(parts)
    return Decisions(
        outcome=_came(made, unknown),
        conclusion=_conclusion(made, planned_count, left),
        decided=made,
        not_decided=list(shown),
        not_decided_more=len(not_decided) - len(shown),
        undetermined=unknown,
        not_begun=left,
    )


async def _read_parts(desk: Desk, operation: Operation) -> Decisions:
    return await _told_by_parts(desk, operation.id, int(operation.goal))


def _unread(subject: str) -> Decisions:
    conclusion = f"It is not known which of the {subject} were decided on: look at each of them."
    return Decisions(outcome="undetermined", conclusion=conclusion)


DECISIONS = Settlement(unread=_unread, read=_read_parts, part=DECISION)

_ALL_WANTED = TypeAdapter(tuple[Wanted, ...], config=ConfigDict(defer_build=True))
_CHANGED = "It changed since the user was asked: look at it, and decide on it anew."


def _came(
    made: int, undetermined: Sequence[int]
) -> Literal["applied", "not_applied", "undetermined"]:
    if undetermined:
        return "undetermined"
    return "applied" if made else "not_applied"


def _conclusion(made: int, planned_count: int, left: int) -> str:
    said = f"{made} of {planned_count} dossiers were decided on."
    again = " Call again with the same arguments for the rest; the user will be asked again."
    return said + (again if left else "")


def _pending(say: Say, dossier: Dossier, signer: str) -> Pending | str:
    """A dossier and who signs for it, or why nothing is decided on it: in our words alone."""
    number, missing = dossier.number, len(dossier.missing_annotations)
    if dossier.state != "en_instruction":
        return not_under_instruction(say, dossier)
    if missing:
        empty = say(
            fr=counted(missing, "annotation obligatoire", "annotations obligatoires"),
            en=counted(missing, "mandatory annotation", "mandatory annotations"),
        )
        return say(
            fr=f"Le dossier {number} a {empty} à remplir d'abord.",
            en=f"Dossier {number} has {empty} to fill in first.",
        )
    if isinstance(dossier.demandeur, PersonneMoraleIncomplete):
        return without_record(say, dossier)
    member = member_of(say, dossier, signer)
    if member is None:
        return say(
            fr=f"Le signataire n'est pas membre du groupe dont dépend le dossier {number}.",
            en=f"The signer is no member of the groupe in charge of dossier {number}.",
        )
    return Pending(dossier=dossier, signer=member)


def _unreadable(say: Say, number: int, error: ApiError) -> str:
    """Why nothing is known of a dossier, as a person reads it; the error speaks to the model."""
    match error:
        case NotFoundError():
            why = "n'existe pas, ou n'est plus visible : brouillon, supprimé ou expiré"
        case AccessDeniedError():
            why = "est hors de portée du jeton, ou de GUICHET_FENCES_DEMARCHES"
        case _:
            why = "n'a pas pu être lu : redemandez-le plus tard"
    return say(fr=f"Le dossier {number} {why}.", en=str(error))


def _act(each: Wanted, pending: Pending, *, notify: bool) -> Act[State]:
    return Deciding(each.after, each.motivation, notify).act(pending)


def _step(each: Wanted, dossier: Dossier) -> Step:
    return Step(
        **dict(each),
        demarche=dossier.demarche.number,
        demandeur=dossier.demandeur.line,
        seen=_digest(dossier),
    )


def _digest(dossier: Dossier) -> str:
    return hashlib.sha256(dossier.model_dump_json().encode()).hexdigest()


def _first_of(count: int, first: Outgoing) -> Outgoing:
    body = first.body if count == 1 else f"{first.body}\n… {count}"
    return replace(first, body=body)


def _asked(say: Say, to_do: Plan, motivation: str, *, notify: bool) -> Asked:
    count = len(to_do.steps)
    dossiers = counted(count, "dossier", "dossiers")
    return Asked(
        title=say(fr=f"Statuer sur {dossiers} ?", en=f"Decide on {dossiers}?"),
        says=(
            *_counts(say, to_do),
            say(
                fr="Chaque décision est un acte administratif : elle ne peut pas être reprise.",
                en="Each decision is an administrative act: it cannot be taken back.",
            ),
            emailed(say, notify=notify),
            *_left_out(say, to_do),
        ),
        changes=tuple(
            Change(
                field=say(fr=f"Dossier n° {step.number}", en=f"Dossier {step.number}"),
                before=stated(say, "en_instruction"),
                after=stated(say, step.after),
            )
            for step in to_do.steps
        ),
        words=_words(say, to_do, motivation),
        typed=Typed(
            label=say(fr="Nombre de dossiers", en="Number of dossiers"),
            asks=say(
                fr="Pour confirmer, recopiez le nombre de dossiers",
                en="To confirm, type the number of dossiers",
            ),
            value=str(count),
        ),
        request=to_do.request,
    )


def _counts(say: Say, to_do: Plan) -> Iterator[str]:
    """How many of each decision, by démarche."""
    tally = Tally[tuple[int, Decided]]((step.demarche, step.after) for step in to_do.steps)
    for (demarche, after), count in sorted(tally.items()):
        state = stated(say, after)
        yield say(
            fr=f"Démarche n° {demarche}, état « {state} » : {count}.",
            en=f"Démarche {demarche}, state {state}: {count}.",
        )


def _left_out(say: Say, to_do: Plan) -> Iterator[str]:
    if count := len(to_do.left_out):
        others = counted(count, "autre dossier demandé", "autres dossiers demandés")
        yield say(
            fr=f"Rien ne sera décidé sur {others} :",
            en=f"Nothing will be decided on {counted(count, 'dossier', 'dossiers')} asked for:",
        )
    for dossier in to_do.left_out:
        yield say(fr=f"n° {dossier.number} : {dossier.why}", en=f"{dossier.number}: {dossier.why}")


def _words(say: Say, to_do: Plan, motivation: str) -> tuple[Words, ...]:
    """Who each dossier is for and, where each has its own, why; the model's words last."""
    signs = say(fr="signataire", en="signed by")
    own = say(fr="motivation de l'assistant, n°", en="the assistant's motivation,")
    return (
        Words(label=signs, text=to_do.signed_by),
        *(Words(label=f"demandeur, n° {s.number}", text=s.demandeur) for s in to_do.steps),
        *(
            Words(label=f"{own} {step.number}", text=step.motivation)
            for step in to_do.steps
            if step.motivation and not motivation
        ),
        *motivated(say, motivation),
    )


def _read(content: bytes, suffix: str) -> tuple[list[Wanted], list[str]]:
    """What a file asks for, and what is wrong with it, by line."""
    found = list[tuple[int, dict[str, str]]]()
    problems = list[str]()
    for row in rows(content, suffix=suffix, columns=_COLUMNS, exact=("motivation",)):
        if isinstance(row, Row):
            cells = {_COLUMNS[name]: text for name, text in row.cells.items()}
            found.append((row.line, cells))
        else:
            problems.append(f"{row.line}: {row.reason}")
    wanted, wrong = _checked(found)
    return wanted, problems + wrong


def _checked(found: Iterable[tuple[int, Mapping[str, str]]]) -> tuple[list[Wanted], list[str]]:
    """The decisions that can be read, and what is wrong with the others."""
    good, problems = dict[int, Wanted](), list[str]()
    for line, cells in found:
        after = _DECISIONS.get(cells.get("decision", "").strip().lower())
        if after is None:
            problems.append(f"{line}: decision: accept, refuse or close.")
            continue
        try:
            each = _wanted(cells.get("number", ""), after, cells.get("motivation", ""))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field, why = ".".join(map(str, first["loc"])), first["msg"]
            problems.append(f"{line}: {field}: {why.removeprefix('Value error, ')}.")
            continue
        if each.number in good:
            problems.append(f"{line}: dossier {each.number} is there twice.")
        good[each.number] = each
    return list(good.values()), problems


def _wanted(number: str, after: Decided, motivation: str) -> Wanted:
    kind = Wanted if after == "accepte" else Explained
    return kind.model_validate({"number": number, "after": after, "motivation": motivation})


def _to_correct(say: Say, problems: Sequence[str]) -> str:
    shown = "\n".join(f"- {problem}" for problem in problems[:MOST_PROBLEMS])
    more = len(problems) - MOST_PROBLEMS
    rest = say(fr=f"\n… et {more} de plus.", en=f"\n… and {more} more.") if more > 0 else ""
    return (
        say(
            fr="Rien n'a été envoyé. À corriger, par ligne :\n",
            en="Nothing was sent. To be corrected, by line:\n",
        )
        + shown
        + rest
    )


def _one_or_the_other(say: Say) -> str:
    return say(
        fr="Donnez `numbers` et `decision`, ou bien `file` sans motivation : rien n'a été envoyé.",
        en="Give `numbers` and `decision`, or else `file` without motivation: nothing was sent.",
    )


def _too_many(say: Say, count: int) -> str:
    return say(
        fr=f"Le fichier doit avoir de 1 à {MOST_DOSSIERS} dossiers ; il en a {count}. Rien n'a été "
        "envoyé.",
        en=f"The file has {count} dossiers: it takes 1 to {MOST_DOSSIERS}. Nothing was sent.",
    )


def _nothing_to_do(say: Say, hindered: Mapping[int, str]) -> str:
    first = sorted(hindered.items())[:MOST_PROBLEMS]
    reasons = "\n".join(f"- {number}: {why}" for number, why in first)
    return (
        say(
            fr="Aucune décision ne peut être prise sur ces dossiers : rien n'a été envoyé.\n",
            en="None of these dossiers can be decided on: nothing was sent.\n",
        )
        + reasons
    )
