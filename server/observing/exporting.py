"""Where figures and traces go: to whoever runs Guichet for a team. Needs the extra `team`."""

from collections.abc import Sequence

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from prometheus_client import start_http_server

from clients.http import user_agent
from server.settings import Settings

NAME, _, VERSION = user_agent().partition("/")


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
    """An exporter that is given no sentence: the SDK's spans repeat what clients are told.

    A failure often names what was asked for, and an exception could hold anything.
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
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
