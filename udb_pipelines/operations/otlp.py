"""Traces by OTLP over HTTP. The only module that imports the OpenTelemetry SDK; loaded when an endpoint is set.

A collector that is down must not be felt: spans are sent from a thread, one attempt is limited to
:data:`PATIENCE_SECONDS`, after a failure nothing is tried for a while, and the log tells it once.
"""

from __future__ import annotations

import atexit
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import NAMESPACE_OID, UUID, uuid5

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from udb_pipelines import __version__
from udb_pipelines.operations import scrub
from udb_pipelines.operations.logging import get_logger

PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 60.0
"""How long nothing is tried after a failed delivery."""

_planned: ContextVar[tuple[int, int] | None] = ContextVar("udb_planned_ids", default=None)


def job_context(job_id: str) -> SpanContext:
    """Trace and span of a job, the same in every process that works for it."""
    try:
        trace_id = UUID(job_id).int
    except ValueError:
        trace_id = uuid5(NAMESPACE_OID, job_id).int
    span_id = int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8], "big")
    return SpanContext(trace_id, span_id or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


class Traces:
    """Makes the spans of jobs and stages and sends them."""

    def __init__(self, endpoint: str) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "udb", "service.version": __version__}),
            id_generator=_JobIds(),
            span_limits=SpanLimits(max_span_attribute_length=500),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Delivery(endpoint), schedule_delay_millis=2000))
        self._tracer = self._provider.get_tracer("udb_pipelines", __version__)
        atexit.register(self.close)

    @contextmanager
    def stage_span(self, name: str, job_id: str, source: str) -> Iterator[None]:
        """A child of the job's span, current while the block runs."""
        parent = trace.set_span_in_context(NonRecordingSpan(job_context(job_id)))
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            attributes={"udb.job_id": job_id, "udb.source": source, "udb.stage": name},
            record_exception=False,  # its text may hold data
            set_status_on_exception=False,
        ):
            yield

    def job_span(self, job_id: str, source: str, started: int, code: str | None) -> None:
        """Record the job's span, from ``started`` (nanoseconds since the epoch) to now."""
        context = job_context(job_id)
        token = _planned.set((context.trace_id, context.span_id))
        try:
            span = self._tracer.start_span(
                "job",
                context=trace.set_span_in_context(trace.INVALID_SPAN),
                kind=SpanKind.SERVER,
                attributes={"udb.job_id": job_id, "udb.source": source},
                start_time=started,
            )
        finally:
            _planned.reset(token)
        if code:
            span.set_attribute("udb.error_code", code)
            span.set_status(Status(StatusCode.ERROR, code))
        span.end()

    def failed(self, code: str | None) -> None:
        """Mark the current span as failed with ``code``."""
        span = trace.get_current_span()
        span.set_attribute("udb.error_code", code or "unknown")
        span.set_status(Status(StatusCode.ERROR, code))

    def annotate(self, counts: Mapping[str, str | float | bool]) -> None:
        """Add attributes to the current span."""
        trace.get_current_span().set_attributes({f"udb.{name}": item for name, item in scrub.fields(counts).items()})

    def flush(self) -> None:
        """Send what is waiting, within :data:`PATIENCE_SECONDS`."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what is waiting and stop."""
        atexit.unregister(self.close)
        self._provider.shutdown()


class _JobIds(RandomIdGenerator):
    """Random ids, except for the span of a job."""

    def generate_trace_id(self) -> int:
        planned = _planned.get()
        return planned[0] if planned else super().generate_trace_id()

    def generate_span_id(self) -> int:
        planned = _planned.get()
        return planned[1] if planned else super().generate_span_id()


class _Delivery(SpanExporter):
    """The OTLP exporter, with a pause after a failure and one line in the log instead of one per attempt."""

    def __init__(self, endpoint: str) -> None:
        base = endpoint.rstrip("/")
        self._endpoint = base if base.endswith("/v1/traces") else f"{base}/v1/traces"
        self._exporter: SpanExporter = OTLPSpanExporter(endpoint=self._endpoint, timeout=PATIENCE_SECONDS)
        self._resume_at = 0.0
        self._told = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if time.monotonic() < self._resume_at:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        if result is SpanExportResult.FAILURE:
            self._resume_at = time.monotonic() + PAUSE_SECONDS
            if not self._told:
                get_logger().warning(
                    "tracing.undelivered", message="the trace collector cannot be reached", uri=self._endpoint
                )
            self._told = True
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)
