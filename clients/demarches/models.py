"""The dossiers as values: what the service says of them, word for word.

Texts are kept as they were written, by applicants and by administrations: whoever shows them
cleans them. The `line` of a demandeur is the exception, and is clean already.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from clients.demarches.wire import Wire
from clients.text import one_line

State = Literal["en_construction", "en_instruction", "accepte", "refuse", "sans_suite"]
"""Drafts are never shown by the service."""


class PersonnePhysique(Wire):
    """A person."""

    type: Literal["PersonnePhysique"] = Field(validation_alias="__typename")
    civilite: str | None
    prenom: str
    nom: str

    @property
    def line(self) -> str:
        """How they would be called, clean and on one line."""
        return one_line(f"{self.civilite or ''} {self.prenom} {self.nom}")


class Entreprise(Wire):
    raison_sociale: str


class Association(Wire):
    titre: str


class PersonneMorale(Wire):
    """An establishment of a company, of an association or of a public body."""

    type: Literal["PersonneMorale"] = Field(validation_alias="__typename")
    siret: str
    entreprise: Entreprise | None
    association: Association | None

    @property
    def line(self) -> str:
        siret = f"SIRET {one_line(self.siret)}"
        return f"{self._name} ({siret})" if self._name else siret

    @property
    def _name(self) -> str:
        titre = self.association.titre if self.association else ""
        raison_sociale = self.entreprise.raison_sociale if self.entreprise else ""
        return one_line(titre) or one_line(raison_sociale)


class PersonneMoraleIncomplete(Wire):
    """An establishment whose record the service could not fetch: it accepts no decision on it."""

    type: Literal["PersonneMoraleIncomplete"] = Field(validation_alias="__typename")
    siret: str

    @property
    def line(self) -> str:
        return f"SIRET {one_line(self.siret)} (fiche incomplète)"


class OtherDemandeur(Wire):
    """A kind of demandeur that the service added, and that we know by its name alone."""

    type: str = Field(validation_alias="__typename")

    @property
    def line(self) -> str:
        return one_line(self.type)


Demandeur = Annotated[
    PersonnePhysique | PersonneMorale | PersonneMoraleIncomplete | OtherDemandeur,
    Field(union_mode="left_to_right"),
]
"""Whom a dossier is for."""


class Usager(Wire):
    """The account a dossier was filed with."""

    email: str


class Groupe(Wire):
    """The groupe instructeur a dossier is in."""

    id: str
    number: int
    label: str


class Instructeur(Wire):
    id: str
    email: str


class GroupeInstructeur(Groupe):
    """A groupe and its members: only they may sign a decision on its dossiers."""

    instructeurs: tuple[Instructeur, ...]


class Filed(Wire):
    """What is said of a dossier wherever it is shown."""

    number: int
    state: State
    archived: bool
    date_depot: datetime
    date_derniere_modification: datetime
    usager: Usager
    demandeur: Demandeur


class DossierSummary(Filed):
    """A dossier as a list shows it."""

    groupe_instructeur: Groupe


@dataclass(frozen=True, slots=True)
class Row:
    """A dossier of a page, and the cursor that continues after it."""

    cursor: str
    dossier: DossierSummary


@dataclass(frozen=True, slots=True)
class PartialError:
    """Something the service could not give within an answer it otherwise gave."""

    path: str
    """Where in the answer, such as `demarche.dossiers.edges.3.node`."""
    reason: str


@dataclass(frozen=True, slots=True)
class DossiersPage:
    """Some dossiers of a démarche."""

    title: str
    """The démarche's."""
    rows: tuple[Row, ...]
    next: str
    """The cursor of the next page, or nothing at the end."""
    problems: tuple[PartialError, ...]
    """What is missing from this page: with any, its rows are not all the dossiers there are."""


class DeletedDossier(Wire):
    """What is left of a dossier: the two lists of them name the same one by different ids."""

    number: int
    state: State
    reason: str
    date_supression: datetime
    """The service's own spelling."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A dossier that was deleted or will be, and the cursor that continues after it."""

    cursor: str
    dossier: DeletedDossier


@dataclass(frozen=True, slots=True)
class Removals:
    """Some of the dossiers that were deleted, or of those that will be: oldest first."""

    rows: tuple[Removal, ...] = ()
    end: str = ""
    """The cursor that continues after them all; nothing when there is none."""
    more: bool = False
    """Whether others follow."""


@dataclass(frozen=True, slots=True)
class RemovalsPage:
    """Dossiers that cannot be read any more."""

    deleted: Removals
    """Deleted for good."""
    pending: Removals
    """Hidden by the administration, or by an applicant before instruction; deleted later."""
    problems: tuple[PartialError, ...]


@dataclass(frozen=True, slots=True)
class Awaiting:
    """How many dossiers are in a state."""

    count: int
    all_counted: bool
    """Otherwise, there are more."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A démarche, and how much of it awaits somebody."""

    number: int
    title: str
    state: str
    en_construction: Awaiting
    en_instruction: Awaiting


@dataclass(frozen=True, slots=True)
class Unread:
    """A démarche that could not be read, and why."""

    number: int
    reason: str


class Descriptor(Wire):
    """What the form says of an annotation; the annotations of a repetition are its own."""

    id: str
    required: bool
    champ_descriptors: tuple["Descriptor", ...] | None = None


class Revision(Wire):
    annotation_descriptors: tuple[Descriptor, ...]

    @property
    def required(self) -> frozenset[str]:
        """The ids of what must be filled in, in the rows of repetitions too."""
        descriptors = [*self.annotation_descriptors]
        for descriptor in self.annotation_descriptors:
            descriptors += descriptor.champ_descriptors or ()
        return frozenset(descriptor.id for descriptor in descriptors if descriptor.required)


class Demarche(Wire):
    """A démarche, in the revision a dossier was filed under."""

    number: int
    title: str
    revision: Revision


class File(Wire):
    content_type: str


class GeoArea(Wire):
    id: str


class Annotation(Wire):
    """A note of the administration on a dossier."""

    type: str = Field(validation_alias="__typename")
    champ_descriptor_id: str
    """That of the form: it is the same in every dossier and in every row."""
    label: str
    string_value: str | None
    checked: bool = False
    answer: bool | None = None
    filled: bool = False
    files: tuple[File, ...] = ()
    geo_areas: tuple[GeoArea, ...] = ()
    rows: tuple["AnnotationRow", ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it still awaits an answer. Titles and explanations await none.

        The service's text is enough for most types; it is empty for those that hold no text, and
        "false" for a yes/no that nobody answered.
        """
        match self.type:
            case "HeaderSectionChamp" | "ExplicationChamp":
                return False
            case "YesNoChamp":
                return self.answer is None
            case "CheckboxChamp" | "TitreIdentiteChamp":
                return not (self.checked or self.filled)
            case "PieceJustificativeChamp" | "CarteChamp" | "RepetitionChamp":
                return not (self.files or self.geo_areas or self.rows)
            case _:
                return not (self.string_value or "").strip()


class AnnotationRow(Wire):
    champs: tuple[Annotation, ...]


class Dossier(Filed):
    """A dossier with what a decision on it needs; what the applicant filled in is left out."""

    id: str
    groupe_instructeur: GroupeInstructeur
    demarche: Demarche
    annotations: tuple[Annotation, ...]

    @property
    def missing_annotations(self) -> tuple[str, ...]:
        """The labels of the mandatory annotations left empty: no decision is accepted until then.

        An annotation that a condition hides is not among those the service gives.
        """
        required = self.demarche.revision.required
        awaited = (a for a in self._every_annotation() if a.champ_descriptor_id in required)
        return tuple(dict.fromkeys(a.label for a in awaited if a.empty))

    def _every_annotation(self) -> Iterator[Annotation]:
        for annotation in self.annotations:
            yield annotation
            for row in annotation.rows:
                yield from row.champs
