"""One table as it was, as one more commit: nothing else changes, and what the table is now stays in history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DatasetVersion, Model
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.batch import Batch, table_columns
from udb_pipelines.warehouse.files import make_folder
from udb_pipelines.warehouse.history import VersionInfo, datasets, history
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.restore.points import Point, aim, described
from udb_pipelines.warehouse.restore.wholeness import damages, needed_files, recorded_digests
from udb_pipelines.warehouse.transaction import Applied, Work, write

_NAMED = 5


class RestoredTable(Model):
    """What became of the table."""

    table: str
    point: Point
    """Where its rows come from."""
    version: int | None
    """The commit; None for a plan."""
    rows: int
    rows_before: int | None
    """Rows until then; None when the table did not exist."""


def plan_table(lake: Lake, table: str, wanted: datetime | int, timeline: int | None = None) -> RestoredTable:
    """What :func:`restore_table` would do. Changes nothing.

    Raises:
        UdbError: ``E_VERSION`` when history does not go back so far, or had no such table then; ``E_TIMELINE``.
    """
    point = aim(lake, wanted, timeline).point
    source = lake.at(point.timeline)
    then = {info.dataset: info for info in datasets(source, point.version)}
    if table not in then:
        raise _absent(source, table, point, sorted(then))
    now = {info.dataset: info for info in datasets(lake)}
    return RestoredTable(
        table=table,
        point=point,
        version=None,
        rows=then[table].rows_total,
        rows_before=now[table].rows_total if table in now else None,
    )


def restore_table(
    lake: Lake, table: str, wanted: datetime | int, timeline: int | None = None, job_id: str | None = None
) -> RestoredTable:
    """Give a table the rows and columns that it had, as one acknowledged commit.

    Raises:
        UdbError: what :func:`plan_table` raises; ``E_RESTORE`` when its files are damaged; what a commit raises.
            The table stays as it is then.
    """
    planned = plan_table(lake, table, wanted, timeline)
    point, source = planned.point, lake.at(planned.point.timeline)
    _check_files(source, table, point)
    job = job_id or str(uuid.uuid4())
    folder = lake.settings.staging / job / f"restore_{table}"
    make_folder(folder)
    file = folder / "table.parquet"
    with source.reader(point.version, threads=lake.settings.threads) as connection:
        owner = _owner(connection, table)
        columns = table_columns(connection, table)
        name = f"lake.main.{quote_identifier(table)}"
        copied = connection.execute(f"COPY (FROM {name}) TO {quote_literal(file)} (FORMAT parquet, COMPRESSION zstd)")
        rows = int(copied.fetchall()[0][0])
    if rows != planned.rows:
        raise UdbError(
            "E_RESTORE",
            f"{table} has {rows} rows in {described(point)}, and its commit recorded {planned.rows}",
            kept=f"{table} as it is",
        )
    with lake.writer(threads=lake.settings.threads) as connection:
        info = {"job_id": job, "source": owner, "datasets": [table], "restored": {"from": point.version}}
        work = Work(
            title=f"{table} restored from {described(point)}",
            info=json.dumps(info),
            done=lambda _: None,
            record=lambda writer, version, now, applied: _record(writer, job, owner, version, now, applied),
        )
        version = write(lake, connection, [Batch(table, (file,), columns, rows)], work, folder)
    _clear(folder)
    return planned.model_copy(update={"version": version, "rows": rows})


def _record(
    connection: duckdb.DuckDBPyConnection,
    job: str,
    owner: str | None,
    version: int,
    now: datetime,
    applied: Sequence[Applied],
) -> int:
    (done,) = applied
    batch = done.plan.batch
    result = DatasetVersion(
        dataset=batch.dataset,
        version=version,
        columns=done.plan.after,
        rows_read=batch.rows,
        rows_committed=batch.rows,
        rows_rejected=0,
        rows_total=done.rows_total,
        schema_changes=done.plan.changes,
    )
    ledger.record_version(connection, result, job, owner, now)
    return version


def _owner(connection: duckdb.DuckDBPyConnection, table: str) -> str | None:
    rows = connection.execute(
        f"SELECT source FROM lake.udb.versions WHERE dataset = {quote_literal(table)} ORDER BY version DESC LIMIT 1"
    ).fetchall()
    return rows[0][0] if rows else None


def _check_files(source: Lake, table: str, point: Point) -> None:
    files = [
        file
        for file in needed_files(source)
        if file.schema == "main" and file.table == table and file.at(point.version)
    ]
    found = damages(source, files, recorded_digests(source))
    if found:
        named = "; ".join(str(item) for item in found[:_NAMED])
        raise UdbError(
            "E_RESTORE",
            f"{described(point)} is damaged: {named}",
            kept=f"{table} as it is",
            remedy=f"choose another version: udb history {table}; or restore a snapshot: udb restore from",
        )


def _absent(source: Lake, table: str, point: Point, tables: list[str]) -> UdbError:
    spans = _spans(history(source, table))
    if spans:
        return UdbError(
            "E_VERSION",
            f"there was no table {table} in {described(point)}; there was {' and '.join(spans)}",
            kept="the warehouse as it is",
            remedy=f"udb history {table} shows its versions",
        )
    return UdbError(
        "E_VERSION",
        f"there never was a table {table} on timeline {point.timeline}",
        kept="the warehouse as it is",
        remedy=f"the tables of {described(point)}: {', '.join(tables) or 'none'}",
    )


def _spans(entries: tuple[VersionInfo, ...]) -> list[str]:
    """When a table existed, from its commits, newest first."""
    spans: list[str] = []
    begun: VersionInfo | None = None
    for entry in reversed(entries):
        if entry.dropped and begun:
            spans.append(f"from version {begun.version} ({_time(begun)}) to {entry.version - 1} ({_time(entry)})")
            begun = None
        elif begun is None and not entry.dropped:
            begun = entry
    if begun:
        spans.append(f"from version {begun.version} ({_time(begun)}) on")
    return spans


def _time(entry: VersionInfo) -> str:
    return f"{entry.committed_at:%Y-%m-%d %H:%M:%S} UTC"


def _clear(folder: Path) -> None:
    """Remove what the commit left over in staging; what cannot be removed is left to the doctor."""
    for file in folder.rglob("*.parquet"):
        with suppress(OSError):
            file.unlink()
    for emptied in (*folder.glob("*"), folder, folder.parent):
        with suppress(OSError):
            emptied.rmdir()
