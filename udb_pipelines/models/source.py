"""What people declare: a source, how it is to be read, and what must be kept of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from udb_pipelines.models.base import DatasetName, Model, Name
from udb_pipelines.models.detection import Format

LOOKBACK_PATTERN = r"^\d+[smhd]?$"

SyncMode = Literal["full_refresh_overwrite", "full_refresh_append", "incremental_append", "incremental_upsert"]

OnSchemaChange = Literal["evolve", "freeze", "fail"]


class SourceOptions(Model):
    """What the user has pinned. Everything else is detected."""

    format: Format | None = None
    encoding: str | None = None
    encoding_errors: Literal["strict", "replace"] = "strict"
    delimiter: str | None = None
    quote: str | None = Field(default=None, max_length=1)
    """One character, or the empty string for none."""
    escape: str | None = Field(default=None, max_length=1)
    header: Literal["auto", "none"] | int = "auto"
    """``none``, or the number of header rows."""
    skip_rows: int | None = None
    widths: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(description="characters per column")] = ()
    """Fixed width: characters of each column, from the first on."""
    comment: str | None = None
    null_markers: tuple[str, ...] = ()
    max_reject_pct: float | None = None
    """Share of rejected rows, 0 to 100, above which a sync fails; the setting of that name when absent."""
    allow_empty: bool = False
    """A table without rows is a warning when true, a failure when it had rows before and false."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    lookback: str | None = Field(default=None, pattern=LOOKBACK_PATTERN)
    """How far behind the last cursor an incremental sync begins again, for rows that arrive late: ``90s``, ``15m``,
    ``2h``, ``3d``, or a number for a cursor that counts."""
    tombstone: str | None = None
    """Upsert: a column that marks a row as deleted, by being true or not 0, or by holding anything if it is
    neither boolean nor whole number."""
    delete_missing: bool = False
    """Upsert from a database: rows whose key the source no longer holds are deleted."""
    on_schema_change: OnSchemaChange = "evolve"
    tables: tuple[str, ...] = ()
    """Only these tables, sheets or archive members; all when empty."""
    queries: dict[Name, str] = Field(default={})
    """Databases: SELECT statements in the database's own SQL, by the name of the table each becomes; then of the
    tables themselves only those named in ``tables``."""
    config: dict[str, Any] = Field(default={})
    """What a connector needs to know; secrets as references."""
    schedule: str | None = None
    """Cron expression in UTC."""
    freshness_hours: float | None = None
    """Older than this since the last commit, and the freshness check warns."""
    keep_days: int | None = Field(default=None, ge=1)
    """Days that profiles and rejects of old jobs are kept; the setting ``retention_days`` when absent."""
    keep_jobs: int | None = Field(default=None, ge=1)
    """Jobs whose artifacts are kept; the setting ``retention_jobs`` when absent."""
    keys: dict[DatasetName, tuple[str, ...]] = Field(default={})
    """Confirmed keys by dataset (``udb keys confirm``): checked in every profile, whatever the sync mode."""


class Source(Model):
    """A registered source: a name, where it is, and what the user pinned."""

    name: Name
    uri: str
    """Path, glob, folder, URL or DSN. Secrets only as references: ``${ENV}``, ``${secret:name}``."""
    options: SourceOptions = SourceOptions()
    created_at: datetime


class Hold(Model):
    """A legal hold on a source or a dataset: nothing of it is deleted before ``until``; for ever when absent."""

    name: DatasetName
    until: datetime | None = None
    reason: str = ""
    created_at: datetime
