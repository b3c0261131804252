"""The first commit of a new timeline: it says what was restored, and settles what cannot be inherited as it is.

It is made while nobody else knows the timeline. Two things are settled: a file that was merged from the commits of
several versions, some of them later than the one restored, is replaced by one with the rows of that version; and
tables that could not be saved are dropped, and their sources told to start from nothing.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal, quote_value
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import ledger, steps
from udb_pipelines.warehouse.files import make_folder, move, sha256, sync_all, sync_folder
from udb_pipelines.warehouse.history import VersionInfo, newest
from udb_pipelines.warehouse.lake import Lake, version_of

AUTHOR = "udb"

_CREATE = """
CREATE TABLE IF NOT EXISTS lake.udb.restores (
    version BIGINT, restored_at TIMESTAMPTZ, restored_version BIGINT, timeline INTEGER, origin VARCHAR)
"""

_MIXED = """
WITH mixed AS (
    SELECT table_id FROM catalog.ducklake_data_file
    WHERE begin_snapshot <= {v} AND (end_snapshot IS NULL OR end_snapshot > {v}) AND partial_max > {v}
    UNION
    SELECT table_id FROM catalog.ducklake_delete_file
    WHERE begin_snapshot <= {v} AND (end_snapshot IS NULL OR end_snapshot > {v}) AND partial_max > {v})
SELECT s.schema_name, t.table_name FROM mixed JOIN catalog.ducklake_table t USING (table_id)
JOIN catalog.ducklake_schema s USING (schema_id)
WHERE t.begin_snapshot <= {v} AND (t.end_snapshot IS NULL OR t.end_snapshot > {v})
ORDER BY ALL
"""
"""Tables with a file that holds rows of versions on both sides of the one restored."""


@dataclass(frozen=True)
class Beginning:
    """What a new timeline begins with."""

    timeline: int
    origin: str
    restored_version: int
    lost: frozenset[str] = frozenset()
    """Tables that could not be saved."""


@dataclass(frozen=True)
class Rewritten:
    """The rows of one table at the version restored, in a file of their own."""

    schema: str
    table: str
    file: Path | None
    """None: the table had no rows."""


def rewrite_mixed(source: Lake, version: int, lost: frozenset[str], folder: Path) -> tuple[Rewritten, ...]:
    """Write the rows of the tables whose files do not end at ``version``; usually there are none."""
    with source.raw_catalog() as connection:
        found = connection.execute(_MIXED.format(v=f"{version:d}")).fetchall() if connection else []
    mixed = [(str(schema), str(table)) for schema, table in found if table not in lost]
    if not mixed:
        return ()
    make_folder(folder)
    with source.reader(version, threads=source.settings.threads) as connection:
        return tuple(_rewritten(connection, schema, table, folder) for schema, table in mixed)


def _rewritten(connection: duckdb.DuckDBPyConnection, schema: str, table: str, folder: Path) -> Rewritten:
    file = folder / f"{schema}.{table}.parquet"
    name = f"lake.{quote_identifier(schema)}.{quote_identifier(table)}"
    rows = connection.execute(f"COPY (FROM {name}) TO {quote_literal(file)} (FORMAT parquet, COMPRESSION zstd)")
    if not rows.fetchall()[0][0]:
        file.unlink()
        return Rewritten(schema, table, None)
    sync_all([file])
    return Rewritten(schema, table, file)


def begin(lake: Lake, beginning: Beginning, rewritten: tuple[Rewritten, ...]) -> int:
    """Commit the beginning on ``lake``, whose catalog is the new timeline's, and return its version.

    Raises:
        UdbError: ``E_WAREHOUSE``.
    """
    with lake.writer() as connection:
        now = datetime.now(UTC)
        connection.execute("BEGIN")
        version = version_of(connection) + 1
        connection.execute(_CREATE)
        values: tuple[int | str | datetime, ...] = (
            version, now, beginning.restored_version, beginning.timeline, beginning.origin,
        )  # fmt: skip
        connection.execute(f"INSERT INTO lake.udb.restores VALUES ({', '.join(map(quote_value, values))})")
        for table in rewritten:
            _replace(lake, connection, table)
        _drop_lost(connection, beginning, version, now)
        info = {
            "restored_version": beginning.restored_version,
            "timeline": beginning.timeline,
            "lost": sorted(beginning.lost),
        }
        title = quote_literal(f"restored {beginning.origin}")
        connection.execute(
            f"CALL lake.set_commit_message('{AUTHOR}', {title}, extra_info => {quote_literal(json.dumps(info))})"
        )
        try:
            connection.execute("COMMIT")
        except duckdb.Error as error:
            raise UdbError(
                "E_WAREHOUSE",
                f"the new timeline could not be begun ({type(error).__name__})",
                kept="the current timeline, as it is",
            ) from error
    steps.reached("restore_begun")
    return version


def _replace(lake: Lake, connection: duckdb.DuckDBPyConnection, rows: Rewritten) -> None:
    table = f"lake.{quote_identifier(rows.schema)}.{quote_identifier(rows.table)}"
    connection.execute(f"DELETE FROM {table}")
    if rows.file is None:
        return
    folder = lake.catalog.files / rows.schema / rows.table
    make_folder(folder)
    target = folder / f"udb-{uuid.uuid4().hex}-0-{sha256(rows.file)}.parquet"
    move(rows.file, target)
    sync_folder(folder)
    connection.execute(
        f"CALL ducklake_add_data_files('lake', {quote_literal(rows.table)}, {quote_literal(target)}, "
        f"schema => {quote_literal(rows.schema)})"
    )


def _drop_lost(connection: duckdb.DuckDBPyConnection, beginning: Beginning, version: int, now: datetime) -> None:
    if not beginning.lost:
        return
    job = f"restore to {beginning.origin}"
    sources = set()
    for name, source in connection.execute(
        "SELECT dataset, source FROM lake.udb.versions "
        "QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY version DESC) = 1 AND NOT dropped"
    ).fetchall():
        if name in beginning.lost:
            connection.execute(f"DROP TABLE lake.main.{quote_identifier(name)}")
            ledger.record_drop(connection, name, job, source, version, now)
            sources.add(source)
    for source in sorted(sources - {None}):
        ledger.record_source_drop(connection, source, job, version, now)


def check_counts(lake: Lake) -> tuple[VersionInfo, ...]:
    """Count every table of a timeline and compare with what its commits recorded; returns the tables.

    Raises:
        UdbError: ``E_RESTORE`` naming the tables that differ.
    """
    problems = []
    with lake.reader(threads=lake.settings.threads) as connection:
        # In one transaction: DuckLake reads its catalog anew for each.
        connection.execute("BEGIN")
        known = newest(connection)
        for info in known:
            query = f"SELECT count(*) FROM lake.main.{quote_identifier(info.dataset)}"
            rows = int(connection.execute(query).fetchall()[0][0])
            if rows != info.rows_total:
                problems.append(f"{info.dataset} has {rows} rows, its commit {info.version} recorded {info.rows_total}")
    if problems:
        raise UdbError(
            "E_RESTORE", f"the restored tables do not add up: {'; '.join(problems)}", kept="the warehouse as it is"
        )
    return known
