"""What the service knows: démarches, groupes and dossiers, and the writes that arrived.

What never changes by itself (an address, a champ, a person) is `Facts`: plain members under the
service's own names. What has rules is a class, whose attributes are the service's names in snake
case. Objects point at each other by number, so that replacing one never leaves a stale copy.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter

Facts = Mapping[str, object]
"""Members under the service's own names; a member that is left out is null."""


def typed_id(kind: str, key: int | str) -> str:
    """The id the service gives to a record: base64 of `Type-n`."""
    return base64.b64encode(f"{kind}-{key}".encode()).decode()


def typed(identifier: str) -> tuple[str, int] | None:
    """The type and the number in an id; None when it is not one."""
    try:
        kind, _, key = base64.b64decode(identifier, validate=True).decode().rpartition("-")
    except ValueError:
        return None
    return (kind, int(key)) if kind and key.isdecimal() else None


def number_in(kind: str, identifier: str) -> int | None:
    """The number in an id of this type; None for any other text."""
    found = typed(identifier)
    return found[1] if found and found[0] == kind else None


def profile(kind: str, number: int, email: str) -> Facts:
    """A person with an account: an `Instructeur`, a `User` (the applicant) or an `Expert`."""
    return {"id": typed_id(kind, number), "email": email}


def traitement(
    dossier: int,
    rank: int,
    event: str,
    at: datetime,
    agent: Facts | None = None,
    motivation: str | None = None,
) -> Facts:
    """What happened to a dossier, for the `rank`th time; an agent's doing, but for its deposit."""
    return {
        "id": typed_id("Traitement", dossier * 100 + rank),
        "event": event,
        "state": STATE_AFTER[event],
        "dateTraitement": at,
        "emailAgentTraitant": agent["email"] if agent else None,
        "motivation": motivation,
        "changedColumns": (),
    }


STATE_AFTER = {
    "depose": "en_construction",
    "passe_en_instruction": "en_instruction",
    "repasse_en_construction": "en_construction",
    "repasse_en_instruction": "en_instruction",
    "accepte": "accepte",
    "refuse": "refuse",
    "classe_sans_suite": "sans_suite",
}
"""The state each event leads to."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write operation that arrived, whether it changed something or was refused."""

    operation: str
    number: int | None
    """The dossier meant; None when the id sent is not that of a dossier."""
    applied: bool
    motivation: str | None = None
    notified: bool = False
    """Whether the applicant was told: never of a refused write."""


@dataclass(frozen=True, kw_only=True)
class Groupe:
    """A groupe instructeur: who may decide on the dossiers routed to it."""

    number: int
    label: str
    demarche: int
    instructeurs: Sequence[Facts]
    closed: bool = False

    @property
    def id(self) -> str:
        return typed_id("GroupeInstructeur", self.number)


@dataclass(frozen=True, kw_only=True)
class Demarche:
    """A démarche, which the schema shows as `Demarche` and as `DemarcheDescriptor`."""

    number: int
    title: str
    description: str
    revision: Facts
    draft_revision: Facts
    service: Facts
    administrateurs: Sequence[Facts]
    labels: Sequence[Facts]
    date_creation: datetime
    date_publication: datetime
    date_derniere_modification: datetime
    for_individual: bool
    opendata: bool = True
    state: str = "publiee"
    duree_conservation_dossiers: int = 24
    tags: Sequence[str] = ()
    zones: Sequence[str] = ("Ministère de l’Exemple",)
    cadre_juridique_url: str = "https://www.legifrance.gouv.fr/exemple"
    demarche_url: str = ""
    site_web_url: str = "https://www.exemple.gouv.fr"
    corrections_block: bool = False
    """Whether no dossier is taken as long as a correction of it is awaited."""
    notice: Facts | None = None
    deliberation: Facts | None = None
    former_revision: Facts | None = None
    """The one before the present one, under which its first dossiers were filed."""

    @property
    def id(self) -> str:
        return typed_id("Procedure", self.number)

    @property
    def active_revision(self) -> Facts:
        return self.revision

    @property
    def published_revision(self) -> Facts:
        return self.revision

    @property
    def revisions(self) -> Sequence[Facts]:
        former = (self.former_revision,) if self.former_revision else ()
        return (*former, self.revision, self.draft_revision)


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """An application, from its deposit on: drafts are never visible."""

    number: int
    demarche: int
    groupe: int
    state: str
    demandeur: Facts
    usager: Facts
    connection_usager: str
    champs: Sequence[Facts]
    annotations: Sequence[Facts]
    traitements: Sequence[Facts]
    date_depot: datetime
    date_derniere_modification: datetime
    date_derniere_modification_champs: datetime
    date_derniere_modification_annotations: datetime
    date_passage_en_construction: datetime
    date_passage_en_instruction: datetime | None = None
    date_traitement: datetime | None = None
    date_expiration: datetime | None = None
    date_suppression_par_usager: datetime | None = None
    motivation: str | None = None
    motivation_attachment: Facts | None = None
    archived: bool = False
    prefilled: bool = False
    depose_par_un_tiers: bool = False
    nom_mandataire: str | None = None
    prenom_mandataire: str | None = None
    revision: Facts | None = None
    """What it was filed under, when that is not the démarche's present revision."""
    instructeurs: Sequence[Facts] = ()
    """Those who follow it, who may be nobody; those who may decide are in its groupe."""
    avis: Sequence[Facts] = ()
    messages: Sequence[Facts] = ()
    labels: Sequence[Facts] = ()
    assignments: Sequence[Facts] = ()

    @property
    def id(self) -> str:
        return typed_id("Dossier", self.number)

    @property
    def lacks_a_mandatory_annotation(self) -> bool:
        return any(a["required"] and not a["stringValue"] for a in self.annotations)

    @property
    def lacks_its_siret_details(self) -> bool:
        """The degraded mode: the register of companies did not answer when it was deposited."""
        return "incomplete" in self.demandeur

    @property
    def awaits_a_correction(self) -> bool:
        return self.date_derniere_correction_en_attente is not None

    @property
    def date_derniere_correction_en_attente(self) -> datetime | None:
        """When the last correction that is still awaited was asked for."""
        asked = [m["createdAt"] for m in self.messages if _unresolved(m)]
        return max((at for at in asked if isinstance(at, datetime)), default=None)

    def corrected(self, at: datetime) -> Sequence[Facts]:
        """The messages once every correction is there."""
        return [_resolved(m, at) if _unresolved(m) else m for m in self.messages]

    def followed_by(self, instructeur: Facts) -> "Dossier":
        followers = [each for each in self.instructeurs if each != instructeur]
        return replace(self, instructeurs=(*followers, instructeur))


def _unresolved(message: Facts) -> bool:
    """Whether a message asks for a correction that is not there yet."""
    correction = _CORRECTION.validate_python(message.get("correction"))
    return correction is not None and correction.get("dateResolution") is None


def _resolved(message: Facts, at: datetime) -> Facts:
    correction = _CORRECTION.validate_python(message.get("correction")) or {}
    return {**message, "correction": {**correction, "dateResolution": at}}


_CORRECTION = TypeAdapter[Facts | None](Mapping[str, object] | None)


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What is left of a dossier that was deleted, or will be: no longer found by its number."""

    id: str
    number: int
    demarche: int
    groupe: int
    state: str
    reason: str
    date_supression: datetime
    """The service's own spelling."""
    pending: bool
    """Hidden, and deleted later; otherwise deleted for good."""


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A file that was announced; its content is there once it was put into the storage."""

    number: int
    dossier: int
    filename: str
    byte_size: int
    checksum: str
    """MD5, in base64."""
    content_type: str
    announced_at: datetime
    content: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Everything one service holds; its dictionaries change, its records are replaced."""

    now: Callable[[], datetime]
    demarches: dict[int, Demarche]
    groupes: dict[int, Groupe]
    dossiers: dict[int, Dossier]
    removed: Sequence[Removed] = ()
    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    """By the signed id that they are used by."""
    writes: list[Write] = field(default_factory=list[Write])

    def groupes_of(self, demarche: int) -> list[Groupe]:
        return [groupe for groupe in self.groupes.values() if groupe.demarche == demarche]

    def dossiers_of(self, demarche: int) -> Iterator[Dossier]:
        return (dossier for dossier in self.dossiers.values() if dossier.demarche == demarche)

    def instructeur(self, identifier: str) -> Facts | None:
        """The instructeur with this id, whatever their groupes."""
        members = (each for groupe in self.groupes.values() for each in groupe.instructeurs)
        return next((each for each in members if each["id"] == identifier), None)
