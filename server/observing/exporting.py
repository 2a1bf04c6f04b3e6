"""Where figures and traces go: to whoever runs Guichet for a team. Needs the extra `team`."""

from collections.abc import Collection, Mapping, Sequence

from mcp.types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status
from prometheus_client import start_http_server

from clients.http import user_agent
from server.settings import Settings
from tools.catalogue import CATALOGUE

NAME, _, VERSION = user_agent().partition("/")
NAMED: Mapping[str, Collection[object]] = {
    "mcp.method.name": SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS,
    "gen_ai.tool.name": {tool.name for tool in CATALOGUE.tools},
    "gen_ai.prompt.name": {p.name for each in CATALOGUE.prompts for p in each.by_language.values()},
}
"""The attributes that name what a message asks for, and what there is to name."""
UNKNOWN = "unknown"
"""The name of a message whose method does not exist."""


def export(settings: Settings) -> None:
    """Let Prometheus read the figures, and send the spans, as far as the settings say.

    Raises:
        OSError: The address for the figures is taken.
    """
    ourselves = Resource.create({"service.name": NAME, "service.version": VERSION})
    if settings.metrics:
        host, _, port = settings.metrics.rpartition(":")
        start_http_server(int(port), host.strip("[]"))
        reader = PrometheusMetricReader()
        metrics.set_meter_provider(MeterProvider([reader], resource=ourselves))
    if settings.traces:
        provider = TracerProvider(resource=ourselves)
        provider.add_span_processor(BatchSpanProcessor(Wordless(OTLPSpanExporter())))
        trace.set_tracer_provider(provider)


class Wordless(SpanExporter):
    """An exporter that is given no words but ours: the SDK's spans repeat those of clients.

    A failure often names what was asked for, an exception could hold anything, and so could the
    name of a method, of a tool or of a prompt that does not exist. What a client's program chooses
    to tell a request or a trace from others does pass: its identifier, and the state of its trace.
    """

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._to.export([_wordless(span) for span in spans])

    def shutdown(self) -> None:
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._to.force_flush(timeout_millis)


def _wordless(span: ReadableSpan) -> ReadableSpan:
    name, attributes = span.name, dict(span.attributes or {})
    if span.kind is SpanKind.SERVER:  # of a message that came; what we send is named by us
        attributes = {k: v for k, v in attributes.items() if k not in NAMED or v in NAMED[k]}
        name = " ".join(str(attributes[key]) for key in NAMED if key in attributes) or UNKNOWN
    return ReadableSpan(
        name=name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
