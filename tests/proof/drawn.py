"""Values drawn at random: what a schema accepts, what it may not, and what became of an answer."""

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from hypothesis import strategies as st
from pydantic import JsonValue

from tests.proof.operations import MESURE

Schema = Mapping[str, Any]
Drawn = st.SearchStrategy[Any]

SCALARS: st.SearchStrategy[JsonValue] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((0, -1, 2**31, 2**63, 10**30))
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from(("", "\x00", "\u202e", "\u200b", "../..", "=1+1", "1e999", "« » \\"))
)
ANYTHING: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
ANNOTATIONS = st.sampled_from(
    (
        *("Montant accordé (€)", "Synthèse", "Dossier complet", "Date de la commission"),
        *("Rendez-vous", "Nombre de bénéficiaires", "Priorité", "Critères retenus"),
        *("Civilité du référent", "Dossier antérieur", "Pays du projet", "Visites"),
    )
)
KNOWN: Mapping[str, Drawn] = {
    "number": st.sampled_from((200001, 200002, 200003, 300002, 1001)),
    "numbers": st.sampled_from(([200001, 200004], [200001])),
    "demarche_number": st.sampled_from((1001, 1002, 1003)),
    "group": st.sampled_from((11, 13, "12")),
    "label": st.just("Urgent"),
    "piece": st.sampled_from(("pdf", "bail.pdf")),
    "values": st.dictionaries(ANNOTATIONS, ANYTHING, min_size=1, max_size=3),
    "id": st.integers(120001, 120072),
    "fields": st.dictionaries(st.sampled_from((*MESURE, "ressources")), ANYTHING, max_size=2).map(
        lambda changed: {**MESURE, **changed}
    ),
    "search": st.sampled_from(("Reims", "23A", "martin")),
    "uid": st.sampled_from(("4201", "4202")),
    "file": st.sampled_from(("demandes-cee.csv", "mesures.csv")),
}
"""Records that there are, by parameter: without them, what is drawn would hardly find any."""


def arguments(schema: Schema) -> st.SearchStrategy[dict[str, JsonValue]]:
    """The arguments of a call: mostly those that the schema accepts, and others among them."""
    fitting = _object(schema, schema)
    misfits = st.dictionaries(
        st.sampled_from([*schema["properties"], "approval", "ctx"]), ANYTHING, max_size=3
    )
    return fitting | fitting | st.tuples(fitting, misfits).map(lambda both: both[0] | both[1])


def spoilt(answer: JsonValue) -> st.SearchStrategy[bytes]:
    """What may come instead of an answer: the same with a part changed, or anything at all."""
    places = [*_places(answer)]
    changed = st.lists(st.tuples(st.sampled_from(places), ANYTHING), min_size=1, max_size=3).map(
        lambda changes: json.dumps(_changed(answer, changes)).encode()
    )
    anything = ANYTHING.map(lambda value: json.dumps(value).encode())
    return changed | changed | anything | st.binary(max_size=60)


def _object(schema: Schema, root: Schema) -> Drawn:
    required = set(schema.get("required", ()))
    members = {name: _named(name, part, root) for name, part in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: drawn for name, drawn in members.items() if name in required},
        optional={name: drawn for name, drawn in members.items() if name not in required},
    )


def _named(name: str, schema: Schema, root: Schema) -> Drawn:
    drawn = _of(schema, root)
    return KNOWN[name] | drawn if name in KNOWN else drawn


def _of(schema: Schema, root: Schema) -> Drawn:
    match schema:
        case {"$ref": str(place)}:
            return _of(root["$defs"][place.rpartition("/")[2]], root)
        case {"enum": choices}:
            return st.sampled_from(choices)
        case {"anyOf": choices}:
            return st.one_of(*(_of(choice, root) for choice in choices))
        case {"type": "array"}:
            return st.lists(_of(schema.get("items", {}), root), max_size=4)
        case {"properties": _}:
            return _object(schema, root)
        case _:
            return _scalar(schema)


def _scalar(schema: Schema) -> Drawn:
    match schema:
        case {"type": "integer"}:
            least = schema.get("minimum", schema.get("exclusiveMinimum", -10))
            return st.integers(least, schema.get("maximum", 10**9))
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "string", "pattern": str(pattern)}:
            return st.from_regex(pattern)
        case {"type": "string"}:
            return st.text(max_size=60) | st.sampled_from(("2026-01-01", "a@b.fr", "01/02/2026"))
        case _:
            return ANYTHING


Place = tuple[str | int, ...]


def _is_object(value: JsonValue) -> TypeGuard[dict[str, JsonValue]]:
    return isinstance(value, dict)


def _places(value: JsonValue, at: Place = ()) -> list[Place]:
    """Everywhere in a value, the first of each list standing for the others."""
    below: list[Place] = []
    if _is_object(value):
        below = [place for name, part in value.items() for place in _places(part, (*at, name))]
    elif isinstance(value, list) and value:
        below = _places(value[0], (*at, 0))
    return [at, *below]


def _changed(value: JsonValue, changes: list[tuple[Place, JsonValue]]) -> JsonValue:
    for place, other in changes:
        value = _with(value, place, other)
    return value


def _with(value: JsonValue, place: Place, other: JsonValue) -> JsonValue:
    match place:
        case ():
            return other
        case (str(name), *rest) if _is_object(value):
            return {**value, name: _with(value.get(name), tuple(rest), other)}
        case (int(), *rest) if isinstance(value, list) and value:
            return [_with(value[0], tuple(rest), other), *value[1:]]
        case _:
            return value
