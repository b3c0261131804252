"""From :class:`~udb_pipelines.errors.UdbError` to Dagster's ``Failure`` and back.

The ledger must hold what a person needs (code, stage, source, what was kept, what to do) and nothing that a
library's exception may quote from the data. So a failure is raised with no cause and no context: Dagster
stores both, whatever ``raise ... from None`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import dagster as dg

from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.operations import logging, tracing
from udb_pipelines.operations.stages import KEPT, stage, translate

T = TypeVar("T")

TRANSIENT = frozenset({"E_CONNECT", "E_LOCK_TIMEOUT"})
"""Codes that another attempt may cure. Everything else fails the same way again."""

RETRIED = frozenset({"E_CONNECT"})
"""Codes that a stage tries again by itself. Not the lock: its own deadline has been waited out by then."""

MAX_RETRIES = 2

FACTS = ("code", "message", "stage", "source", "kept", "remedy")


def failure(error: UdbError) -> dg.Failure:
    """The failure to raise for ``error``; retried only where that can help."""
    facts = {name: value for name, value in error.as_dict().items() if value is not None}
    return dg.Failure(
        description=f"{error} → {error.remedy}",
        metadata={**facts, "meaning": CODES[error.code].meaning},
        allow_retries=error.code in TRANSIENT,
    )


def facts_of(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, str | None]:
    """The six facts of :meth:`UdbError.as_dict`, read from a failure's metadata."""
    return {name: str(metadata[name].value) if name in metadata else None for name in FACTS}


def in_stage(name: str, *, job_id: str, source: str, work: Callable[[], T], attempt: int = MAX_RETRIES) -> T:
    """Run ``work`` as stage ``name``: logged, traced, timed, with errors located.

    A ``RetryPolicy`` would do for the retries, but with one Dagster answers SIGTERM and Ctrl-C by trying again.

    Args:
        name: one of ``STAGES``, or of the housekeeping.
        job_id: the run's id.
        source: the partition, or ``warehouse``.
        work: what to do.
        attempt: how many attempts there were before; below :data:`MAX_RETRIES` a code of :data:`RETRIED` is
            tried again, after one second, then two.

    Raises:
        dagster.Failure: for every error, free of causes and contexts.
        dagster.RetryRequested: to be called again.
    """
    try:
        with stage(name, job_id=job_id, source=source):
            return work()
    except UdbError as error:
        problem = error
    if problem.code in RETRIED and attempt < MAX_RETRIES:
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=2**attempt)
    raise failure(problem)


def in_part(part: str, of_stage: str, *, job_id: str, source: str, work: Callable[[], T]) -> T:
    """Run the part of a stage that happens outside its own step function, such as the commit of a sync.

    It has a span of its own, and errors that say which stage they belong to.

    Raises:
        dagster.Failure: for every error, free of causes and contexts.
    """
    try:
        with (
            logging.context(job_id=job_id, source=source, stage=of_stage),
            tracing.span(part, job_id=job_id, source=source),
        ):
            return located(work, of_stage, source)
    except UdbError as error:
        problem = error
    raise failure(problem)


def located(work: Callable[[], T], of_stage: str, source: str) -> T:
    """Do ``work``; whatever goes wrong becomes an ``UdbError`` of that stage, without the other library's text."""
    try:
        return work()
    except Exception as error:
        problem = translate(error).located(source=source, stage=of_stage, kept=KEPT.get(of_stage))
        logging.get_logger().error(
            "stage.failed", message=problem.message, code=problem.code, error_type=type(error).__name__,
            where=logging.where(error.__traceback__),
        )  # fmt: skip
    raise problem
