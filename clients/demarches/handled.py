"""A dossier with what tells whether a change was made: messages, followers, labels, annotations."""

from datetime import datetime

from pydantic import Field

from clients.demarches.champs import RootChamp
from clients.demarches.details import Correction, Label, Message
from clients.demarches.forms import GroupeOfDemarche, Question
from clients.demarches.models import Dossier, Instructeur
from clients.demarches.wire import Wire


class SentMessage(Message):
    """A message, and the correction that it asks for, if any."""

    correction: Correction | None


class Step(Wire):
    """What happened to a dossier, and when."""

    event: str
    date_traitement: datetime


class HandledDossier(Dossier):
    """A dossier, its messages, and what was done with it."""

    connection_usager: str
    """`deleted` when the usager has no account any more."""
    date_derniere_correction_en_attente: datetime | None
    followers: tuple[Instructeur, ...]
    traitements: tuple[Step, ...]
    labels: tuple[Label, ...]
    messages: tuple[SentMessage, ...]

    def went_through(self, event: str, *, since: float) -> bool:
        """Whether this happened to it since then, in seconds: the service tells no fractions."""
        moments = (step.date_traitement for step in self.traitements if step.event == event)
        return any(moment.timestamp() >= int(since) for moment in moments)


class Choices(Wire):
    """What a dossier of a démarche can be given."""

    labels: tuple[Label, ...]
    groupes: tuple[GroupeOfDemarche, ...] = Field(validation_alias="groupeInstructeurs")


class Annotations(Wire):
    """What the administration may note on a dossier."""

    questions: tuple[Question, ...] = Field(validation_alias="annotationDescriptors")


class FormOfDossier(Wire):
    revision: Annotations


class AnnotatedDossier(Dossier):
    """A dossier, what its annotations hold, and what may be written in them."""

    date_derniere_modification_annotations: datetime
    answers: tuple[RootChamp, ...]
    """Those that no condition hides."""
    form: FormOfDossier
