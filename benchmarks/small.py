"""One megabyte: what a cold ``udb run`` costs beside materializing an empty asset with the same Dagster."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import PYTHON, UDB, Cost, Result, Row, cost, environment, medians, show
from benchmarks.tables import write_csv

ROWS = {10: 10_000, 30: 2_500}
"""Rows that make one megabyte, by number of columns."""
TIMES = 5
MAX_RATIO = 2.0

EMPTY_ASSET = """
import sys
import dagster as dg

@dg.asset
def nothing() -> None:
    return None

with dg.DagsterInstance.from_config(sys.argv[1], sys.argv[2]) as instance:
    job = dg.Definitions(assets=[nothing]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance).success
"""


def run(times: int = TIMES) -> Result:
    """Medians of several runs each, on homes that have been used before; every run of ours loads new content."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch), Path(scratch) / "home"
        env = environment(home)
        source = folder / "small.csv"

        def load(number: int, columns: int = 10) -> Cost:
            source.unlink(missing_ok=True)
            write_csv(source, ROWS[columns], first=number * ROWS[columns], columns=columns)
            return cost([UDB, "run", source, "--quiet"], env)

        load(number=times)
        # The runner's own way: the persistent instance, configured as for jobs inside a command.
        empty = medians(lambda _: cost([PYTHON, "-c", EMPTY_ASSET, home / "dagster", "in-process.yaml"], env), times)
        asset = folder / "nothing.py"
        asset.write_text(
            "import dagster as dg\n\n@dg.asset\ndef nothing() -> None:\n    return None\n", encoding="utf-8"
        )
        command = [PYTHON, "-m", "dagster", "asset", "materialize", "--select", "nothing", "-f", asset]
        own_command = medians(lambda _: cost(command, env | {"DAGSTER_HOME": str(home / "dagster")}), times)
        ours = medians(load, times)
        wide = medians(lambda number: load(number, columns=30), times)
        size = source.stat().st_size
        again = medians(lambda _: cost([UDB, "run", source, "--quiet"], env), times)
    ratio = ours.cpu / empty.cpu
    return Result(
        f"{size / 1e6:.1f} MB of CSV, a cold process",
        f"`udb run` against an empty asset on the same persistent Dagster instance, in-process; medians of {times}.",
        (
            Row("empty asset, `execute_in_process`", show(empty)),
            Row("for comparison: the same by Dagster's own command", show(own_command)),
            Row("`udb run`, 10 columns, new content", show(ours)),
            Row("`udb run`, 30 columns, new content", show(wide)),
            Row("`udb run`, 30 columns, unchanged content", show(again)),
            Row("CPU, 10 columns, times the empty asset", f"{ratio:.2f}", f"<= {MAX_RATIO:g}", ratio <= MAX_RATIO),
            Row("CPU, 30 columns, times the empty asset", f"{wide.cpu / empty.cpu:.2f}"),
        ),
    )
