"""The documents sent, against the schema of the service."""

from importlib.resources import files
from pathlib import Path

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_schema,
    parse,
    specified_rules,
    validate,
)

SCHEMA = Path(__file__).parents[3] / "server/sandbox/demarches/schema.graphql"
DOCUMENTS = sorted(Path(str(files("clients.demarches"))).glob("documents/*.graphql"))


@pytest.fixture(name="schema", scope="module")
def _schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def test_there_are_documents():
    assert [path.stem for path in DOCUMENTS] == [
        "accepter",
        "demarche",
        "dossier",
        "dossiers",
        "jeton",
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_is_valid_and_uses_nothing_deprecated(path: Path, schema: GraphQLSchema):
    document = parse(path.read_text(encoding="utf-8"))
    assert validate(schema, document, [*specified_rules, NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_holds_one_operation_named_like_its_file(path: Path):
    definitions = parse(path.read_text(encoding="utf-8")).definitions
    operations = [d for d in definitions if isinstance(d, OperationDefinitionNode)]
    assert [o.name.value for o in operations if o.name] == [path.stem]


def test_every_type_of_annotation_is_named(schema: GraphQLSchema):
    """The service gives a champ its own type only where a document names that type."""
    champ = schema.type_map["Champ"]
    assert isinstance(champ, GraphQLInterfaceType)
    types = {of_type.name for of_type in schema.get_possible_types(champ)}
    (document,) = (path.read_text(encoding="utf-8") for path in DOCUMENTS if path.stem == "dossier")
    assert {name for name in types if f"... on {name} {{" not in document} == set()
