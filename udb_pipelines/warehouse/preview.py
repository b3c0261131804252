"""The rows of a dataset as a commit would leave them, made by the commit's own plan, and without committing.

What is known already, superseded, deleted or held by the source no longer is left out as the commit leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.models import StagedDataset, StagedSync
from udb_pipelines.warehouse.batch import Ready, make_plan, prepare, replaced
from udb_pipelines.warehouse.commit import batch_of


def preview(connection: duckdb.DuckDBPyConnection, dataset: StagedDataset, staged: StagedSync, folder: Path) -> str:
    """SQL of the rows; files that the commit would have to write are written to ``folder``, and read by the SQL.

    Args:
        connection: a reader of the lake.
        dataset: one of those of ``staged``.
        staged: what is to be committed.
        folder: stays for as long as the SQL is used.

    Raises:
        UdbError: what the commit would raise: ``E_COUNT_MISMATCH``, ``E_SCHEMA_CHANGE``, ``E_TOO_WIDE``.
    """
    plan = make_plan(connection, batch_of(connection, dataset, staged))
    ready = prepare(connection, plan, folder, durable=False)
    parts = [_of_files(ready, files) for files in (ready.rebuilt_files, ready.batch_files) if files]
    if plan.before and plan.batch.mode != "overwrite" and not plan.rebuilds:
        parts.insert(0, _stored(ready))
    return " UNION ALL BY NAME ".join(parts) if parts else _nothing(ready)


def _stored(ready: Ready) -> str:
    batch = ready.plan.batch
    rows = f"SELECT old.* FROM lake.main.{quote_identifier(batch.dataset)} AS old"
    gone = replaced(batch, ready.replacing, "old") if batch.mode == "upsert" else "false"
    return f"({rows} WHERE NOT {gone})"


def _of_files(ready: Ready, files: Sequence[Path]) -> str:
    # Files may hold columns beside those of the table, which keep the text of typed values.
    names = ", ".join(quote_identifier(column.name) for column in ready.plan.after)
    return f"(SELECT {names} FROM read_parquet([{', '.join(map(quote_literal, files))}]))"


def _nothing(ready: Ready) -> str:
    columns = (f"NULL::{column.type} AS {quote_identifier(column.name)}" for column in ready.plan.after)
    return f"(SELECT {', '.join(columns)} WHERE false)"
