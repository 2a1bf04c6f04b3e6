"""Filling in the annotations of a dossier: several at once, each with a value of its own type.

What does not fit is refused before anybody is asked. The service does what it can of the rest, so
that each annotation is told apart.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WrapValidator

from clients import Approval
from clients.demarches import Act, AnnotatedDossier, Filled, Instructeur, acts
from clients.text import Line, quoted
from tools.demarches.acting import member, parties
from tools.demarches.annotations import (
    Given,
    Place,
    UnfitError,
    expected,
    listed,
    meant,
    places,
    told_once,
)
from tools.demarches.dependencies import Demarches, Signer
from tools.demarches.in_hand import Handled
from tools.dependencies import Counter, Saying
from tools.desk import Desk
from tools.fences import Toll
from tools.guard import asks
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DossierNumber, DryRun
from tools.questions import Asked, Question, Words
from tools.results import ENVELOPE_BYTES, MOST_BYTES, shortened
from tools.settling import Settlement

MOST_TOLD_BYTES = 6_000
"""For the annotations that were filled in; as many for the others, and for why they were not."""
MARKED = 16
"""How much of a mark the goal keeps: 64 bits."""

Values = Annotated[
    dict[str, Annotated[Given, WrapValidator(told_once)]],
    Field(
        min_length=1,
        max_length=50,
        description="By label or id, or repetition/row/label: text, number, boolean, ISO date, "
        "option(s); for a repetition, how many rows to add.",
    ),
]


def _as_many_as_fit(lines: Sequence[str]) -> list[str]:
    """The first lines and, where they are not all there, how many more there are."""
    room, fitting = MOST_TOLD_BYTES, list[str]()
    for line in lines:
        room -= len(json.dumps(line, ensure_ascii=False).encode()) + 1
        if room < 0:
            return [*fitting, f"… {len(lines) - len(fitting)} more"]
        fitting.append(line)
    return fitting


Lines = Annotated[list[Line], AfterValidator(_as_many_as_fit)]


class Noted(Handled):
    """What became of annotations."""

    filled: Lines = Field(default_factory=list[Line], description="What is filled in.")
    left: Lines = Field(default_factory=list[Line], description="What is not.")
    reasons: Lines = Field(default_factory=list[Line], description="Why, in the service's words.")


class Noting(BaseModel):
    """A dossier whose annotations can be filled in, and the member of its groupe who signs."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    dossier: AnnotatedDossier
    signer: Instructeur


@dataclass(frozen=True, slots=True)
class Note:
    """A value for an annotation."""

    place: Place
    value: JsonValue

    @property
    def sent(self) -> dict[str, JsonValue]:
        return {self.place.kind.key: self.value}


async def annotable(
    number: DossierNumber, demarches: Demarches, signer: Signer, say: Saying
) -> Noting:
    dossier = await demarches.annotated(number)
    return Noting(dossier=dossier, signer=member(say, dossier, signer))


AnnotableDossier = Annotated[Noting, Resolve(annotable)]


async def notes(noting: AnnotableDossier, say: Saying, values: Values) -> Sequence[Note]:
    """The values, each for its annotation; refused if one of them is not its own."""
    found = places(noting.dossier)
    unknown = [name for name in values if meant(found, name) is None]
    if unknown:
        raise ToolError(_unknown(say, unknown, found))
    given = [(place, value) for name, value in values.items() if (place := meant(found, name))]
    made, unfit = _notes(given)
    if unfit:
        raise ToolError(shortened(_unfit(say, unfit), MOST_BYTES - ENVELOPE_BYTES))
    if len({note.place.id for note in made}) < len(made):
        raise ToolError(
            say(
                fr="Une annotation est donnée deux fois : une seule valeur pour chacune.",
                en="An annotation is given twice: one value for each.",
            )
        )
    return made


Notes = Annotated[Sequence[Note], Resolve(notes)]


async def annotation(
    noting: AnnotableDossier,
    noted: Notes,
    demarches: Demarches,
    signer: Signer,
    say: Saying,
    desk: Counter,
) -> Question:
    """What a person has to agree to before annotations are filled in."""
    dossier = noting.dossier
    number, demarche = dossier.number, dossier.demarche.number
    filled = counted(len(noted), "annotation", "annotations")
    asked = Asked(
        title=say(
            fr=f"Remplir {filled} du dossier n° {number} (démarche n° {demarche}) ?",
            en=f"Fill in {filled} of dossier {number} (démarche {demarche})?",
        ),
        says=(
            say(
                fr="L'administration seule les lit ; aucun e-mail n'est envoyé à l'usager.",
                en="The administration alone reads them; no e-mail is sent to the usager.",
            ),
        ),
        changes=(),
        words=(
            *parties(say, dossier, noting.signer),
            *(word for rank, note in enumerate(noted, 1) for word in _words(say, rank, note)),
        ),
        typed=None,
        request=demarches.request(_act(noting, noted)),
    )
    return Question(
        asked=asked,
        subject=str(number),
        facts=noting,
        read_again=partial(annotable, number, demarches, signer, say),
        goal=" ".join(_goal(desk, note) for note in noted),
        toll=Toll(dossiers=frozenset({number})),
    )


async def annotate_dossier(
    approval: Annotated[Approval, asks(annotation)],
    noting: AnnotableDossier,
    noted: Notes,
    demarches: Demarches,
    number: DossierNumber,
    values: Values,
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> Noted:
    """Fill in annotations, the administration's own notes on a dossier. The user is asked first."""
    done = await demarches.perform(_act(noting, noted), approval=approval)
    filled = [note.place.name for note in noted if note.place.id in done.ids]
    left = [note.place.name for note in noted if note.place.id not in done.ids]
    return Noted(
        outcome="applied",
        conclusion=f"Dossier {number}: {len(filled)} of {len(noted)} annotations filled in.",
        number=number,
        state=noting.dossier.state,
        filled=filled,
        left=left,
        reasons=list(done.refused),
    )


async def _read(desk: Desk, operation: Operation) -> Noted:
    """What became of each value, as the annotations now show it.

    One that holds neither what it held nor what was given may have been worded by the service, and
    one that held what was given already tells nothing.
    """
    dossier = await desk.clients.demarches.annotated(int(operation.subject))
    found = {place.id: place for place in places(dossier)}
    made: dict[str, bool | None] = {}
    for part in operation.goal.split():
        identifier, before, after = part.split(":")
        if before == after:
            continue
        place = found.get(identifier)
        held = _marks(desk, place.held) if place else ()
        made[place.name if place else identifier] = (
            True if after in held else False if before in held else None
        )
    return _told(dossier, made)


def _told(dossier: AnnotatedDossier, made: Mapping[str, bool | None]) -> Noted:
    number, filled = dossier.number, [name for name, done in made.items() if done]
    outcome, conclusion = _concluded(number, made)
    return Noted(
        outcome=outcome,
        conclusion=conclusion,
        number=number,
        state=dossier.state,
        filled=filled,
        left=[name for name in made if name not in filled],
    )


def _concluded(
    number: int, made: Mapping[str, bool | None]
) -> tuple[Literal["applied", "not_applied", "undetermined"], str]:
    if None in made.values():
        told = (
            f"The answer was lost, and some annotations of dossier {number} hold neither what they "
            "did nor what was given. Read them before doing anything else."
        )
        return "undetermined", told
    if any(made.values()) or not made:
        filled = sum(done is True for done in made.values())
        told = f"The answer was lost, but {filled} of {len(made)} annotations to change did."
        return "applied", told
    told = (
        f"The answer was lost, and no annotation of dossier {number} was filled in. Call again if "
        "the user still wants it; they will be asked again."
    )
    return "not_applied", told


def _unread(subject: str) -> Noted:
    told = (
        f"The answer was lost and dossier {subject} cannot be read: its annotations may have been "
        "filled in. Look at them before doing anything else."
    )
    return Noted(outcome="undetermined", conclusion=told, number=int(subject), state="")


ANNOTATING = Settlement(unread=_unread, read=_read)


def _act(noting: Noting, noted: Sequence[Note]) -> Act[Filled]:
    values = {note.place.id: note.sent for note in noted}
    return acts.annotating(noting.dossier, instructeur=noting.signer.id, values=values)


def _goal(desk: Desk, note: Note) -> str:
    """What tells a value that was written from one that was not, without holding any."""
    held = (note.place.held, note.place.after(note.value))
    before, after = (_marks(desk, text)[0] for text in held)
    return f"{note.place.id}:{before}:{after}"


def _marks(desk: Desk, text: str) -> tuple[str, ...]:
    """What a text may be known by: the mark to give it now comes first."""
    return tuple(mark[:MARKED] for mark in desk.journal.seal.marks(text))


def _notes(given: Sequence[tuple[Place, Given]]) -> tuple[list[Note], list[Place]]:
    """The values that suit their annotations, and the annotations that the others do not suit."""
    made: list[Note] = []
    unfit: list[Place] = []
    for place, value in given:
        try:
            made.append(Note(place, place.value(value)))
        except UnfitError:
            unfit.append(place)
    return made, unfit


def _words(say: Say, rank: int, note: Note) -> tuple[Words, ...]:
    """An annotation, what it holds, and what the model would write there."""
    named, now = f"annotation {rank}", say(fr="contient", en="holds")
    written = say(fr="écrit par l'assistant", en="worded by the assistant")
    held = _shown(say, note.place.champ.value)
    if note.place.kind.key == "repetition":
        rows = say(fr="lignes ajoutées", en="rows added")
        return Words(label=named, text=note.place.name), Words(
            label=f"{named}, {rows}", text=_shown(say, note.value)
        )
    return (
        Words(label=named, text=note.place.name),
        *((Words(label=f"{named}, {now}", text=held),) if held else ()),
        Words(label=f"{named}, {written}", text=_shown(say, note.value)),
    )


def _shown(say: Say, value: JsonValue) -> str:
    match value:
        case None:
            return ""
        case bool():
            return say(fr="oui", en="yes") if value else say(fr="non", en="no")
        case list():
            return ", ".join(map(str, value))
        case {"name": str(name)}:
            return name
        case _:
            return str(value)


def _unknown(say: Say, names: Sequence[str], found: Sequence[Place]) -> str:
    there = listed([place.name for place in found])
    return say(
        fr=f"Aucune annotation n'a ce nom, ou plusieurs l'ont : {listed(names)}. "
        f"Il y a : {there or 'aucune'}.",
        en=f"No annotation has that name, or several have: {listed(names)}. "
        f"There are: {there or 'none'}.",
    )


def _unfit(say: Say, unfit: Sequence[Place]) -> str:
    wanted = [(quoted(place.name), expected(say, place)) for place in unfit]
    return say(
        fr=f"Ce qui est donné ne convient pas. Il faut : {' ; '.join(map(' : '.join, wanted))}.",
        en=f"What is given does not fit. Needed: {'; '.join(map(': '.join, wanted))}.",
    )
