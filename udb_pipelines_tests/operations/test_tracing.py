"""Spans as a collector receives them: a real HTTP server that decodes the protobuf."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from udb_pipelines.config import Settings
from udb_pipelines.errors import STAGES, UdbError
from udb_pipelines.operations import logging, otlp, scrub, tracing
from udb_pipelines.operations.stages import note, stage


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []
        self.raw = b""
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        request = ExportTraceServiceRequest.FromString(body)
        self.server.raw += body
        self.server.paths.append(self.path)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def attributes(span: Span) -> dict[str, object]:
    return {item.key: getattr(item.value, str(item.value.WhichOneof("value"))) for item in span.attributes}


def run_stages(job_id: str, names: tuple[str, ...] = STAGES) -> None:
    for name in names:
        with stage(name, job_id=job_id, source="shop"):
            note(rows=7)


def test_five_stages_are_children_of_one_job(settings: Settings, collector: Collector) -> None:
    tracing.configure(settings.model_copy(update={"otlp_endpoint": collector.url}))
    job_id = str(uuid4())
    with tracing.job(job_id, "shop"):
        run_stages(job_id)
    tracing.flush()
    assert sorted(span.name for span in collector.spans) == sorted([*STAGES, "job"])
    assert set(collector.paths) == {"/v1/traces"}
    job = collector.named("job")
    assert job.parent_span_id == b""
    assert UUID(bytes=job.trace_id) == UUID(job_id)
    for name in STAGES:
        span = collector.named(name)
        assert (span.trace_id, span.parent_span_id) == (job.trace_id, job.span_id)
        assert attributes(span) == {
            "udb.job_id": job_id, "udb.source": "shop", "udb.stage": name, "udb.rows": 7,
        }  # fmt: skip
        assert job.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= job.end_time_unix_nano


def test_a_run_that_nobody_holds_open_still_gets_its_job_span(settings: Settings, collector: Collector) -> None:
    tracing.configure(settings.model_copy(update={"otlp_endpoint": collector.url}))
    job_id = str(uuid4())
    run_stages(job_id)
    tracing.flush()
    job = collector.named("job")
    assert job.start_time_unix_nano <= collector.named("detect").start_time_unix_nano
    assert collector.named("publish").parent_span_id == job.span_id


def test_stages_in_processes_of_their_own_share_the_trace(settings: Settings, collector: Collector) -> None:
    job_id = str(uuid4())
    for name in STAGES:
        # What a new process has: nothing but the job id.
        tracing.configure(settings.model_copy(update={"otlp_endpoint": collector.url}))
        run_stages(job_id, (name,))
    tracing.flush()
    assert {(span.trace_id, span.parent_span_id) for span in collector.spans if span.name != "job"} == {
        (UUID(job_id).bytes, collector.named("job").span_id)
    }


def test_a_failure_carries_its_code_and_nothing_else(
    settings: Settings, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.configure(settings)
    scrub.register("pl4nted-secret")
    tracing.configure(settings.model_copy(update={"otlp_endpoint": collector.url}))
    job_id = str(uuid4())
    with pytest.raises(UdbError), tracing.job(job_id, "shop"), stage("sync", job_id=job_id, source="shop"):
        note(path="/x?token=pl4nted-secret", customer="Ada Lovelace")
        raise RuntimeError("Ada Lovelace has pl4nted-secret")
    tracing.flush()
    for name in ("sync", "job"):
        assert attributes(collector.named(name))["udb.error_code"] == "E_INTERNAL"
        assert collector.named(name).status.code == 2
    sent = collector.raw + capsys.readouterr().err.encode()
    assert b"pl4nted" not in sent
    assert b"Ada" not in sent


def test_an_endpoint_with_its_path_is_used_as_it_is(settings: Settings, collector: Collector) -> None:
    tracing.configure(settings.model_copy(update={"otlp_endpoint": f"{collector.url}/v1/traces"}))
    run_stages(str(uuid4()))
    tracing.flush()
    assert set(collector.paths) == {"/v1/traces"}


def connections(listener: socket.socket) -> int:
    """How many are waiting for an answer; they are left."""
    listener.setblocking(False)
    found = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            found += 1
    return found


@pytest.mark.parametrize("silent", [True, False], ids=["never answers", "refuses"])
def test_a_collector_that_is_down_neither_breaks_nor_holds_up(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(otlp, "PATIENCE_SECONDS", 4.0)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")  # what holds where ours does not
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        if silent:
            dead.listen(16)
        logging.configure(settings)
        tracing.configure(settings.model_copy(update={"otlp_endpoint": f"http://127.0.0.1:{dead.getsockname()[1]}"}))
        started = time.monotonic()
        run_stages(str(uuid4()))
        assert time.monotonic() - started < 4, "one of the stages waited for the collector"
        tracing.flush()
        if silent:
            assert connections(dead) == 1
        run_stages(str(uuid4()))
        tracing.configure(settings)
        if silent:
            assert connections(dead) == 0, "after a failure nothing is tried for a while"
    assert capsys.readouterr().err.count("tracing.undelivered") == 1


def test_without_an_endpoint_the_sdk_is_not_even_imported(settings: Settings) -> None:
    program = f"""
import sys
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines.operations import tracing
from udb_pipelines.operations.stages import stage
tracing.configure(Settings(home=Path({str(settings.home)!r})))
with tracing.job("j", "shop"), stage("sync", job_id="j", source="shop"):
    pass
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_process_that_ends_sends_what_it_has(settings: Settings, collector: Collector) -> None:
    program = f"""
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines.operations import tracing
from udb_pipelines.operations.stages import stage
tracing.configure(Settings(home=Path({str(settings.home)!r}), otlp_endpoint={collector.url!r}))
with tracing.job("j", "shop"), stage("sync", job_id="j", source="shop"):
    pass
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert sorted(span.name for span in collector.spans) == ["job", "sync"]
