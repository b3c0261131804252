"""Data files that DuckLake has let go of: merged into others, or of versions that are gone.

They are not removed at once. A statement that began before looks up its files once and may still be reading them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.warehouse.lake import Lake


def let_go(lake: Lake) -> dict[Path, datetime]:
    """The files, and since when nothing refers to them in the current timeline."""
    query = "SELECT path, path_is_relative, schedule_start FROM catalog.ducklake_files_scheduled_for_deletion"
    with lake.raw_catalog() as connection:
        rows = connection.execute(query).fetchall() if connection else []
    return {lake.catalog.files / path if relative else Path(path): _utc(since) for path, relative, since in rows}


def within_grace(lake: Lake, now: float) -> frozenset[Path]:
    """Those that must stay for a while yet; ``now`` in seconds of the epoch."""
    grace = lake.settings.unneeded_file_hours * 3600
    return frozenset(path for path, since in let_go(lake).items() if now - since.timestamp() < grace)


def _utc(moment: datetime | str) -> datetime:
    """SQLite keeps times as text."""
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
