"""Lines of one stream into typed Parquet, under the types of the connector's catalog.

A field gets its declared type when every value is of it, and stays text otherwise; fields that the catalog does not
name come after those that it does. Nested values are JSON text. What kinds of values a field had is known from the
fetching, so one pass reads the lines, casts moments and writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.airbyte.discovery import original_of
from udb_pipelines.connectors.airbyte.fetching import is_incremental
from udb_pipelines.connectors.airbyte.intake import KINDS
from udb_pipelines.connectors.airbyte.shapes import ANY, TEXT
from udb_pipelines.connectors.reading import FETCHED, Rows, Task, finding
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.models import Finding

ALLOWED = {"BIGINT": ("BIGINT",), "DOUBLE": ("BIGINT", "DOUBLE"), "BOOLEAN": ("BOOLEAN",)}
"""What a field may become that had other values than its declared type has."""
MOMENT = "udb: a value is not the moment that its column declares"
_DAY, _CLOCK = r"\d{4}-\d{2}-\d{2}", r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_SHAPES = {
    "DATE": _DAY,
    "TIMESTAMP": f"{_DAY}[T ]{_CLOCK}",
    "TIMESTAMPTZ": rf"{_DAY}[T ]{_CLOCK}([Zz]|[+-]\d{{2}}(:?\d{{2}})?)?",
}
"""How moments are written that a type holds whole: in microseconds, and without an offset where it has none."""
_LINE = 16 << 20
"""Bytes of a line for which DuckDB is prepared."""


@dataclass(frozen=True)
class _Field:
    """A field of the file, its column, and what the catalog says of it."""

    name: str
    column: str
    key: str
    kind: str
    declared: str

    @property
    def sql_type(self) -> str:
        """What the field is read as."""
        return next((declared for declared, kind in KINDS.items() if kind == self.kind), "VARCHAR")

    @property
    def is_conflicting(self) -> bool:
        """Whether values came that are not of the declared type."""
        return self.kind == ANY and self.declared != "VARCHAR"

    @property
    def moment(self) -> str | None:
        """SQL of the moment, NULL for a text that is none, where the field declares one."""
        if self.kind != TEXT or self.declared not in _SHAPES:
            return None
        text = quote_identifier(self.column)
        shape = quote_literal(_SHAPES[self.declared])
        return f"CASE WHEN regexp_full_match({text}, {shape}) THEN TRY_CAST({text} AS {self.declared}) END"


def read(task: Task) -> Rows:
    """Load what was fetched of one stream.

    Raises:
        UdbError: ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    lines = task.folder.parent / FETCHED / f"{task.stream.dataset}.ndjson"
    about = json.loads(lines.with_suffix(".json").read_text(encoding="utf-8"))
    fields = _fields(task, about["fields"])
    source = _source(lines, fields, about["longest"]) if about["records"] else _nothing(fields)
    staged, conflicting = _write(task, source, fields, about["records"])
    if staged != about["records"]:
        raise UdbError(
            "E_COUNT_MISMATCH", f"{task.stream.dataset}: {about['records']} records came, {staged} were loaded"
        )
    renamed = {field.column: field.name for field in fields if field.column != field.name}
    return Rows(
        (task.target,),
        casting.stored_columns(task.duck, task.target, {**dict.fromkeys(f.column for f in fields), **renamed}),
        about["records"],
        staged,
        findings=(*_conflicts(conflicting), *_unasked(about["unasked"])),
        # A connector that found nothing may send no state: the next sync goes on from where this one did.
        state=(about["state"] or dict(task.state)) if is_incremental(task.stream) else None,
    )


def _fields(task: Task, met: Sequence[tuple[str, str, str]]) -> tuple[_Field, ...]:
    """The fields of the catalog, then the others by name."""
    columns = task.stream.detected.columns
    declared = {original_of(column): column.type for column in columns}
    known = {name: (key, kind) for name, key, kind in met} or {"value": ("value", ANY)}
    ordered = [*(name for name in known if name in declared), *sorted(known.keys() - declared.keys())]
    return tuple(
        _Field(name, column.name, *known[name], declared.get(name, "VARCHAR"))
        for name, column in zip(ordered, name_columns(ordered), strict=True)
    )


def _source(lines: Path, fields: Sequence[_Field], longest: int) -> str:
    columns = ", ".join(f"{quote_literal(field.key)}: '{field.sql_type}'" for field in fields)
    renamed = ", ".join(f"{quote_identifier(field.key)} AS {quote_identifier(field.column)}" for field in fields)
    size = f", maximum_object_size = {longest + 1024}" if longest >= _LINE else ""
    return (
        f"SELECT {renamed} FROM read_json({quote_literal(lines)}, format = 'newline_delimited', "
        f"compression = 'uncompressed', records = true, columns = {{{columns}}}{size})"
    )


def _nothing(fields: Sequence[_Field]) -> str:
    columns = ", ".join(f"NULL::{field.sql_type} AS {quote_identifier(field.column)}" for field in fields)
    return f"SELECT {columns} WHERE false"


def _write(task: Task, source: str, fields: Sequence[_Field], records: int) -> tuple[int, list[str]]:
    """The number of rows written, and the columns that conflict with the catalog.

    Some rows tell whether a field holds the moments that it declares; a value further on that is none stops the pass,
    which is made again after a look at all of them.
    """
    sample = f"{source} LIMIT {casting.SAMPLE_ROWS}"
    moments = _moments(task.duck, sample, [field for field in fields if field.moment])
    try:
        return _pass(task, source, fields, moments, records)
    except duckdb.InvalidInputException as error:
        if MOMENT not in str(error):
            raise
    return _pass(task, source, fields, _moments(task.duck, source, moments), records)


def _pass(
    task: Task, source: str, fields: Sequence[_Field], moments: Sequence[_Field], records: int
) -> tuple[int, list[str]]:
    relation = casting.TextRelation(
        sql=source,
        sample_sql=f"{source} LIMIT {casting.SAMPLE_ROWS}",
        columns=tuple(_column(task, field, field in moments) for field in fields),
    )
    conflicting = [field.column for field in fields if field.is_conflicting or (field.moment and field not in moments)]
    return casting.write_typed(task.duck, relation, task.target, what=task.what, rows=records), conflicting


def _column(task: Task, field: _Field, is_moment: bool) -> casting.TextColumn:
    if is_moment:
        text = quote_identifier(field.column)
        stop = f"CASE WHEN {text} IS NOT NULL THEN error({quote_literal(MOMENT)}) END"
        return casting.TextColumn(field.column, source=f"coalesce({field.moment}, {stop})", allowed=())
    if field.kind == ANY:
        return casting.TextColumn(field.column, task.options.null_markers, allowed=ALLOWED.get(field.declared, ()))
    return casting.as_stored(field.column)


def _moments(duck: duckdb.DuckDBPyConnection, rows: str, fields: Sequence[_Field]) -> list[_Field]:
    """Those of ``fields`` whose every value in ``rows`` is the moment that the catalog says it is."""
    if not fields:
        return []
    wrong: list[Any] = duck.execute(
        "SELECT "
        + ", ".join(
            f"count(*) FILTER (WHERE {quote_identifier(field.column)} IS NOT NULL AND ({field.moment}) IS NULL)"
            for field in fields
        )
        + f" FROM ({rows})"
    ).fetchall()
    return [field for field, bad in zip(fields, wrong[0], strict=True) if not bad]


def _conflicts(columns: Sequence[str]) -> tuple[Finding, ...]:
    if not columns:
        return ()
    message = f"{CODES['W_TYPE_DECLARED'].meaning}: {', '.join(columns)}"
    return (finding("W_TYPE_DECLARED", message, count=len(columns)),)


def _unasked(streams: Mapping[str, int]) -> tuple[Finding, ...]:
    return tuple(
        finding("W_STREAM_UNASKED", f"{CODES['W_STREAM_UNASKED'].meaning}: {stream}", count=count)
        for stream, count in streams.items()
    )
