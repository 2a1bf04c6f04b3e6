"""What a host may attach: records as their tool reads them, guides, exports; and nothing else."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    ResourceLink,
    ResourceTemplateReference,
    TextResourceContents,
)

from server.instructions import STARTS, instructions
from server.settings import Demarches, FaireSimple, described
from tests.support import Counter, facts, text
from tools import TOOLS, exports
from tools.catalogue import SERVICES
from tools.resources import GUIDED, RECORDS

LISTS = Path(__file__).with_name("lists")
MODERN = "2026-07-28"
NAMES = {tool.name for tool in TOOLS}
CEE = "demandes.csv"


async def read(host: Client, address: str) -> TextResourceContents:
    (content,) = (await host.read_resource(address)).contents
    assert isinstance(content, TextResourceContents)
    return content


async def refused(host: Client, address: str) -> tuple[int, str]:
    with pytest.raises(MCPError) as caught:
        await host.read_resource(address)
    return caught.value.error.code, caught.value.error.message


async def exported(host: Client, **arguments: object) -> tuple[CallToolResult, str]:
    """An export, and where its result says it is."""
    result = await host.call_tool("export_dossiers", {"demarche_number": 1003} | arguments)
    (link,) = (part for part in result.content if isinstance(part, ResourceLink))
    return result, link.uri


@pytest.mark.parametrize("kind", ["resources", "templates"])
async def test_resources_are_presented_as_agreed(counter: Counter, era: str, kind: str):
    """Run with `UPDATE_SNAPSHOTS=1` after an intended change, and review the difference."""
    async with counter.host(era) as host:
        listed = (
            (await host.list_resources()).resources
            if kind == "resources"
            else (await host.list_resource_templates()).resource_templates
        )
    presented = [r.model_dump(mode="json", by_alias=True, exclude_none=True) for r in listed]
    snapshot = LISTS / f"{kind}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        shown = json.dumps(presented, indent=2, ensure_ascii=False, sort_keys=True)
        snapshot.write_text(f"{shown}\n", encoding="utf-8")

    assert json.loads(snapshot.read_text(encoding="utf-8")) == presented


def test_the_page_about_them_tells_every_address_and_its_tool():
    page = (Path(__file__).parents[2] / "docs" / "prompts-and-resources.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(guichet://[^`]+)` \| .* as `(\w+)`", page, re.MULTILINE))

    assert told == {record.address.partition("{?")[0]: record.tool for record in RECORDS}


@pytest.mark.parametrize(
    ("address", "tool", "arguments"),
    [
        ("guichet://demarches/1001", "get_demarche", {"demarche_number": 1001}),
        ("guichet://dossiers/200001", "get_dossier", {"number": 200001}),
        (
            "guichet://dossiers/200009?include=champs,messages",
            "get_dossier",
            {"number": 200009, "include": ["champs", "messages"]},
        ),
        ("guichet://emjpm/mesures/120001", "get_mesure", {"id": 120001}),
        (
            "guichet://emjpm/mesures/120001?details=person",
            "get_mesure",
            {"id": 120001, "details": ["person"]},
        ),
        (
            "guichet://emjpm/mesures/120072?details=etats&offset=2",
            "get_mesure",
            {"id": 120072, "details": ["etats"], "offset": 2},
        ),
    ],
)
async def test_a_record_is_what_its_tool_reads(
    counter: Counter, era: str, address: str, tool: str, arguments: dict[str, Any]
):
    async with counter.host(era) as host:
        content = await read(host, address)
        result = await host.call_tool(tool, arguments)

    assert content.text == text(result)
    assert (content.mime_type, content.uri) == ("application/json", address)
    assert len(content.text.encode()) <= 20_000


async def test_an_operation_is_read_by_whoever_asked_for_it_alone(counter: Counter, era: str):
    async with counter.host(era) as host:
        await host.call_tool("accept_dossier", {"number": 200002})
        (row,) = facts(await host.call_tool("list_operations", {}))["operations"]
        address = f"guichet://operations/{row['id']}"
        content = await read(host, address)
        counter.principal = "somebody else"
        code, _ = await refused(host, address)

    assert json.loads(content.text)["tool"] == "accept_dossier"
    assert code == INVALID_PARAMS


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("guichet://dossiers/999999", "there is no dossier with this number"),
        ("guichet://dossiers/1001", "1001 is a démarche of this counter"),
        ("guichet://dossiers/le-mien", "number: a dossier's number, such as 200001"),
        ("guichet://dossiers/200001?include=tout", "include.0: 'champs'"),
        ("guichet://dossiers/200001?include=champs&after=ailleurs", "`after` is not a `next`"),
        ("guichet://operations/0123456789abcdef", "No operation of this user has the id"),
        ("guichet://nothing", "Unknown resource."),
        ("file:///etc/hostname", "Unknown resource."),
    ],
)
async def test_what_is_not_there_is_told_by_the_protocol(
    counter: Counter, era: str, address: str, said: str
):
    async with counter.host(era) as host:
        code, message = await refused(host, address)

    assert code == INVALID_PARAMS
    assert said in message


async def test_a_service_that_does_not_answer_is_no_missing_resource(counter: Counter, era: str):
    counter.down = True
    async with counter.host(era) as host:
        code, message = await refused(host, "guichet://dossiers/200001")

    assert code == INTERNAL_ERROR
    assert "cannot be reached" in message


async def test_a_resource_goes_with_its_service(counter: Counter, era: str):
    counter.settings |= {"demarches": Demarches(), "faire_simple": FaireSimple()}
    async with counter.host(era) as host:
        guides = [r.uri for r in (await host.list_resources()).resources]
        records = [
            r.uri_template for r in (await host.list_resource_templates()).resource_templates
        ]
        hidden = [
            await refused(host, a) for a in ("guichet://dossiers/1", "guichet://faire_simple")
        ]

    assert guides == ["guichet://covoiturage/guide", "guichet://emjpm/guide"]
    assert records == ["guichet://emjpm/mesures/{id}{?details,offset}", "guichet://operations/{id}"]
    assert [code for code, _ in hidden] == [INVALID_PARAMS] * 2


async def test_addresses_are_completed(counter: Counter, era: str):
    form = ResourceTemplateReference(
        type="ref/resource", uri="guichet://demarches/{number}{?after}"
    )
    unknown = ResourceTemplateReference(type="ref/resource", uri="guichet://{x}")
    async with counter.host(era) as host:
        numbers = await host.complete(form, {"name": "number", "value": "100"})
        with pytest.raises(MCPError, match="Unknown resource template"):
            await host.complete(unknown, {"name": "x", "value": ""})

    assert numbers.completion.values == ["1001", "1002", "1003"]


async def test_a_ledger_that_cannot_be_read_is_not_said_to_lack_a_record(
    counter: Counter, era: str
):
    counter.ledger = "nothing"
    async with counter.host(era) as host:
        code, told = await refused(host, "guichet://operations/0123456789abcdef")

    assert code == INTERNAL_ERROR
    assert told.startswith("The ledger of consents cannot be used")


async def test_a_ledger_that_cannot_be_read_completes_nothing(counter: Counter, era: str):
    counter.ledger = "nothing"
    change = ResourceTemplateReference(type="ref/resource", uri="guichet://operations/{id}")
    async with counter.host(era) as host:
        operations = await host.complete(change, {"name": "id", "value": ""})

    assert operations.completion.values == []


# Guides.


@pytest.mark.parametrize("service", SERVICES)
async def test_a_guide_names_only_what_exists_and_every_tool_of_its_service(
    counter: Counter, service: str
):
    async with counter.host(MODERN) as host:
        content = await read(host, f"guichet://{service}/guide")
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", content.text))
    settings = set(re.findall(r"GUICHET_\w+", content.text))

    assert {guide.service for guide in GUIDED} == set(SERVICES)
    assert named == {tool.name for tool in TOOLS if tool.service == service}
    assert settings <= {name for name, _ in described()}
    assert content.mime_type == "text/markdown"
    assert len(content.text.encode()) < 6_000
    for heading in ("What it is for", "Credentials", "Tools", "Withdrawn or faulty"):
        assert f"\n## {heading}\n" in content.text


# Exports.


async def test_an_export_is_read_at_the_address_that_its_result_links_to(
    counter: Counter, era: str
):
    counter.put_file(CEE, "phone;last_name\n")
    async with counter.host(era) as host:
        _, address = await exported(host, format="jsonl", demarche_number=1002)
        content = await read(host, address)

    assert content.mime_type == "application/x-ndjson"
    assert len([json.loads(line) for line in content.text.splitlines()]) >= 12


async def test_no_other_file_of_the_folder_can_be_read(counter: Counter, era: str):
    """Not those of CEE applications, which name people; not the pieces of a dossier."""
    counter.put_file(CEE, "phone;last_name\n+33612345678;DUPONT\n")
    async with counter.host(era) as host:
        piece = await host.call_tool("save_piece", {"number": 200001, "piece": "pdf"})
        (link,) = (part for part in piece.content if isinstance(part, ResourceLink))
        _, address = await exported(host)
        folder = address.rpartition("/")[0]
        told = [
            await refused(host, a) for a in (link.uri, f"{folder}/{CEE}", f"{address}/../{CEE}")
        ]

    assert [code for code, _ in told] == [INVALID_PARAMS] * 3
    assert all(message.startswith("Unknown resource.") for _, message in told)


async def test_an_export_is_read_by_whoever_made_it_alone_and_as_it_was(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    counter.put_file(CEE, "phone;last_name\n+33612345678;DUPONT\n")
    async with counter.host(MODERN) as host:
        result, address = await exported(host)
        counter.principal = "somebody else"
        _, theirs = await refused(host, address)
        counter.principal = "local"
        with monkeypatch.context() as smaller:
            smaller.setattr(exports, "MOST_BYTES", 10)
            code, large = await refused(host, address)
        counter.put_file(facts(result)["file"], "phone;last_name\n+33612345678;DUPONT\n")
        _, replaced = await refused(host, address)

    assert theirs.startswith("Unknown resource.")
    assert (code, "10 at most" in large) == (INTERNAL_ERROR, True)
    assert "no longer the file that was exported" in replaced


# Instructions.


def test_the_instructions_are_short_and_name_only_what_is_offered():
    whole, none = instructions(TOOLS), instructions([t for t in TOOLS if t.service is None])

    assert set(STARTS) <= NAMES
    assert len(whole.split()) < 150
    assert all(name in whole for name in STARTS)
    assert set(re.findall(r"\b\w+_\w+\b", none)) == {"list_operations"}
    assert "guide" not in none
