"""What the lake holds and how it came about; and dropping a source, which is one more version."""

from __future__ import annotations

import json
from datetime import datetime

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.models import Model
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.transaction import Work, write


class VersionInfo(Model):
    """One commit, as one dataset saw it."""

    dataset: str
    source: str | None
    """None for a frame that somebody's own code stored."""
    version: int
    committed_at: datetime
    job_id: str
    dropped: bool
    """The commit removed the dataset; older versions can still be read."""
    rows_read: int
    rows_committed: int
    rows_rejected: int
    rows_total: int
    columns: int


DatasetInfo = VersionInfo
"""A dataset is described by its newest commit."""

_FIELDS = ", ".join(VersionInfo.model_fields)


def datasets(lake: Lake, as_of: datetime | int | None = None) -> tuple[DatasetInfo, ...]:
    """All datasets, in the order of their names, each with its newest commit."""
    with lake.reader(as_of) as connection:
        return newest(connection)


def history(lake: Lake, dataset: str) -> tuple[VersionInfo, ...]:
    """Every commit that changed a dataset, newest first; empty for an unknown one."""
    query = f"SELECT {_FIELDS} FROM lake.udb.versions WHERE dataset = {quote_literal(dataset)} ORDER BY version DESC"
    with lake.reader() as connection:
        return _read(connection, query)


def drop_source(lake: Lake, source: str, job_id: str) -> tuple[str, ...]:
    """Remove the datasets of a source as one commit and forget its sync state; old versions stay readable.

    Returns:
        Names of the datasets removed. None of them: nothing is committed.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
    """
    with lake.writer() as connection:
        if not any(dataset.source == source for dataset in newest(connection)):
            return ()
        work = Work(
            title=f"dropping {source}",
            info=json.dumps({"job_id": job_id, "source": source, "dropped": True}),
            done=lambda _: None,
            record=lambda writer, version, now, _: _drop(writer, source, job_id, version, now),
        )
        return write(lake, connection, (), work, lake.settings.staging / job_id)


def _drop(
    connection: duckdb.DuckDBPyConnection, source: str, job_id: str, version: int, now: datetime
) -> tuple[str, ...]:
    names = tuple(dataset.dataset for dataset in newest(connection) if dataset.source == source)
    for name in names:
        connection.execute(f"DROP TABLE lake.main.{quote_identifier(name)}")
        ledger.record_drop(connection, name, job_id, source, version, now)
    ledger.record_source_drop(connection, source, job_id, version, now)
    return names


def newest(connection: duckdb.DuckDBPyConnection) -> tuple[VersionInfo, ...]:
    """What :func:`datasets` tells, of the lake that the connection sees."""
    query = (
        f"SELECT {_FIELDS} FROM lake.udb.versions "
        "QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY version DESC) = 1 ORDER BY dataset"
    )
    return tuple(info for info in _read(connection, query) if not info.dropped)


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[VersionInfo, ...]:
    rows = connection.execute(query).fetchall()
    return tuple(VersionInfo(**dict(zip(VersionInfo.model_fields, row, strict=True))) for row in rows)
