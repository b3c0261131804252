"""``python -m benchmarks.durability [--quick]``: what durability costs. Prints, and saves ``RESULTS-durability.md``.

CPU seconds count, of this process or of the children that do the work: wall time on a shared machine says little.
What the soak and the crowd found (``make soak``) stands below the figures and is kept.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.measure import PYTHON, Result, Row, cost, environment
from benchmarks.restoring import LEAST, compare, described
from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnSchema, StagedDataset, StagedSync, SyncMode
from udb_pipelines.warehouse import Lake, commit

RESULTS = Path(__file__).with_name("RESULTS-durability.md")
PROOF = "## Proof"
"""What follows this heading in the results is written by hand."""
TAKEN = 10
"""Commits whose medians stand for the tenth and for the last."""
WARMING = 5
"""Commits before the first that is measured."""
COLD_TIMES = 5
BLOCK = 5
"""Reads in a row before the writer is halted, or goes on."""
COMMITS_ALLOWED, READS_ALLOWED = 1.3, 2.0


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: dict[int, int]
    """Rows of a commit, and how often it is measured."""
    commits: int
    reads: int
    megabytes: int
    """Of the warehouse that is restored."""


FULL = Scale({1_000: 15, 100_000: 7, 10_000_000: 1}, 1_000, 60, 1_000)
QUICK = Scale({1_000: 5, 100_000: 3}, 60, 20, 40)


def staged(settings: Settings, rows: int, mode: SyncMode = "full_refresh_append") -> StagedSync:
    """Rows as a connector stages them: an id, a number that does not compress, a text."""
    job = str(uuid.uuid4())
    file = settings.staging / job / "shop.parquet"
    file.parent.mkdir(parents=True)
    with duckdb.connect(config={"threads": settings.threads}) as connection:
        relation = connection.sql(rows_of(rows))
        relation.write_parquet(str(file), compression="zstd")
        columns = tuple(
            ColumnSchema(name=name, type=str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
        )
    dataset = StagedDataset(
        dataset="shop", parquet=(file,), columns=columns, rows_read=rows, rows_staged=rows, rows_rejected=0,
        sync_mode=mode,
    )  # fmt: skip
    return StagedSync(job_id=job, source="shop", fingerprint=job, datasets=(dataset,))


def rows_of(rows: int) -> str:
    """The query that makes the rows."""
    return f"SELECT range AS id, hash(range) AS number, 'customer ' || (range % 1000) AS name FROM range({rows})"


def cpu(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """CPU and wall seconds of a call."""
    begun, wall = time.process_time(), time.monotonic()
    work(*arguments)
    return time.process_time() - begun, time.monotonic() - wall


def overhead(folder: Path, scale: Scale) -> list[Row]:
    """A commit of staged Parquet against a DuckDB insert of the same file, synced by a checkpoint.

    Both in a process that has done it before; opening and closing the database is part of either.
    """
    rows = []
    for size, times in scale.sizes.items():
        settings = Settings(home=folder / f"home_{size}")
        lake = Lake(settings)
        for _ in range(WARMING):
            commit(lake, staged(settings, 10))
        ours, plain, opened = [], [], []
        for number in range(times):
            batch = staged(settings, size)
            plain.append(cpu(_insert, folder / f"{size}_{number}.duckdb", batch)[0])
            opened.append(cpu(_open, lake)[0])
            ours.append(cpu(commit, lake, batch)[0])
        figure = (
            f"{median(ours) * 1000:,.0f} CPU-ms against {median(plain) * 1000:,.0f}: "
            f"{median(ours) / median(plain):.2f} ×; {median(opened) * 1000:,.0f} of them to open the lake"
        )
        rows.append(Row(f"commit of {size:,} rows against DuckDB's insert, warm", figure))
    return rows


def _open(lake: Lake) -> None:
    with lake.writer():
        pass


def cold(folder: Path) -> Row:
    """The first commit of a process against the first insert of one; imports are part of either."""
    settings = Settings(home=folder / "cold")
    for _ in range(WARMING):
        commit(Lake(settings), staged(settings, 1_000))
    ours, plain = [], []
    env = environment(settings.home)
    for number in range(COLD_TIMES):
        batch = staged(settings, 1_000)
        staging = folder / f"cold_{number}.json"
        staging.write_text(batch.model_dump_json())
        ours.append(cost([PYTHON, "-c", _COLD_COMMIT, settings.home, staging], env).cpu)
        file = staged(settings, 1_000).datasets[0].parquet[0]
        plain.append(cost([PYTHON, "-c", _COLD_INSERT, folder / f"cold_{number}.duckdb", file], env).cpu)
    figure = (
        f"{median(ours) * 1000:,.0f} CPU-ms against {median(plain) * 1000:,.0f}: {median(ours) / median(plain):.2f} ×"
    )
    return Row("commit of 1,000 rows against DuckDB's insert, cold: a process for each", figure)


_COLD_COMMIT = """
import sys
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines.models import StagedSync
from udb_pipelines.warehouse import Lake, commit
home, staging = map(Path, sys.argv[1:])
commit(Lake(Settings(home=home)), StagedSync.model_validate_json(staging.read_text()))
"""
_COLD_INSERT = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as connection:
    connection.execute(f"CREATE TABLE shop AS FROM read_parquet('{sys.argv[2]}')")
    connection.execute("CHECKPOINT")
"""


def _insert(file: Path, batch: StagedSync) -> None:
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute(f"CREATE TABLE shop AS FROM read_parquet('{batch.datasets[0].parquet[0]}')")
        connection.execute("CHECKPOINT")


def many(folder: Path, scale: Scale) -> Row:
    """The tenth commit against the last, taken in turn, for a machine is not as fast in one minute as in the next."""
    young, old = (_grown(folder / name, count) for name, count in (("young", 5), ("old", scale.commits - TAKEN // 2)))
    early: list[float] = []
    late: list[float] = []
    for _ in range(TAKEN):
        for lake, costs in ((young, early), (old, late)):
            batch = staged(lake.settings, 100)
            costs.append(cpu(commit, lake, batch)[0])
    ratio = median(late) / median(early)
    figure = f"{median(late) * 1000:.0f} CPU-ms against {median(early) * 1000:.0f}: {ratio:.2f} ×"
    return Row(
        f"commit number {scale.commits:,} against number 10", figure, f"≤ {COMMITS_ALLOWED} ×", ratio <= COMMITS_ALLOWED
    )


def _grown(home: Path, commits: int) -> Lake:
    lake = Lake(Settings(home=home, threads=1))
    for _ in range(commits):
        commit(lake, staged(lake.settings, 100))
    return lake


def restoring(folder: Path, scale: Scale) -> list[Row]:
    """A warehouse from its snapshot onto an empty machine, and back in time, against copying its files."""
    found = compare(folder, scale.megabytes)
    speed = found.copied.wall / found.fetched.wall
    size = f"{found.bytes / 1e9:.2f} GB"
    return [
        Row(f"plain copy of a warehouse of {size}, synced", described(found.bytes, found.copied)),
        Row(
            "restore of its snapshot onto an empty machine, every checksum compared",
            f"{described(found.bytes, found.fetched)}; {speed:.2f} × the speed",
            # Of a small one nothing is asked: what a restore costs whatever the size weighs more than the copying.
            f"≥ {LEAST} × the speed" if scale is FULL else "",
            speed >= LEAST if scale is FULL else None,
        ),
        Row("back to an earlier version of it, every checksum compared", described(found.bytes, found.back)),
    ]


def readers(folder: Path, scale: Scale) -> list[Row]:
    """Opening the lake and counting, while nobody writes and while another process commits without a pause.

    In turn, in blocks of a few reads: the writer is halted by a signal for those that are idle.
    """
    settings = Settings(home=folder / "read", threads=1)
    lake = Lake(settings)
    commit(lake, staged(settings, 100_000))
    halt, end = _writer(settings)
    idle: list[float] = []
    busy: list[float] = []
    while len(busy) < scale.reads:
        for times, halted in ((idle, True), (busy, False)):
            halt(halted)
            times += _reads(lake, BLOCK)
    written = end()
    rows = []
    for what, pick, allowed in (("p95", 0.95, READS_ALLOWED), ("median", 0.5, None)):
        still, moving = (sorted(times)[int(len(times) * pick)] for times in (idle, busy))
        figure = f"{moving * 1000:.0f} ms against {still * 1000:.0f}: {moving / still:.2f} ×"
        met = None if allowed is None else moving <= allowed * still
        rows.append(
            Row(
                f"{what} of {scale.reads} reads during {written} commits against idle", figure,
                "" if allowed is None else f"≤ {allowed:.0f} ×", met,
            )
        )  # fmt: skip
    return rows


def _reads(lake: Lake, times_read: int) -> list[float]:
    times = []
    for _ in range(times_read):
        begun = time.monotonic()
        with lake.reader() as connection:
            connection.execute("SELECT count(*), max(number) FROM shop").fetchall()
        times.append(time.monotonic() - begun)
        time.sleep(0.05)
    return times


def _writer(settings: Settings) -> tuple[Callable[[bool], None], Callable[[], int]]:
    """Commits in a process of its own: what halts it or lets it go on, and what ends it and tells their number."""
    code = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from benchmarks.durability import staged\n"
        "from udb_pipelines.config import Settings\n"
        "from udb_pipelines.warehouse import Lake, commit\n"
        f"settings = Settings(home=Path({str(settings.home)!r}), threads=1)\n"
        "over, done = threading.Event(), 0\n"
        "threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()\n"
        "while not over.is_set():\n"
        "    commit(Lake(settings), staged(settings, 1000, 'full_refresh_overwrite'))\n"
        "    done += 1\n"
        "    if done == 1: print('begun', flush=True)\n"
        "print(done, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if process.stdout is None or process.stdout.readline() != "begun\n":
        raise RuntimeError("the writer did not begin")
    return (
        lambda halted: process.send_signal(signal.SIGSTOP if halted else signal.SIGCONT),
        lambda: int(process.communicate("")[0]),
    )


def main(arguments: list[str]) -> int:
    """Measure everything and save it."""
    scale = QUICK if "--quick" in arguments else FULL
    with tempfile.TemporaryDirectory(prefix="udb-durability-") as name:
        folder = Path(name)
        rows = overhead(folder, scale)
        rows.append(cold(folder))
        rows += readers(folder, scale)
        rows.append(many(folder, scale))
        rows += restoring(folder, scale)
    load = f"{os.getloadavg()[1]:.0f} processes had been running or waiting in the last five minutes."
    how = "A commit opens the lake, takes the writer lock, syncs its files and commits; a read opens the lake too."
    result = Result("What durability costs", f"{how} {load}", tuple(rows))
    print(result.markdown())
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    proof = old[old.index(PROOF) :] if PROOF in old else ""
    RESULTS.write_text(f"{_preface()}\n{result.markdown()}\n{proof}".rstrip() + "\n", encoding="utf-8")
    return 0 if all(row.met is not False for row in rows) else 1


def _preface() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("udb-pipelines", "duckdb"))
    return (
        "# Durability: what it costs, and how it was proven\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores (shared with other work), "
        f"Python {platform.python_version()}, {versions}. The figures are written by `make bench-durability`; "
        "the section Proof is kept.\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
