"""What a person types for a tool, `name=value`, as the values that its schema asks for."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence

from pydantic import TypeAdapter

Arguments = dict[str, object]
Schema = Mapping[str, object]

ANSWERS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}

_SCHEMA = TypeAdapter(dict[str, object])
_NAMES = TypeAdapter(list[str])
_KINDS: Mapping[str, type] = {"array": list, "object": dict}


class WrongUseError(ValueError):
    """What was typed cannot be passed to the tool; says what to type instead."""


def properties(schema: Schema) -> Mapping[str, Schema]:
    """What a tool accepts, by name."""
    found = as_schema(schema.get("properties", {}))
    return {name: as_schema(told) for name, told in found.items()}


def required(schema: Schema) -> Sequence[str]:
    """What a tool cannot do without."""
    return strings(schema.get("required", []))


def as_schema(value: object) -> Schema:
    """A part of a schema, which is one itself."""
    return _SCHEMA.validate_python(value)


def strings(value: object) -> Sequence[str]:
    """The texts of a list."""
    return _NAMES.validate_python(value)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the name that was meant, if one is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def arguments(schema: Schema, words: Sequence[str]) -> Arguments:
    """The arguments of a call.

    Raises:
        WrongUseError: A name is missing or unknown, or a value is not of its kind.
    """
    known, given = properties(schema), dict[str, list[str]]()
    for word in words:
        name, is_there, value = word.partition("=")
        if not is_there:
            raise WrongUseError(f"write {name} as name=value.")
        if name not in known:
            raise WrongUseError(f"there is no parameter {name}.{nearest(name, known)}")
        given.setdefault(name, []).append(value)
    missing = [name for name in required(schema) if name not in given]
    if missing:
        raise WrongUseError(f"it needs {' and '.join(f'{name}=…' for name in missing)}.")
    return {name: _given(name, values, known[name]) for name, values in given.items()}


def _given(name: str, values: Sequence[str], schema: Schema) -> object:
    if schema.get("type") == "array" and not (len(values) == 1 and values[0].startswith("[")):
        items = as_schema(schema.get("items", {}))
        return [_value(name, value, items) for value in values]
    if len(values) > 1:
        raise WrongUseError(f"{name} is one value: give it once.")
    return _value(name, values[0], schema)


def _value(name: str, written: str, schema: Schema) -> object:
    kind = schema.get("type")
    if kind == "boolean":
        if written.lower() not in ANSWERS:
            raise WrongUseError(f"{name} is true or false.")
        return ANSWERS[written.lower()]
    if kind in ("integer", "number"):
        return _number(written)
    if kind in ("array", "object") or "$ref" in schema:
        return _json(name, written, _KINDS.get(str(kind), dict))
    return written


def _number(written: str) -> object:
    """The number; or what is written, since the server understands more than digits."""
    try:
        return int(written)
    except ValueError:
        return written


def _json(name: str, written: str, kind: type) -> object:
    try:
        value: object = json.loads(written)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        told = "a list, such as [1, 2]" if kind is list else 'an object, such as {"name": "value"}'
        raise WrongUseError(f"{name} is {told}, in JSON.")
    return value
