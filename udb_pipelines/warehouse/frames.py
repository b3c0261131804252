"""Storing what people's own code returns: pandas, polars, Arrow, or a DuckDB relation, as a full overwrite.

The frame becomes Parquet in the staging folder and then goes through the same transaction as a sync.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, get_args

import duckdb
from pydantic import TypeAdapter, ValidationError

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DatasetName, DatasetVersion
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.batch import Batch, count_rows, file_columns
from udb_pipelines.warehouse.commit import no_rows
from udb_pipelines.warehouse.files import make_folder
from udb_pipelines.warehouse.lake import Lake
from udb_pipelines.warehouse.transaction import Applied, Work, write

_STORED_AS = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)", '"NULL"': "VARCHAR", "BIT": "VARCHAR"}
"""Types that Parquet does not have. DuckDB would write a HUGEINT, which is what sum() gives, as a DOUBLE."""


def store_frame(lake: Lake, dataset: str, frame: object, job_id: str) -> DatasetVersion:
    """Replace the rows of ``dataset`` by those of ``frame``, as one acknowledged commit.

    Args:
        lake: where to.
        dataset: table name; created when there is none.
        frame: pandas or polars DataFrame, polars LazyFrame, pyarrow Table or RecordBatchReader, or a DuckDB
            relation of any connection. An index of pandas is not stored.
        job_id: who stores it.

    Raises:
        UdbError: ``E_NAME``, ``E_UNSUPPORTED`` for another kind of object, and what a commit raises.
    """
    _check_name(dataset)
    token = uuid.uuid4().hex
    folder = lake.settings.staging / job_id / f"frame_{token}"
    make_folder(folder)
    file = folder / "frame.parquet"
    with lake.writer(threads=lake.settings.threads) as connection:
        _write_parquet(connection, frame, str(file))
        columns = file_columns(connection, [file])
        rows = count_rows(connection, [file])
        work = Work(
            title=f"frame {dataset} of job {job_id}",
            info=json.dumps({"job_id": job_id, "source": None, "datasets": [dataset]}),
            done=lambda _: None,
            record=lambda writer, version, now, applied: _record(writer, job_id, rows, version, now, applied),
        )
        result = write(lake, connection, [Batch(dataset, (file,), columns, rows)], work, folder)
    for emptied in (folder, folder.parent):
        with suppress(OSError):
            emptied.rmdir()
    return result


def _check_name(dataset: str) -> None:
    try:
        TypeAdapter(DatasetName).validate_python(dataset)
    except ValidationError:
        pattern = get_args(DatasetName)[1].pattern
        raise UdbError("E_NAME", f"a table name must match {pattern}", remedy="rename the asset") from None


def _write_parquet(connection: duckdb.DuckDBPyConnection, frame: object, file: str) -> None:
    source = readable(frame)
    try:
        connection.register("udb_frame", source)
        described = connection.execute("DESCRIBE FROM udb_frame").fetchall()
        casts = ", ".join(
            f"CAST({quote_identifier(name)} AS {_STORED_AS[kind]}) AS {quote_identifier(name)}"
            for name, kind, *_ in described
            if kind in _STORED_AS
        )
        replaced = f" REPLACE ({casts})" if casts else ""
        connection.execute(
            f"COPY (SELECT *{replaced} FROM udb_frame) TO {quote_literal(file)} (FORMAT parquet, COMPRESSION zstd)"
        )
    except duckdb.Error as error:
        name = type(error).__name__.removesuffix("Exception")
        raise UdbError("E_UNSUPPORTED", f"the frame cannot be stored as a table ({name} error)") from None
    connection.unregister("udb_frame")


def readable(frame: object) -> Any:  # noqa: ANN401 - what DuckDB can register
    """What DuckDB can scan, without copying; the libraries are recognised, never imported.

    Raises:
        UdbError: ``E_UNSUPPORTED`` for another kind of object.
    """
    kind = type(frame)
    library, name = kind.__module__.split(".")[0], kind.__name__
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.to_arrow_reader(100_000)
    if library == "polars" and name == "LazyFrame":
        return getattr(frame, "collect")()  # noqa: B009 - polars is not imported for its type
    if (library, name) in {
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatchReader"),
    }:
        return frame
    raise UdbError(
        "E_UNSUPPORTED",
        f"a {library}.{name} is not a table",
        remedy="give a pandas or polars DataFrame, a pyarrow Table or RecordBatchReader, or a DuckDB relation",
    )


def _record(
    connection: duckdb.DuckDBPyConnection,
    job_id: str,
    rows: int,
    version: int,
    now: datetime,
    applied: Sequence[Applied],
) -> DatasetVersion:
    (done,) = applied
    dataset = done.plan.batch.dataset
    result = DatasetVersion(
        dataset=dataset,
        version=version,
        columns=done.plan.after,
        rows_read=rows,
        rows_committed=rows,
        rows_rejected=0,
        rows_total=done.rows_total,
        schema_changes=done.plan.changes,
        findings=() if rows else (no_rows(dataset),),
    )
    ledger.record_version(connection, result, job_id, None, now)
    return result
