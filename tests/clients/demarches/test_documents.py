"""The documents sent, against the schema of the service."""

from importlib.resources import files
from pathlib import Path

import pytest
from graphql import (
    FieldDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    NoDeprecatedCustomRule,
    NoUnusedFragmentsRule,
    ObjectTypeDefinitionNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    specified_rules,
    validate,
    visit,
)

from clients.demarches import champs
from clients.demarches.queries import document, with_fragments

SCHEMA = Path(__file__).parents[3] / "server/sandbox/demarches/schema.graphql"
FOLDER = Path(str(files("clients.demarches"))) / "documents"
OPERATIONS = sorted(path.stem for path in FOLDER.glob("*.graphql"))
FRAGMENTS = sorted(path.stem for path in FOLDER.glob("fragments/*.graphql"))


@pytest.fixture(name="schema", scope="module")
def _schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def test_there_are_documents():
    assert OPERATIONS == [
        "accepter",
        "attente",
        "colonnes",
        "demarche",
        "descripteur",
        "detail",
        "dossier",
        "dossiers",
        "dossiers_du_groupe",
        "export",
        "formulaire",
        "jeton",
        "numeros",
        "pieces",
        "supprimes",
        "supprimes_du_groupe",
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_document_is_valid_and_uses_nothing_deprecated(operation: str, schema: GraphQLSchema):
    sent = parse(document(operation))
    assert validate(schema, sent, [*specified_rules, NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_document_holds_one_operation_named_like_its_file(operation: str):
    definitions = parse(document(operation)).definitions
    operations = [d for d in definitions if isinstance(d, OperationDefinitionNode)]
    assert [o.name.value for o in operations if o.name] == [operation]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_valid_before_any_document_uses_it(name: str, schema: GraphQLSchema):
    text = (FOLDER / "fragments" / f"{name}.graphql").read_text(encoding="utf-8")
    (fragment,) = parse(text).definitions
    rules = [*specified_rules, NoDeprecatedCustomRule]
    rules.remove(NoUnusedFragmentsRule)

    assert isinstance(fragment, FragmentDefinitionNode)
    assert fragment.name.value == name
    assert validate(schema, parse(with_fragments(text)), rules) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_document_asks_for_nothing_newer_than_january_2026(operation: str, schema: GraphQLSchema):
    """An instance that is not the latest must understand every document."""
    newer = {
        f"{name}.{member}"
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for member, field in kind.fields.items()
        if is_dated(kind.ast_node) or is_dated(field.ast_node)
    }
    types = TypeInfo(schema)
    asked = _Asked(types)
    visit(parse(document(operation)), TypeInfoVisitor(types, asked))

    assert "DemarcheDescriptor.forIndividual" in newer
    assert asked.members & newer == set()


def is_dated(
    node: FieldDefinitionNode | ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode | None,
) -> bool:
    """Whether it is said to be newer."""
    return any(directive.name.value == "since" for directive in (node and node.directives) or ())


class _Asked(Visitor):
    """Collects the members that a document asks for."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.members: set[str] = set()
        self._types = types

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.members.add(f"{self._types.get_parent_type()}.{node.name.value}")


def test_every_type_of_champ_is_named_and_read_as_itself(schema: GraphQLSchema):
    """The service gives a champ its own type only where a document names that type."""
    champ = schema.type_map["Champ"]
    assert isinstance(champ, GraphQLInterfaceType)
    types = {of_type.name for of_type in schema.get_possible_types(champ)}
    named = with_fragments("...ChampTypes")

    assert {name for name in types if f"... on {name} {{" not in named} == set()
    assert {name for name in types if not hasattr(champs, name)} == set()
