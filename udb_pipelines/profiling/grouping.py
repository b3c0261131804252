"""Grouping text of which there is more than fits into memory: by parts, each of the values with certain hashes.

DuckDB writes groups of numbers to disk when there are too many, but gives up on groups of text: measured, eight
million different texts among a hundred million rows end in an out of memory at 540 MB and at 700 MB, with one thread
as with two. So the column is read as many times as there are parts, and the groups of one part fit. Equal values have
equal hashes, so no group is in two parts, and the result is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import duckdb

BESIDE = 80
"""Bytes that a group takes beside the characters of its text: its count and hash, the table of hashes."""
SHARE = 0.3
"""Part of DuckDB's memory that the groups of one part may take; the table that is filled wants to be there, too."""
MORE = 4
"""Times as many parts when there were too few: the estimate is one."""
MOST = 4096


def parts_needed(groups: float, characters: float, memory: float) -> int:
    """Parts in which so many groups of text, so long on average, fit into so many bytes of memory.

    >>> parts_needed(1e6, 20, 5.4e8), parts_needed(8e6, 23, 5.4e8)
    (1, 6)
    """
    return max(1, ceil(groups * (BESIDE + characters) / (SHARE * memory)))


def lay_down(
    connection: duckdb.DuckDBPyConnection, table: str, grouped: Callable[[str], str], value: str, parts: int
) -> None:
    """Make the temporary table ``table`` of a grouping, by parts.

    Args:
        connection: its memory limit is what the groups must fit into.
        table: is not there.
        grouped: the grouping query, of the rows that satisfy the predicate it is given.
        value: SQL, over the rows that are grouped, of what is equal within a group.
        parts: how many are thought to be needed; where they do not do, there will be more.

    Raises:
        duckdb.OutOfMemoryException: not even :data:`MOST` parts do, or temporary files exceed their limit.
    """
    while True:
        try:
            _fill(connection, table, grouped, value, parts)
        except duckdb.OutOfMemoryException as error:
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
            if parts >= MOST or "max_temp_directory_size" in str(error):
                raise
            parts *= MORE
        else:
            return


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, grouped: Callable[[str], str], value: str, parts: int
) -> None:
    for part in range(parts):
        predicate = f"hash({value}) % {parts} = {part}" if parts > 1 else "true"
        into = f"INSERT INTO {table}" if part else f"CREATE TEMP TABLE {table} AS"
        connection.execute(f"{into} {grouped(predicate)}")
