"""What one query may cost: how deep it goes, and how many fields it may give in all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from server.sandbox.demarches.connections import MOST_NODES
from server.sandbox.demarches.errors import UnacceptableError

MAX_DEPTH = 15
MAX_COMPLEXITY = 60_000

Fragments = Mapping[str, FragmentDefinitionNode]


def check_depth(operation: OperationDefinitionNode, fragments: Fragments) -> None:
    """Refuse an operation that goes too deep, whatever its variables.

    Raises:
        UnacceptableError: It does.
    """
    depth = _depth(operation.selection_set, fragments)
    if depth > MAX_DEPTH:
        raise _excess("depth", depth, MAX_DEPTH)


def check_complexity(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Fragments,
    switches: Mapping[str, int],
) -> None:
    """Refuse an operation that could give too many fields with these variables.

    `switches` are the numbers and the booleans among them: the others change no cost.

    Raises:
        UnacceptableError: It could.
    """
    root = schema.get_root_type(operation.operation)
    if root is None:
        return
    cost = _Cost(schema, fragments, switches).of_type(root, [operation.selection_set])
    if cost > MAX_COMPLEXITY:
        raise _excess("complexity", cost, MAX_COMPLEXITY)


def _excess(what: str, found: int, most: int) -> UnacceptableError:
    told = f"Query has {what} of {found}, which exceeds max {what} of {most}"
    return UnacceptableError([GraphQLError(told)])


@dataclass(frozen=True)
class _Cost:
    """A field costs one and what is below it; a page, as much for each node it may have.

    It is what is asked for that counts, not what the service gives: `first: 500` gives a hundred
    nodes and costs five hundred.
    """

    schema: GraphQLSchema
    fragments: Fragments
    variables: Mapping[str, int]

    def of_type(self, kind: object, selected: Sequence[SelectionSetNode]) -> int:
        """What is selected of an object; of an interface, its costliest type decides."""
        match kind:
            case GraphQLObjectType():
                return sum(self._costs(kind, selected).values())
            case GraphQLInterfaceType():
                types = self.schema.get_possible_types(kind)
                return max(self.of_type(each, selected) for each in types)
            case _:
                return 0

    def _costs(
        self, kind: GraphQLObjectType, selected: Sequence[SelectionSetNode]
    ) -> Mapping[str, int]:
        """The cost of each field of an object, by the name it is answered under."""
        nodes: dict[str, list[FieldNode]] = {}
        for node in (each for one in selected for each in self._fields(kind, one)):
            nodes.setdefault((node.alias or node.name).value, []).append(node)
        return {name: self._of_field(kind, same) for name, same in nodes.items()}

    def _of_field(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> int:
        field = kind.fields.get(nodes[0].name.value)
        below = [node.selection_set for node in nodes if node.selection_set]
        given = self.schema.type_map.get(str(field.type).strip("[]!")) if field else None
        if not isinstance(given, GraphQLObjectType) or not given.name.endswith("Connection"):
            return 1 + self.of_type(given, below)
        costs = self._costs(given, below)
        lists = [name for name in costs if name in {"edges", "nodes"}]
        once = sum(cost for name, cost in costs.items() if name not in lists) + len(lists)
        return 1 + once + self._size(nodes[0]) * sum(costs[name] - 1 for name in lists)

    def _size(self, node: FieldNode) -> int:
        """How many nodes a page is asked for."""
        asked = {each.name.value: self._value(each.value) for each in node.arguments or ()}
        sizes = [size for name in ("first", "last") if isinstance(size := asked.get(name), int)]
        return max(sizes, default=MOST_NODES)

    def _fields(self, kind: GraphQLObjectType, selected: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields that an object of this type is asked for."""
        for node in filter(self._is_included, selected.selections):
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode(type_condition=condition, selection_set=inside):
                    if condition is None or self._is(kind, condition):
                        yield from self._fields(kind, inside)
                case FragmentSpreadNode(name=name):
                    named = self.fragments[name.value]
                    if self._is(kind, named.type_condition):
                        yield from self._fields(kind, named.selection_set)
                case _:
                    continue

    def _is(self, kind: GraphQLObjectType, condition: NamedTypeNode) -> bool:
        named = self.schema.type_map.get(condition.name.value)
        return named == kind or (
            isinstance(named, GraphQLInterfaceType) and self.schema.is_sub_type(named, kind)
        )

    def _is_included(self, node: SelectionNode) -> bool:
        """Whether its directives, `@include` and `@skip`, let it be."""
        return all(
            self._value(argument.value) is (directive.name.value == "include")
            for directive in node.directives or ()
            for argument in directive.arguments or ()
        )

    def _value(self, node: ValueNode) -> object:
        match node:
            case VariableNode(name=name):
                return self.variables.get(name.value)
            case IntValueNode(value=digits):
                return int(digits)
            case BooleanValueNode(value=value):
                return value
            case _:
                return None


def _depth(selected: SelectionSetNode, fragments: Fragments) -> int:
    """How many fields deep a selection goes; a fragment adds none of its own."""
    deepest = 0
    for selection in selected.selections:
        match selection:
            case FieldNode(selection_set=None):
                depth = 1
            case FieldNode(selection_set=SelectionSetNode() as inside):
                depth = 1 + _depth(inside, fragments)
            case InlineFragmentNode(selection_set=inside):
                depth = _depth(inside, fragments)
            case FragmentSpreadNode(name=name):
                depth = _depth(fragments[name.value].selection_set, fragments)
            case _:
                depth = 0
        deepest = max(deepest, depth)
    return deepest
