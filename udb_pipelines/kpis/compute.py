"""One KPI, asked at one version: reading only, at most 5,000 rows, personal values masked."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.kpis.definitions import MOST_ROWS, Cell, Kpi, KpiResult, Project
from udb_pipelines.models import Profile

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.warehouse import Lake

_PROBE = "kpi_answer"


def datasets_of(sql: str, views: Mapping[str, str]) -> tuple[str, ...]:
    """Tables that a question reads, directly or through views; empty where it cannot be understood.

    >>> datasets_of("SELECT * FROM big JOIN c USING (i)", {"big": "SELECT * FROM a, b"})
    ('a', 'b', 'c')
    """
    import duckdb

    from udb_pipelines.warehouse.guard import tables_read

    made_of = {name.lower(): text for name, text in views.items()}
    found: set[str] = set()
    waiting = [sql]
    with duckdb.connect() as connection:
        while waiting:
            try:
                names = tables_read(connection, waiting.pop())
            except UdbError:
                continue
            waiting += [made_of[name] for name in (names & made_of.keys()) - found]
            found |= names
    return tuple(sorted(found - made_of.keys()))


def compute(
    kpi: Kpi, project: Project, lake: Lake, profiles: Sequence[Profile] = (), as_of: datetime | int | None = None
) -> KpiResult:
    """Ask ``kpi``; a question that fails gives a result that says why.

    Args:
        kpi: what is asked.
        project: whose views it may use.
        lake: who is asked.
        profiles: of the tables it reads, as far as there are any: they say which columns are personal.
        as_of: a version or a time; the newest when absent.

    Raises:
        UdbError: ``E_VERSION`` when there is no such version.
    """
    from udb_pipelines.warehouse import stream

    views = project.view_sql
    known: dict[str, Any] = {
        "name": kpi.name,
        "description": kpi.description,
        "chart": kpi.chart,
        "unit": kpi.unit,
        "sql": kpi.sql,
        "datasets": datasets_of(kpi.sql, views),
        "threshold": kpi.threshold,
        "at": datetime.now(UTC),
        "version": 0,
    }
    try:
        with stream(lake, kpi.sql, as_of, views=views) as answer:
            known["version"] = answer.version
            rows = [tuple(map(_cell, row)) for row in islice(answer.rows(), MOST_ROWS + 1)]
            columns, types = answer.columns, answer.types
    except UdbError as error:
        if error.code == "E_VERSION":
            raise
        return KpiResult(**known, error=str(error), verdict="FAIL")
    truncated, rows = len(rows) > MOST_ROWS, rows[:MOST_ROWS]
    value = _value(kpi, rows)
    masked = _personal(columns, types, rows, known["datasets"], profiles, lake.settings)
    if columns[-1] in masked:
        value = None
    return KpiResult(
        **known,
        columns=columns,
        types=types,
        rows=tuple(_masked(row, columns, masked) for row in rows),
        truncated=truncated,
        masked=tuple(name for name in columns if name in masked),
        value=value,
        verdict=kpi.threshold.verdict(value) if kpi.threshold else "PASS",
    )


def _value(kpi: Kpi, rows: Sequence[tuple[Cell, ...]]) -> float | None:
    """The last column of the first row; of a line, of the last row."""
    if not rows:
        return None
    value = rows[-1 if kpi.chart == "line" else 0][-1]
    return float(value) if isinstance(value, int | float) else None


def _cell(value: object) -> Cell:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _personal(
    columns: Sequence[str],
    types: Sequence[str],
    rows: Sequence[tuple[Cell, ...]],
    datasets: Collection[str],
    profiles: Sequence[Profile],
    settings: Settings,
) -> frozenset[str]:
    """Columns of an answer that are personal: by the profile of a table that has one of that name, or by their values.

    Numbers are judged by their name alone: a count of nine digits is no social security number.
    """
    if not settings.mask_pii:
        return frozenset()
    known = {c.name.lower() for p in profiles if p.dataset in datasets for c in p.columns if c.pii_severity}
    named = {name for name in columns if name.lower() in known}
    texts = [
        place
        for place, (name, kind) in enumerate(zip(columns, types, strict=True))
        if kind == "VARCHAR" and name not in named
    ]
    return frozenset(named | _looks_personal([columns[place] for place in texts], texts, rows, settings))


def _looks_personal(
    names: Sequence[str], places: Sequence[int], rows: Sequence[tuple[Cell, ...]], settings: Settings
) -> set[str]:
    """Text columns whose values the profiler takes for personal."""
    if not names or not rows:
        return set()
    from udb_pipelines.profiling.table import profile_table

    lines = ", ".join(f"({', '.join(_literal(row[place]) for place in places)})" for row in rows)
    # Names may repeat in an answer, not in a table.
    numbered = ", ".join(quote_identifier(f"{name}_{index}" if name in names[:index] else name)
                         for index, name in enumerate(names))  # fmt: skip
    connection = connect(settings, threads=1)
    try:
        connection.execute(f"CREATE TEMP TABLE {_PROBE} AS SELECT * FROM (VALUES {lines}) t({numbered})")
        found = profile_table(connection, _PROBE, settings)
    finally:
        connection.close()
    return {name for name, column in zip(names, found.columns, strict=True) if column.pii_severity}


def _literal(value: Cell) -> str:
    return "NULL::VARCHAR" if value is None else quote_literal(str(value))


def _masked(row: tuple[Cell, ...], columns: Sequence[str], personal: Collection[str]) -> tuple[Cell, ...]:
    from udb_pipelines.profiling.semantics import masked

    if not personal:
        return row
    return tuple(
        masked(str(value)) if name in personal and value is not None else value
        for name, value in zip(columns, row, strict=True)
    )
