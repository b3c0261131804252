"""What DuckDB may use while a table is profiled, so that the whole process keeps to the limit of memory.

The process holds something before the first query: Python and its libraries, an orchestrator around the job, what
earlier stages left. And grouping and sorting values that are all different takes more than DuckDB counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from udb_pipelines.engine import engine_memory

COUNTED = 0.6
"""Part of the memory left that DuckDB is told. Measured with a limit of 1 GB, of which it gets some 540 MB: a process
peaked at 835 MB on 500 columns, and at 784 MB on the first columns of a hundred million rows."""
MOST = 0.55
"""Part of the limit, at the most."""
LEAST = 300e6
"""Bytes that it gets of a large enough limit in any case: operators that cannot spill need some room."""
_STATM = Path("/proc/self/statm")
_USUAL = 120e6
"""Bytes that a process holds, where it cannot be known."""
_UNITS = {
    "B": 1,
    **{f"{p}B": 1000**n for n, p in enumerate("KMGT", 1)},
    **{f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)},
}


def profiling_memory(limit: str) -> str:
    """DuckDB's part of a limit of memory such as ``1GB``, in the same unit."""
    return engine_memory(limit, share(in_bytes(limit), _held()))


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, limit: str) -> Iterator[float]:
    """Give DuckDB the part of a limit of memory that is its own in profiling, for a block; yields it in bytes."""
    memory = profiling_memory(limit)
    connection.execute(f"SET memory_limit = '{memory}'")
    try:
        yield in_bytes(memory)
    finally:
        connection.execute(f"SET memory_limit = '{engine_memory(limit)}'")


def in_bytes(limit: str) -> float:
    """A limit of memory in bytes.

    >>> in_bytes("0.54GB"), in_bytes("800 MiB")
    (540000000.0, 838860800.0)
    """
    amount = limit.rstrip("KMGTiB ")
    return float(amount) * float(_UNITS[limit.removeprefix(amount).strip() or "B"])


def share(limit: float, held: float) -> float:
    """DuckDB's part of ``limit`` bytes in a process that holds ``held`` of them.

    >>> share(1e9, 1e8), share(1e9, 9e8), share(6e7, 1e8)
    (0.54, 0.3, 0.55)
    """
    return round(min(MOST, max(COUNTED * (1 - held / limit), LEAST / limit)), 4)


def _held() -> float:
    """Bytes of memory that this process has."""
    if not _STATM.exists():
        return _USUAL
    return float(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
