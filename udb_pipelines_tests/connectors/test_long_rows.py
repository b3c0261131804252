"""A Parquet file of somebody else's with cells of a megabyte in one row group is read a few rows at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from udb_pipelines.config import Settings
from udb_pipelines.detection import long_rows
from udb_pipelines.models import Source
from udb_pipelines.standalone import measure, workshop

LIMIT_MB = 700
CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from udb_pipelines.config import load_settings
from udb_pipelines.models import Source
from udb_pipelines.standalone import measure, workshop
with workshop(load_settings()) as shop:
    (profile,) = measure(Source(name="cells", uri=sys.argv[1], created_at=datetime.now(UTC)), shop).profiles.profiles
cell = profile.columns[1]
# Not getrusage: its peak is also that of the process which started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(cell.distinct, cell.min_length, cell.max_length, int(status["VmHWM"].split()[0]) // 1000)
"""


def write(path: Path, cells: list[str]) -> Path:
    """One row group; pages of four values, as a writer makes them that looks at sizes."""
    table = pyarrow.table({"id": list(range(len(cells))), "cell": cells})
    parquet.write_table(
        table, path, compression="zstd", use_dictionary=False, write_batch_size=4, row_group_size=len(cells)
    )
    return path


def test_long_rows_are_read_as_short_ones_are(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "cells.parquet", [f"{number} " + "word " * (number % 50) for number in range(3000)])
    source = Source(name="cells", uri=str(path), created_at=datetime.now(UTC))
    with workshop(settings) as shop:
        (at_once,) = measure(source, shop).profiles.profiles
        monkeypatch.setattr(long_rows, "MOST_BYTES", 10_000)
        (in_parts,) = measure(source, shop).profiles.profiles
    left_out = {"job_id", "profiled_at", "seconds"}
    assert in_parts.rows == 3000
    assert in_parts.model_dump(exclude=left_out) == at_once.model_dump(exclude=left_out)


@pytest.mark.slow
def test_cells_of_a_megabyte_in_one_row_group_stay_within_the_limit_of_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "cells.parquet", [f"{number:032x}" * (31_250 + number % 2) for number in range(1000)])
    env = {"UDB_HOME": str(tmp_path / "home"), "UDB_MEMORY_LIMIT": f"{LIMIT_MB}MB", "PATH": os.defpath}
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], env=env, capture_output=True, text=True, check=True)
    distinct, shortest, longest, peak = map(int, done.stdout.splitlines()[-1].split())
    assert (distinct, shortest, longest) == (1000, 1_000_000, 1_000_032)
    assert peak <= LIMIT_MB
