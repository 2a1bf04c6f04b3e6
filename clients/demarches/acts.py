"""What an instructeur does with a dossier, as values: each says what is sent, and what it makes.

`DemarchesClient.request` shows what an act would send, `DemarchesClient.perform` does it. The
instructeur who signs is an id among the members of the dossier's groupe.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import JsonValue

from clients.demarches.models import Dossier, State
from clients.demarches.wire import Wire
from clients.text import quoted, shortened

MOST_NAMED = 20
"""Annotations that a remedy lists."""

Made = TypeVar("Made")

Reopened = Literal["en_instruction", "en_construction"]
Reason = Literal["incorrect", "incomplete", "outdated"]
"""Why a correction is asked for."""


class Identified(Wire):
    id: str


class Checked(Wire):
    checksum: str


class ChangedDossier(Wire):
    """A dossier after a change, in the members that this change is about."""

    state: State | None = None
    archived: bool | None = None
    instructeurs: tuple[Identified, ...] = ()
    groupe_instructeur: Identified | None = None
    labels: tuple[Identified, ...] = ()


class Asked(Wire):
    reason: str


class ChangedMessage(Wire):
    """A message that was just sent or deleted."""

    id: str
    discarded_at: datetime | None = None
    correction: Asked | None = None
    attachments: tuple[Checked, ...] = ()


class ValidationError(Wire):
    message: str


class Outcome(Wire):
    """What the service says of a change, in the members that this change is about."""

    dossier: ChangedDossier | None = None
    message: ChangedMessage | None = None
    annotations: tuple[Identified, ...] | None = None
    errors: tuple[ValidationError, ...] | None = None


# The service tells a token that only reads by a sentence in the language of its owner, as it tells
# everything else: it cannot be told apart from the rest.
_REMEDY = (
    "Nothing was changed. If the token only reads, an administrator of the démarche must give one "
    "that writes; otherwise read the dossier again: it may have changed since."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[Made]):
    """One change of a dossier."""

    operation: str
    """The name of its document."""
    dossier: Dossier
    input: Mapping[str, JsonValue]
    made: Callable[[Outcome], Made | None]
    """What the change made, of an outcome that shows it."""
    carries: str = ""
    """The member of the input that names a file; empty where none can be sent."""
    in_part: bool = False
    """Whether part of it may be refused and the rest made."""
    patient: bool = False
    """Whether it waits a whole minute rather than fail when the service is called too much."""
    remedy: str = _REMEDY
    """What to do about a refusal."""

    def carrying(self, signed: str) -> "Act[Made]":
        """The same act with a file, by the signed id that `DemarchesClient.upload` gives."""
        return replace(self, input={**self.input, self.carries: signed})


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of the values given to annotations."""

    ids: tuple[str, ...]
    """The annotations that were filled in."""
    refused: tuple[str, ...]
    """Why each of the others was not: the service's own sentences."""


def acceptance(dossier: Dossier, *, instructeur: str, motivation: str, notify: bool) -> Act[State]:
    """Accept a dossier that is en_instruction.

    With `notify`, the service e-mails the decision and its motivation to the usager.
    """
    return _decision("accepter", "accepte", dossier, instructeur, motivation, notify=notify)


def refusal(dossier: Dossier, *, instructeur: str, motivation: str, notify: bool) -> Act[State]:
    """Refuse a dossier that is en_instruction. The service takes an empty motivation: do not."""
    return _decision("refuser", "refuse", dossier, instructeur, motivation, notify=notify)


def closing(dossier: Dossier, *, instructeur: str, motivation: str, notify: bool) -> Act[State]:
    """Close without effect (sans suite) a dossier that is en_instruction; likewise."""
    decided = "classerSansSuite", "sans_suite"
    return _decision(*decided, dossier, instructeur, motivation, notify=notify)


def instruction(dossier: Dossier, *, instructeur: str, notify: bool) -> Act[State]:
    """Take a dossier that is en_construction under instruction; the instructeur follows it."""
    return _move("passerEnInstruction", "en_instruction", dossier, instructeur, notify=notify)


def reopening(dossier: Dossier, *, instructeur: str, to: Reopened, notify: bool) -> Act[State]:
    """Take a decided dossier back to instruction, or one under instruction back to construction.

    Back to instruction, the motivation, its file and the attestation are erased, and the dossier
    is archived no longer. Back to construction, nobody is e-mailed whatever `notify` says.
    """
    operations = {
        "en_instruction": "repasserEnInstruction",
        "en_construction": "repasserEnConstruction",
    }
    return _move(operations[to], to, dossier, instructeur, notify=notify)


def archiving(dossier: Dossier, *, instructeur: str, archived: bool) -> Act[bool]:
    """Put a decided dossier among the archived ones, or take it back out."""

    def made(outcome: Outcome) -> bool | None:
        return archived if outcome.dossier and outcome.dossier.archived is archived else None

    return Act(
        operation="archiver" if archived else "desarchiver",
        dossier=dossier,
        input=_signed(dossier, instructeur),
        made=made,
    )


def following(dossier: Dossier, *, instructeur: str, follow: bool) -> Act[bool]:
    """Have an instructeur follow a dossier, or follow it no longer."""

    def made(outcome: Outcome) -> bool | None:
        return follow if _holds(outcome.dossier, "instructeurs", instructeur) is follow else None

    return Act(
        operation="suivre",
        dossier=dossier,
        input={**_signed(dossier, instructeur), "follow": follow},
        made=made,
    )


def labelling(dossier: Dossier, *, label: str, present: bool) -> Act[bool]:
    """Stick a label of the démarche on a dossier, or remove it. Nobody signs."""

    def made(outcome: Outcome) -> bool | None:
        return present if _holds(outcome.dossier, "labels", label) is present else None

    return Act(
        operation="ajouterLabel" if present else "supprimerLabel",
        dossier=dossier,
        input={"dossierId": dossier.id, "labelId": label},
        made=made,
    )


def routing(dossier: Dossier, *, groupe: str) -> Act[str]:
    """Give a dossier to another groupe of its démarche. Nobody signs.

    Followers who are no members of that groupe do not follow it any more.
    """

    def made(outcome: Outcome) -> str | None:
        now = outcome.dossier.groupe_instructeur if outcome.dossier else None
        return groupe if now and now.id == groupe else None

    return Act(
        operation="changerGroupe",
        dossier=dossier,
        input={"dossierId": dossier.id, "groupeInstructeurId": groupe},
        made=made,
    )


def message(
    dossier: Dossier, *, instructeur: str, body: str, correction: Reason | None = None
) -> Act[ChangedMessage]:
    """Write to the usager, who is e-mailed within five minutes.

    A demand for a correction sends a dossier that is en_instruction back to en_construction.
    Instances of January 2026 drop one that they cannot make: see the `correction` of what was sent.
    """
    return Act(
        operation="envoyerMessage",
        dossier=dossier,
        input={
            **_signed(dossier, instructeur),
            "body": body,
            **({"correction": correction} if correction else {}),
        },
        made=lambda outcome: outcome.message,
        carries="attachment",
    )


def deletion(dossier: Dossier, *, instructeur: str, message: str) -> Act[ChangedMessage]:
    """Delete a message that this very instructeur wrote; its place and its date stay."""

    def made(outcome: Outcome) -> ChangedMessage | None:
        left = outcome.message
        return left if left and left.id == message and left.discarded_at else None

    return Act(
        operation="supprimerMessage",
        dossier=dossier,
        input={"messageId": message, "instructeurId": instructeur},
        made=made,
    )


def annotating(
    dossier: Dossier, *, instructeur: str, values: Mapping[str, Mapping[str, JsonValue]]
) -> Act[Filled]:
    """Fill annotations in: by the id of each, a value under the key of its type.

    It is done in part when some are refused.
    """

    def made(outcome: Outcome) -> Filled | None:
        filled = {annotation.id for annotation in outcome.annotations or ()}
        refused = tuple(error.message for error in outcome.errors or ())
        told = filled and len(filled) + len(refused) >= len(values)
        return Filled(tuple(id_ for id_ in values if id_ in filled), refused) if told else None

    return Act(
        operation="annoter",
        dossier=dossier,
        input={
            **_signed(dossier, instructeur),
            "annotations": [{"id": id_, "value": dict(value)} for id_, value in values.items()],
        },
        made=made,
        in_part=True,
    )


def _decision(
    operation: str,
    after: State,
    dossier: Dossier,
    instructeur: str,
    motivation: str,
    *,
    notify: bool,
) -> Act[State]:
    move = _move(operation, after, dossier, instructeur, notify=notify)
    return replace(
        move,
        input={**move.input, "motivation": motivation},
        carries="justificatif",
        remedy=_way_out(dossier) or move.remedy,
    )


def _move(
    operation: str, after: State, dossier: Dossier, instructeur: str, *, notify: bool
) -> Act[State]:
    def made(outcome: Outcome) -> State | None:
        return after if outcome.dossier and outcome.dossier.state == after else None

    return Act(
        operation=operation,
        dossier=dossier,
        input={**_signed(dossier, instructeur), "disableNotification": not notify},
        made=made,
    )


def _signed(dossier: Dossier, instructeur: str) -> dict[str, JsonValue]:
    return {"dossierId": dossier.id, "instructeurId": instructeur}


def _holds(
    dossier: ChangedDossier | None, records: Literal["instructeurs", "labels"], identifier: str
) -> bool | None:
    """Whether one of these records of a dossier has this id; None when nothing is said of it."""
    if dossier is None or records not in dossier.model_fields_set:
        return None
    held: Sequence[Identified] = getattr(dossier, records)
    return identifier in {each.id for each in held}


def _way_out(dossier: Dossier) -> str:
    """What to do about a decision that is refused, if the dossier shows it.

    Of a dossier whose annotations are missing, the service only says that it is already in the
    state it is in.
    """
    labels = dossier.missing_annotations
    missing = ", ".join(quoted(shortened(label)) for label in labels[:MOST_NAMED])
    if missing and dossier.state == "en_instruction":
        return f"Mandatory annotations are empty, and must be filled in first: {missing}."
    return ""
