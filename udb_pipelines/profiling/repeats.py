"""Which rows have the same values in some columns, exactly, in bounded memory.

Grouping text of which there is more than memory fails (see :mod:`.grouping`); grouping numbers does not, they go to
disk. So the rows are first grouped by a hash of their values. A hash that one row has is a combination that one row
has; only rows whose hash comes again are compared by their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from udb_pipelines.profiling import grouping
from udb_pipelines.profiling.memory import in_bytes

REPEATED = "udb_profile_repeated"
"""Temporary table: hashes ``h`` that more than one row has, and how many, ``n``."""
TRIED = 100
"""Hashes whose rows are compared at once: one of them nearly always shows a repetition, if there is any."""
_PREFIX_ROWS = 2048


@contextmanager
def repeated_hashes(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> Iterator[None]:
    """Have :data:`REPEATED` of the columns ``names`` (SQL) of ``rows`` (SQL that may stand after FROM) for a block."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {REPEATED} AS "
        f"SELECT {_hash(names)} AS h, count(*) AS n FROM {rows} GROUP BY h HAVING n > 1"
    )
    try:
        yield
    finally:
        connection.execute(f"DROP TABLE IF EXISTS temp.{REPEATED}")


def may_repeat(names: Sequence[str], which: str = "") -> str:
    """SQL: whether the hash of a row's values comes again; ``which`` limits the hashes that are looked at."""
    return f"{_hash(names)} IN (SELECT h FROM {REPEATED} {which})"


def any_repetition(connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> bool:
    """Whether two of the ``rows`` have the same values in the columns ``names``."""
    listed = ", ".join(names)
    with repeated_hashes(connection, rows, names):
        ((hashes,),) = connection.execute(f"SELECT count(*) FROM {REPEATED}").fetchall()
        # Rows that have only their hash in common are no repetition: the next hashes are looked at.
        return any(
            connection.execute(
                f"SELECT 1 FROM {rows} WHERE {may_repeat(names, f'LIMIT {TRIED} OFFSET {at}')} "
                f"GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
            ).fetchall()
            for at in range(0, hashes, TRIED)
        )


def lay_down_groups(connection: duckdb.DuckDBPyConnection, table: str, rows: str, names: Sequence[str]) -> None:
    """Make the temporary table ``table`` of the rows that may repeat, grouped: their values, ``first`` and ``n``.

    Args:
        connection: :data:`REPEATED` is there.
        table: is made anew.
        rows: SQL that may stand after FROM, with a column ``number``, of which ``first`` is the least.
        names: columns whose values are compared.
    """
    listed = ", ".join(names)
    ((limit,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    ((count,),) = connection.execute(f"SELECT coalesce(sum(n), 0)::BIGINT FROM {REPEATED}").fetchall()
    characters = " + ".join(f"strlen({name}::VARCHAR)" for name in names)
    ((length,),) = connection.execute(f"SELECT avg({characters}) FROM (FROM {rows} LIMIT {_PREFIX_ROWS})").fetchall()
    connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
    grouping.lay_down(
        connection,
        table,
        lambda part: (
            f"SELECT {listed}, min(number) AS first, count(*) AS n FROM {rows} "
            f"WHERE {part} AND {may_repeat(names)} GROUP BY {listed}"
        ),
        listed,
        grouping.parts_needed(count, length or 0, in_bytes(limit)),
    )


def _hash(names: Sequence[str]) -> str:
    return f"hash({', '.join(names)})"
