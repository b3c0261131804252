"""Lines of one stream into typed Parquet, under the types of the connector's catalog.

A field gets its declared type when every value fits, and stays text otherwise; fields that the catalog does not
name come after those that it does. Nested values are JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.airbyte.fetching import is_incremental
from udb_pipelines.connectors.reading import FETCHED, Rows, Task
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError

ALLOWED = {"BIGINT": ("BIGINT",), "DOUBLE": ("BIGINT", "DOUBLE"), "BOOLEAN": ("BOOLEAN",), "DATE": ("DATE",)}
"""What a declared type may become; a number that is always whole is stored as one."""


def read(task: Task) -> Rows:
    """Load what was fetched of one stream.

    Raises:
        UdbError: ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    lines = task.folder.parent / FETCHED / f"{task.stream.dataset}.ndjson"
    about = json.loads(lines.with_suffix(".json").read_text(encoding="utf-8"))
    state = about["state"] if is_incremental(task.stream) else None
    originals = _columns(task, lines)
    source = _source(lines, originals) if about["records"] else _nothing(originals)
    relation = casting.TextRelation(
        sql=source,
        sample_sql=f"{source} LIMIT {casting.SAMPLE_ROWS}",
        columns=_typed(task, source, originals),
    )
    staged = casting.write_typed(task.duck, relation, task.target, what=task.what, rows=about["records"])
    if staged != about["records"]:
        raise UdbError(
            "E_COUNT_MISMATCH", f"{task.stream.dataset}: {about['records']} records came, {staged} were loaded"
        )
    stored = casting.stored_columns(task.duck, task.target, originals)
    return Rows((task.target,), stored, about["records"], staged, state=state)


def _columns(task: Task, lines: Path) -> dict[str, str | None]:
    """Warehouse name of every field, with the field's name where it differs."""
    declared = [column.original_name or column.name for column in task.stream.detected.columns]
    query = (
        "SELECT DISTINCT unnest(json_keys(json)) FROM "
        f"read_json_objects({quote_literal(lines)}, format = 'newline_delimited', compression = 'uncompressed')"
    )
    present = {row[0] for row in task.duck.execute(query).fetchall()}
    names = name_columns([*declared, *sorted(present - set(declared))] or ["value"])
    return {column.name: column.original_name for column in names}


def _source(lines: Path, originals: Mapping[str, str | None]) -> str:
    keys = {name: original or name for name, original in originals.items()}
    columns = ", ".join(f"{quote_literal(key)}: 'VARCHAR'" for key in keys.values())
    renamed = ", ".join(f"{quote_identifier(key)} AS {quote_identifier(name)}" for name, key in keys.items())
    return (
        f"SELECT {renamed} FROM read_json({quote_literal(lines)}, format = 'newline_delimited', "
        f"compression = 'uncompressed', columns = {{{columns}}})"
    )


def _nothing(originals: Mapping[str, str | None]) -> str:
    columns = ", ".join(f"NULL::VARCHAR AS {quote_identifier(name)}" for name in originals)
    return f"SELECT {columns} WHERE false"


def _typed(task: Task, source: str, originals: Mapping[str, str | None]) -> tuple[casting.TextColumn, ...]:
    declared = {column.name: column.type for column in task.stream.detected.columns}
    moments = _moments(task.duck, source, {name: kind for name, kind in declared.items() if kind in _MOMENTS})
    return tuple(
        casting.TextColumn(name, source=moments[name], allowed=())
        if name in moments
        else casting.TextColumn(name, task.options.null_markers, allowed=ALLOWED.get(declared.get(name, ""), ()))
        for name in originals
    )


_MOMENTS = ("TIMESTAMP", "TIMESTAMPTZ")


def _moments(duck: duckdb.DuckDBPyConnection, source: str, declared: Mapping[str, str]) -> dict[str, str]:
    """SQL of the fields whose every value is the moment that the catalog says it is, in microseconds at most."""
    if not declared:
        return {}
    casts = {name: f"TRY_CAST({quote_identifier(name)} AS {kind})" for name, kind in declared.items()}
    wrong: list[Any] = duck.execute(
        "SELECT "
        + ", ".join(
            f"count(*) FILTER (WHERE {quote_identifier(name)} IS NOT NULL AND ({cast} IS NULL OR "
            f"regexp_matches({quote_identifier(name)}, '\\.[0-9]{{7,}}')))"
            for name, cast in casts.items()
        )
        + f" FROM ({source})"
    ).fetchall()
    return {name: cast for (name, cast), bad in zip(casts.items(), wrong[0], strict=True) if not bad}
