"""What hosts are told of each tool: any change to it is a change of the product."""

import json
import os
import re
from collections.abc import Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp.server.mcpserver import Resolve
from mcp.types import Tool as ListedTool

from server.build import offered
from server.publishing import written
from server.settings import Emjpm, FaireSimple, Settings
from tests.support import Counter
from tools import TOOLS
from tools.loading import work

SOURCE = Path(__file__).parents[2] / "tools" / "catalogue.json"
NAMES = [tool.name for tool in TOOLS]
LEDGER = ["list_operations", "get_operation"]
"""Always offered: what was done can always be told."""
PROOFS = {"login": "x", "password": "x", "key": "x"}
GIVEN = {
    "demarches": {"token": "x", "numbers": "1001"},
    "emjpm": {"token": "x", "delete_all": True},
    "covoiturage": {"token": "x"},
    "faire_simple": PROOFS | {"path_thematics": "/x", "path_partners": "/y"},
}


DELETING = Emjpm.model_validate(
    {"url": "https://emjpm.sandbox", "token": "sandbox", "delete_all": True}
)


def needing(*needs: str) -> list[str]:
    return [tool.name for tool in TOOLS if tool.needs in needs]


@pytest.fixture(name="counter")
def _counter(counter: Counter) -> Counter:
    """One that offers everything, the deletion of all mesures included."""
    counter.settings["emjpm"] = DELETING
    return counter


@pytest.fixture(name="listed", scope="module")
def _listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ListedTool]:
    counter = Counter(tmp_path_factory.mktemp("catalogue"), settings={"emjpm": DELETING})

    async def listed() -> dict[str, ListedTool]:
        async with counter.host("2026-07-28") as host:
            return {tool.name: tool for tool in (await host.list_tools()).tools}

    return anyio.run(listed)


def test_the_catalogue_is_what_the_tools_say():
    """Run with `UPDATE_SNAPSHOTS=1` after an intended change, and review the difference."""
    made = written()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SOURCE.write_text(made, encoding="utf-8")

    assert SOURCE.read_text(encoding="utf-8") == made


@pytest.mark.parametrize("name", NAMES)
async def test_a_tool_is_presented_as_the_catalogue_has_it(
    listed: dict[str, ListedTool], name: str
):
    (tool,) = (tool for tool in TOOLS if tool.name == name)

    assert listed[name] == tool.listed


async def test_both_eras_are_told_the_same(counter: Counter, era: str):
    async with counter.host(era) as host:
        assert [tool.name for tool in (await host.list_tools()).tools] == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_a_tool_says_all_a_host_needs_to_know(listed: dict[str, ListedTool], name: str):
    tool = listed[name]

    assert re.fullmatch(r"[a-z][a-z_]{0,39}", name)
    assert tool.title
    assert tool.description
    assert "    " not in tool.description, "indentation is for the source, not for the model"
    assert tool.annotations
    hints = tool.annotations.model_dump(exclude={"title"})
    assert len(hints) == 4
    assert None not in hints.values()


@pytest.mark.parametrize("name", NAMES)
async def test_a_tool_s_input_is_closed_and_every_parameter_described(
    listed: dict[str, ListedTool], name: str
):
    schema = listed[name].input_schema

    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    for path, parameter in parameters(schema):
        assert parameter.get("description"), path


@pytest.mark.parametrize("name", NAMES)
async def test_a_tool_s_schemas_hold_no_noise_and_no_null(listed: dict[str, ListedTool], name: str):
    output = listed[name].output_schema
    assert output is not None
    Draft202012Validator.check_schema(output)

    for schema in (listed[name].input_schema, output):
        assert '"null"' not in json.dumps(schema)
        assert not [path for path, part in parts(schema) if "title" in part], "generated titles"


@pytest.mark.parametrize("name", NAMES)
async def test_the_model_is_offered_only_what_it_may_choose(
    listed: dict[str, ListedTool], name: str
):
    """Clients, consent, the signer: what the server injects is in no schema."""
    (tool,) = (tool for tool in TOOLS if tool.name == name)
    declared = signature(work(tool).function).parameters.values()
    given = {p.name for p in declared if any(isinstance(m, Resolve) for m in metadata(p))}
    chosen = set(listed[name].input_schema["properties"])

    assert chosen == {p.name for p in declared} - given
    assert chosen.isdisjoint({"approval", "confirmation", "desk", "say", "signer", "report"})


def test_consent_comes_before_all_that_a_change_reads():
    """Parameters are filled in their order: a no counts even if the rest cannot be read."""
    declared = {tool.name: [*signature(work(tool).function).parameters] for tool in TOOLS}
    changes = {name: names for name, names in declared.items() if "approval" in names}

    assert changes
    assert {names[0] for names in changes.values()} == {"approval"}


async def test_reads_and_mutations_say_which_they_are(listed: dict[str, ListedTool]):
    """What saves a file is no read to a host, and asks nobody either."""
    not_reads = {name for name, tool in listed.items() if not is_read(tool)}
    mutations = {tool.name for tool in TOOLS if tool.writes}
    saving = {tool.name for tool in TOOLS if tool.saves}

    assert {"accept_dossier", "import_cee_identities"} <= mutations
    assert saving == {"export_dossiers", "prepare_cee_identities", "save_piece"}
    assert not_reads == mutations | saving


async def test_read_only_takes_every_mutation_away(counter: Counter, era: str):
    """What saves a file stays: it changes no service."""
    saving = {tool.name for tool in TOOLS if tool.saves}
    counter.settings["read_only"] = True
    async with counter.host(era) as host:
        offered = (await host.list_tools()).tools
    assert {tool.name for tool in offered if not is_read(tool)} == saving


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, needing("covoiturage", "ledger")),
        ({"demarches": {"token": "x"}}, needing("covoiturage", "demarches", "ledger")),
        (
            {"demarches": GIVEN["demarches"]},
            needing("covoiturage", "demarches", "demarches_numbers", "ledger"),
        ),
        (GIVEN, NAMES),
        (GIVEN | {"services": "emjpm"}, needing("emjpm", "emjpm_delete_all", "ledger")),
        ({"emjpm": {"token": "x"}}, needing("covoiturage", "emjpm", "ledger")),
        (GIVEN | {"read_only": True}, [tool.name for tool in TOOLS if not tool.writes]),
        (
            {"services": "faire_simple", "faire_simple": PROOFS},
            ["get_partner", "set_partner_status", *LEDGER],
        ),
    ],
    ids=[
        "nothing",
        "one service",
        "its démarches named",
        "everything",
        "one chosen",
        "not all",
        "read only",
        "no path",
    ],
)
def test_a_service_without_credentials_is_not_offered(settings: dict[str, Any], names: list[str]):
    assert [tool.name for tool in offered(Settings(**settings))] == names


def metadata(parameter: Parameter) -> tuple[object, ...]:
    """What annotates a parameter, beside its type."""
    return getattr(parameter.annotation, "__metadata__", ())


@pytest.mark.parametrize(
    "flows", [["partners"], ["thematics", "proposals"], ["updates", "updates_by_semester"]]
)
async def test_only_the_flows_whose_path_is_set_are_offered(
    counter: Counter, era: str, flows: list[str]
):
    paths = {f"path_{flow}": "/x/{semester}" if "_by_" in flow else "/x" for flow in flows}
    counter.settings["faire_simple"] = FaireSimple.model_validate(PROOFS | paths)
    async with counter.host(era) as host:
        listed = {tool.name: tool for tool in (await host.list_tools()).tools}

    assert listed["list_faire_simple"].input_schema["properties"]["flow"]["enum"] == flows


def is_read(tool: ListedTool) -> bool:
    return bool(tool.annotations and tool.annotations.read_only_hint)


def parameters(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named member that a caller may give, with its path."""
    for place, part in parts(schema, path):
        for name, member in part.get("properties", {}).items():
            yield f"{place}.{name}", member


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path; the names of members are not schemas."""
    yield path, schema
    for key in ("properties", "$defs"):
        for name, member in schema.get(key, {}).items():
            yield from parts(member, f"{path}.{name}")
    for member in (*schema.get("anyOf", ()), schema.get("items", {})):
        yield from parts(member, path) if member else ()
