"""Figures and traces: what happened and how long it took, never what was asked or answered."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import anyio
import httpx
import pytest
from mcp import MCPError
from mcp.types import CallToolResult, EmptyResult, PromptReference, Request
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from pydantic import SecretStr

from server import logs, offers
from server.observing import Observed
from server.observing.exporting import Wordless
from server.settings import FaireSimple, Settings
from tests.support import Counter, Person, environ, own_log

WATCHED = {"metrics": "127.0.0.1:1"}
ACCEPT = {"number": 200002, "motivation": "Un secret de l'instruction."}
SPANS, FIGURES = InMemorySpanExporter(), InMemoryMetricReader()


@pytest.fixture(autouse=True, scope="module")
def _seen() -> None:
    """What is exported comes here: a process has one provider of each, for good."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Wordless(SPANS)))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([FIGURES]))


@pytest.fixture(autouse=True)
def _nothing_before() -> Generator[None]:
    SPANS.clear()
    yield
    SPANS.clear()


def spans(name: str) -> list[ReadableSpan]:
    return [span for span in SPANS.get_finished_spans() if span.name == name]


def series(name: str) -> list[dict[str, object]]:
    """The labels of what was counted under a name."""
    data = FIGURES.get_metrics_data()
    assert data
    return [
        dict(point.attributes or {})
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
        if not isinstance(point, HistogramDataPoint) or point.count
    ]


async def accepted(counter: Counter, era: str) -> CallToolResult:
    counter.settings |= WATCHED
    async with counter.host(era, Person()) as host:
        return await host.call_tool("accept_dossier", ACCEPT)


async def test_a_call_is_told_by_its_tool_its_service_and_its_outcome(counter: Counter, era: str):
    await accepted(counter, era)

    (*_, last) = spans("tools/call accept_dossier")
    told = dict(last.attributes or {})
    assert told["guichet.service"] == "demarches"
    assert told["guichet.outcome"] == "applied"
    assert {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "accept_dossier",
        "guichet.service": "demarches",
        "guichet.outcome": "applied",
    } in series("mcp.server.operation.duration")


async def test_neither_figures_nor_spans_hold_a_word_of_the_call(counter: Counter, era: str):
    await accepted(counter, era)

    told = "".join(span.to_json() for span in SPANS.get_finished_spans())
    told += str(FIGURES.get_metrics_data())
    assert "accept_dossier" in told
    for word in ("200002", "instruction.", "Karim", "usager", "camille"):
        assert word not in told


async def test_a_span_does_not_tell_what_was_not_found(counter: Counter, era: str):
    async with counter.host(era) as host:
        with suppress(MCPError):
            await host.read_resource("guichet://emjpm/mesures/424242")

    (span,) = spans("resources/read")
    assert not span.status.is_ok
    assert "424242" not in span.to_json()


async def test_a_span_holds_no_word_of_a_bug(
    counter: Counter, era: str, monkeypatch: pytest.MonkeyPatch
):
    async def crash(*_: object) -> NoReturn:
        raise RuntimeError("Karim Bernard")

    monkeypatch.setattr(offers, "completed", crash)
    prompt = PromptReference(type="ref/prompt", name="bilan_mesures")
    async with counter.host(era) as host:
        with suppress(MCPError):
            await host.complete(prompt, {"name": "tribunal", "value": "P"})

    (span,) = spans("completion/complete")
    assert not span.status.is_ok
    assert "Karim" not in span.to_json()


async def test_a_name_that_is_no_tool_makes_no_series(counter: Counter):
    counter.settings |= WATCHED
    async with counter.host("2026-07-28") as host:
        with suppress(Exception):
            await host.call_tool("Karim Bernard", {})

    assert "Karim" not in str(series("mcp.server.operation.duration"))


async def test_a_span_names_no_tool_nor_prompt_that_does_not_exist(counter: Counter, era: str):
    async with counter.host(era) as host:
        with suppress(MCPError):
            await host.call_tool("Karim Bernard", {})
        with suppress(MCPError):
            await host.get_prompt("Karim Bernard", {})
        await host.get_prompt("bilan_mesures", {})

    ours = [span for span in SPANS.get_finished_spans() if span.kind is SpanKind.SERVER]
    named = [span.name for span in ours if span.name.startswith(("tools/call", "prompts/get"))]
    assert named == ["tools/call", "prompts/get", "prompts/get bilan_mesures"]
    assert "Karim" not in "".join(span.to_json() for span in ours)


async def test_a_span_names_no_method_that_does_not_exist(counter: Counter, era: str):
    asked = Request[None, str](method="Karim Bernard", params=None)
    async with counter.host(era) as host:
        with suppress(MCPError):
            await host.session.send_request(asked, EmptyResult)

    (span,) = spans("unknown")
    assert not span.status.is_ok
    assert "Karim" not in span.to_json()


async def test_a_span_of_what_is_sent_to_a_client_names_its_method(counter: Counter):
    await accepted(counter, "2025-11-25")

    (span,) = spans("MCP send elicitation/create")
    assert (span.attributes or {})["mcp.method.name"] == "elicitation/create"


async def test_nobody_is_timed_where_nobody_looks(counter: Counter):
    async with counter.host("2026-07-28") as host:
        await host.call_tool("list_mesures", {})

    (span,) = spans("tools/call list_mesures")
    assert "guichet.service" not in (span.attributes or {})


async def test_a_request_is_told_by_its_service_and_status_and_not_its_address():
    answers = [httpx.Response(503), httpx.Response(200)]
    way = Observed("faire_simple", httpx.MockTransport(lambda _: answers.pop(0)))
    request = httpx.Request("GET", "https://exemple.fr/partenaires/4201?key=s3cr3t")
    for _ in range(2):
        await way.handle_async_request(request)

    first, second = spans("GET faire_simple")
    assert (first.attributes or {})["error.type"] == "503"
    assert (second.attributes or {})["http.request.resend_count"] == 1
    assert "s3cr3t" not in first.to_json() + second.to_json()
    assert "4201" not in first.to_json() + second.to_json()
    assert {"guichet.service": "faire_simple"} in series("guichet.requests.repeated")


async def test_a_request_that_fails_is_told_by_the_kind_of_failure():
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("at https://exemple.fr/?key=s3cr3t", request=request)

    way = Observed("faire_simple", httpx.MockTransport(cut))
    with pytest.raises(httpx.ReadError):
        await way.handle_async_request(httpx.Request("POST", "https://exemple.fr/"))

    (span,) = spans("POST faire_simple")
    assert (span.attributes or {})["error.type"] == "ReadError"
    assert "s3cr3t" not in span.to_json()


def test_a_log_in_json_has_an_object_per_line_tied_to_its_span(
    capsys: pytest.CaptureFixture[str],
):
    password = 'quo"ted-p4ss'
    settings = Settings(
        faire_simple=FaireSimple(login="l", password=SecretStr(password), key=SecretStr("k" * 12)),
        logs="json",
    )
    with own_log(), trace.get_tracer("test").start_as_current_span("any") as span:
        logs.to_stderr(settings)
        logging.getLogger("any").warning("two\nlines of %s", password)

    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told["message"] == "two\nlines of ***"
    assert told["trace_id"] == f"{span.get_span_context().trace_id:032x}"


async def test_figures_are_read_at_an_address_of_their_own(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        port, figures = (str(each.getsockname()[1]) for each in (one, two))
    command = [sys.executable, "-m", "server", "serve", "--http", "--sandbox", "--port", port]
    environment = environ(GUICHET_METRICS=f"127.0.0.1:{figures}", HOME=str(tmp_path))
    async with await anyio.open_process(
        command, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        async with httpx.AsyncClient() as http:
            with anyio.fail_after(30):
                while True:
                    with suppress(httpx.ConnectError):
                        read = await http.get(f"http://127.0.0.1:{figures}/metrics")
                        break
                    await anyio.lowlevel.checkpoint()
        process.terminate()

    assert read.status_code == httpx.codes.OK
    assert "python_info" in read.text
