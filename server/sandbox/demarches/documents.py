"""Reading a client's document: is it a query, is it valid here, and what does it expect.

A document that is refused is answered with `errors` and no `data`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    validate,
    visit,
)

from server.sandbox.demarches.errors import UnacceptableError
from server.sandbox.demarches.limits import check_complexity, check_depth
from server.sandbox.demarches.schema import schema
from server.sandbox.demarches.wording import in_the_service_s_words


@dataclass(frozen=True, eq=False)
class Document:
    """A valid document, and the types that it has a fragment on."""

    node: DocumentNode
    fragments: frozenset[str]

    @cached_property
    def definitions(self) -> Mapping[str, FragmentDefinitionNode]:
        """Its named fragments, by name."""
        return {
            each.name.value: each
            for each in self.node.definitions
            if isinstance(each, FragmentDefinitionNode)
        }

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run, which needs a name when there are several.

        Raises:
            UnacceptableError: There is none of that name, or it is too deep.
        """
        found = {
            each.name.value if each.name else "": each
            for each in self.node.definitions
            if isinstance(each, OperationDefinitionNode)
        }
        if name and name not in found:
            raise UnacceptableError([GraphQLError(f'No operation named "{name}"')])
        if not name and len(found) > 1:
            raise UnacceptableError([GraphQLError("An operation name is required")])
        operation = found[name] if name else next(iter(found.values()))
        check_depth(operation, self.definitions)
        return operation

    def check_cost(self, name: str | None, variables: Mapping[str, object]) -> None:
        """Refuse what could give too many fields: clients send the same ones again.

        Raises:
            UnacceptableError: It could.
        """
        switches = {key: value for key, value in variables.items() if isinstance(value, int)}
        _check_cost(self, name, frozenset(switches.items()))


@lru_cache(maxsize=64)
def document(text: str) -> Document:
    """The document in a text, checked against the schema; clients send the same ones again.

    Raises:
        UnacceptableError: It cannot be parsed, or asks for what the schema does not have.
    """
    if not text.strip():
        raise UnacceptableError([GraphQLError("No query string was present")])
    try:
        node = parse(text)
    except GraphQLError as error:
        raise UnacceptableError([error]) from None
    if errors := validate(schema(), node):
        raise UnacceptableError([in_the_service_s_words(error) for error in errors])
    return Document(node, _fragments(node))


@lru_cache(maxsize=256)
def _check_cost(read: Document, name: str | None, switches: frozenset[tuple[str, int]]) -> None:
    check_complexity(schema(), read.operation(name), read.definitions, dict(switches))


def _fragments(node: DocumentNode) -> frozenset[str]:
    conditions = _Conditions()
    visit(node, conditions)
    return frozenset(conditions.found)


class _Conditions(Visitor):
    """Collects the types of the fragments of a document, inline or not."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: object) -> None:
        if node.type_condition:
            self.found.add(node.type_condition.name.value)

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        self.found.add(node.type_condition.name.value)
