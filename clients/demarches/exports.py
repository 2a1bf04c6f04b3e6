"""Every dossier of a démarche, page by page, as rows: plain values, since there may be millions.

A dossier's answers are by the id of their question, which is the same in every dossier.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field, JsonValue

from clients.demarches.failures import failure, partial
from clients.demarches.models import State
from clients.demarches.wire import Reply, RootError, Wire
from clients.text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which dossiers: those filters are the service's own."""

    groupe: int | None = None
    state: State | None = None
    archived: bool | None = None
    created_since: datetime | None = None
    updated_since: datetime | None = None
    """With it, dossiers come in the order of their last change, otherwise of their deposit."""


@dataclass(frozen=True, slots=True)
class Column:
    """A question, or an annotation."""

    id: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """All that a démarche asks, or ever asked: today's questions first."""

    title: str
    champs: tuple[Column, ...]
    annotations: tuple[Column, ...]
    in_rows: tuple[tuple[Column, ...], ...]
    """What is asked in each row, a repetition after the other."""
    groupes: frozenset[int]


class ExportedDossier(NamedTuple):
    """A dossier with what was answered, in the service's own words and dates.

    A tuple, since a frozen class takes three times as long to make.
    """

    number: int
    state: str
    archived: bool
    date_depot: str
    date_derniere_modification: str
    date_passage_en_instruction: str | None
    date_traitement: str | None
    motivation: str | None
    usager: str
    demandeur: str
    """A person's or a company's name, clean and on one line."""
    civilite: str | None
    nom: str | None
    prenom: str | None
    siret: str | None
    groupe: str
    champs: Mapping[str, JsonValue]
    annotations: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Lost:
    """What could not be exported: a dossier, or a part of one that is exported nevertheless."""

    number: int
    """0 when not even that could be read."""
    path: str
    """Empty for a whole dossier."""
    reason: str


@dataclass(frozen=True, slots=True)
class ExportedPage:
    dossiers: tuple[ExportedDossier, ...]
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A dossier that is missing from a page."""

    before: str | None
    """The cursor that it follows, if it is known."""
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """A page as it came: its dossiers, those that are missing, and where it ends."""

    page: ExportedPage
    gaps: tuple[Gap, ...]
    end: str
    """The cursor after its last dossier; empty if it has none."""
    more: bool


def read_page(reply: Reply, after: str) -> Read | None:
    """The page that starts `after` a cursor, or nothing if it was too much for the service."""
    try:
        connection = _connection(reply)
        edges, page_info = connection["edges"], connection["pageInfo"]
        more, end = bool(page_info["hasNextPage"]), str(page_info["endCursor"] or "")
        read = [_exported(edge) for edge in edges]
        before = [after, *(edge and edge["cursor"] for edge in edges)]
    except (KeyError, TypeError):
        return None
    if more and end in {"", after}:  # it would lead nowhere
        return None
    reasons = {_position(error): partial(error).reason for error in reply.errors}
    gaps = (
        Gap(before[place], reasons.get(place, "it could not be read."))
        for place, row in enumerate(read)
        if row is None
    )
    page = ExportedPage(tuple(row for row in read if row), tuple(_told(reply, read)))
    return Read(page, tuple(gaps), end, more)


def first_number(reply: Reply) -> tuple[int, str, bool]:
    """The number of the first dossier, the cursor after it, and whether others follow.

    Raises:
        ApiError: It could not be read, or there is none.
    """
    try:
        connection = _connection(reply)
        edge = connection["edges"][0]
        more = bool(connection["pageInfo"]["hasNextPage"])
        return int(edge["node"]["number"]), str(edge["cursor"]), more
    except (KeyError, TypeError, IndexError):
        raise failure(reply) from None


def columns(reply: Reply) -> Columns:
    """What a démarche asks.

    Raises:
        ApiError: It could not be read.
    """
    if reply.errors or reply.data is None:
        raise failure(reply)
    demarche = _Asked.model_validate(reply.data).demarche
    older = [each for each in demarche.revisions if each.date_publication]
    older.sort(key=lambda each: each.date_publication or "", reverse=True)
    revisions = (demarche.active_revision, *older)
    asked = [q for r in revisions for q in (*r.champ_descriptors, *r.annotation_descriptors)]
    return Columns(
        title=demarche.title,
        champs=_columns(revision.champ_descriptors for revision in revisions),
        annotations=_columns(revision.annotation_descriptors for revision in revisions),
        in_rows=_in_rows(asked),
        groupes=frozenset(each.number for each in demarche.groupe_instructeurs),
    )


def ran_out_of_time(reply: Reply) -> bool:
    return any(error.cause == "timeout" for error in reply.errors)


class _InRow(Wire):
    id: str
    label: str


class _Question(_InRow):
    type: str = Field(validation_alias="__typename")
    champ_descriptors: tuple[_InRow, ...] | None = None


class _Revision(Wire):
    date_publication: str | None
    champ_descriptors: tuple[_Question, ...]
    annotation_descriptors: tuple[_Question, ...]


class _Groupe(Wire):
    number: int


class _Demarche(Wire):
    title: str
    active_revision: _Revision
    revisions: tuple[_Revision, ...]
    groupe_instructeurs: tuple[_Groupe, ...]


class _Asked(Wire):
    demarche: _Demarche


_UNANSWERABLE = {"HeaderSectionChampDescriptor", "ExplicationChampDescriptor"}


def _columns(revisions: Iterator[Sequence[_Question]]) -> tuple[Column, ...]:
    """Each question once, under its latest label; titles and explanations are none."""
    found: dict[str, Column] = {}
    for asked in revisions:
        for question in asked:
            if question.type not in _UNANSWERABLE:
                found.setdefault(question.id, Column(question.id, question.label))
    return tuple(found.values())


def _in_rows(asked: Sequence[_Question]) -> tuple[tuple[Column, ...], ...]:
    """What each repetition asks or asked, once, under its latest label."""
    found: dict[str, dict[str, Column]] = {}
    for question in asked:
        in_row = found.setdefault(question.id, {})
        for inner in question.champ_descriptors or ():
            in_row.setdefault(inner.id, Column(inner.id, inner.label))
    return tuple(tuple(in_row.values()) for in_row in found.values() if in_row)


def _connection(reply: Reply) -> dict[str, Any]:
    """The page in a reply, untyped: one model for each dossier would take most of the time."""
    data: dict[str, Any] = reply.data or {}
    return (data.get("demarche") or data["groupeInstructeur"])["dossiers"]


def _exported(edge: dict[str, Any] | None) -> ExportedDossier | None:
    """The dossier of an edge, if it can be read."""
    try:
        return _dossier(edge["node"]) if edge else None
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _dossier(node: dict[str, Any]) -> ExportedDossier:
    demandeur = node["demandeur"]
    return ExportedDossier(
        number=int(node["number"]),
        state=node["state"],
        archived=node["archived"],
        date_depot=node["dateDepot"],
        date_derniere_modification=node["dateDerniereModification"],
        date_passage_en_instruction=node["datePassageEnInstruction"],
        date_traitement=node["dateTraitement"],
        motivation=node["motivation"],
        usager=node["usager"]["email"],
        demandeur=_name(demandeur),
        civilite=demandeur.get("civilite"),
        nom=demandeur.get("nom"),
        prenom=demandeur.get("prenom"),
        siret=demandeur.get("siret"),
        groupe=node["groupeInstructeur"]["label"],
        champs=_answers(node["champs"]),
        annotations=_answers(node["annotations"]),
    )


def _name(demandeur: dict[str, Any]) -> str:
    match demandeur:
        case {"nom": nom}:
            return one_line(f"{demandeur['civilite'] or ''} {demandeur['prenom']} {nom}")
        case {"association": {"titre": str(name)}} | {"entreprise": {"raisonSociale": str(name)}}:
            return one_line(name)
        case _:
            return one_line(demandeur.get("siret") or demandeur["__typename"])


def _answers(champs: Sequence[dict[str, Any]]) -> dict[str, JsonValue]:
    """What was answered, by the id of the question; a blank answer is none."""
    return {
        champ["champDescriptorId"]: answer
        for champ in champs
        if (answer := _answer(champ)) not in _BLANK
    }


def _answer(champ: dict[str, Any]) -> JsonValue:
    for member, value in champ.items():
        if member in _OWN_MEMBERS:
            return _OWN_MEMBERS[member](value)
    return champ["stringValue"]


def _plain(value: Any) -> JsonValue:
    return value


def _whole(value: str | int | None) -> JsonValue:
    """A BigInt is a text in JSON."""
    return None if value is None else int(value)


def _rows(rows: Sequence[dict[str, Any]]) -> JsonValue:
    return [_answers(row["champs"]) for row in rows]


def _files(files: Sequence[dict[str, Any]]) -> JsonValue:
    return [
        {"name": f["filename"], "bytes": int(f["byteSizeBigInt"]), "checksum": f["checksum"]}
        for f in files
    ]


def _areas(areas: Sequence[dict[str, Any]]) -> JsonValue:
    return [{name: part for name, part in area.items() if part is not None} for area in areas]


_BLANK: tuple[JsonValue, ...] = (None, "", [])
_OWN_MEMBERS = {
    "answer": _plain,
    "checked": _plain,
    "date": _plain,
    "datetime": _plain,
    "decimal": _plain,
    "files": _files,
    "filled": _plain,
    "geoAreas": _areas,
    "integer": _whole,
    "rows": _rows,
    "values": _plain,
}
"""How an answer is read that is more than a text, by the member that holds it."""


def _told(reply: Reply, read: Sequence[ExportedDossier | None]) -> Iterator[Lost]:
    """The parts that are missing of dossiers that could be read."""
    for error in reply.errors:
        place = _position(error)
        row = read[place] if place is not None and place < len(read) else None
        if row is not None:
            yield Lost(row.number, ".".join(map(str, error.path[5:])), partial(error).reason)


def _position(error: RootError) -> int | None:
    """The rank of the dossier that an error is about."""
    match error.path:
        case [_, "dossiers", "edges", int(rank), *_]:
            return rank
        case _:
            return None
