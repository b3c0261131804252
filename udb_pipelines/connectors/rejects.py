"""Rows that were read and could not be loaded, kept with where they were and why.

They collect in a temporary DuckDB table, which may spill to disk, and end in one Parquet file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from udb_pipelines.engine import quote_literal

BATCH = 5_000
FEW = 100
RAW_LIMIT = 1 << 20
"""Characters of raw text kept per rejected row."""
ASIDE = ("W_FOOTER", "W_HEADER_REPEATED", "E_ROW_EMPTY")
"""Codes of lines that are kept beside the rejects but are no records: they do not count as rejected rows."""


@dataclass(frozen=True)
class Reject:
    """One rejected record: its number from 1 after the header, and its offset in the unpacked file where known."""

    row: int
    byte_offset: int | None
    code: str
    message: str
    raw: str


@dataclass(frozen=True)
class RejectSummary:
    """How many rows were rejected per code, and the first of all."""

    rows: int
    by_code: tuple[tuple[str, int, int, int | None], ...]
    """Code, count, first row, byte offset of that row; by first row."""


class RejectLog:
    """The rejects of one stream."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._pending: list[Reject] = []
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE udb_rejects "
            '("row" BIGINT, byte_offset BIGINT, code VARCHAR, message VARCHAR, raw VARCHAR)'
        )

    def add(self, reject: Reject) -> None:
        """Keep one row."""
        self._pending.append(reject)
        if len(self._pending) >= BATCH:
            self.flush()

    def extend(self, rejects: Iterable[Reject]) -> None:
        """Keep many rows."""
        for reject in rejects:
            self.add(reject)

    def flush(self) -> None:
        """Move what is pending into the table."""
        rows = [(r.row, r.byte_offset, r.code, r.message, r.raw[:RAW_LIMIT]) for r in self._pending]
        self._pending.clear()
        if 0 < len(rows) <= FEW:
            self._connection.executemany("INSERT INTO udb_rejects VALUES (?, ?, ?, ?, ?)", rows)
        elif rows:
            self._insert_many(rows)

    def _insert_many(self, rows: list[tuple[int, int | None, str, str, str]]) -> None:
        """Through Arrow, which takes time to import and is a hundred times as fast per row."""
        import pyarrow as pa

        types = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.string())
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
        self._connection.register(
            "udb_pending", pa.table(columns, names=["row", "byte_offset", "code", "message", "raw"])
        )
        self._connection.execute("INSERT INTO udb_rejects FROM udb_pending")
        self._connection.unregister("udb_pending")

    def shift(self, by: int) -> None:
        """Count offsets from ``by`` bytes further on: the reader was given a part of the file."""
        self.flush()
        self._connection.execute(f"UPDATE udb_rejects SET byte_offset = byte_offset + {by}")

    def clear(self) -> None:
        """Forget everything: the stream is read anew."""
        self._pending.clear()
        self._connection.execute("DELETE FROM udb_rejects")

    def summary(self) -> RejectSummary:
        """Counts per code, without the lines that are no records."""
        self.flush()
        found = self._connection.execute(
            f"""SELECT code, count(*), min("row"), arg_min(byte_offset, "row") FROM udb_rejects
                WHERE code NOT IN {ASIDE} GROUP BY code ORDER BY 3"""
        ).fetchall()
        return RejectSummary(sum(count for _, count, *_ in found), tuple(found))

    def write(self, target: Path) -> Path | None:
        """Write what was kept to ``target``; None, and no file, when there is nothing."""
        self.flush()
        if not self._connection.execute("SELECT count(*) FROM udb_rejects").fetchall()[0][0]:
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        self._connection.execute(
            f"""COPY (SELECT "row", byte_offset, code, NULL::VARCHAR AS "column", message, raw FROM udb_rejects)
                TO {quote_literal(target)} (FORMAT parquet, COMPRESSION zstd)"""
        )
        return target
