"""Concurrency pools: their limits, and the slots that dead runs left behind.

The pool of one lets launched runs queue instead of parsing next to each other on the same disk. It is not the
guard: Dagster can leak a slot when a run is killed while it holds or awaits one, and then everybody waits for
ever. So slots of runs that have ended, or that the ledger does not know, are freed here, and the warehouse
has a lock of its own.
"""

from __future__ import annotations

import dagster as dg

from udb_pipelines.config import Settings

WRITER = "duckdb_writer"
ANALYSIS = "udb_analysis"


def set_limits(instance: dg.DagsterInstance, settings: Settings) -> None:
    """One writer; as many analyses as the settings say. :func:`let_tenants_write` knows of more tenants."""
    for pool, limit in limits(settings).items():
        instance.event_log_storage.set_concurrency_slots(pool, limit)


def limits(settings: Settings) -> dict[str, int]:
    """Slots per pool."""
    return {WRITER: 1, ANALYSIS: settings.max_analysis_jobs}


def let_tenants_write(instance: dg.DagsterInstance, tenants: int) -> None:
    """A slot per tenant: one tenant's load must not queue behind another's, for each has a lock of its own."""
    storage = instance.event_log_storage
    if storage.get_concurrency_info(WRITER).slot_count != tenants:
        storage.set_concurrency_slots(WRITER, tenants)


def stale(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """The ids of runs that hold or await a slot although they have ended or are unknown."""
    held = sorted(instance.event_log_storage.get_concurrency_run_ids())
    return tuple(run_id for run_id in held if (run := instance.get_run_by_id(run_id)) is None or run.is_finished)


def reap(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Free slots and claims of runs that have ended or are unknown. Returns the ids of those runs."""
    dead = stale(instance)
    for run_id in dead:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return dead
