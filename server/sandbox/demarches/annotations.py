"""The mutation that fills annotations in: each by itself, so that some may be refused.

The value comes under a key that must be its annotation's own type. The two messages have another
apostrophe than the rest of the service's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from graphql import GraphQLFieldResolver
from pydantic import BaseModel, ConfigDict, TypeAdapter

from server.sandbox.demarches.calls import Call
from server.sandbox.demarches.champs import champ, empty
from server.sandbox.demarches.errors import RefusedError
from server.sandbox.demarches.mutations import Acting, Done, Signed, resolver
from server.sandbox.demarches.places import BRETAGNE, FRANCE, ILLE_ET_VILAINE
from server.sandbox.demarches.records import Demarche, Dossier, Facts, typed_id
from server.sandbox.demarches.uploads import uploaded


class Given(BaseModel):
    """An annotation, and its value under the key of a type."""

    model_config = ConfigDict(frozen=True)

    id: str
    value: dict[str, object]


class Annotate(Signed):
    annotations: tuple[Given, ...]


@dataclass(frozen=True)
class Answer:
    """A value as an annotation shows it: as text, and in the members of its subtype."""

    text: str | None
    members: Facts


def _annotate(acting: Acting, asked: Annotate) -> Done:
    """The annotations that could be filled in, and why the others could not."""
    dossier = acting.dossier(asked.dossier_id)
    acting.members_only(dossier, acting.instructeur(asked.instructeur_id))
    filled: list[Facts] = []
    refused: list[str] = []
    for given in asked.annotations:
        try:
            dossier = _filled(dossier, given, acting.call)
            filled.append(_annotation(dossier, given.id))
        except RefusedError as refusal:
            refused.append(str(refusal))
    if filled:
        at = acting.call.registry.now()
        acting.keep(replace(dossier, date_derniere_modification_annotations=at))
    return Done(payload={"annotations": filled}, refused=refused, applied=bool(filled))


FIELDS: Mapping[str, GraphQLFieldResolver] = {
    "dossierModifierAnnotations": resolver("dossierModifierAnnotations", Annotate, _annotate)
}


def _annotation(dossier: Dossier, identifier: str) -> Facts:
    """The annotation with this id, in a row or not, of a type that can be filled in."""
    rows = (row for annotation in dossier.annotations for row in _rows(annotation))
    every = (*dossier.annotations, *(each for row in rows for each in _champs(row)))
    for annotation in every:
        if annotation["id"] == identifier and annotation["kind"] in _KEYS:
            return annotation
    raise RefusedError(f'L‘annotation "{identifier}" n’existe pas')


def _filled(dossier: Dossier, given: Given, call: Call) -> Dossier:
    """The dossier with this value.

    Raises:
        RefusedError: There is no such annotation, or the value is not one of its own.
    """
    annotation = _annotation(dossier, given.id)
    ((key, value),) = given.value.items()
    if key != _KEYS[str(annotation["kind"])]:
        raise RefusedError(f'L‘annotation "{given.id}" n’est pas de type attendu')
    question = _question(call.registry.demarches[dossier.demarche], annotation)
    at = call.registry.now()
    if key == "repetition":
        changed = _with_rows(annotation, question, _WHOLE.validate_python(value), at)
    else:
        answer = _answer(key, value, question, call)
        changed = {**champ(question, answer.text, at, answer.members), "id": annotation["id"]}
    return replace(dossier, annotations=[_with(each, changed) for each in dossier.annotations])


def _question(demarche: Demarche, annotation: Facts) -> Facts:
    """What the form says of an annotation."""
    asked = _LIST.validate_python(demarche.revision["annotationDescriptors"])
    within = (_LIST.validate_python(each.get("champDescriptors") or ()) for each in asked)
    every = (*asked, *(each for inner in within for each in inner))
    return next(each for each in every if each["id"] == annotation["champDescriptorId"])


def _with(annotation: Facts, changed: Facts) -> Facts:
    """The annotation, or what it is now, or what it is with the change in one of its rows."""
    if annotation["id"] == changed["id"]:
        return changed
    if not _rows(annotation):
        return annotation
    rows: list[Facts] = [
        {**row, "champs": [_with(each, changed) for each in _champs(row)]}
        for row in _rows(annotation)
    ]
    return _holding(annotation, rows)


def _with_rows(annotation: Facts, question: Facts, count: int, at: datetime) -> Facts:
    """The repetition with so many empty rows more."""
    rows = list(_rows(annotation))
    for _ in range(count):
        name = f"01K{len(rows):02}"
        asked = _LIST.validate_python(question["champDescriptors"])
        champs = [empty(each, at, row=name) for each in asked]
        rows.append({"id": typed_id("Row", name), "champs": champs})
    return _holding(annotation, rows)


def _holding(annotation: Facts, rows: Sequence[Facts]) -> Facts:
    """The repetition with these rows."""
    return {**annotation, "rows": rows, "champs": [c for row in rows for c in _champs(row)]}


def _rows(annotation: Facts) -> Sequence[Facts]:
    return _LIST.validate_python(annotation.get("rows") or ())


def _champs(row: Facts) -> Sequence[Facts]:
    return _LIST.validate_python(row["champs"])


def _answer(key: str, value: object, question: Facts, call: Call) -> Answer:
    """A value under its key, as the annotation will show it."""
    match key, value:
        case ("dropDownList" | "multipleDropDownList", _):
            return _chosen(value, question)
        case ("pieceJustificative", _):
            return _files(_TEXTS.validate_python(value), call)
        case ("dossierLink", str()):
            return Answer(value, {"dossier": int(value) if value.isdecimal() else None})
        case (("departements" | "regions" | "pays"), str()):
            return _place(key, value, question)
        case _:
            return _plain(value)


def _plain(value: object) -> Answer:
    """A value that is shown as it is."""
    match value:
        case bool():
            return Answer(str(value).lower(), {"value": value})
        case datetime():
            members = {"datetime": value, "date": value.date(), "value": value}
            return Answer(f"{value:%d/%m/%Y %H:%M}", members)
        case date():
            midnight = datetime.combine(value, time(), UTC)
            return Answer(f"{value:%d/%m/%Y}", {"date": value, "value": midnight})
        case _:
            return Answer(str(value), {"value": value})


def _chosen(value: object, question: Facts) -> Answer:
    """One option of a list, or several."""
    several = not isinstance(value, str)
    chosen = _TEXTS.validate_python(value) if several else [value]
    if not {*chosen} <= {*_TEXTS.validate_python(question["options"])}:
        raise _not_an_option(question)
    return Answer(", ".join(chosen), {"values": chosen} if several else {})


def _files(signed: Sequence[str], call: Call) -> Answer:
    files = [uploaded(call, each) for each in signed]
    names = ", ".join(str(file["filename"]) for file in files)
    return Answer(names, {"files": files, "nature": "NON_SPECIFIE"})


def _place(key: str, value: str, question: Facts) -> Answer:
    """A place that the sandbox knows, by its code or by its name."""
    member, place = _PLACES[key]
    if value not in {place["code"], place["name"]}:
        raise _not_an_option(question)
    return Answer(str(place["name"]), {member: place})


def _not_an_option(question: Facts) -> RefusedError:
    return RefusedError(f"{question['label']} doit être dans les options proposées")


_KEYS = {
    "checkbox": "checkbox",
    "civilite": "civilite",
    "date": "date",
    "datetime": "datetime",
    "decimal_number": "decimalNumber",
    "departements": "departements",
    "dossier_link": "dossierLink",
    "drop_down_list": "dropDownList",
    "email": "email",
    "iban": "iban",
    "integer_number": "integerNumber",
    "multiple_drop_down_list": "multipleDropDownList",
    "pays": "pays",
    "phone": "phone",
    "piece_justificative": "pieceJustificative",
    "regions": "regions",
    "repetition": "repetition",
    "text": "text",
    "textarea": "textarea",
    "yes_no": "yesNo",
}
"""The key that the value of each type comes under; other types cannot be filled in."""
_PLACES = {
    "departements": ("departement", ILLE_ET_VILAINE),
    "pays": ("pays", FRANCE),
    "regions": ("region", BRETAGNE),
}
_LIST = TypeAdapter[Sequence[Facts]](Sequence[Mapping[str, object]])
_TEXTS = TypeAdapter(list[str])
_WHOLE = TypeAdapter(int)
