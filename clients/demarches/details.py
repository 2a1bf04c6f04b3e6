"""A dossier in detail: its champs, and what was said, asked and done about it.

A section that was not asked for is empty.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, get_args

from pydantic import Field, JsonValue

from clients.demarches.champs import Piece, RootChamp
from clients.demarches.models import Filed, Groupe, Instructeur, PartialError
from clients.demarches.wire import Wire

Section = Literal[
    "champs",
    "annotations",
    "messages",
    "avis",
    "traitements",
    "labels",
    "corrections",
    "followers",
    "revision",
    "files",
    "geometry",
]
"""What may be asked of a dossier besides the dossier itself."""
SECTIONS: tuple[Section, ...] = get_args(Section)


class Message(Wire):
    """A message, of the applicant, the administration, or anybody whom the applicant invited.

    Deleted, it has no text left.
    """

    id: str
    email: str
    body: str
    created_at: datetime
    discarded_at: datetime | None
    attachments: tuple[Piece, ...]


class Correction(Wire):
    reason: str
    date_resolution: datetime | None


class CorrectedMessage(Wire):
    """A message, and the correction of the dossier that it asks for, if any."""

    id: str
    created_at: datetime
    correction: Correction | None


class Profile(Wire):
    email: str


class GroupeOfDossier(Groupe):
    """A groupe; with the messages, its members."""

    instructeurs: tuple[Profile, ...] = ()


class Consultation(Wire):
    """Somebody whose opinion was asked."""

    expert: Profile | None


class Avis(Wire):
    """An opinion asked of an expert."""

    id: str
    question: str
    question_label: str | None
    question_answer: bool | None
    reponse: str | None
    date_question: datetime
    date_reponse: datetime | None
    """When it last changed: set before it is answered too."""
    claimant: Profile | None
    expert: Profile | None
    attachments: tuple[Piece, ...]

    @property
    def answered_at(self) -> datetime | None:
        answered = self.reponse or self.question_answer is not None
        return self.date_reponse if answered else None


class Traitement(Wire):
    """A step of a dossier's life."""

    event: str
    date_traitement: datetime
    email_agent_traitant: str | None
    """Nobody's, for what the applicant or the service did."""
    motivation: str | None


class Label(Wire):
    id: str
    name: str
    color: str


class RevisionDates(Wire):
    """A revision of a form, without its questions."""

    id: str
    date_creation: datetime
    date_publication: datetime | None


class DemarcheOfDossier(Wire):
    number: int
    title: str
    revision: RevisionDates | None = None


class Geometry(Wire):
    """A shape, as GeoJSON has it."""

    type: str
    coordinates: JsonValue


class Area(Wire):
    """Something drawn on a map; a parcel has its place in the land register besides."""

    type: str = Field(validation_alias="__typename")
    id: str
    source: str
    description: str | None
    geometry: Geometry
    commune: str | None = None
    prefixe: str | None = None
    section: str | None = None
    numero: str | None = None
    surface: str | None = None


class Carte(Wire):
    """A champ that may be a map, or a repetition that may hold some."""

    id: str
    label: str = ""
    geo_areas: tuple[Area, ...] = ()
    rows: tuple["CarteRow", ...] = ()

    @property
    def maps(self) -> tuple["Carte", ...]:
        """The maps on which something was drawn."""
        inside = [carte for row in self.rows for carte in row.champs]
        return tuple(carte for carte in (self, *inside) if carte.geo_areas)


class CarteRow(Wire):
    champs: tuple[Carte, ...]


class DossierDetail(Filed):
    """A dossier with the sections that were asked for."""

    date_passage_en_instruction: datetime | None
    date_traitement: datetime | None
    date_expiration: datetime | None
    date_suppression_par_usager: datetime | None
    date_derniere_correction_en_attente: datetime | None
    depose_par_un_tiers: bool | None
    nom_mandataire: str | None
    prenom_mandataire: str | None
    groupe_instructeur: GroupeOfDossier
    demarche: DemarcheOfDossier
    champs: tuple[RootChamp, ...] = ()
    annotations: tuple[RootChamp, ...] = ()
    messages: tuple[Message, ...] = ()
    consultations: tuple[Consultation, ...] = ()
    """Known with the messages."""
    corrections: tuple[CorrectedMessage, ...] = ()
    avis: tuple[Avis, ...] = ()
    traitements: tuple[Traitement, ...] = ()
    labels: tuple[Label, ...] = ()
    followers: tuple[Instructeur, ...] = ()
    attestation: Piece | None = None
    pdf: Piece | None = None
    motivation_attachment: Piece | None = None
    maps: tuple[Carte, ...] = ()
    annotation_maps: tuple[Carte, ...] = ()

    @property
    def agents(self) -> frozenset[str]:
        """The e-mails of those who may write for the administration; known with the messages."""
        experts = (each.expert for each in self.consultations)
        members = self.groupe_instructeur.instructeurs
        return frozenset(each.email for each in (*members, *experts) if each)

    def within(self, demarches: Collection[int]) -> Self:
        """The same, without the dossiers of other démarches that it links to."""
        champs = tuple(champ.within(demarches) for champ in self.champs)
        annotations = tuple(champ.within(demarches) for champ in self.annotations)
        return self.model_copy(update={"champs": champs, "annotations": annotations})


@dataclass(frozen=True, slots=True)
class ReadDossier:
    """A dossier, and what the service could not give of it."""

    dossier: DossierDetail
    problems: tuple[PartialError, ...]
