"""A dossier with what tells whether a change was made: messages, followers, labels, annotations."""

from datetime import datetime

from pydantic import Field

from clients.demarches.champs import RootChamp
from clients.demarches.models import Dossier, GroupeInstructeur, Instructeur
from clients.demarches.wire import Wire


class Correction(Wire):
    """A demand made by a message; it awaits an answer as long as it has no date."""

    reason: str
    date_resolution: datetime | None


class Attached(Wire):
    filename: str
    checksum: str


class Message(Wire):
    """What was written about a dossier; deleted, it has no text left."""

    id: str
    email: str
    body: str
    created_at: datetime
    discarded_at: datetime | None
    correction: Correction | None
    attachments: tuple[Attached, ...]


class Label(Wire):
    id: str
    name: str


class HandledDossier(Dossier):
    """A dossier, its messages, and what was done with it."""

    connection_usager: str
    """`deleted` when the usager has no account any more."""
    date_derniere_correction_en_attente: datetime | None
    followers: tuple[Instructeur, ...]
    labels: tuple[Label, ...]
    messages: tuple[Message, ...]


class OpenGroupe(GroupeInstructeur):
    """A groupe of a démarche, or one that was."""

    closed: bool


class Choices(Wire):
    """What a dossier of a démarche can be given."""

    labels: tuple[Label, ...]
    groupes: tuple[OpenGroupe, ...] = Field(validation_alias="groupeInstructeurs")


class Annotable(Wire):
    """An annotation of a form."""

    type: str = Field(validation_alias="__typename")
    id: str
    label: str
    required: bool
    options: tuple[str, ...] = ()
    other_option: bool | None = None
    """Whether a list takes what is not among its options."""
    champ_descriptors: tuple["Annotable", ...] = ()
    """Those of the rows of a repetition."""


class Form(Wire):
    """What the administration may note on a dossier."""

    annotations: tuple[Annotable, ...] = Field(validation_alias="annotationDescriptors")


class FormOfDossier(Wire):
    revision: Form


class AnnotatedDossier(Dossier):
    """A dossier, what its annotations hold, and what may be written in them."""

    date_derniere_modification_annotations: datetime
    answers: tuple[RootChamp, ...]
    """Those that no condition hides."""
    form: FormOfDossier
