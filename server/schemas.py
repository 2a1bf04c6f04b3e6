"""What hosts are told of a tool's input and output: the shape, and nothing else."""

from typing import Any

from pydantic import TypeAdapter

Schema = dict[str, Any]

_OBJECT = TypeAdapter(Schema)
_LIST = TypeAdapter(list[object])
_NULL = {"type": "null"}
_KINDS = ("object", "array", "string", "number", "boolean")
_ANYTHING: Schema = {"anyOf": [{"type": kind} for kind in _KINDS]}
"""What a schema without a word says; some hosts refuse one, or several kinds in one word."""
_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
"""What pydantic calls the bounds of a number that a validator of ours looks at first."""


def plain(schema: Schema) -> Schema:
    """The same JSON schema without generated titles, nor null where absent says as much."""
    members = {
        _BOUNDS.get(name, name): _plain_members(value)
        if name in {"properties", "$defs"}
        else _plain_value(value)
        for name, value in schema.items()
        if not (name == "title" or (name == "default" and value is None))
    }
    return _without_null(members)


def closed(schema: Schema) -> Schema:
    """The same schema of an object, that accepts no other member than those it names."""
    return {**schema, "additionalProperties": False}


def _plain_members(named: dict[str, Schema]) -> dict[str, Schema]:
    """Members named by us, among which a `title` or a `default` may well be."""
    return {name: plain(schema) or _ANYTHING for name, schema in named.items()}


def _plain_value(value: Any) -> Any:
    match value:
        case dict():
            return plain(_OBJECT.validate_python(value))
        case list():
            return [_plain_value(item) for item in _LIST.validate_python(value)]
        case _:
            return value


def _without_null(schema: Schema) -> Schema:
    choices: list[Schema] = schema.get("anyOf", [])
    if _NULL not in choices:
        return schema
    (only,) = (choice for choice in choices if choice != _NULL)
    return only | {name: value for name, value in schema.items() if name != "anyOf"}
