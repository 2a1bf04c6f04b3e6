"""What reading gives: the fields of the schema that are more than a member of a record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from graphql import GraphQLFieldResolver, OperationType
from pydantic import TypeAdapter

from server.sandbox.demarches import places
from server.sandbox.demarches.calls import Info
from server.sandbox.demarches.connections import Connection, Window, connection
from server.sandbox.demarches.errors import CrashError
from server.sandbox.demarches.records import (
    Demarche,
    Dossier,
    Facts,
    Groupe,
    Removed,
    number_in,
)
from server.sandbox.demarches.storage import address_of


class Dossiers(Window):
    """The arguments of `dossiers`."""

    archived: bool | None = None
    state: str | None = None
    created_since: datetime | None = None
    updated_since: datetime | None = None
    revision: str | None = None
    min_revision: str | None = None
    max_revision: str | None = None

    def admits(self, dossier: Dossier) -> bool:
        """Whether it is asked for; the service ignores `createdSince` beside `updatedSince`."""
        if self.state is not None and dossier.state != self.state:
            return False
        if self.archived is not None and dossier.archived != self.archived:
            return False
        if self.updated_since is not None:
            return dossier.date_derniere_modification >= self.updated_since
        return self.created_since is None or dossier.date_depot >= self.created_since

    def place(self, dossier: Dossier) -> tuple[datetime, int]:
        """By deposit, or by change with `updatedSince`: the cursors of one mislead the other."""
        by_change = self.updated_since is not None
        moment = dossier.date_derniere_modification if by_change else dossier.date_depot
        return moment, dossier.number

    def admits_revision(self, revision: Facts) -> bool:
        number = number_in("ProcedureRevision", str(revision["id"])) or 0
        asked, least, most = (
            None if bound is None else number_in("ProcedureRevision", bound) or 0
            for bound in (self.revision, self.min_revision, self.max_revision)
        )
        return (
            (asked is None or number == asked)
            and (least is None or number >= least)
            and (most is None or number <= most)
        )


class RemovedDossiers(Window):
    """The arguments of `deletedDossiers` and of `pendingDeletedDossiers`."""

    deleted_since: datetime | None = None

    def admits(self, removed: Removed) -> bool:
        return self.deleted_since is None or removed.date_supression >= self.deleted_since


def demarche(_: None, info: Info, number: int) -> Demarche:
    return info.context.demarche(number)


def demarche_descriptor(_: None, info: Info, demarche: Facts) -> Demarche:
    match demarche:
        case {"number": int(number)}:
            return info.context.descriptor(number)
        case _:
            identifier = str(demarche.get("id"))
            return info.context.descriptor(number_in("Procedure", identifier) or 0)


def dossier(_: None, info: Info, number: int) -> Dossier:
    return info.context.dossier(number)


def groupe_instructeur(_: None, info: Info, number: int) -> Groupe:
    return info.context.groupe(number)


def dossiers_of_demarche(source: Demarche, info: Info, **arguments: object) -> Connection[Dossier]:
    asked = Dossiers.model_validate(arguments)
    held = info.context.registry.dossiers_of(source.number)
    admitted = (
        each
        for each in held
        if asked.admits(each) and asked.admits_revision(each.revision or source.revision)
    )
    return connection(admitted, asked, asked.place)


def dossiers_of_groupe(source: Groupe, info: Info, **arguments: object) -> Connection[Dossier]:
    """The dossiers of a groupe; asked for a revision, the service breaks down."""
    asked = Dossiers.model_validate(arguments)
    if asked.revision or asked.min_revision or asked.max_revision:
        raise CrashError
    held = info.context.registry.dossiers_of(source.demarche)
    admitted = (each for each in held if each.groupe == source.number and asked.admits(each))
    return connection(admitted, asked, asked.place)


def removed_of(*, pending: bool) -> GraphQLFieldResolver:
    """The resolver of `pendingDeletedDossiers`, or of `deletedDossiers`."""

    def resolve(source: Demarche | Groupe, info: Info, **arguments: object) -> Connection[Removed]:
        asked = RemovedDossiers.model_validate(arguments)
        gone = (each for each in info.context.registry.removed if each.pending == pending)
        admitted = (each for each in gone if _was_in(each, source) and asked.admits(each))
        return connection(admitted, asked, lambda each: (each.date_supression, each.number))

    return resolve


def _was_in(removed: Removed, source: Demarche | Groupe) -> bool:
    own = removed.demarche if isinstance(source, Demarche) else removed.groupe
    return own == source.number


def groupe_instructeurs(
    source: Demarche, info: Info, *, closed: bool | None = None
) -> Sequence[Groupe]:
    groupes = info.context.registry.groupes_of(source.number)
    return [groupe for groupe in groupes if closed is None or groupe.closed == closed]


def asked_of_revision(member: str) -> GraphQLFieldResolver:
    """The resolver of a deprecated shortcut from a démarche to its revision."""

    def resolve(source: Demarche, info: Info) -> object:
        return source.revision[member]

    return resolve


def dossiers_count(source: Demarche, info: Info) -> int:
    return sum(1 for _ in info.context.registry.dossiers_of(source.number))


def only(records: str) -> GraphQLFieldResolver:
    """The resolver of a list of a dossier that an id can narrow to one."""

    def resolve(source: Dossier, info: Info, **arguments: str | None) -> Sequence[Facts]:
        asked = arguments.get("id")
        held: Sequence[Facts] = getattr(source, records)
        return [each for each in held if asked is None or each["id"] == asked]

    return resolve


def assignments(source: Dossier, info: Info, mode: str | None = None) -> Sequence[Facts]:
    return [each for each in source.assignments if mode is None or each["mode"] == mode]


def sound(files: str) -> GraphQLFieldResolver:
    """The resolver of a list of files, which leaves those out that a virus is in."""

    def resolve(source: Facts, info: Info) -> Sequence[Facts]:
        held = _FILES.validate_python(source.get(files))
        return [each for each in held if each["virusScanResult"] != "infected"]

    return resolve


def file_url(source: Facts, info: Info) -> str:
    return address_of(source, info.context.address, info.context.registry.now())


def attestation(source: Dossier, info: Info) -> Facts | None:
    """Made after the decision is answered: null in a mutation's payload, there when read again."""
    if source.state != "accepte" or info.operation.operation is OperationType.MUTATION:
        return None
    return places.file(f"attestation-{source.number}.pdf", "application/pdf", 41_984)


def pdf(source: Dossier, info: Info) -> Facts:
    return places.rendered(f"dossier-{source.number}.pdf", "application/pdf")


def geojson(source: Dossier, info: Info) -> Facts:
    return places.rendered(f"dossier-{source.number}.json", "application/json")


def demarche_of_dossier(source: Dossier, info: Info) -> Demarche:
    """The démarche in the revision that the dossier was filed under."""
    held = info.context.registry.demarches[source.demarche]
    return replace(held, revision=source.revision or held.revision)


def revision_of_dossier(source: Dossier, info: Info) -> Facts:
    return demarche_of_dossier(source, info).revision


def groupe_of_dossier(source: Dossier, info: Info) -> Groupe:
    return info.context.registry.groupes[source.groupe]


def linked_dossier(source: Facts, info: Info) -> Dossier | None:
    """The dossier a champ links to: out of scope, an error at the root and null here."""
    match source.get("dossier"):
        case int(number):
            return info.context.dossier(number)
        case _:
            return None


def checked(source: Facts, info: Info) -> bool:
    """A yes/no left blank reads as unchecked when it is served as a `CheckboxChamp`."""
    return source.get("value") is True


_FILES = TypeAdapter[Sequence[Facts]](Sequence[Mapping[str, object]])

FIELDS: Mapping[str, Mapping[str, GraphQLFieldResolver]] = {
    "Query": {
        "demarche": demarche,
        "demarcheDescriptor": demarche_descriptor,
        "dossier": dossier,
        "groupeInstructeur": groupe_instructeur,
    },
    "Demarche": {
        "annotationDescriptors": asked_of_revision("annotationDescriptors"),
        "champDescriptors": asked_of_revision("champDescriptors"),
        "deletedDossiers": removed_of(pending=False),
        "dossiers": dossiers_of_demarche,
        "groupeInstructeurs": groupe_instructeurs,
        "pendingDeletedDossiers": removed_of(pending=True),
    },
    "DemarcheDescriptor": {"dossiersCount": dossiers_count},
    "GroupeInstructeurWithDossiers": {
        "deletedDossiers": removed_of(pending=False),
        "dossiers": dossiers_of_groupe,
        "pendingDeletedDossiers": removed_of(pending=True),
    },
    "Dossier": {
        "annotations": only("annotations"),
        "assignments": assignments,
        "attestation": attestation,
        "avis": only("avis"),
        "champs": only("champs"),
        "demarche": demarche_of_dossier,
        "geojson": geojson,
        "groupeInstructeur": groupe_of_dossier,
        "messages": only("messages"),
        "pdf": pdf,
        "revision": revision_of_dossier,
    },
    "Avis": {"attachments": sound("attachments")},
    "CheckboxChamp": {"value": checked},
    "DossierLinkChamp": {"dossier": linked_dossier},
    "File": {"url": file_url},
    "Message": {"attachments": sound("attachments")},
    "PieceJustificativeChamp": {"files": sound("files")},
}
"""Resolvers by type and field; any other field is the member of the record that bears its name."""
