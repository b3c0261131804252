"""``rejects.parquet``: the rows that were not loaded, and the values that are against their column's type.

Both are written where they are found; here they become one file. It is the one artifact with raw text, unmasked.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.models import DatasetVersion, SyncResult
from udb_pipelines.profiling.listing import values_file
from udb_pipelines.publishing.folder import PendingFolder, Written

NAME = "rejects.parquet"


def put(
    pending: PendingFolder, dataset: str, commit: DatasetVersion | None, sync: SyncResult, settings: Settings
) -> Written | None:
    """Write the file of a dataset; None where there is nothing to list, or retention has removed it since."""
    rows = commit.rejects if commit is not None and commit.rows_rejected else None
    parts = [path for path in (rows, values_file(settings, sync, dataset)) if path is not None and path.is_file()]
    try:
        if len(parts) < 2:
            return pending.copy(f"{dataset}/{NAME}", parts[0]) if parts else None
        with tempfile.TemporaryDirectory(dir=_scratch(settings)) as folder:
            return pending.copy(f"{dataset}/{NAME}", _together(parts, Path(folder) / NAME, settings))
    except FileNotFoundError:
        return None


def _scratch(settings: Settings) -> Path:
    settings.spill.mkdir(parents=True, exist_ok=True)
    return settings.spill


def _together(parts: list[Path], target: Path, settings: Settings) -> Path:
    files = ", ".join(quote_literal(path) for path in parts)
    connection = connect(settings, threads=1)
    try:
        connection.execute(
            f"""COPY (SELECT "row", byte_offset, code, "column", message, raw
                      FROM read_parquet([{files}], union_by_name = true))
                TO {quote_literal(target)} (FORMAT parquet, COMPRESSION zstd)"""
        )
    finally:
        connection.close()
    return target
