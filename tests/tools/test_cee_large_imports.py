"""Importing more than a thousand identity keys: one plan, one consent, and every row told."""

import csv
import json
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult

from server.sandbox.covoiturage.applications import KEYED, MORE_TO_KEY, application
from tests.support import Counter, Person, facts, text
from tools.questions import Asked

FILE = "demandes.jsonl"
ROWS = 2_500
FIRST = MORE_TO_KEY.start


def row(number: int, key: int | None = None) -> str:
    """The documented row of an application, on a line."""
    asked = application(number)
    documented = {
        "cee_application_type": "standardized",
        "cee_application_uuid": asked.uuid,
        "identity_key": f"{number if key is None else key:064x}",
    }
    return json.dumps(documented)


def rows(count: int = ROWS) -> list[str]:
    return [row(FIRST + number) for number in range(count)]


def put(counter: Counter, lines: Iterable[str], name: str = FILE) -> None:
    counter.put_file(name, "".join(f"{line}\n" for line in lines))


async def called(host: Client, name: str = FILE) -> CallToolResult:
    return await host.call_tool("import_cee_identities", {"file": name})


async def approved(counter: Counter, host: Client, name: str = FILE) -> Asked:
    """What a person read on the page before agreeing."""
    first = await called(host, name)
    assert text(first).startswith("Une personne doit décider, sur la page"), text(first)
    journal = counter.journal()
    operation = await journal.find(counter.presented[-1])
    assert operation
    asked = journal.asked(operation)
    assert await journal.approve(operation.id)
    await journal.close()
    return asked


async def imported(counter: Counter, host: Client, name: str = FILE) -> dict[str, Any]:
    """What came of an import that a person agreed to."""
    await approved(counter, host, name)
    return facts(await called(host, name))


def results(counter: Counter, told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The lines of the file of results."""
    content = (counter.folder / "files" / told["results"]["file"]).read_text(encoding="utf-8")
    header, *lines = csv.reader(content.splitlines(), delimiter=";")
    assert header == ["line", "result", "reason"]
    return [(line, result, reason) for line, result, reason in lines]


async def test_a_large_file_is_imported_once_a_person_agreed_on_the_page(
    counter: Counter, era: str
):
    put(counter, [*rows(), row(KEYED[0])])
    async with counter.host(era, Person()) as host:
        asked = await approved(counter, host)
        assert not counter.imports
        told = facts(await called(host))
        again = await called(host)

    assert asked.typed
    assert asked.typed.value == "2501"
    assert "Envoyées en 3 requêtes de 1000 lignes au plus, 4 à la fois : environ 1 min." in (
        asked.says
    )
    assert (told["outcome"], told["imported"], told["failed"]) == ("applied", 2_500, 1)
    assert sorted(write.rows for write in counter.imports) == [501, 1_000, 1_000]
    lines = results(counter, told)
    assert Tally(result for _, result, _ in lines) == {"imported": 2_500, "failed": 1}
    assert lines[-1][:2] == ("2501", "failed")
    assert facts(again) == told
