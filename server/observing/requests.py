"""Requests to services, as figures and spans: which service, what it answered, how long it took."""

import time

import httpx
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode

from server.observing.calls import SECONDS, SERVICE

_TRACER = trace.get_tracer("guichet")
_DURATION = metrics.get_meter("guichet").create_histogram(
    "http.client.request.duration",
    unit="s",
    description="How long a service took to begin its answer.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_AGAIN = metrics.get_meter("guichet").create_counter(
    "guichet.requests.repeated", description="Requests that were sent again, by service."
)
ATTEMPTS = "guichet.attempts"
FIRST_FAILURE = 400


class Observed(httpx.AsyncBaseTransport):
    """The way to a service, each request timed. Neither addresses nor bodies are kept."""

    def __init__(self, service: str, inner: httpx.AsyncBaseTransport) -> None:
        self._service = service
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        again = request.extensions.get(ATTEMPTS, 0)
        request.extensions[ATTEMPTS] = again + 1
        named = {SERVICE: self._service, "http.request.method": request.method}
        if again:
            _AGAIN.add(1, {SERVICE: self._service})
        came, began = dict[str, str | int](), time.perf_counter()
        with _TRACER.start_as_current_span(
            f"{request.method} {self._service}",
            kind=SpanKind.CLIENT,
            attributes={**named, "http.request.resend_count": again},
            record_exception=False,  # its text may hold an address
            set_status_on_exception=False,
        ) as span:
            try:
                response = await self._inner.handle_async_request(request)
                came = _answered(response.status_code)
            except BaseException as error:
                came = {"error.type": type(error).__qualname__}
                raise
            else:
                return response
            finally:
                span.set_attributes(came)
                if "error.type" in came:
                    span.set_status(StatusCode.ERROR)
                _DURATION.record(time.perf_counter() - began, {**named, **came})

    async def aclose(self) -> None:
        await self._inner.aclose()


def _answered(status: int) -> dict[str, str | int]:
    failed = {"error.type": str(status)} if status >= FIRST_FAILURE else {}
    return {"http.response.status_code": status, **failed}
