"""``python -m benchmarks.durability [--quick]``: what durability costs. Prints, and saves ``RESULTS-durability.md``.

CPU seconds count, of this process or of the children that do the work: wall time on a shared machine says little.
What the soak and the crowd found (``make soak``) stands below the figures and is kept.
"""

from __future__ import annotations

import os
import platform
import shutil
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

from benchmarks.measure import Result, Row
from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnSchema, StagedDataset, StagedSync, SyncMode
from udb_pipelines.warehouse import Lake, commit, restore, snapshots
from udb_pipelines.warehouse.targets.folder import FolderTarget

RESULTS = Path(__file__).with_name("RESULTS-durability.md")
PROOF = "## Proof"
"""What follows this heading in the results is written by hand."""
TAKEN = 10
"""Commits whose median stands for the tenth and for the last."""
COMMITS_ALLOWED, RESTORE_ALLOWED, READS_ALLOWED = 1.3, 2.0, 2.0


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: dict[int, int]
    """Rows of a commit, and how often it is measured."""
    commits: int
    reads: int
    restored_rows: int


FULL = Scale({1_000: 7, 100_000: 5, 10_000_000: 1}, 1_000, 60, 42_000_000)
"""Its warehouse to restore takes a gigabyte."""
QUICK = Scale({1_000: 5, 100_000: 3}, 60, 20, 2_000_000)


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
    """A commit of staged Parquet against a DuckDB insert of the same file, synced by a checkpoint."""
    rows = []
    for size, times in scale.sizes.items():
        settings = Settings(home=folder / f"home_{size}")
        lake = Lake(settings)
        commit(lake, staged(settings, 10))
        ours, plain = [], []
        for number in range(times):
            batch = staged(settings, size)
            plain.append(cpu(_insert, folder / f"{size}_{number}.duckdb", batch)[0])
            ours.append(cpu(commit, lake, batch)[0])
        figure = (
            f"{median(ours) * 1000:,.0f} CPU-ms against {median(plain) * 1000:,.0f}: "
            f"{median(ours) / median(plain):.2f} ×"
        )
        rows.append(Row(f"commit of {size:,} rows against DuckDB's insert", figure))
    return rows


def _insert(file: Path, batch: StagedSync) -> None:
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute(f"CREATE TABLE shop AS FROM read_parquet('{batch.datasets[0].parquet[0]}')")
        connection.execute("CHECKPOINT")


def many(folder: Path, scale: Scale) -> Row:
    """The last commit against the tenth."""
    settings = Settings(home=folder / "many", threads=1)
    lake = Lake(settings)
    costs = []
    for _ in range(scale.commits):
        batch = staged(settings, 100)
        costs.append(cpu(commit, lake, batch)[0])
    early, late = median(costs[10 - TAKEN // 2 : 10 + TAKEN // 2]), median(costs[-TAKEN:])
    figure = f"{late * 1000:.0f} CPU-ms against {early * 1000:.0f}: {late / early:.2f} ×"
    return Row(
        f"commit number {scale.commits:,} against number 10",
        figure,
        f"≤ {COMMITS_ALLOWED} ×",
        late <= COMMITS_ALLOWED * early,
    )


def restoring(folder: Path, scale: Scale) -> list[Row]:
    """A warehouse from its snapshot onto an empty machine, against copying its files and syncing them."""
    settings = Settings(home=folder / "large")
    lake, target = Lake(settings), FolderTarget(folder / "target")
    for _ in range(2):
        commit(lake, staged(settings, scale.restored_rows // 2))
    made = snapshots.create(lake, target).snapshot
    size = sum(file.bytes for file in made.files)
    copying, copied = cpu(_copy, lake.catalog.files, folder / "copy")
    empty = Lake(Settings(home=folder / "empty"))
    fetching, fetched = cpu(restore.restore_from, empty, target, made.id)
    back, took = cpu(restore.restore_to, lake, made.version - 1)
    gigabytes = f"{size / 1e9:.2f} GB"
    return [
        Row(
            f"restore of a snapshot of {gigabytes} onto an empty machine against copying the files",
            f"{fetched:.1f} s and {fetching:.1f} CPU-s against {copied:.1f} s and {copying:.1f}: "
            f"{fetched / copied:.2f} × the time",
            # Of a small one nothing is asked: what a restore costs whatever the size weighs more than the copying.
            f"≤ {RESTORE_ALLOWED:.0f} ×" if scale is FULL else "",
            fetched <= RESTORE_ALLOWED * copied if scale is FULL else None,
        ),
        Row(f"back to an earlier version of the {gigabytes}, every file compared", f"{took:.1f} s, {back:.1f} CPU-s"),
    ]


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in target.rglob("*.parquet"):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def readers(folder: Path, scale: Scale) -> list[Row]:
    """Opening the lake and counting, while nobody writes and while another process commits without a pause."""
    settings = Settings(home=folder / "read", threads=1)
    lake = Lake(settings)
    commit(lake, staged(settings, 100_000))
    idle = _reads(lake, scale.reads)
    end = _writer(settings)
    busy = _reads(lake, scale.reads)
    written = end()
    rows = []
    for what, pick, allowed in (("p95", 0.95, READS_ALLOWED), ("median", 0.5, None)):
        still, moving = idle[int(len(idle) * pick)], busy[int(len(busy) * pick)]
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
    return sorted(times)


def _writer(settings: Settings) -> Callable[[], int]:
    """Commits in a process of its own until it is told to end; the call ends it and tells how many there were."""
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
    return lambda: int(process.communicate("")[0])


def main(arguments: list[str]) -> int:
    """Measure everything and save it."""
    scale = QUICK if "--quick" in arguments else FULL
    with tempfile.TemporaryDirectory(prefix="udb-durability-") as name:
        folder = Path(name)
        rows = overhead(folder, scale)
        rows.append(many(folder, scale))
        rows += readers(folder, scale)
        rows += restoring(folder, scale)
    how = "A commit opens the lake, takes the writer lock, syncs its files and commits; a read opens the lake too."
    result = Result("What durability costs", how, tuple(rows))
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
