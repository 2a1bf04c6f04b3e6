"""A question put to a person: what it shows, wherever it is shown, and the facts behind it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel

from clients.http import Outgoing
from clients.text import quoted
from tools.fences import FREE, Toll
from tools.language import Say


class Shown(BaseModel, frozen=True, hide_input_in_errors=True):
    """A part of what a person sees."""


class Change(Shown, frozen=True):
    """What a field holds now, and what it will hold."""

    field: str
    before: str
    after: str


class Words(Shown, frozen=True):
    """A text that we did not write: an applicant's, an administration's or the model's."""

    label: str
    text: str


class Typed(Shown, frozen=True):
    """What a person must copy out of the question, so that it was read."""

    label: str
    asks: str
    value: str


class Asked(Shown, frozen=True):
    """Everything a person sees before deciding, in the order in which they see it.

    It states everything that will be sent and nothing that changes between two askings. `says` are
    sentences of ours; whatever somebody else wrote is in `words`, comes last, and is quoted.
    """

    title: str
    says: tuple[str, ...]
    changes: tuple[Change, ...]
    words: tuple[Words, ...]
    typed: Typed | None
    request: Outgoing

    def text(self, say: Say) -> str:
        """The question in plain text, for a client's own form."""
        typing = (
            f"{self.typed.asks}{say(fr=' : ', en=': ')}{self.typed.value}." if self.typed else ""
        )
        changes = (f"{c.field}{say(fr=' : ', en=': ')}{c.before} → {c.after}" for c in self.changes)
        theirs = say(
            fr="Ci-dessous, entre guillemets, des textes écrits par d'autres :",
            en="Below, in quotes, are texts written by others:",
        )
        words = (f"- {w.label}{say(fr=' : ', en=': ')}{quoted(w.text)}" for w in self.words)
        lines = (self.title, *self.says, *changes, typing, theirs if self.words else "", *words)
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the facts it was written from."""

    asked: Asked
    subject: str
    """What the ledger keeps in clear: a number, never a name."""
    facts: BaseModel
    """What the service showed; consent is void once it shows anything else."""
    read_again: Callable[[], Awaitable[BaseModel]]
    goal: str = ""
    """What a lost answer is settled by, kept in clear: states, ids and marks, never a text."""
    keeps_facts: bool = False
    """Whether the facts are a plan: sealed in the ledger, and carried out as they were read."""
    by_page: bool = False
    """Whether what is asked is too much for a form: `Rung.SIZE` leaves it to the question."""
    toll: Toll = FREE
    """What it counts for, where the settings limit what is changed in a day."""
