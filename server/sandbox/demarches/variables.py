"""What is wrong with the variables of a request, told as the service's GraphQL library does."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
    VariableDefinitionNode,
    print_ast,
)
from pydantic import TypeAdapter, ValidationError

from server.sandbox.demarches.errors import UnacceptableError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value, and where in it."""

    path: Path
    explanation: str


def check_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, object]
) -> None:
    """Refuse values that do not suit the types of the variables; the errors repeat them.

    Raises:
        UnacceptableError: With an error for each variable at fault.
    """
    errors = (_error(schema, each, given) for each in operation.variable_definitions or ())
    if found := [error for error in errors if error]:
        raise UnacceptableError(found)


def _error(
    schema: GraphQLSchema, variable: VariableDefinitionNode, given: Mapping[str, object]
) -> GraphQLError | None:
    name = variable.variable.name.value
    if variable.default_value is not None and name not in given:
        return None
    value = given.get(name)
    problems = list(_problems(schema, variable.type, value, ()))
    if not problems:
        return None
    told = f"Variable ${name} of type {print_ast(variable.type)} was provided invalid value"
    inside = [f"{'.'.join(map(str, p.path))} ({p.explanation})" for p in problems if p.path]
    return GraphQLError(
        f"{told} for {', '.join(inside)}" if inside else told,
        nodes=[variable],
        extensions={
            "value": value,
            "problems": [{"path": list(p.path), "explanation": p.explanation} for p in problems],
        },
    )


def _problems(
    schema: GraphQLSchema, kind: TypeNode, value: object, path: Path
) -> Iterator[Problem]:
    match kind:
        case NonNullTypeNode():
            if value is None:
                yield Problem(path, "Expected value to not be null")
            else:
                yield from _problems(schema, kind.type, value, path)
        case ListTypeNode() if value is not None:
            for rank, item in enumerate(_items(value)):
                yield from _problems(schema, kind.type, item, (*path, rank))
        case NamedTypeNode() if value is not None:
            yield from _named_problems(schema, kind.name.value, value, path)
        case _:
            return


def _named_problems(
    schema: GraphQLSchema, name: str, value: object, path: Path
) -> Iterator[Problem]:
    match schema.get_type(name):
        case GraphQLInputObjectType() as kind:
            yield from _input_problems(schema, kind, value, path)
        case GraphQLEnumType() as kind if value not in kind.values:
            expected = ", ".join(kind.values)
            yield Problem(path, f"Expected {json.dumps(value)} to be one of: {expected}")
        case GraphQLScalarType() as kind:
            try:
                kind.parse_value(value)
            except GraphQLError:
                yield Problem(path, f"Could not coerce value {json.dumps(value)} to {name}")
        case _:
            return


def _input_problems(
    schema: GraphQLSchema, kind: GraphQLInputObjectType, value: object, path: Path
) -> Iterator[Problem]:
    try:
        given = _MEMBERS.validate_python(value)
    except ValidationError:
        yield Problem(path, f"Expected {json.dumps(value)} to be a key-value object.")
        return
    declared = (kind.ast_node and kind.ast_node.fields) or ()
    names = {field.name.value for field in declared}
    for unknown in given.keys() - names:
        yield Problem((*path, unknown), f"Field is not defined on {kind.name}")
    for field in declared:
        name = field.name.value
        if name in given or field.default_value is None:
            yield from _problems(schema, field.type, given.get(name), (*path, name))
    if _one_of(kind) and len(given) != 1:
        told = f"'{kind.name}' requires exactly one argument, but {len(given)} were provided."
        yield Problem(path, told)


def _one_of(kind: GraphQLInputObjectType) -> bool:
    directives = (kind.ast_node and kind.ast_node.directives) or ()
    return any(directive.name.value == "oneOf" for directive in directives)


def _items(value: object) -> list[object]:
    """A list, or the list of one that GraphQL makes of a single value."""
    return _ITEMS.validate_python(value) if isinstance(value, list) else [value]


_ITEMS = TypeAdapter(list[object])
_MEMBERS = TypeAdapter(dict[str, object])
