"""What a collector gets of the SDK's spans."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Spans:
    """The spans of the calls made from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._collected, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._collected))
        monkeypatch.setattr("mcp.shared._otel._tracer", provider.get_tracer("tests"))

    @property
    def told(self) -> list[str]:
        """Each of those that ended, whole: its attributes, its status, its exceptions."""
        return [span.to_json() for span in self._collected.get_finished_spans()]
