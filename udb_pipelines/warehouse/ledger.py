"""The lake's bookkeeping: tables in schema ``udb`` that every commit writes in the transaction of its rows.

``udb.commits`` has a row per sync: who, what, from which state of the source, with which result. A row without
a result says that the source was dropped. ``udb.versions`` has a row per dataset and commit, user's own frames
included. ``udb.files`` has the checksums of files whose name does not tell it: lists of deleted rows, from the first
of them on. DuckLake keeps rows this few inside the catalog, so that no file is written for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from udb_pipelines.engine import quote_literal, quote_value
from udb_pipelines.models import DatasetVersion, StagedSync, SyncResult

_CREATE = """
CREATE SCHEMA lake.udb;
CREATE TABLE lake.udb.commits (
    version BIGINT, committed_at TIMESTAMPTZ, job_id VARCHAR, source VARCHAR, fingerprint VARCHAR,
    state VARCHAR, result VARCHAR);
CREATE TABLE lake.udb.versions (
    version BIGINT, committed_at TIMESTAMPTZ, job_id VARCHAR, source VARCHAR, dataset VARCHAR, dropped BOOLEAN,
    rows_read BIGINT, rows_committed BIGINT, rows_rejected BIGINT, rows_total BIGINT, columns INTEGER);
"""

_FILES_ONLY = "CALL lake.set_option('data_inlining_row_limit', 0, schema => 'main');"
"""Of data, nothing is kept in the catalog itself. Unless told, DuckLake makes a table there for each version of a
dataset's columns, for rows that never come; and whoever reads the dataset loads the columns of all tables as they were
when it was made: 13 of the 20 CPU-ms of a query. Nor have SQLite and PostgreSQL tables as wide as datasets may be."""

_LIVE = """
SELECT max(version) FILTER (result IS NULL), max(version) FILTER (result IS NOT NULL),
    arg_max({column}, version) FILTER (result IS NOT NULL)
FROM lake.udb.commits WHERE source = {source}
"""
"""When a source was last dropped, its newest commit, and a column of that. One look at the table, for DuckLake asks its
catalog half a dozen questions before it reads one."""


def exists(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the attached lake has its bookkeeping; not before the first commit ever."""
    # Schemas, not tables: listing tables loads the columns of all of them, 20 ms of CPU more.
    query = "SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'lake' AND schema_name = 'udb'"
    return bool(connection.execute(query).fetchall()[0][0])


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the bookkeeping tables in one transaction, in a new lake."""
    connection.execute(f"BEGIN; {_CREATE} {_FILES_ONLY} COMMIT")


def keep_in_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the same in a lake made before UDB saw to it, in the caller's transaction, which it counts for already."""
    limits = "FROM ducklake_options('lake') WHERE option_name = 'data_inlining_row_limit' AND scope_entry = 'main'"
    if not connection.execute(f"SELECT count(*) {limits}").fetchall()[0][0]:
        connection.execute(_FILES_ONLY)


def create_empty(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the same tables in a database that stands for a lake."""
    connection.execute(_CREATE)


def last_result(connection: duckdb.DuckDBPyConnection, source: str) -> SyncResult | None:
    """The newest commit of a source since it was last dropped."""
    found = _live(connection, "result", source)
    return SyncResult.model_validate_json(found) if found else None


def result_of(connection: duckdb.DuckDBPyConnection, source: str, job_id: str) -> SyncResult | None:
    """The commit that a job made, if its source was not dropped since."""
    job = quote_literal(job_id)
    # Nearly always there is none, so results, which are long, are read only when there is one.
    if not connection.execute(f"SELECT count(*) FROM lake.udb.commits WHERE job_id = {job}").fetchall()[0][0]:
        return None
    rows = connection.execute(
        f"SELECT result FROM lake.udb.commits WHERE source = {quote_literal(source)} AND job_id = {job} "
        "AND result IS NOT NULL AND version > (SELECT coalesce(max(version), 0) FROM lake.udb.commits "
        f"WHERE source = {quote_literal(source)} AND result IS NULL) ORDER BY version DESC LIMIT 1"
    ).fetchall()
    return SyncResult.model_validate_json(rows[0][0]) if rows else None


def last_state(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, Any]:
    """The sync state of the newest commit of a source since it was last dropped; empty when there is none."""
    found = _live(connection, "state", source)
    return dict(json.loads(found)) if found else {}


def _live(connection: duckdb.DuckDBPyConnection, column: str, source: str) -> str | None:
    query = _LIVE.format(column=column, source=quote_literal(source))
    dropped, newest, value = connection.execute(query).fetchall()[0]
    return value if newest is not None and newest > (dropped or 0) else None


def _insert(connection: duckdb.DuckDBPyConnection, table: str, *values: str | int | datetime | None) -> None:
    connection.execute(f"INSERT INTO lake.udb.{table} VALUES ({', '.join(map(quote_value, values))})")


def record_sync(connection: duckdb.DuckDBPyConnection, staged: StagedSync, result: SyncResult) -> None:
    """Write a sync's rows into the bookkeeping, in the caller's transaction."""
    _insert(
        connection,
        "commits",
        result.version,
        result.committed_at,
        result.job_id,
        result.source,
        result.fingerprint,
        json.dumps(staged.state),
        result.model_dump_json(),
    )
    for dataset in result.datasets:
        record_version(connection, dataset, result.job_id, result.source, result.committed_at)


def record_state(
    connection: duckdb.DuckDBPyConnection,
    last: SyncResult,
    job_id: str,
    state: dict[str, Any],
    version: int,
    now: datetime,
) -> None:
    """Write another state of a source whose data stays as ``last`` says, in the caller's transaction.

    Without a fingerprint, so that the next job reads the source even if it has not changed.
    """
    result = last.model_copy(update={"fingerprint": ""})
    _insert(connection, "commits", version, now, job_id, last.source, "", json.dumps(state), result.model_dump_json())


def record_version(
    connection: duckdb.DuckDBPyConnection,
    dataset: DatasetVersion,
    job_id: str,
    source: str | None,
    committed_at: datetime,
) -> None:
    """Write one dataset's row into the bookkeeping, in the caller's transaction."""
    _insert(
        connection,
        "versions",
        dataset.version,
        committed_at,
        job_id,
        source,
        dataset.dataset,
        False,
        dataset.rows_read,
        dataset.rows_committed,
        dataset.rows_rejected,
        dataset.rows_total,
        len(dataset.columns),
    )


def newest(connection: duckdb.DuckDBPyConnection, dataset: str) -> tuple[int, int] | None:
    """Version and row count of the dataset's newest commit; None when it does not exist or was dropped."""
    version, rows, dropped = connection.execute(
        "SELECT max(version), arg_max(rows_total, version), arg_max(dropped, version) FROM lake.udb.versions "
        f"WHERE dataset = {quote_literal(dataset)}"
    ).fetchall()[0]
    return None if version is None or dropped else (int(version), int(rows))


def record_drop(
    connection: duckdb.DuckDBPyConnection, dataset: str, job_id: str, source: str, version: int, now: datetime
) -> None:
    """Write down that a dataset is gone, in the caller's transaction."""
    _insert(connection, "versions", version, now, job_id, source, dataset, True, 0, 0, 0, 0, 0)


def record_source_drop(
    connection: duckdb.DuckDBPyConnection, source: str, job_id: str, version: int, now: datetime
) -> None:
    """Write down that a source starts from nothing again, in the caller's transaction."""
    _insert(connection, "commits", version, now, job_id, source, None, None, None)


_FILES = "CREATE TABLE IF NOT EXISTS lake.udb.files (path VARCHAR, sha256 VARCHAR)"


def record_digests(connection: duckdb.DuckDBPyConnection, digests: Mapping[str, str]) -> None:
    """Write down the checksums of files, by path below the folder of data files, in the caller's transaction."""
    if digests:
        rows = ", ".join(f"({quote_literal(path)}, {quote_literal(digest)})" for path, digest in digests.items())
        connection.execute(f"{_FILES}; INSERT INTO lake.udb.files VALUES {rows}")


def digests(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The checksums that :func:`record_digests` wrote down, up to the version that is read."""
    try:
        return dict(connection.execute("SELECT path, sha256 FROM lake.udb.files").fetchall())
    except duckdb.CatalogException:
        return {}  # no row was ever deleted
