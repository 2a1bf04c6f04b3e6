"""What the answers hold: a dossier, a form, the outcome of a decision."""

from pydantic import Field

from clients.demarches.details import DossierDetail, ReadDossier
from clients.demarches.failures import failure, partial
from clients.demarches.forms import CoveredDemarche, Form, PublicForm, Published
from clients.demarches.models import Dossier, State
from clients.demarches.wire import SERVICE, Reply, RootError, Wire
from clients.errors import LostAnswerError, RejectedError
from clients.text import quoted


def whole(reply: Reply) -> Dossier:
    """A dossier.

    Raises:
        ApiError: Something is missing from it.
    """
    if reply.errors or reply.data is None:
        raise failure(reply)
    return _Found.model_validate(reply.data).dossier


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


def new_state(reply: Reply, dossier: Dossier) -> State:
    """Where an acceptance leaves a dossier: accepte.

    Raises:
        LostAnswerError: It is said to be in another state, or in none.
        RejectedError: The service refused the decision, in its own words.
        ApiError: The decision failed, or may have.
    """
    outcome = _Decision.model_validate(reply.data or {}).outcome
    if outcome is None:
        raise failure(reply, writing=True)
    if outcome.errors:
        told = " ".join(refusal.message for refusal in outcome.errors)
        raise RejectedError(SERVICE, f"it refuses: {quoted(told)}.", remedy=_way_out(dossier))
    if outcome.dossier is None:
        raise LostAnswerError(SERVICE, "it does not say what became of the dossier.")
    if outcome.dossier.state != "accepte":
        raise LostAnswerError(SERVICE, f"it says that the dossier is {outcome.dossier.state}.")
    return outcome.dossier.state


class _Found(Wire):
    dossier: Dossier


class _Detailed(Wire):
    dossier: DossierDetail


class _Covered(Wire):
    demarche: CoveredDemarche
    descriptor: Published | None = None


class _Public(Wire):
    descriptor: PublicForm | None = None


class _Refusal(Wire):
    message: str


class _Decided(Wire):
    state: State


class _Outcome(Wire):
    dossier: _Decided | None = None
    errors: tuple[_Refusal, ...] | None = None


class _Decision(Wire):
    outcome: _Outcome | None = Field(default=None, validation_alias="dossierAccepter")


def _of_a_link(error: RootError) -> bool:
    """Whether it is for a dossier that another one links to, which may be out of reach."""
    return len(error.path) > 1 and error.path[-1] == "dossier"


def _way_out(dossier: Dossier) -> str:
    """What to do about a refusal.

    Of a dossier whose annotations are missing, the service only says that it is already in the
    state it is in.
    """
    missing = ", ".join(quoted(label) for label in dossier.missing_annotations)
    if missing and dossier.state == "en_instruction":
        return f"Mandatory annotations are empty, and must be filled in first: {missing}."
    return "Read the dossier again: it may have changed since."
