"""Very wide Parquet, written in parts of some columns each and put together.

DuckDB takes 32 kB per column for each step of a query, whatever the number of rows: ten thousand columns at once
need more memory than a job has. So the parts are written one after the other, and put together row group by row
group, as many rows at a time as make a bounded number of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

CELLS = 2_000_000
"""Cells held in memory together."""


class UnevenPartsError(ValueError):
    """The parts do not have the same number of rows."""


def rows_per_group(columns: int) -> int:
    """Rows of a row group, so that it has at most :data:`CELLS` cells.

    >>> rows_per_group(10_000)
    200
    """
    return max(1, CELLS // max(1, columns))


def stitch(parts: Sequence[Path], target: Path, metadata: dict[str, str]) -> int:
    """Put the columns of ``parts`` side by side into ``target``; the number of rows.

    The parts have the same rows in the same order and are removed.

    Raises:
        UnevenPartsError: they have not.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = [pq.ParquetFile(part) for part in parts]
    try:
        counts = {file.metadata.num_rows for file in files}
        if len(counts) != 1:
            raise UnevenPartsError
        rows = int(counts.pop())
        schema = pa.schema([field for file in files for field in file.schema_arrow.remove_metadata()])
        with pq.ParquetWriter(
            target, schema, compression="zstd", compression_level=1, store_schema=False, use_dictionary=False
        ) as writer:
            _copy(files, writer, schema, rows)
            # That of the schema is only written together with the whole Arrow schema.
            writer.add_key_value_metadata(metadata)
    finally:
        for file in files:
            file.close()
    for part in parts:
        part.unlink()
    return rows


def _copy(files: Sequence[pq.ParquetFile], writer: pq.ParquetWriter, schema: pa.Schema, rows: int) -> None:
    import pyarrow as pa

    size = rows_per_group(len(schema))
    batches = [file.iter_batches(batch_size=size) for file in files]
    for _ in range(0, rows, size):
        together = [column for some in batches for column in next(some).columns]
        writer.write_batch(pa.RecordBatch.from_arrays(together, schema=schema))
