"""New rows of one dataset on their way into the lake: counted, planned, and made ready as Parquet.

Everything here happens in the staging folder and outside the writer lock. The result is a list of synced files
that only need to be renamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from udb_pipelines import originals
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, OnSchemaChange, SchemaChange
from udb_pipelines.models.base import MOST_COLUMNS
from udb_pipelines.warehouse import ledger, schema
from udb_pipelines.warehouse.carrying import Carried
from udb_pipelines.warehouse.files import make_folder, sync_all

Mode = Literal["overwrite", "append", "upsert"]

LINEAGE = "_udb_file"
"""The column that says which file a row came from; a row is the same row in a file of another name."""


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
    tombstone: str | None = None
    keys: Path | None = None
    """Upsert: Parquet with every key there is; stored rows with another one go."""


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
    replacing: tuple[Path, ...] = ()
    """Upsert: the rows whose keys replace stored ones; more than ``batch_files`` where some only delete."""
    superseded: int = 0
    """Rows of the batch that another row of it replaced."""
    known: int = 0
    """Rows of the batch that are stored already, and stay as they are."""
    tombstones: int = 0
    """Rows of the batch that only say that a row is deleted."""
    deleted: int = 0
    """Stored rows that go without being replaced."""

    @property
    def idle(self) -> bool:
        """Whether nothing would be different afterwards."""
        plan = self.plan
        return plan.batch.mode != "overwrite" and bool(plan.before) and not (self.added or self.deleted or plan.changes)

    @property
    def added(self) -> int:
        """Rows of the batch that become rows of the dataset."""
        return self.plan.batch.rows - self.superseded - self.known - self.tombstones


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
    try:
        rows = connection.execute(f"DESCRIBE lake.main.{quote_identifier(dataset)}").fetchall()
    except duckdb.CatalogException:
        return ()
    return tuple(ColumnSchema(name=name, type=_plain_type(kind)) for name, kind, *_ in rows)


def make_plan(connection: duckdb.DuckDBPyConnection, batch: Batch) -> Plan:
    """Decide what to do with a batch, on the lake as it is now.

    Raises:
        UdbError: ``E_SCHEMA_CHANGE`` when the source does not allow the change of columns, ``E_TOO_WIDE`` for
            more columns than :data:`~udb_pipelines.models.base.MOST_COLUMNS`.
    """
    newest = ledger.newest(connection, batch.dataset)
    before = table_columns(connection, batch.dataset) if newest else ()
    fitting = tuple(_without_empty_text(connection, batch, before))
    after = schema.evolve(batch.dataset, before, fitting, batch.policy, replaces=batch.mode == "overwrite")
    if len(after) > MOST_COLUMNS:
        raise UdbError("E_TOO_WIDE", f"{batch.dataset} has {len(after)} columns, and {MOST_COLUMNS} is the most")
    return Plan(batch, newest[0] if newest else None, newest[1] if newest else 0, before, after)


def prepare(connection: duckdb.DuckDBPyConnection, plan: Plan, folder: Path, *, durable: bool = True) -> Ready:
    """Make the files of a plan: as they are where possible, rewritten where types, columns or keys ask for it.

    Not ``durable``, they are not synced: good for looking at what a commit would do, and for no commit.
    """
    if plan.batch.keys is not None:
        plan = _with_stored_keys(connection, plan, plan.batch.keys, folder / "keys")
    batch = plan.batch
    superseded = _superseded(connection, batch) if batch.mode == "upsert" else 0
    files = batch.files
    rebuilt: tuple[Path, ...] = ()
    as_stored = [(column.name, column.type) for column in plan.after]
    if superseded or [(column.name, column.type) for column in batch.columns] != as_stored:
        rows = _last_per_key(batch) if superseded else _read(batch.files)
        text = Carried(connection, batch.files, batch.columns, plan.after)
        query = f"SELECT {_cast(plan.after, batch.columns)}{text.columns} FROM {rows}"
        files = (_write(connection, query, folder / "batch", text.option),)
    replacing, known, tombstones = files, 0, 0
    if batch.mode != "overwrite" and batch.cursor and plan.rows_before and files:
        text = Carried(connection, files, plan.after, plan.after)
        files, known = _only(connection, files, _unknown(plan, files, text), folder / "unknown", text)
        replacing = files
    if batch.mode == "upsert" and batch.tombstone and files:
        text = Carried(connection, files, plan.after, plan.after)
        files, tombstones = _only(connection, files, _living(plan, files, text), folder / "living", text)
    deleted = _deleted(connection, plan, replacing, files) if tombstones or batch.keys else 0
    if plan.rebuilds:
        stored = (
            f"FROM (SELECT {_cast(plan.after, plan.before)} FROM lake.main.{quote_identifier(batch.dataset)}) AS old"
        )
        gone = replaced(batch, replacing, "old") if batch.mode == "upsert" else "false"
        rebuilt = (_write(connection, f"{stored} WHERE NOT {gone}", folder / "rebuilt"),)
    files, rebuilt = _with_rows(connection, files), _with_rows(connection, rebuilt)
    if durable:
        sync_all((*files, *rebuilt))
    rebuilt_rows = count_rows(connection, rebuilt) if rebuilt else 0
    return Ready(plan, files, rebuilt, rebuilt_rows, replacing, superseded, known, tombstones, deleted)


def _only(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], query: str, target: Path, text: Carried
) -> tuple[tuple[Path, ...], int]:
    """The rows of the files that ``query`` keeps, and the number of the others."""
    kept = _write(connection, query, target, text.option)
    return (kept,), count_rows(connection, files) - count_rows(connection, [kept])


def _with_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[Path, ...]:
    """The files that hold rows: DuckLake does not take note of the others, so they would become orphans."""
    return tuple(file for file in files if count_rows(connection, [file]))


def replaced(batch: Batch, files: Sequence[Path], table: str) -> str:
    """SQL condition: an upsert of ``batch``, complete in ``files``, removes the row of ``table``.

    It has a successor (or a tombstone) with the same key, or a key that the source does not hold any more. NULL
    equals NULL.
    """
    found = [f"EXISTS (SELECT 1 FROM {_read(files)} AS new WHERE {_same(batch.key, table)})"] if files else []
    if batch.keys:
        found.append(f"NOT EXISTS (SELECT 1 FROM {_read([batch.keys])} AS new WHERE {_same(batch.key, table)})")
    return f"({' OR '.join(found)})" if found else "false"


def _unknown(plan: Plan, files: Sequence[Path], text: Carried) -> str:
    """SQL of the rows in the files, in stored types, that the dataset does not hold yet.

    An append with a key looks at key and cursor. Otherwise the whole row counts, and may rightly come twice: the
    first of several equal rows is known when one is stored, the second when two are, and so on. Only stored rows
    from the least cursor of the batch on are looked at.
    """
    batch, cursor = plan.batch, quote_identifier(plan.batch.cursor or "")
    names = {column.name for column in batch.columns} - {LINEAGE}
    # A row that comes again with a value in a new column has changed: an upsert replaces the one that is stored.
    looked_at = plan.after if batch.mode == "upsert" else plan.before
    compared = [column.name for column in looked_at if column.name in names]
    recent = (
        f"SELECT {_cast(plan.after, plan.before)} FROM lake.main.{quote_identifier(batch.dataset)} "
        f"WHERE {cursor} IS NULL OR {cursor} >= (SELECT min({cursor}) FROM {_read(files)})"
    )
    fresh = f"FROM {_read(files)}"
    same = [*batch.key, batch.cursor or ""]
    if batch.mode == "upsert" or not batch.key:
        among = ", ".join(map(quote_identifier, compared))
        number = f"row_number() OVER (PARTITION BY {among}) AS _udb_n"
        recent, fresh = f"SELECT *, {number} FROM ({recent})", f"SELECT *, {number} {fresh}"
        same = [*compared, "_udb_n"]
    columns = ", ".join(f"new.{quote_identifier(column.name)}" for column in plan.after) + text.columns
    return (
        f"SELECT {columns} FROM ({fresh}) AS new WHERE NOT EXISTS (FROM ({recent}) AS old WHERE {_same(same, 'old')})"
    )


def _living(plan: Plan, files: Sequence[Path], text: Carried) -> str:
    """SQL of the rows in the files of an upsert that are no tombstones."""
    name = plan.batch.tombstone or ""
    kind = next((column.type for column in plan.after if column.name == name), "VARCHAR")
    column = quote_identifier(name)
    columns = ", ".join(quote_identifier(item.name) for item in plan.after)
    # Where a database has no booleans, 0 and 1 stand for them.
    flag = kind == "BOOLEAN" or kind.endswith("INT") or kind == "INTEGER"
    alive = f"{column}::BOOLEAN IS NOT TRUE" if flag else f"{column} IS NULL"
    return f"SELECT {columns}{text.columns} FROM {_read(files)} WHERE {alive}"


def _with_stored_keys(connection: duckdb.DuckDBPyConnection, plan: Plan, keys: Path, target: Path) -> Plan:
    """The keys of the source in the types that stored keys have; one that has no such form is not stored."""
    types = {column.name: column.type for column in plan.after}
    casts = ", ".join(
        f"TRY_CAST({quote_identifier(name)} AS {types[name]}) AS {quote_identifier(name)}" for name in plan.batch.key
    )
    written = _write(connection, f"SELECT DISTINCT {casts} FROM {_read([keys])}", target)
    return replace(plan, batch=replace(plan.batch, keys=written))


def _deleted(
    connection: duckdb.DuckDBPyConnection, plan: Plan, replacing: Sequence[Path], living: Sequence[Path]
) -> int:
    """How many stored rows an upsert removes for good."""
    if not plan.rows_before:
        return 0
    again = replaced(replace(plan.batch, keys=None), living, "old")
    query = f"SELECT count(*) FROM lake.main.{quote_identifier(plan.batch.dataset)} AS old "
    gone = f"{query} WHERE {replaced(plan.batch, replacing, 'old')} AND NOT {again}"
    return int(connection.execute(gone).fetchall()[0][0])


def _same(columns: Sequence[str], table: str) -> str:
    return " AND ".join(
        f"new.{quote_identifier(name)} IS NOT DISTINCT FROM {table}.{quote_identifier(name)}" for name in columns
    )


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
        f"SELECT *, {number} AS _udb_part, file_row_number AS _udb_row "
        f"FROM read_parquet({quote_literal(file)}, file_row_number = true)"
        for number, file in enumerate(batch.files)
    )
    return (
        f"(FROM ({parts}) QUALIFY row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY {order}_udb_part DESC, _udb_row DESC) = 1)"
    )


def _cast(after: Sequence[ColumnSchema], present: Sequence[ColumnSchema]) -> str:
    names = {column.name for column in present}
    return ", ".join(
        f"CAST({quote_identifier(column.name) if column.name in names else 'NULL'} AS {column.type}) "
        f"AS {quote_identifier(column.name)}"
        for column in after
    )


def _write(connection: duckdb.DuckDBPyConnection, query: str, file: Path, options: str = "") -> Path:
    make_folder(file.parent)
    target = file.with_suffix(".parquet")
    connection.execute(f"COPY ({query}) TO {quote_literal(target)} (FORMAT parquet, COMPRESSION zstd{options})")
    return target


def _read(files: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(quote_literal(file) for file in files)}])"


def _plain_type(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
