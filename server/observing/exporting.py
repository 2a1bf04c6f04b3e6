"""Where figures and traces go: to whoever runs Guichet for a team. Needs the extra `team`."""

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
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
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
