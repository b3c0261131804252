"""From a file in the landing folder to its report, through the running daemon; and where the seconds go."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import dagster as dg

from benchmarks.measure import UDB, Result, Row, environment
from benchmarks.tables import write_csv
from udb_pipelines.config import Settings
from udb_pipelines.orchestration.instance import prepare

ROWS = 2_500
TIMES = 5
PATIENCE_SECONDS = 180
PORT = 3977


@contextmanager
def running(home: Path) -> Iterator[None]:
    """``udb ui``: web server, daemon and code location, in a session of their own."""
    command = [UDB, "ui", "--port", str(PORT)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment(home), stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def until(home: Path, source: str) -> float:
    """Wait for the manifest, which a job writes last; the time it was written."""
    deadline = time.time() + PATIENCE_SECONDS
    while time.time() < deadline:
        for manifest in (home / "artifacts" / source).glob("*/manifest.json"):
            return manifest.stat().st_mtime
        time.sleep(0.05)
    raise TimeoutError(f"no report of {source} after {PATIENCE_SECONDS} s")


def run(times: int = TIMES) -> Result:
    """Land files one after another; the first only warms up the daemon and is not counted."""
    shares: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        home = Path(scratch) / "home"
        settings = Settings(home=home)
        prepare(settings)
        with running(home), dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
            for number in range(times + 1):
                name = f"landed_{'abcdefghijklmnop'[number]}"
                made = write_csv(home / f"{name}.csv", ROWS, first=number * ROWS)
                landing = settings.landing_folder
                landing.mkdir(parents=True, exist_ok=True)
                made.rename(landing / made.name)
                landed = time.time()
                reported = until(home, name)
                tags = dg.RunsFilter(tags={"dagster/partition": name})
                record = instance.get_run_records(tags, limit=1)[0]
                requested, started = record.create_timestamp.timestamp(), record.start_time or reported
                shares.append((requested - landed, started - requested, reported - started, reported - landed))
    seen, launched, ran, whole = (median(part) for part in zip(*shares[1:], strict=True))
    quiet = settings.landing_quiet_seconds
    return Result(
        "0.9 MB of CSV, from landing to report",
        f"A file moved into the landing folder of a running `udb ui`; medians of {times}. "
        f"{quiet:g} s of it are waited on purpose: a file is taken when it has not changed for that long.",
        (
            Row(f"seen: quiet time of {quiet:g} s and the sensor's tick", f"{seen:.1f} s ({seen / whole:.0%})"),
            Row("launched: queue, process, imports", f"{launched:.1f} s ({launched / whole:.0%})"),
            Row("run: five stages", f"{ran:.1f} s ({ran / whole:.0%})"),
            Row("from landing to report", f"{whole:.1f} s"),
        ),
    )
