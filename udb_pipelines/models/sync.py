"""What ``sync`` staged and committed: counts, versions, changes of schema."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from udb_pipelines.models.base import DatasetName, Finding, Model, Name
from udb_pipelines.models.detection import ColumnSchema
from udb_pipelines.models.source import SourceOptions, SyncMode


class StagedDataset(Model):
    """Rows of one dataset, read, cast and written as Parquet, waiting for their commit."""

    dataset: DatasetName
    parquet: tuple[Path, ...]
    """Files to become the dataset's next version; in the staging folder of the job."""
    columns: tuple[ColumnSchema, ...]
    rows_read: int
    """By a count that does not depend on the parser that loaded them, where the format allows one."""
    rows_staged: int
    rows_rejected: int
    rejects: Path | None = None
    """Parquet: row BIGINT, byte_offset BIGINT, code, column (of rows: null), message and raw, all VARCHAR."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    """Upsert: of several rows with one key the greatest cursor wins; the last row read when there is none.
    Append: rows that the dataset holds already (same key and cursor; without a key, the same row) are not added."""
    tombstone: str | None = None
    """Upsert: the column that marks a row as deleted."""
    keys: Path | None = None
    """Upsert: Parquet with every key the source holds; rows of the dataset with another one are deleted."""
    findings: tuple[Finding, ...] = ()


class StagedSync(Model):
    """Everything one commit will contain."""

    schema_version: Literal[1] = 1
    job_id: str
    source: Name
    fingerprint: str
    """Equal to the last committed one: there is nothing to do, and ``datasets`` is empty."""
    datasets: tuple[StagedDataset, ...]
    state: dict[str, Any] = Field(default={})
    """Sync state (cursors), committed in the same transaction as the rows."""
    timeline: int | None = None
    """The warehouse's timeline whose state the job went on from. After a restore in between, rows would be missing,
    so the commit is refused. None: everything was read, whatever was there before."""
    options: SourceOptions = SourceOptions()


class SchemaChange(Model):
    """A difference between two versions of a dataset's columns."""

    column: str
    change: Literal["added", "removed", "retyped"]
    before: str | None = None
    after: str | None = None


class DatasetVersion(Model):
    """What one commit did to one dataset."""

    dataset: DatasetName
    version: int
    """Snapshot id in the lake: ``SELECT ... FROM dataset AT (VERSION => n)``."""
    columns: tuple[ColumnSchema, ...]
    rows_read: int
    rows_committed: int
    rows_rejected: int
    rows_superseded: int = 0
    """Upsert: committed rows that another row of the same commit, with the same key, replaced at once."""
    rows_known: int = 0
    """Incremental: committed rows that the dataset held already, so that they were not added again."""
    rows_deleted: int = 0
    """Upsert: rows that left the dataset because the source marked them as deleted, or holds them no longer."""
    rows_total: int
    """Rows in the table after the commit."""
    rejects: Path | None = None
    schema_changes: tuple[SchemaChange, ...] = ()
    findings: tuple[Finding, ...] = ()


class SyncResult(Model):
    """One acknowledged commit, or the last one when nothing had changed."""

    schema_version: Literal[1] = 1
    job_id: str
    """The job that made the commit; another one than the running job when ``unchanged``."""
    source: Name
    version: int
    committed_at: datetime
    fingerprint: str
    unchanged: bool = False
    datasets: tuple[DatasetVersion, ...]
