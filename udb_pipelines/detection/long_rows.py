"""Parquet whose rows are so long that DuckDB, which reads 2,048 of a row group at a time, has no room for them.

Another library reads such a file a few rows at a time, and writes a copy in row groups that small: what DuckDB reads
at a time ends with the row group.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_literal

AT_A_TIME = 2048
"""Rows of a DuckDB vector."""
MOST_BYTES = 16 << 20
"""That so many rows may take; also that the rows of a row group of the copy take."""


def row_bytes(connection: duckdb.DuckDBPyConnection, file: Path) -> float:
    """Bytes of a row, on average within the row group where they are longest, before compression."""
    groups = (
        "SELECT sum(total_uncompressed_size) / any_value(row_group_num_rows) AS each "
        f"FROM parquet_metadata({quote_literal(file)}) WHERE row_group_num_rows > 0 GROUP BY row_group_id"
    )
    return float(connection.execute(f"SELECT coalesce(max(each), 0) FROM ({groups})").fetchall()[0][0])


def rows_that_fit(each: float) -> int:
    """Rows of so many bytes that are read and written at a time; :data:`AT_A_TIME` where rows are not long.

    >>> rows_that_fit(400), rows_that_fit(1e6), rows_that_fit(1e9)
    (2048, 16, 1)
    """
    return max(1, min(AT_A_TIME, int(MOST_BYTES / each))) if each else AT_A_TIME


def decode(file: Path, rows: int, *, whole: bool) -> None:
    """Decode the first so many rows, or so many at a time: damage is often inside the pages and not in the footer.

    Raises:
        OSError, ValueError, MemoryError: as pyarrow finds it.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as opened:
        for _ in opened.iter_batches(batch_size=rows, use_threads=False):
            if not whole:
                return


def in_short_groups(file: Path, copy: Path, rows: int) -> None:
    """Write a copy with so many rows in a row group.

    Raises:
        OSError, ValueError, MemoryError: as pyarrow finds it, or the disk refused.
    """
    from pyarrow import Table, parquet

    with (
        parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as opened,
        parquet.ParquetWriter(
            copy, opened.schema_arrow, compression="zstd", compression_level=1, use_dictionary=False,
            write_statistics=False,
        ) as writer,
    ):  # fmt: skip
        for batch in opened.iter_batches(batch_size=rows, use_threads=False):
            writer.write_table(Table.from_batches([batch]), row_group_size=rows)
