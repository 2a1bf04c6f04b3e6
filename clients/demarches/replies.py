"""What the answers hold: a dossier, a form, the outcome of a change."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from clients.demarches.acts import Act, Made, Outcome
from clients.demarches.details import DossierDetail, ReadDossier
from clients.demarches.failures import failure, partial
from clients.demarches.forms import CoveredDemarche, Form, PublicForm, Published
from clients.demarches.models import Dossier
from clients.demarches.wire import SERVICE, Reply, RootError, Wire
from clients.errors import ApiError, LostAnswerError, RejectedError, UnexpectedReplyError
from clients.text import quoted, shortened

MOST_TOLD = 10
"""Sentences of the service that a refusal gives."""

Record = TypeVar("Record", bound=Wire)


def whole(reply: Reply, member: str, kind: type[Record]) -> Record:
    """A record.

    Raises:
        ApiError: Something is missing from it.
    """
    if reply.errors or reply.data is None:
        raise failure(reply)
    return kind.model_validate(reply.data.get(member))


def each(reply: Reply, numbers: Sequence[int]) -> tuple[dict[int, Dossier], dict[int, ApiError]]:
    """The dossiers read together, by number, and what hides some of the others.

    One that cannot be given leaves no data at all, of none of them: the rest is to be asked again.

    Raises:
        ApiError: Nothing was given, and it is said of none of them in particular.
    """
    ranks = {f"n{rank}": number for rank, number in enumerate(numbers)}
    hidden: dict[int, ApiError] = {}
    for error in reply.errors:
        number = ranks.get(str(error.path[0])) if error.path else None
        if number is None:
            raise failure(reply)
        hidden.setdefault(number, failure(Reply(errors=(error,))))
    if reply.data is None:
        if not hidden:
            raise failure(reply)
        return {}, hidden
    given: dict[int, Dossier] = {}
    for rank, number in ranks.items():
        if number not in hidden:
            dossier = _readable(reply.data.get(rank))
            if dossier and dossier.number == number:
                given[number] = dossier
            else:
                hidden[number] = UnexpectedReplyError(SERVICE, "this dossier could not be read.")
    return given, hidden


def detail(reply: Reply) -> ReadDossier:
    """A dossier, with what could be read of it.

    Raises:
        ApiError: Nothing could.
    """
    if reply.data is None:
        raise failure(reply)
    problems = [partial(error) for error in reply.errors if not _of_a_link(error)]
    return ReadDossier(_Detailed.model_validate(reply.data).dossier, tuple(problems))


def form(reply: Reply) -> Form:
    """A démarche that the token covers; that what is public cannot be read hides nothing else.

    Raises:
        ApiError: It could not be read.
    """
    if reply.data is None:
        raise failure(reply)
    found = _Covered.model_validate(reply.data)
    return Form(
        demarche=found.demarche,
        revision=found.demarche.active_revision,
        published=found.descriptor,
        covered=True,
        labels=found.demarche.labels,
        groupes=found.demarche.groupe_instructeurs,
        problems=tuple(partial(error) for error in reply.errors),
    )


def public_form(reply: Reply) -> Form:
    """What is public of a démarche.

    Raises:
        ApiError: Nothing is.
    """
    found = _Public.model_validate(reply.data or {}).descriptor
    if found is None:
        raise failure(reply)
    problems = tuple(partial(error) for error in reply.errors)
    return Form(found, found.revision, found, covered=False, problems=problems)


def made(reply: Reply, act: Act[Made]) -> Made:
    """What a change made.

    Raises:
        LostAnswerError: The answer does not show it.
        RejectedError: The service refused it, in its own words.
        ApiError: It failed, or may have.
    """
    outcome = _Answered.model_validate(reply.data or {}).outcome
    if outcome is None:
        raise failure(reply, writing=True)
    if outcome.errors and not (act.in_part and outcome.annotations):
        told = " ".join(shortened(error.message) for error in outcome.errors[:MOST_TOLD])
        raise RejectedError(SERVICE, f"it refuses: {quoted(told)}.", remedy=act.remedy)
    shown = act.made(outcome)
    if shown is None:
        raise LostAnswerError(SERVICE, "its answer does not show what it did.")
    return shown


class _Detailed(Wire):
    dossier: DossierDetail


class _Covered(Wire):
    demarche: CoveredDemarche
    descriptor: Published | None = None


class _Public(Wire):
    descriptor: PublicForm | None = None


class _Answered(Wire):
    outcome: Outcome | None = None


def _readable(record: object) -> Dossier | None:
    try:
        return Dossier.model_validate(record)
    except ValidationError:
        return None


def _of_a_link(error: RootError) -> bool:
    """Whether it is for a dossier that another one links to, which may be out of reach."""
    return len(error.path) > 1 and error.path[-1] == "dossier"
