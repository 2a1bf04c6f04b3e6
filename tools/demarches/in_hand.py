"""A dossier in hand: read before an act, shown in its question, and read again after."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Generic, TypeVar

from mcp.server.mcpserver import Resolve
from pydantic import BaseModel, ConfigDict, Field

from clients.demarches import Act, DemarchesClient, Dossier, HandledDossier, Instructeur
from clients.demarches.acts import Made
from tools.demarches.acting import (
    Attached,
    Enclosure,
    enclosure,
    foreseen,
    member,
    number_to_type,
    parties,
)
from tools.demarches.dependencies import Demarches, Signer
from tools.dependencies import Files, Saying
from tools.desk import Desk
from tools.fences import FREE, Toll
from tools.files import Folder
from tools.journal import Operation
from tools.language import Say
from tools.parameters import DossierNumber
from tools.questions import Asked, Change, Question, Words
from tools.results import Outcome
from tools.settling import Settlement

D = TypeVar("D", bound=Dossier)

NOTHING = Enclosure()


class Handled(Outcome):
    """What was done with a dossier, as recorded."""

    number: int
    state: str = Field(description="The dossier's state now; empty if it could not be read.")


class Hand(BaseModel, Generic[D]):
    """A dossier, the member of its groupe in whose name it is handled, and the file to send."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    dossier: D
    signer: Instructeur
    attached: Attached | None = None


class InHand(Hand[HandledDossier]):
    """A dossier with all that tells what was done with it."""


async def in_hand(
    number: DossierNumber, demarches: Demarches, signer: Signer, say: Saying
) -> InHand:
    """The dossier to handle, refused at once to whoever is no member of its groupe."""
    dossier = await demarches.handled(number)
    return InHand(dossier=dossier, signer=member(say, dossier, signer))


DossierInHand = Annotated[InHand, Resolve(in_hand)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What is said of an act before it is done, and what a lost answer is settled by."""

    title: str
    says: tuple[str, ...]
    goal: str
    changes: tuple[Change, ...] = ()
    words: tuple[Words, ...] = ()
    """After those of the parties."""
    typed: bool = False
    toll: Toll = FREE
    """What it counts for, besides its dossier."""
    signed: bool = True
    """Whether the service is told who acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questioner:
    """What questions about a dossier in hand are written with."""

    demarches: DemarchesClient
    files: Folder
    signer: str
    say: Say

    def question(
        self, hand: InHand, act: Act[Made], wording: Wording, enclosed: Enclosure = NOTHING
    ) -> Question:
        """What a person has to agree to before the act, and before its file is sent."""
        return self.about(hand, in_hand, act, wording, enclosed)

    def about(
        self,
        hand: Hand[D],
        reads: Callable[[int, DemarchesClient, str, Say], Awaitable[Hand[D]]],
        act: Act[Made],
        wording: Wording,
        enclosed: Enclosure,
    ) -> Question:
        """The same of a dossier that `reads` took in hand, and takes again before the act."""
        dossier, say = hand.dossier, self.say

        async def read_again() -> Hand[D]:
            again = await reads(dossier.number, self.demarches, self.signer, say)
            file = await enclosure(self.files, enclosed.asked)
            return again.model_copy(update={"attached": file.attached})

        return Question(
            asked=Asked(
                title=wording.title,
                says=wording.says,
                changes=wording.changes,
                words=(
                    *parties(say, dossier, hand.signer if wording.signed else None),
                    *wording.words,
                ),
                typed=number_to_type(say, dossier) if wording.typed else None,
                request=self.demarches.request(foreseen(act, enclosed)),
            ),
            subject=str(dossier.number),
            facts=hand.model_copy(update={"attached": enclosed.attached}),
            read_again=read_again,
            goal=wording.goal,
            toll=wording.toll.and_also(Toll(dossiers=frozenset({dossier.number}))),
        )


async def questioner(demarches: Demarches, files: Files, signer: Signer, say: Saying) -> Questioner:
    return Questioner(demarches=demarches, files=files, signer=signer, say=say)


Asking = Annotated[Questioner, Resolve(questioner)]

Shows = Callable[[HandledDossier, Operation, Desk], bool | None]
"""Whether a dossier shows that a goal was reached; None when it does not tell."""


def settled_by(shows: Shows, act: str) -> Settlement:
    """How a lost answer about a dossier is settled; `act` names what was asked for."""

    async def read(desk: Desk, operation: Operation) -> Handled:
        dossier = await desk.clients.demarches.handled(int(operation.subject))
        return _shown(shows(dossier, operation, desk), dossier, act)

    return Settlement(unread=partial(_unread, act), read=read)


def done(hand: InHand, conclusion: str, *, state: str = "") -> Handled:
    """What is told of an act that was made; `state` where it changed it."""
    dossier = hand.dossier
    return Handled(
        outcome="applied",
        conclusion=conclusion,
        number=dossier.number,
        state=state or dossier.state,
    )


def _shown(made: bool | None, dossier: HandledDossier, act: str) -> Handled:  # noqa: FBT001
    number, state = dossier.number, dossier.state
    if made:
        told = f"The answer was lost, but dossier {number} shows {act}: it was done."
        return Handled(outcome="applied", conclusion=told, number=number, state=state)
    if made is None:
        told = (
            f"The answer was lost, and dossier {number}, which now reads {state}, does not tell "
            f"whether {act} was made. Look at the dossier before doing anything else."
        )
        return Handled(outcome="undetermined", conclusion=told, number=number, state=state)
    told = (
        f"The answer was lost, and dossier {number} does not show {act}: it was not done. Call "
        "again if the user still wants it; they will be asked again."
    )
    return Handled(outcome="not_applied", conclusion=told, number=number, state=state)


def _unread(act: str, subject: str) -> Handled:
    told = (
        f"The answer was lost and dossier {subject} cannot be read: {act} may have been made. "
        "Look at the dossier before doing anything else."
    )
    return Handled(outcome="undetermined", conclusion=told, number=int(subject), state="")
