"""New rows of one dataset on their way into the lake: counted, planned, and made ready as Parquet.

Everything here happens in the staging folder and outside the writer lock. The result is a list of synced files
that only need to be renamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from udb_pipelines import originals
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, OnSchemaChange, SchemaChange
from udb_pipelines.warehouse import ledger, schema
from udb_pipelines.warehouse.files import make_folder, sync_all

Mode = Literal["overwrite", "append", "upsert"]


@dataclass(frozen=True)
class Batch:
    """Rows to be committed to one dataset."""

    dataset: str
    files: tuple[Path, ...]
    columns: tuple[ColumnSchema, ...]
    """As they are in the files."""
    rows: int
    mode: Mode = "overwrite"
    key: tuple[str, ...] = ()
    cursor: str | None = None
    policy: OnSchemaChange = "evolve"


@dataclass(frozen=True)
class Plan:
    """What a commit will do to one dataset, decided on the version ``seen``."""

    batch: Batch
    seen: int | None
    """Version of the dataset's newest commit; None when the dataset is new. A plan is void once it differs."""
    rows_before: int
    before: tuple[ColumnSchema, ...]
    after: tuple[ColumnSchema, ...]

    @property
    def changes(self) -> tuple[SchemaChange, ...]:
        """Differences of the columns; none for a new dataset."""
        return schema.compare(self.before, self.after) if self.before else ()

    @property
    def rebuilds(self) -> bool:
        """The stored rows must be rewritten: a column takes a type that their files cannot be read as."""
        return self.batch.mode != "overwrite" and any(
            change.change == "retyped" and change.after == "VARCHAR" for change in self.changes
        )


@dataclass(frozen=True)
class Ready:
    """A plan whose files are complete and synced, in the staging folder."""

    plan: Plan
    batch_files: tuple[Path, ...]
    rebuilt_files: tuple[Path, ...] = ()
    """The rows stored so far, in the new types; they replace all files of the dataset."""
    rebuilt_rows: int = 0
    superseded: int = 0
    """Rows of the batch that another row of it replaced."""


def file_columns(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[ColumnSchema, ...]:
    """Columns of Parquet files that all have the same ones; those that only keep text are not counted among them.

    Raises:
        UdbError: ``E_INTERNAL`` when they differ from file to file.
    """
    found = set()
    for file in files:
        described = connection.execute(f"DESCRIBE FROM {_read([file])}").fetchall()
        hidden = _companions(connection, [file])
        found.add(tuple((str(row[0]), str(row[1])) for row in described if row[0] not in hidden))
    if len(found) != 1:
        raise UdbError("E_INTERNAL", "the staged files of a dataset do not have the same columns")
    return tuple(ColumnSchema(name=name, type=_plain_type(kind)) for name, kind in found.pop())


def _companions(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> set[str]:
    """Columns of the files that keep text beside typed values."""
    told = originals.of_files(connection, files)
    return {name for found in told.values() for name in found.companions.values()}


def extra_columns(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> bool:
    """Whether the files have columns that no table of the lake has."""
    return bool(_companions(connection, files))


def count_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """Rows in Parquet files, by their footers."""
    names = ", ".join(quote_literal(file) for file in files)
    query = f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata([{names}])"
    return int(connection.execute(query).fetchall()[0][0])


def table_columns(connection: duckdb.DuckDBPyConnection, dataset: str) -> tuple[ColumnSchema, ...]:
    """Columns of a dataset in the attached lake; empty when there is no such dataset."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'main' "
        f"AND table_name = {quote_literal(dataset)} ORDER BY column_index"
    ).fetchall()
    return tuple(ColumnSchema(name=name, type=_plain_type(kind)) for name, kind in rows)


def make_plan(connection: duckdb.DuckDBPyConnection, batch: Batch) -> Plan:
    """Decide what to do with a batch, on the lake as it is now.

    Raises:
        UdbError: ``E_SCHEMA_CHANGE`` when the source does not allow the change of columns.
    """
    newest = ledger.newest(connection, batch.dataset)
    before = table_columns(connection, batch.dataset) if newest else ()
    fitting = tuple(_without_empty_text(connection, batch, before))
    after = schema.evolve(batch.dataset, before, fitting, batch.policy, replaces=batch.mode == "overwrite")
    return Plan(batch, newest[0] if newest else None, newest[1] if newest else 0, before, after)


def prepare(connection: duckdb.DuckDBPyConnection, plan: Plan, folder: Path) -> Ready:
    """Make the files of a plan: as they are where possible, rewritten where types, columns or keys ask for it."""
    batch = plan.batch
    superseded = _superseded(connection, batch) if batch.mode == "upsert" else 0
    files = batch.files
    rebuilt: tuple[Path, ...] = ()
    as_stored = [(column.name, column.type) for column in plan.after]
    if superseded or [(column.name, column.type) for column in batch.columns] != as_stored:
        rows = _last_per_key(batch) if superseded else _read(batch.files)
        files = (_write(connection, f"SELECT {_cast(plan.after, batch.columns)} FROM {rows}", folder / "batch"),)
    if plan.rebuilds:
        stored = (
            f"FROM (SELECT {_cast(plan.after, plan.before)} FROM lake.main.{quote_identifier(batch.dataset)}) AS old"
        )
        replaced = f" WHERE NOT {matching(batch.key, files, 'old')}" if batch.mode == "upsert" and files else ""
        rebuilt = (_write(connection, stored + replaced, folder / "rebuilt"),)
    files, rebuilt = _with_rows(connection, files), _with_rows(connection, rebuilt)
    sync_all((*files, *rebuilt))
    return Ready(plan, files, rebuilt, count_rows(connection, rebuilt) if rebuilt else 0, superseded)


def _with_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[Path, ...]:
    """The files that hold rows: DuckLake does not take note of the others, so they would become orphans."""
    return tuple(file for file in files if count_rows(connection, [file]))


def matching(key: Sequence[str], files: Sequence[Path], table: str) -> str:
    """SQL condition: a row of ``table`` has a successor with the same key in the files. NULL equals NULL."""
    same = " AND ".join(
        f"new.{quote_identifier(name)} IS NOT DISTINCT FROM {table}.{quote_identifier(name)}" for name in key
    )
    return f"EXISTS (SELECT 1 FROM {_read(files)} AS new WHERE {same})"


def _without_empty_text(
    connection: duckdb.DuckDBPyConnection, batch: Batch, before: Sequence[ColumnSchema]
) -> list[ColumnSchema]:
    """The batch's columns; one without any value has no type of its own and takes the stored one."""
    stored = {column.name: column.type for column in before}
    doubtful = [
        column.name
        for column in batch.columns
        if column.type == "VARCHAR" and stored.get(column.name, "VARCHAR") != "VARCHAR"
    ]
    if not doubtful or not batch.files:
        return list(batch.columns)
    counts = ", ".join(f"count({quote_identifier(name)})" for name in doubtful)
    values = connection.execute(f"SELECT {counts} FROM {_read(batch.files)}").fetchall()[0]
    empty = {name for name, count in zip(doubtful, values, strict=True) if count == 0}
    return [
        column.model_copy(update={"type": stored[column.name]}) if column.name in empty else column
        for column in batch.columns
    ]


def _superseded(connection: duckdb.DuckDBPyConnection, batch: Batch) -> int:
    if not batch.files:
        return 0
    keys = ", ".join(quote_identifier(name) for name in batch.key)
    query = f"SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {_read(batch.files)})"
    return batch.rows - int(connection.execute(query).fetchall()[0][0])


def _last_per_key(batch: Batch) -> str:
    keys = ", ".join(quote_identifier(name) for name in batch.key)
    order = f"{quote_identifier(batch.cursor)} DESC NULLS LAST, " if batch.cursor else ""
    parts = " UNION ALL BY NAME ".join(
        f"SELECT *, {number} AS _udb_file, file_row_number AS _udb_row "
        f"FROM read_parquet({quote_literal(file)}, file_row_number = true)"
        for number, file in enumerate(batch.files)
    )
    return (
        f"(FROM ({parts}) QUALIFY row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY {order}_udb_file DESC, _udb_row DESC) = 1)"
    )


def _cast(after: Sequence[ColumnSchema], present: Sequence[ColumnSchema]) -> str:
    names = {column.name for column in present}
    return ", ".join(
        f"CAST({quote_identifier(column.name) if column.name in names else 'NULL'} AS {column.type}) "
        f"AS {quote_identifier(column.name)}"
        for column in after
    )


def _write(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> Path:
    make_folder(file.parent)
    target = file.with_suffix(".parquet")
    connection.execute(f"COPY ({query}) TO {quote_literal(target)} (FORMAT parquet, COMPRESSION zstd)")
    return target


def _read(files: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(quote_literal(file) for file in files)}])"


def _plain_type(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
