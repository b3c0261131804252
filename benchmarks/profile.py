"""``make bench-profile``: what the profiler costs beside its peers, how it grows, and how often it is right.

Prints Markdown and saves it as ``RESULTS-profile.md``, all of it or the parts that are named (``python -m
benchmarks.profile cost untyped rows ten columns types personal unseen dirty``); ``ten``, for which the machine needs
some thirty gigabytes of disk, only when it is named or with ``--full``. Every contender works in a process of its own
and tells the CPU seconds from the stored file to its result, imports left out; the peak is that of its whole process.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measure import PYTHON, cache, environment
from benchmarks.profile_right import dirty, personal, types, unseen
from benchmarks.tables import write_parquet, write_wide_parquet
from udb_pipelines.config import Settings

RESULTS = Path(__file__).with_name("RESULTS-profile.md")
PACKAGES = ("udb-pipelines", "duckdb", "polars", "pandas")
ROWS = 1_000_000
TURNS = 3
BYTES_OF_A_ROW = 378
"""As CSV."""
GROWTH = {"0.1 GB": 250_000, "1 GB": 2_500_000}
TEN = {"10 GB": 25_000_000}
WIDE_ROWS = 20_000
WIDE = (30, 250, 500)
PEER = "fg-data-profiling==4.20.0"
"""Once ydata-profiling. It keeps pandas below 3, so it gets an environment of its own."""

MEASURED = """
import sys, time
def measured(work):
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    # Not getrusage: its peak begins with that of the process that started this one.
    lines = open("/proc/self/status").read().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    print(cpu, wall, peak * 1024 / 1e6)
"""
SUMMARIZE = """
import duckdb
connection = duckdb.connect(config={"memory_limit": "1GB", "threads": int(sys.argv[2])})
connection.execute("SET enable_progress_bar = false")
measured(lambda: connection.execute(f"SUMMARIZE FROM read_parquet('{sys.argv[1]}')").fetchall())
"""
OURS = """
from udb_pipelines.config import load_settings
from udb_pipelines.engine import connect
from udb_pipelines.profiling import profile_table
settings = load_settings()
measured(lambda: profile_table(connect(settings), f"read_parquet('{sys.argv[1]}')", settings))
"""
POLARS = """
import polars
measured(lambda: polars.read_parquet(sys.argv[1]).describe())
"""
YDATA = """
import logging, os
logging.disable(logging.CRITICAL)
os.environ["TQDM_DISABLE"] = "1"
import pandas
from data_profiling import ProfileReport
measured(lambda: ProfileReport(pandas.read_parquet(sys.argv[1]), minimal=True, progress_bar=False).to_json())
"""

Lines = Iterator[str]


def main(arguments: list[str]) -> int:
    """Measure the parts named, or all, and save each as soon as it is known; the others stay as they were."""
    parts: dict[str, Callable[[], Lines]] = {
        "cost": cost, "untyped": untyped, "rows": lambda: rows(GROWTH), "ten": lambda: rows(TEN), "columns": columns,
        "types": types, "personal": personal, "unseen": unseen, "dirty": dirty,
    }  # fmt: skip
    chosen = [name for name in parts if name in arguments]
    chosen = chosen or [name for name in parts if name != "ten" or "--full" in arguments]
    for name in chosen:
        text = "\n".join(parts[name]())
        print(text, flush=True)
        save(name, text, list(parts))
    return 0


def save(name: str, text: str, order: list[str]) -> None:
    """Put one part into the results, in its place."""
    saved = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    _, *marked = re.split(r"^<!-- (\w+), .*-->$", saved, flags=re.MULTILINE)
    found = dict(zip(marked[::2], marked[1::2], strict=True))
    stamps = dict(re.findall(r"^<!-- (\w+), (.*) -->$", saved, flags=re.MULTILINE))
    found[name], stamps[name] = text, f"{datetime.now(UTC):%Y-%m-%d}"
    sections = [f"<!-- {part}, {stamps[part]} -->\n{found[part].strip()}\n" for part in order if part in found]
    RESULTS.write_text("\n".join([_preface(), *sections]), encoding="utf-8")


def _preface() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"# The profiler, measured\n\n{os.cpu_count()} cores, Python {platform.python_version()}, {versions}, "
        f"{PEER.replace('==', ' ')}. Written by `make bench-profile`; do not edit.\n"
    )


def cost() -> Lines:
    """A million rows of thirty mixed columns, stored as Parquet."""
    stored = write_parquet(cache(f"wide-{ROWS}.parquet"), ROWS)
    contenders = _alternating(stored) | {
        "polars `describe`": _run(POLARS, stored),
        "fg-data-profiling, minimal": _run(YDATA, stored, python=_peer()),
    }
    base = contenders["DuckDB `SUMMARIZE`"][0]
    yield f"\n## {ROWS:,} rows x 30 mixed columns\n"
    yield (
        f"One Parquet file of {stored.stat().st_size / 1e6:,.0f} MB ({ROWS * BYTES_OF_A_ROW / 1e6:,.0f} MB as CSV), "
        f"read and profiled; of the first two medians of {TURNS} turns, one after the other. `SUMMARIZE` estimates "
        "distinct values and quantiles, `describe` has neither distinct "
        "values nor types; UDB is exact and finds types, keys, pairs and personal data."
    )
    yield from table(
        ("", "CPU-s", "wall s", "peak MB", "times SUMMARIZE"),
        ([name, f"{c:.1f}", f"{w:.1f}", f"{m:,.0f}", f"{c / base:.2f}"] for name, (c, w, m) in contenders.items()),
    )
    ours, theirs = contenders["UDB"], contenders["fg-data-profiling, minimal"]
    yield (
        f"Aims: at most 3.5 times `SUMMARIZE` ({ours[0] / base:.2f}), a seventh of fg-data-profiling minimal "
        f"(1/{theirs[0] / ours[0]:.1f}), 1 GB ({ours[2]:,.0f} MB)."
    )


def untyped() -> Lines:
    """The same rows with moments and days left as text, as they are where the warehouse could not type them."""
    stored = write_parquet(cache(f"untyped-{ROWS}.parquet"), ROWS, typed=False)
    contenders = _alternating(stored)
    base = contenders["DuckDB `SUMMARIZE`"][0]
    yield "\n## The same with moments and days as text\n"
    yield (
        "A column of moments, `2021-03-04 05:06:07`, and one of days, `04/03/2021`, are not typed: to be found out. "
        f"Medians of {TURNS} turns each, one after the other."
    )
    yield from table(
        ("", "CPU-s", "wall s", "peak MB", "times SUMMARIZE"),
        ([name, f"{c:.1f}", f"{w:.1f}", f"{m:,.0f}", f"{c / base:.2f}"] for name, (c, w, m) in contenders.items()),
    )


def rows(sizes: dict[str, int]) -> Lines:
    """More rows, the same limit of memory: that of the settings."""
    yield f"\n## Growth: {', '.join(sizes)} of CSV\n"
    yield _limit()
    yield from table(
        ("rows x 30 columns", "rows", "CPU-s", "wall s", "peak MB", "CPU-s per million rows"), _tall(sizes)
    )


def columns() -> Lines:
    """More columns, the same limit of memory."""
    yield "\n## Growth: columns\n"
    yield _limit()
    yield from table((f"columns, {WIDE_ROWS:,} rows", "CPU-s", "wall s", "peak MB", "CPU-ms per column"), _wide())


def _limit() -> str:
    return f"`UDB_MEMORY_LIMIT` {Settings().memory_limit}, the default; the peak is that of the process."


def _tall(sizes: dict[str, int]) -> Iterator[list[str]]:
    for name, count in sizes.items():
        stored = write_parquet(cache(f"wide-{count}.parquet"), count)
        cpu, wall, peak = _run(OURS, stored)
        yield [name, f"{count:,}", f"{cpu:.1f}", f"{wall:.1f}", f"{peak:,.0f}", f"{cpu / count * 1e6:.1f}"]
        if count > ROWS:
            stored.unlink()


def _wide() -> Iterator[list[str]]:
    for count in WIDE:
        stored = write_wide_parquet(cache(f"columns-{count}.parquet"), WIDE_ROWS, count)
        cpu, wall, peak = _run(OURS, stored)
        yield [str(count), f"{cpu:.1f}", f"{wall:.1f}", f"{peak:,.0f}", f"{1000 * cpu / count:.0f}"]


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Lines:
    """A Markdown table."""
    names = [str(name) for name in header]
    yield ""
    yield f"| {' | '.join(names)} |"
    yield f"|---|{'--:|' * (len(names) - 1)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""


def _run(script: str, stored: Path, python: str = PYTHON) -> tuple[float, float, float]:
    """CPU seconds, seconds and peak megabytes of a contender."""
    with tempfile.TemporaryDirectory(dir=cache("")) as home:
        env = environment(Path(home))
        command = [python, "-c", MEASURED + script, str(stored), str(Settings().threads)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    cpu, wall, peak = map(float, done.stdout.split()[-3:])
    return cpu, wall, peak


def _alternating(stored: Path) -> dict[str, tuple[float, float, float]]:
    """Medians of ``SUMMARIZE`` and of ours, in turns: on a busy machine two figures taken apart do not compare."""
    turns = [(_run(SUMMARIZE, stored), _run(OURS, stored)) for _ in range(TURNS)]
    theirs, ours = (tuple(map(median, zip(*figures, strict=True))) for figures in zip(*turns, strict=True))
    return {"DuckDB `SUMMARIZE`": (theirs[0], theirs[1], theirs[2]), "UDB": (ours[0], ours[1], ours[2])}


def _peer() -> str:
    """The Python of an environment with the other profiler, made when it is not there."""
    folder = cache("ydata")
    python = folder / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), PEER, "pyarrow"], check=True)
    return str(python)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
