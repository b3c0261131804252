"""One table: its columns, alike ones together, then what only the table as a whole shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import duckdb

import udb_pipelines
from udb_pipelines.config import Settings
from udb_pipelines.errors import CODES
from udb_pipelines.models import ColumnProfile, Finding, Profile
from udb_pipelines.profiling.column import groups, profile_columns
from udb_pipelines.profiling.dependencies import dependencies
from udb_pipelines.profiling.keys import candidate_keys
from udb_pipelines.profiling.memory import limited
from udb_pipelines.profiling.near_dependencies import near_findings
from udb_pipelines.profiling.pace import Pace
from udb_pipelines.profiling.pairs import pair_stats
from udb_pipelines.profiling.session import VALUES, Session
from udb_pipelines.profiling.storage import Column
from udb_pipelines.profiling.sufficiency import sufficiency
from udb_pipelines.profiling.verdict import verdict

COPIED_CELLS = 2_000_000
"""A table of at most so many cells is copied into memory first: opening files again and again would cost more."""
_COPY = "udb_profile_rows"


@dataclass(frozen=True)
class Origin:
    """Where the rows come from, and what earlier stages know about them."""

    dataset: str = "relation"
    source: str = "relation"
    version: int = 0
    job_id: str = ""
    rows_read: int | None = None
    """As counted by the sync; the rows of the table when absent."""
    rows_rejected: int = 0
    findings: tuple[Finding, ...] = ()


def profile_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    settings: Settings,
    origin: Origin | None = None,
    *,
    lists: bool = False,
) -> Profile:
    """Profile ``table``, SQL that may stand after FROM, exactly.

    Works in temporary tables of ``connection``, which spill under its memory limit, and leaves none behind.
    With ``lists`` the caller collects the values that are against their column's type, see :mod:`.listing`.
    """
    origin = origin or Origin()
    started, now = perf_counter(), datetime.now(UTC)
    columns = _columns(connection, table)
    rows = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    small = rows * len(columns) <= COPIED_CELLS
    # Hundreds of small queries: waking a second thread for each costs more than it computes.
    connection.execute(f"SET threads = {1 if small else settings.threads}")
    with limited(connection, settings.memory_limit) as memory:
        if small:
            made = ", ".join(f"{column.value_sql} AS {column.identifier}" for column in columns)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {_COPY} AS SELECT {made} FROM {table}")
            table, columns = _COPY, [replace(column, ready=True) for column in columns]
        session = Session(connection, table, rows, settings, now.date(), memory, lists)
        try:
            return _profile(session, columns, origin, now, started)
        finally:
            for name in (VALUES, _COPY):
                session.drop(name)


def _profile(session: Session, columns: list[Column], origin: Origin, now: datetime, started: float) -> Profile:
    profiles: list[ColumnProfile] = []
    pace = Pace(columns, session.rows)
    pace.start()
    for alike in groups(columns, session.rows):
        profiles += profile_columns(session, alike, partial(pace.within, alike))
        pace.profiled(alike)
    profiles.sort(key=lambda profile: profile.position)
    findings = (*origin.findings, *(_no_rows() if not session.rows else ()))
    findings += tuple(finding for profile in profiles for finding in profile.findings)
    findings += near_findings(session, columns, profiles)
    findings = tuple(finding.model_copy(update={"dataset": origin.dataset}) for finding in findings)
    keys = candidate_keys(session, columns, profiles)
    session.drop(VALUES)
    pairs = pair_stats(session, columns, profiles)
    depending = dependencies(session, columns, profiles)
    pace.finish()
    return Profile(
        dataset=origin.dataset,
        source=origin.source,
        version=origin.version,
        job_id=origin.job_id,
        profiled_at=now,
        rows=session.rows,
        columns=tuple(profiles),
        keys=keys,
        findings=findings,
        rows_read=session.rows if origin.rows_read is None else origin.rows_read,
        rows_rejected=origin.rows_rejected,
        verdict=verdict(findings, rows_rejected=origin.rows_rejected, type_threshold=session.settings.type_threshold),
        pairs=pairs.stats,
        pair_notes=pairs.notes,
        dependencies=depending,
        sufficiency=sufficiency(session.rows, profiles, keys, now),
        seconds=perf_counter() - started,
        parameters=parameters(session.settings),
    )


def parameters(settings: Settings) -> dict[str, str]:
    """What decides a profile beside the data."""
    return {
        "udb": udb_pipelines.__version__,
        "type_threshold": str(settings.type_threshold),
        "gaussian_test": settings.gaussian_test,
        "max_top_values": str(settings.max_top_values),
        "mask_pii": str(settings.mask_pii).lower(),
    }


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    described = connection.execute(f"DESCRIBE FROM {table}").fetchall()
    return [Column(name, storage_type, position) for position, (name, storage_type, *_) in enumerate(described, 1)]


def _no_rows() -> tuple[Finding, ...]:
    info = CODES["W_NO_ROWS"]
    return (Finding(code="W_NO_ROWS", severity=info.severity, message=info.meaning, remedy=info.remedy),)
