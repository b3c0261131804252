"""Values that are against their column's type, one by one: row, code, column and text.

They are listed beside the rejected rows, in the one place where raw text may stand, and nowhere else. The profiler
collects them in a temporary table, of each column and code the first :data:`MOST_LISTED`, long ones cut; at the end
they become a Parquet file with the columns of the rejects. No figure depends on the list: the values stay in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.engine import quote_literal
from udb_pipelines.errors import CODES
from udb_pipelines.models import DatasetVersion, SyncResult
from udb_pipelines.profiling.long_values import LONGEST
from udb_pipelines.profiling.session import VALUES, Session
from udb_pipelines.profiling.source_rows import in_source
from udb_pipelines.profiling.storage import Column

MOST_LISTED = 10_000
LISTED = frozenset({"E_NUMERIC_FORMAT", "E_MONEY_FORMAT", "E_DATE_INVALID", "E_DATE_MIXED_FORMAT", "E_MIXED_TYPE"})
_TABLE = "udb_profile_listed"


def values_file(settings: Settings, sync: SyncResult, dataset: str) -> Path:
    """Where the values of a dataset are listed: beside the rejects of the job that committed it."""
    return settings.rejects / sync.source / sync.job_id / f"{dataset}.values.parquet"


@contextmanager
def collecting(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep what :func:`collect` finds for as long as the block lasts; it is to be written within."""
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {_TABLE} ("row" BIGINT, code VARCHAR, "column" VARCHAR, message VARCHAR, '
        "raw VARCHAR, position USMALLINT)"
    )
    try:
        yield
    finally:
        connection.execute(f"DROP TABLE IF EXISTS temp.{_TABLE}")


def collect(session: Session, column: Column, code: str, predicate: str) -> int | None:
    """List the rows whose value ``v`` satisfies ``predicate``, and return the first of them.

    The predicate is asked once per distinct value, of the column's distinct-value pass, not once per row.
    """
    concerned = f"SELECT v FROM {VALUES} WHERE c = {column.position} AND {predicate}"
    told = ", ".join(map(quote_literal, (code, column.name, CODES[code].meaning)))
    session.connection.execute(
        f"INSERT INTO {_TABLE} SELECT number, {told}, left(v::VARCHAR, {LONGEST}), {column.position} "
        f"FROM (SELECT row_number() OVER () AS number, {column.value_sql} AS v FROM {session.table}) "
        f"WHERE v IN ({concerned}) ORDER BY number LIMIT {MOST_LISTED}"
    )
    found = session.rows_of(
        f'SELECT min("row") FROM {_TABLE} WHERE position = {column.position} AND code = {quote_literal(code)}'
    )
    return None if found[0][0] is None else int(found[0][0])


def listed_rows(connection: duckdb.DuckDBPyConnection, dataset: DatasetVersion) -> set[int]:
    """The rows that were collected, numbered as in the source."""
    rows = connection.execute(f'SELECT DISTINCT "row" FROM ({in_source(_TABLE, dataset)})').fetchall()
    return {int(row) for (row,) in rows}


def write(
    connection: duckdb.DuckDBPyConnection, target: Path, dataset: DatasetVersion, offsets: Mapping[int, int]
) -> None:
    """Write what was collected, rows numbered as in the source; a file that says otherwise goes.

    Args:
        connection: :func:`collecting`.
        target: the file, see :func:`values_file`.
        dataset: the rows and what was rejected among them.
        offsets: where rows of the source begin in its file; the others have no offset.

    Raises:
        OSError: the disk refused.
    """
    if not connection.execute(f"SELECT count(*) FROM {_TABLE}").fetchall()[0][0]:
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    pending = target.with_suffix(".partial")
    rows = in_source(_TABLE, dataset)
    # Two lists in one text, not a table: a hundred thousand bound parameters would take longer than the profile.
    known, begins = (f"'[{','.join(map(str, numbers))}]'::BIGINT[]" for numbers in (offsets.keys(), offsets.values()))
    connection.execute(
        f"""COPY (SELECT "row", byte_offset, code, "column", message, raw FROM ({rows})
                  LEFT JOIN (SELECT unnest({known}) AS "row", unnest({begins}) AS byte_offset) USING ("row")
                  ORDER BY "row", position, code) TO {quote_literal(pending)} (FORMAT parquet, COMPRESSION zstd)"""
    )
    pending.replace(target)
