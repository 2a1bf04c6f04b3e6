"""What is told of a dossier, section by section: each row says who stands behind it.

Whatever an applicant or an administration wrote is cleaned; files are told without their address,
which would give them to whoever holds it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter
from pydantic.alias_generators import to_snake

from clients.demarches import (
    Champ,
    DossierDetail,
    Instructeur,
    Piece,
    RepetitionChamp,
    RootChamp,
    Section,
)
from clients.demarches.champs import (
    DossierLinkChamp,
    ExplicationChamp,
    HeaderSectionChamp,
    PieceJustificativeChamp,
)
from clients.demarches.details import (
    Area,
    Avis,
    Carte,
    Label,
    Message,
    RevisionDates,
    Traitement,
)
from clients.text import Line, clean
from tools.results import Result

Source = Literal["applicant", "administration", "computed"]
What = Literal["attestation", "pdf", "motivation"]
Text = Annotated[str, AfterValidator(clean)]
"""A stranger's text in full: it may have lines."""


class Sourced(Result):
    source: Source = Field(
        description="Who stands behind it; computed: the service or a public register."
    )


class FileRow(Result):
    """A file; those found to be infected are not listed by the service."""

    name: Line
    type: Line
    size: int | None = Field(default=None, description="Bytes; absent before the file is made.")
    md5: Line | None = Field(default=None, description="In base 64.")
    scan: Line = Field(description="safe, pending, infected or integrity_error.")


class ValueRow(Sourced):
    """A champ or an annotation. Without a value, it was left blank, or is a title."""

    id: Line
    label: Line
    type: Line
    value: JsonValue = None
    repetition: Line | None = Field(default=None, description="The repetition that this is in…")
    row: int | None = Field(default=None, description="…and the row of it, from 1.")


class MessageRow(Result):
    source: Literal["applicant", "administration", "other"] = Field(
        description="By the author's e-mail. administration: an instructeur of the group, or an "
        "expert. other: the service, or anybody else, whom the applicant may have invited."
    )
    id: Line
    at: datetime
    author: Line
    body: Text | None = Field(default=None, description="Absent once deleted.")
    deleted_at: datetime | None = None
    files: list[FileRow]


class AvisRow(Sourced):
    """An opinion asked of an expert; without `answered_at`, it is still awaited."""

    id: Line
    asked_at: datetime
    asked_by: Line | None = None
    expert: Line | None = None
    question: Text
    yes_no_question: Line | None = None
    yes_no: bool | None = None
    answer: Text | None = None
    answered_at: datetime | None = None
    files: list[FileRow]


class TraitementRow(Sourced):
    event: Line
    at: datetime
    by: Line | None = None
    motivation: Text | None = None


class LabelRow(Sourced):
    id: Line
    name: Line
    color: Line


class CorrectionRow(Sourced):
    """A correction that was asked of the applicant; without `resolved_at`, it is awaited."""

    message: Line = Field(description="The id of the message that asks for it.")
    reason: Line
    asked_at: datetime
    resolved_at: datetime | None = None


class FollowerRow(Sourced):
    id: Line
    email: Line


class RevisionRow(Sourced):
    id: Line
    created_at: datetime
    published_at: datetime | None = None


class DossierFileRow(FileRow, Sourced):
    what: What


class AreaRow(Sourced):
    """Something drawn on a map."""

    champ: Line = Field(description="The id of the question.")
    label: Line
    kind: Line
    description: Line | None = None
    geometry: JsonValue = Field(description="GeoJSON.")
    cadastre: dict[str, Line] | None = Field(
        default=None, description="A parcel's place in the land register."
    )


def sections(dossier: DossierDetail) -> dict[Section, Sequence[Result]]:
    """Every section of a dossier, empty where it was not asked for or holds nothing."""
    revision = dossier.demarche.revision
    return {
        "champs": list(_values(dossier.champs, "applicant")),
        "annotations": list(_values(dossier.annotations, "administration")),
        "messages": [_message(each, dossier) for each in dossier.messages],
        "avis": [_avis(each) for each in dossier.avis],
        "traitements": [_traitement(each) for each in dossier.traitements],
        "labels": [label_row(each) for each in dossier.labels],
        "corrections": list(_corrections(dossier)),
        "followers": [_follower(each) for each in dossier.followers],
        "revision": [_revision(revision)] if revision else [],
        "files": list(_files(dossier)),
        "geometry": [
            *_areas(dossier.maps, "applicant"),
            *_areas(dossier.annotation_maps, "administration"),
        ],
    }


def file_row(piece: Piece) -> FileRow:
    """What is told of a file: one that is made when it is fetched has no size yet."""
    return FileRow(
        name=piece.filename,
        type=piece.content_type,
        size=piece.size or None,
        md5=piece.checksum or None,
        scan=piece.virus_scan_result,
    )


def label_row(label: Label) -> LabelRow:
    return LabelRow(source="administration", id=label.id, name=label.name, color=label.color)


def cleaned(value: JsonValue) -> JsonValue:
    """The same value, every text of which is clean."""
    match value:
        case str():
            return clean(value)
        case list():
            return [cleaned(item) for item in value]
        case dict():
            return {clean(name): cleaned(member) for name, member in value.items()}
        case _:
            return value


def _values(champs: Sequence[RootChamp], source: Source) -> Iterator[ValueRow]:
    """The rows of champs, in the order of the form: those of a repetition follow it."""
    for champ in champs:
        yield from _value(champ, source)
        if isinstance(champ, RepetitionChamp):
            for number, row in enumerate(champ.rows, start=1):
                for inner in row.champs:
                    yield from _value(inner, source, repetition=champ.label, row=number)


def _value(
    champ: Champ, source: Source, *, repetition: str | None = None, row: int | None = None
) -> Iterator[ValueRow]:
    """What was answered, then what was computed from it."""
    of_form = isinstance(champ, HeaderSectionChamp | ExplicationChamp)
    told = ValueRow(
        source="administration" if of_form else source,
        id=champ.id,
        label=champ.label,
        type=to_snake(champ.type.removesuffix("Champ")),
        value=_answer(champ),
        repetition=repetition,
        row=row,
    )
    yield told
    if computed := _computed(champ):
        yield told.model_copy(update={"source": "computed", "value": computed})


def _answer(champ: Champ) -> JsonValue:
    match champ:
        case RepetitionChamp():
            return {"rows": len(champ.rows)} if champ.rows else None
        case PieceJustificativeChamp():
            files = [file_row(piece).model_dump(exclude_none=True) for piece in champ.files]
            return _JSON.validate_python(files) if files else None
        case _:
            return cleaned(champ.value)


def _computed(champ: Champ) -> JsonValue:
    if isinstance(champ, DossierLinkChamp) and champ.text and not champ.dossier:
        return {"reachable": False}
    return cleaned({**champ.computed})


def _message(message: Message, dossier: DossierDetail) -> MessageRow:
    """A message: whoever the applicant invited may write one too, and is not the administration."""
    applicant, agents = dossier.usager.email, dossier.agents
    known = "administration" if message.email in agents else "other"
    return MessageRow(
        source="applicant" if message.email == applicant else known,
        id=message.id,
        at=message.created_at,
        author=message.email,
        body=None if message.discarded_at else message.body,
        deleted_at=message.discarded_at,
        files=[file_row(piece) for piece in message.attachments],
    )


def _avis(avis: Avis) -> AvisRow:
    return AvisRow(
        source="administration",
        id=avis.id,
        asked_at=avis.date_question,
        asked_by=avis.claimant and avis.claimant.email,
        expert=avis.expert and avis.expert.email,
        question=avis.question,
        yes_no_question=avis.question_label,
        yes_no=avis.question_answer,
        answer=avis.reponse,
        answered_at=avis.answered_at,
        files=[file_row(piece) for piece in avis.attachments],
    )


def _traitement(traitement: Traitement) -> TraitementRow:
    """A step: what nobody of the administration did is the applicant's, or the service's."""
    filed = traitement.event.startswith("depose")
    agent = traitement.email_agent_traitant
    return TraitementRow(
        source="administration" if agent else "applicant" if filed else "computed",
        event=traitement.event,
        at=traitement.date_traitement,
        by=agent,
        motivation=traitement.motivation,
    )


def _corrections(dossier: DossierDetail) -> Iterator[CorrectionRow]:
    for message in dossier.corrections:
        if message.correction:
            yield CorrectionRow(
                source="administration",
                message=message.id,
                reason=message.correction.reason,
                asked_at=message.created_at,
                resolved_at=message.correction.date_resolution,
            )


def _revision(revision: RevisionDates) -> RevisionRow:
    return RevisionRow(
        source="administration",
        id=revision.id,
        created_at=revision.date_creation,
        published_at=revision.date_publication,
    )


def _files(dossier: DossierDetail) -> Iterator[DossierFileRow]:
    found: tuple[tuple[What, Source, Piece | None], ...] = (
        ("attestation", "computed", dossier.attestation),
        ("pdf", "computed", dossier.pdf),
        ("motivation", "administration", dossier.motivation_attachment),
    )
    for what, source, piece in found:
        if piece:
            file = file_row(piece)
            yield DossierFileRow(source=source, what=what, **file.model_dump())


def _areas(cartes: Sequence[Carte], source: Source) -> Iterator[AreaRow]:
    for carte in (drawn for root in cartes for drawn in root.maps):
        for area in carte.geo_areas:
            yield AreaRow(
                source=source,
                champ=carte.id,
                label=carte.label,
                kind=area.source,
                description=area.description,
                geometry={
                    "type": clean(area.geometry.type),
                    "coordinates": area.geometry.coordinates,
                },
                cadastre=_cadastre(area),
            )


def _cadastre(area: Area) -> dict[str, str] | None:
    """A parcel's place in the land register; its surface is in square metres."""
    told = area.model_dump(include={"commune", "prefixe", "section", "numero", "surface"})
    return {name: value for name, value in told.items() if value} or None


def _follower(instructeur: Instructeur) -> FollowerRow:
    return FollowerRow(source="administration", id=instructeur.id, email=instructeur.email)


_JSON = TypeAdapter[JsonValue](JsonValue)
