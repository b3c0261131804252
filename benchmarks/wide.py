"""A million rows of 30 columns: ``udb run`` against DuckDB alone reading the same file and summarizing it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import PYTHON, UDB, Result, Row, cache, cost, environment, show
from benchmarks.tables import write_csv
from udb_pipelines.config import Settings

ROWS = 1_000_000
MAX_RATIO = 4.0
MAX_PEAK_MB = 1536

PLAIN = """
import sys, duckdb
source, database, memory, threads, spill = sys.argv[1:]
with duckdb.connect(database, config={"memory_limit": memory, "threads": int(threads), "temp_directory": spill}) as db:
    db.execute("CREATE TABLE t AS FROM read_csv(?)", [source])
    print(len(db.execute("SUMMARIZE t").fetchall()))
"""


def run(rows: int = ROWS) -> Result:
    """Measure both, each in a process of its own with the same limits of memory and threads."""
    source = write_csv(cache(f"wide-{rows}.csv"), rows)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        limits = Settings(home=home)
        plain = cost(
            [PYTHON, "-c", PLAIN, source, f"{scratch}/plain.duckdb", limits.memory_limit, str(limits.threads), scratch],
            environment(home),
        )
        ours = cost([UDB, "run", source, "--as", "wide", "--quiet"], environment(home))
    ratio = ours.cpu / plain.cpu
    return Result(
        f"{rows:,} rows x 30 columns, {source.stat().st_size / 1e6:,.0f} MB of CSV",
        "`udb run`, cold, against DuckDB alone: `read_csv` into a table on disk, then `SUMMARIZE`.",
        (
            Row("DuckDB alone", show(plain)),
            Row("`udb run`", show(ours)),
            Row("CPU, times DuckDB", f"{ratio:.2f}", f"<= {MAX_RATIO:g}", ratio <= MAX_RATIO),
            Row("peak memory", f"{ours.peak_mb:,.0f} MB", f"<= {MAX_PEAK_MB:,} MB", ours.peak_mb <= MAX_PEAK_MB),
        ),
    )
