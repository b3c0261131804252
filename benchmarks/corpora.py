"""What becomes of files that nobody here wrote: each loads with a report, or is refused with a reason.

``python -m benchmarks.corpora [FOLDER …]`` takes every file under ``../shared/corpora`` (or only the folders named)
through the five stages, each in a process of its own with a home of its own, prints a table and saves it as
``CORPORA.md``. A crash, a timeout or an internal error is a defect; the exit code says whether there was one.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
RESULTS = Path(__file__).with_name("CORPORA.md")
FOLDERS = (
    "csv-spectrum", "messytables", "qsv", "spreadsheets", "types", "dirty", "frictionless", "parquet", "json",
    "dialect",
)  # fmt: skip
LISTED = ("csv-spectrum", "messytables", "qsv", "spreadsheets", "types", "dirty")
"""Folders whose every file gets a line of its own."""
SECONDS = 60
AT_ONCE = 2
PRELOAD = ["udb_pipelines.detection", "udb_pipelines.connectors", "udb_pipelines.profiling", "udb_pipelines.publishing"]


@dataclass(frozen=True)
class Outcome:
    """How one file ended."""

    file: str
    kind: str
    """``loaded``, ``refused``, ``crash``, ``timeout`` or ``internal``."""
    detail: str
    seconds: float = 0.0
    codes: tuple[str, ...] = field(default=())


def take(path: Path, home: Path) -> Outcome:
    """All five stages in this process, without an orchestrator."""
    from udb_pipelines import connectors, detection, profiling, publishing, warehouse
    from udb_pipelines.config import Settings
    from udb_pipelines.errors import UdbError
    from udb_pipelines.models import Source, slug
    from udb_pipelines.operations.stages import stage

    settings = Settings(home=home, threads=1)
    source = Source(name=slug(path.stem), uri=str(path), created_at=datetime.now(UTC))
    at = {"job_id": "00000000-0000-4000-8000-000000000000", "source": source.name}
    try:
        with stage("detect", **at):
            found = detection.detect(source, settings)
        with stage("provision", **at):
            connection = connectors.provision(source, found)
        with stage("sync", **at):
            lake = warehouse.Lake(settings)
            sync = warehouse.commit(lake, connectors.extract(connection, settings, at["job_id"], None))
        with stage("analyze", **at):
            profiles = profiling.analyze(sync, found.findings, settings, lake)
        with stage("publish", **at):
            manifest = publishing.publish(profiles, sync, connection, found, settings, {})
    except UdbError as error:
        where = f"{error.code} in {error.stage}: {error.message}"
        return Outcome("", "internal" if error.code == "E_INTERNAL" else "refused", where, codes=(error.code,))
    shapes = [f"{dataset.rows_total:,} x {len(dataset.columns)}" for dataset in sync.datasets]
    rejected = sum(dataset.rows_rejected for dataset in sync.datasets)
    codes = {finding.code for profile in profiles.profiles for finding in profile.findings}
    detail = ", ".join(shapes[:4]) + (f" and {len(shapes) - 4} more tables" if len(shapes) > 4 else "")
    detail += f"; {rejected} rejected" if rejected else ""
    return Outcome("", "loaded", f"{detail}; {manifest.verdict}", codes=tuple(sorted(codes)))


def work(path: Path, home: Path, answer: Pipe) -> None:
    """The process of one file."""
    from udb_pipelines.config import Settings
    from udb_pipelines.operations import logging

    logging.configure(Settings(home=home, log_level="CRITICAL"))
    try:
        answer.send(take(path, home))
    except Exception as error:  # a stage let something through that is no UdbError
        answer.send(Outcome("", "internal", f"{type(error).__name__} left the stages"))
        raise


def isolated(path: Path, name: str) -> Outcome:
    """``take`` in a process that may crash or hang."""
    context = multiprocessing.get_context("forkserver")
    home = Path(tempfile.mkdtemp(prefix="udb-corpora-"))
    here, there = context.Pipe()
    started = time.monotonic()
    process = context.Process(target=work, args=(path, home, there))
    process.start()
    there.close()
    try:
        answer = here.recv() if here.poll(SECONDS) else Outcome("", "timeout", f"not done after {SECONDS} s")
    except EOFError:
        process.join()
        answer = Outcome("", "crash", f"the process ended with {process.exitcode}")
    if answer.kind == "timeout":
        process.kill()
    process.join()
    shutil.rmtree(home, ignore_errors=True)
    return Outcome(name, answer.kind, answer.detail, time.monotonic() - started, answer.codes)


def files(folder: str) -> list[Path]:
    """Every file of a corpus, in order."""
    return sorted(path for path in (CORPORA / folder).rglob("*") if path.is_file())


def markdown(outcomes: dict[str, list[Outcome]]) -> Iterator[str]:
    """The results, line by line."""
    yield "# What became of files that nobody here wrote"
    yield ""
    yield f"{datetime.now(UTC):%Y-%m-%d}. Written by `make corpora`; do not edit."
    yield ""
    yield "| folder | files | loaded | refused | internal error | crash | timeout | slowest |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for folder, taken in outcomes.items():
        count = Counter(outcome.kind for outcome in taken)
        kinds = " | ".join(str(count[kind]) for kind in ("loaded", "refused", "internal", "crash", "timeout"))
        yield f"| {folder} | {len(taken)} | {kinds} | {max(outcome.seconds for outcome in taken):.1f} s |"
    for folder, taken in outcomes.items():
        shown = [outcome for outcome in taken if folder in LISTED or outcome.kind not in {"loaded", "refused"}]
        if not shown:
            continue
        yield from ("", f"## {folder}", "", "| file | outcome | | findings |", "|---|---|---|---|")
        for outcome in shown:
            detail = outcome.detail.replace("|", "\\|").replace(f"{CORPORA}/", "")
            codes = " ".join(outcome.codes) if outcome.kind == "loaded" else ""
            yield f"| {outcome.file} | {outcome.kind} | {detail} | {codes} |"
    yield ""


def main(chosen: list[str]) -> int:
    """Take the folders named, or all; only all of them together are saved."""
    if not CORPORA.is_dir():
        sys.stderr.write(f"needs the public corpora in {CORPORA}\n")
        return 2
    unknown = [name for name in chosen if not (CORPORA / name).is_dir()]
    if unknown:
        sys.stderr.write(f"no such corpus: {', '.join(unknown)}\n")
        return 2
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    outcomes: dict[str, list[Outcome]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for folder in chosen or FOLDERS:
            started = time.monotonic()
            paths = files(folder)
            names = [str(path.relative_to(CORPORA / folder)) for path in paths]
            outcomes[folder] = list(pool.map(isolated, paths, names))
            print(f"{folder}: {len(paths)} files in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    text = "\n".join(markdown(outcomes))
    print(text)
    if not chosen:
        RESULTS.write_text(text, encoding="utf-8")
    return int(any(outcome.kind not in {"loaded", "refused"} for taken in outcomes.values() for outcome in taken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
