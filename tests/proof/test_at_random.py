"""Calls, answers and files drawn at random: the process outlives them, and says what is wrong.

Here, a few of each, the same at every run; in `.ci/proof`, ten thousand, others at every run.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import CallToolResult, TextContent
from pydantic import JsonValue

from clients.covoiturage.applications import NumberedApplication, numbered
from clients.emjpm import mesures
from clients.errors import ApiError
from clients.rows import Problem
from server.sandbox import covoiturage, emjpm
from tests.proof.drawn import ANYTHING, KNOWN, SCALARS, arguments, spoilt
from tests.proof.operations import (
    NOWHERE,
    OPERATIONS,
    Records,
    Services,
    calling,
    failure,
    records,
)
from tests.proof.test_injection import CSV
from tests.support import Counter, Person
from tools.results import MOST_BYTES

FEW = 60


def few_or(many: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("count", [FEW, pytest.param(many, marks=pytest.mark.proof)])


STATUSES = st.sampled_from((200, 200, 200, 200, 201, 204, 400, 401, 403, 404, 422, 429, 500, 503))
MOST_TOLD = 3_000
ROWS = st.dictionaries(
    st.sampled_from(("numero_rg", "etats", "identity_key", "cee_application_type", "phone")),
    ANYTHING,
)
CRASH = "Error executing tool"
"""What the model is told of a bug."""


def drawing(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=count == FEW,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@contextmanager
def connected(counter: Counter) -> Generator[tuple[BlockingPortal, Client]]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(counter.host("2026-07-28", Person())) as host,
    ):
        yield portal, host


@few_or(4_000)
def test_no_call_is_too_much_for_the_server(
    counter: Counter, record_property: Callable[[str, int], None], count: int
):
    """Each is answered, by words of ours and few of them; the next one is answered too."""

    def now() -> datetime:
        return datetime.fromtimestamp(counter.clock(), UTC)

    counter.registry, counter.mesures = covoiturage.create(now=now), emjpm.create(now=now)
    counter.put_file("demandes-cee.csv", "cee_application_type\nspecific\n")
    counter.put_file("mesures.csv", CSV)
    with connected(counter) as (portal, host):
        listed = portal.call(host.list_tools).tools
        assert {*KNOWN} <= {name for tool in listed for name in tool.input_schema["properties"]}
        calls = st.sampled_from(listed).flatmap(
            lambda tool: st.tuples(st.just(tool.name), arguments(tool.input_schema))
        )

        @drawing(count)
        @given(calls)
        def called(call: tuple[str, dict[str, Any]]) -> None:
            counter.clock.now += 60  # or else the services would soon find it too much
            result = portal.call(answered, host, *call)
            told = result.model_dump_json(by_alias=True, exclude_none=True)
            assert CRASH not in told
            assert size(result) <= MOST_BYTES

        called()
    record_property("calls made at random", count)


async def answered(host: Client, tool: str, given: dict[str, Any]) -> CallToolResult:
    with anyio.fail_after(20):
        return await host.call_tool(tool, given)


def size(result: CallToolResult) -> int:
    """Bytes of the longest text that the model is shown."""
    return max(len(part.text.encode()) for part in result.content if isinstance(part, TextContent))


@dataclass
class Scripted(httpx.AsyncBaseTransport):
    """Services that answer what they are told to, or what the ones in miniature do."""

    services: Services
    body: bytes | None = None
    status: int = 200
    said: list[bytes] = field(default_factory=list[bytes])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.body is not None:
            return httpx.Response(self.status, stream=httpx.ByteStream(self.body))
        response = await httpx.ASGITransport(self.services.app).handle_async_request(request)
        self.said.append(await response.aread())
        stream = httpx.ByteStream(self.said[-1])
        return httpx.Response(response.status_code, stream=stream)


@few_or(4_000)
def test_no_answer_is_too_much_for_a_client(
    record_property: Callable[[str, int], None], count: int
):
    """What comes of it is an answer, or an error that says whose move it is."""
    services = Scripted(Services())
    with start_blocking_portal() as portal:
        known = portal.call(records)
        good = {operation: portal.call(said, operation, known) for operation in OPERATIONS}
        answers = st.sampled_from([*OPERATIONS]).flatmap(
            lambda operation: st.tuples(st.just(operation), spoilt(good[operation]), STATUSES)
        )

        @drawing(count)
        @given(answers)
        def answering(answer: tuple[tuple[type, str], bytes, int]) -> None:
            operation, services.body, services.status = answer
            error = portal.call(asked, operation, known, services)
            assert error is None or len(str(error)) < MOST_TOLD

        answering()
    record_property("answers drawn at random", count)


async def said(operation: tuple[type, str], known: Records) -> JsonValue:
    """What the service in miniature answers last."""
    services = Scripted(Services())
    await asked(operation, known, services)
    try:
        return json.loads(services.said[-1])
    except ValueError:
        return None


async def asked(operation: tuple[type, str], known: Records, services: Scripted) -> ApiError | None:
    async with calling(NOWHERE, by=services) as them:
        with anyio.fail_after(20):
            return await failure(operation, known.asked(them, services.services, NOWHERE))


NAMES = st.sampled_from(("a.csv", "a.json", "a.jsonl", "a.ndjson", "a", "a.CSV"))
CELLS = st.text(max_size=12) | SCALARS.map(json.dumps)
HEADERS = st.sampled_from(
    (
        "cee_application_type,cee_application_uuid,identity_key",
        "cee_application_type;phone;last_name;journey_type;datetime",
        "numero_rg;tribunal_siret;annee_naissance;civilite;date_nomination",
        '[{"numero_rg": "24A00001", "etats": [{}]}',
    )
)
TABLES = st.tuples(HEADERS, st.lists(st.lists(CELLS, max_size=6), max_size=4)).map(
    lambda table: "\n".join([table[0], *(";".join(row) for row in table[1])])
)
CONTENTS = (
    st.binary(max_size=200)
    | TABLES.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | TABLES.map(lambda text: text.encode("utf-16", "surrogatepass"))
    | st.lists(ROWS, max_size=4).map(lambda rows: json.dumps(rows).encode())
    | st.lists(ROWS, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)).encode())
)


@few_or(2_000)
def test_no_file_is_too_much_for_what_reads_it(
    record_property: Callable[[str, int], None], count: int
):
    """Whatever is in it, what can be imported of it is told from what cannot."""

    @drawing(count)
    @given(CONTENTS, NAMES)
    def read(content: bytes, name: str) -> None:
        asking, protecting = numbered(BytesIO(content), name=name), mesures(content, name=name)
        assert {*map(type, asking)} & {NumberedApplication, Problem}
        assert protecting.mesures or protecting.problems

    read()
    record_property("files drawn at random", count)
