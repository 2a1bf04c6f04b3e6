"""What a démarche is: whom it is for, what its form asks, who instructs its dossiers."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from clients.demarches.champs import Piece
from clients.demarches.details import Label
from clients.demarches.models import GroupeInstructeur, PartialError
from clients.demarches.wire import Wire


class ServiceInCharge(Wire):
    nom: str
    organisme: str
    type_organisme: str
    siret: str | None


class Question(Wire):
    """A question of the form, or an annotation."""

    type: str = Field(validation_alias="__typename")
    id: str
    label: str
    description: str | None
    required: bool
    options: tuple[str, ...] | None = None
    other_option: bool | None = None
    """Whether another text than an option may be given."""
    champ_descriptors: tuple["Question", ...] | None = None
    """The questions of each row, for a repetition."""


class FormRevision(Wire):
    """What the form asks, as of a revision."""

    id: str
    date_creation: datetime
    date_publication: datetime | None
    champ_descriptors: tuple[Question, ...]
    annotation_descriptors: tuple[Question, ...]


class Described(Wire):
    """What is said of a démarche, whether the token covers it or not."""

    number: int
    title: str
    description: str
    state: str
    declarative: str | None
    date_creation: datetime
    date_publication: datetime | None
    date_fermeture: datetime | None
    date_depublication: datetime | None
    date_derniere_modification: datetime
    service: ServiceInCharge | None


class Published(Described):
    """What anyone may read of a démarche whose administration publishes it as open data."""

    duree_conservation_dossiers: int
    """Months."""
    opendata: bool
    demarche_url: str | None = Field(validation_alias="demarcheURL")
    site_web_url: str | None = Field(validation_alias="siteWebURL")
    notice_url: str | None = Field(validation_alias="noticeURL")
    cadre_juridique_url: str | None = Field(validation_alias="cadreJuridiqueURL")
    dpo_url: str | None = Field(validation_alias="dpoURL")
    notice: Piece | None
    deliberation: Piece | None


class PublicForm(Published):
    """The same, with the form."""

    revision: FormRevision


class GroupeOfDemarche(GroupeInstructeur):
    closed: bool


class CoveredDemarche(Described):
    """A démarche that the token covers."""

    active_revision: FormRevision
    labels: tuple[Label, ...]
    groupe_instructeurs: tuple[GroupeOfDemarche, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A démarche with its form."""

    demarche: Described
    revision: FormRevision
    published: Published | None
    """What is public; nothing, for a démarche that is not open data."""
    covered: bool
    """Whether the token covers it: labels and groupes are given of those alone."""
    labels: tuple[Label, ...] = ()
    groupes: tuple[GroupeOfDemarche, ...] = ()
    problems: tuple[PartialError, ...] = ()
