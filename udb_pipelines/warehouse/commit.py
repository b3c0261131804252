"""Committing a sync: its rows are reconciled, become one version with state and counts, and are acknowledged.

Running the commit of a job twice gives the result of the first; a job without datasets gives the source's last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from udb_pipelines.errors import CODES, UdbError
from udb_pipelines.models import (
    ColumnSchema,
    DatasetVersion,
    Finding,
    StagedDataset,
    StagedSync,
    SyncMode,
    SyncResult,
)
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.batch import Batch, Mode, count_rows, file_columns
from udb_pipelines.warehouse.lake import Lake, timeline_of
from udb_pipelines.warehouse.transaction import Applied, Work, write

_FEW_ROWS = 100_000

_MODES: dict[SyncMode, Mode] = {
    "full_refresh_overwrite": "overwrite",
    "full_refresh_append": "append",
    "incremental_append": "append",
    "incremental_upsert": "upsert",
}


def commit(lake: Lake, staged: StagedSync) -> SyncResult:
    """Commit everything staged as one version; when this returns, the version is durable.

    Nothing staged (the source has not changed) returns the source's last result, marked ``unchanged``.

    Raises:
        UdbError: ``E_COUNT_MISMATCH`` when rows are unaccounted for, ``E_EMPTY`` when a dataset would lose all
            its rows and the source does not allow it, ``E_SCHEMA_CHANGE``, ``E_LOCK_TIMEOUT``, ``E_WAREHOUSE``.
            The previous version stays in every case.
    """
    if not staged.datasets:
        return _unchanged(lake, staged)
    folder = lake.settings.staging / staged.job_id
    with lake.writer(threads=_threads(lake, staged)) as connection:
        batches = [batch_of(connection, dataset, staged) for dataset in staged.datasets]
        info = {"job_id": staged.job_id, "source": staged.source, "datasets": [batch.dataset for batch in batches]}
        work = Work(
            title=f"job {staged.job_id} of {staged.source}",
            info=json.dumps(info),
            done=lambda reader: ledger.result_of(reader, staged.source, staged.job_id),
            record=lambda writer, version, now, applied: _record(writer, staged, version, now, applied),
            idle=lambda reader: _idle(reader, staged),
        )
        result = write(lake, connection, batches, work, folder)
    _clear(folder, staged)
    return result


def _threads(lake: Lake, staged: StagedSync) -> int:
    """All of them where rows may have to be merged or rewritten; renaming files needs one."""
    return lake.settings.threads if sum(dataset.rows_staged for dataset in staged.datasets) > _FEW_ROWS else 1


def last_sync(lake: Lake, source: str) -> SyncResult | None:
    """The last acknowledged commit of a source; None when it never had one, or was dropped."""
    with lake.reader() as connection:
        return ledger.last_result(connection, source)


def last_state(lake: Lake, source: str) -> dict[str, object]:
    """The sync state (cursors) that the last commit of a source left; empty when there is none."""
    with lake.reader() as connection:
        return ledger.last_state(connection, source)


def set_state(lake: Lake, source: str, state: dict[str, object], job_id: str) -> None:
    """Replace the sync state of a source in a commit of its own; its data stays.

    Raises:
        UdbError: ``E_STAGE`` when the source was never loaded, so that there is nothing to go on from.
    """
    with lake.writer() as connection:
        work: Work[SyncResult] = Work(
            title=f"new sync state of {source}",
            info=json.dumps({"job_id": job_id, "source": source, "state": True}),
            done=lambda reader: None,
            record=lambda writer, version, now, _: _record_state(writer, source, state, job_id, version, now),
        )
        write(lake, connection, (), work, lake.settings.staging / job_id)


def _record_state(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    state: dict[str, object],
    job_id: str,
    version: int,
    now: datetime,
) -> SyncResult:
    last = ledger.last_result(connection, source)
    if last is None:
        raise UdbError("E_STAGE", f"{source} was never loaded, so it has no state", remedy=f"load it: udb run {source}")
    ledger.record_state(connection, last, job_id, state, version, now)
    return last


def _idle(connection: duckdb.DuckDBPyConnection, staged: StagedSync) -> SyncResult | None:
    """The last result, when what was read since is known already. A file is told by its fingerprint instead."""
    last = ledger.last_result(connection, staged.source) if staged.state else None
    return last.model_copy(update={"unchanged": True}) if last and last.fingerprint else None


def _check_timeline(connection: duckdb.DuckDBPyConnection, staged: StagedSync) -> None:
    """Rows that go on from a state must not be committed where that state is not."""
    if staged.timeline is not None and timeline_of(connection) != staged.timeline:
        raise _restored(staged)


def _restored(staged: StagedSync) -> UdbError:
    return UdbError(
        "E_RESTORED",
        f"the warehouse was restored to another version while the job {staged.job_id} ran",
        source=staged.source,
        kept="the restored warehouse, as it is",
    )


def _unchanged(lake: Lake, staged: StagedSync) -> SyncResult:
    last = last_sync(lake, staged.source)
    if (last is None or last.fingerprint != staged.fingerprint) and lake.register().current > 1:
        raise _restored(staged)
    if last is None:
        raise UdbError("E_INTERNAL", f"{staged.source} is said to be unchanged, but was never committed")
    return last.model_copy(update={"unchanged": True})


def batch_of(connection: duckdb.DuckDBPyConnection, dataset: StagedDataset, staged: StagedSync) -> Batch:
    """Check that every row read is accounted for, by the files themselves."""
    missing = [file for file in dataset.parquet if not file.exists()]
    if missing:
        # A commit of this job may have taken them; then the ledger knows, and the files are not needed.
        done = ledger.result_of(connection, staged.source, staged.job_id)
        if done is None:
            raise UdbError("E_VANISHED", f"{len(missing)} staged files of {dataset.dataset} are gone")
        return Batch(dataset.dataset, (), dataset.columns, 0)
    in_files = count_rows(connection, dataset.parquet) if dataset.parquet else 0
    if in_files != dataset.rows_staged or dataset.rows_read != dataset.rows_staged + dataset.rows_rejected:
        raise UdbError(
            "E_COUNT_MISMATCH",
            f"{dataset.dataset}: {dataset.rows_read} rows read, {dataset.rows_staged} staged, "
            f"{dataset.rows_rejected} rejected, {in_files} in the staged files",
            kept=f"the last committed version of {dataset.dataset}",
        )
    columns = file_columns(connection, dataset.parquet) if dataset.parquet else dataset.columns
    if [column.name for column in columns] != [column.name for column in dataset.columns]:
        raise UdbError("E_INTERNAL", f"the staged files of {dataset.dataset} do not have the columns declared")
    return Batch(
        dataset.dataset,
        dataset.parquet,
        columns,
        in_files,
        _MODES[dataset.sync_mode],
        dataset.primary_key,
        dataset.cursor,
        staged.options.on_schema_change,
        dataset.tombstone,
        dataset.keys,
    )


def _record(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedSync,
    version: int,
    now: datetime,
    applied: Sequence[Applied],
) -> SyncResult:
    _check_timeline(connection, staged)
    known = _known_columns(connection, staged, applied)
    result = SyncResult(
        job_id=staged.job_id,
        source=staged.source,
        version=version,
        committed_at=now,
        fingerprint=staged.fingerprint,
        datasets=tuple(
            _version(dataset, staged, version, done, known.get(dataset.dataset, ()))
            for dataset, done in zip(staged.datasets, applied, strict=True)
        ),
    )
    ledger.record_sync(connection, staged, result)
    return result


def _known_columns(
    connection: duckdb.DuckDBPyConnection, staged: StagedSync, applied: Sequence[Applied]
) -> dict[str, tuple[ColumnSchema, ...]]:
    """Columns by dataset as the last commit described them, where a dataset keeps one that the source has no more."""
    told = {dataset.dataset: {column.name for column in dataset.columns} for dataset in staged.datasets}
    if all(column.name in told[done.plan.batch.dataset] for done in applied for column in done.plan.after):
        return {}
    last = ledger.last_result(connection, staged.source)
    return {item.dataset: item.columns for item in last.datasets} if last else {}


def _version(
    dataset: StagedDataset,
    staged: StagedSync,
    version: int,
    applied: Applied,
    known: Sequence[ColumnSchema],
) -> DatasetVersion:
    findings = dataset.findings
    if applied.rows_total == 0:
        if applied.plan.rows_before and not staged.options.allow_empty:
            raise UdbError(
                "E_EMPTY",
                f"{dataset.dataset} had {applied.plan.rows_before} rows and would have none",
                kept=f"the last committed version of {dataset.dataset}",
                remedy="if that is right, allow it with allow_empty",
            )
        findings += (no_rows(dataset.dataset),)
    originals = {column.name: column.original_name for column in (*known, *dataset.columns)}
    return DatasetVersion(
        dataset=dataset.dataset,
        version=version,
        columns=tuple(
            column.model_copy(update={"original_name": originals.get(column.name)}) for column in applied.plan.after
        ),
        rows_read=dataset.rows_read,
        rows_committed=dataset.rows_staged,
        rows_rejected=dataset.rows_rejected,
        rows_superseded=applied.ready.superseded,
        rows_known=applied.ready.known,
        rows_deleted=applied.ready.deleted,
        rows_total=applied.rows_total,
        rejects=dataset.rejects,
        schema_changes=applied.plan.changes,
        findings=findings,
    )


def no_rows(dataset: str) -> Finding:
    """The finding about a table that has columns and no rows."""
    about = CODES["W_NO_ROWS"]
    return Finding(
        code="W_NO_ROWS", severity=about.severity, message=about.meaning, remedy=about.remedy, dataset=dataset
    )


def _clear(folder: Path, staged: StagedSync) -> None:
    """Remove what the commit has left over in staging; what cannot be removed is left to the doctor."""
    leftovers = [file for dataset in staged.datasets for file in dataset.parquet]
    leftovers += folder.glob("ready_*/*.parquet")
    for file in leftovers:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    # Only what is empty: another asset of the same run may be staging a frame beside.
    for emptied in (*folder.glob("*"), folder):
        with suppress(OSError):
            emptied.rmdir()
