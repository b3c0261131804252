"""One trace per job: a span for the job, and below it one per stage.

The trace id *is* the job id, and the id of the job's span follows from it, so that the stages of one job land in one
trace even when each runs in a process of its own. Nothing is imported, kept or sent unless an OTLP endpoint is set.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings
from udb_pipelines.errors import STAGES, UdbError

if TYPE_CHECKING:
    from udb_pipelines.operations.otlp import Traces

_traces: Traces | None = None
_open_jobs: set[str] = set()
"""Jobs whose span is held open by :func:`job` in this process."""
_first_seen: dict[str, int] = {}
"""When this process first worked for a job whose span nobody holds open, in nanoseconds since the epoch."""


def configure(settings: Settings) -> None:
    """Start sending traces to ``settings.otlp_endpoint``; stop sending any when it is unset. May be called again."""
    global _traces
    if _traces:
        _traces.close()
        _traces = None
    if settings.otlp_endpoint:
        from udb_pipelines.operations.otlp import Traces

        _traces = Traces(settings.otlp_endpoint)


@contextmanager
def job(job_id: str, source: str) -> Iterator[None]:
    """The span of a whole job, for a caller that sees all of it. Stages in between become its children.

    Where nobody calls this (a run launched by the daemon), the last stage of the job closes the span for it.
    """
    if _traces is None:
        yield
        return
    started = time.time_ns()
    _open_jobs.add(job_id)
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        _open_jobs.discard(job_id)
        _traces.job_span(job_id, source, started, _code(failure))


@contextmanager
def span(name: str, *, job_id: str, source: str) -> Iterator[None]:
    """A span of a stage, ended with the code of the error that leaves it."""
    if _traces is None:
        yield
        return
    _first_seen.setdefault(job_id, time.time_ns())
    failure: BaseException | None = None
    try:
        with _traces.stage_span(name, job_id, source):
            try:
                yield
            except BaseException as error:
                failure = error
                _traces.failed(_code(error))
                raise
    finally:
        if (failure or name == STAGES[-1]) and job_id not in _open_jobs:
            _traces.job_span(job_id, source, _first_seen.pop(job_id), _code(failure))


def annotate(**counts: str | float | bool) -> None:
    """Put counts, names and codes on the current span; other fields are withheld as in the log."""
    if _traces is not None:
        _traces.annotate(counts)


def flush() -> None:
    """Send what is waiting. Happens by itself every few seconds and when the process ends."""
    if _traces is not None:
        _traces.flush()


def _code(failure: BaseException | None) -> str | None:
    if failure is None:
        return None
    return failure.code if isinstance(failure, UdbError) else type(failure).__name__
