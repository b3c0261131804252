"""The limit of memory is for the whole process, whatever it profiles; and the limit of temporary space is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines.operations.stages import stage
from udb_pipelines.profiling import profile_table
from udb_pipelines_tests.profiling.peak import PEAK_MB

LIMIT_MB = 800
ROWS = 8_000_000
CHILD = (
    PEAK_MB
    + """
import sys
from udb_pipelines.config import load_settings
from udb_pipelines.engine import connect
from udb_pipelines.profiling import profile_table
settings = load_settings()
profile = profile_table(connect(settings), f"read_parquet('{sys.argv[1]}')", settings)
print([column.distinct for column in profile.columns], peak_mb())
"""
)


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight million rows that are all different: far more than fits into the limit."""
    path = tmp_path_factory.mktemp("tall") / "tall.parquet"
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute(
            "COPY (SELECT i AS id, 'user ' || md5(i::VARCHAR) AS label, "
            "CASE WHEN i = 5 THEN 1e300 ELSE sqrt(hash(i)) END AS measure "
            f"FROM range({ROWS}) t(i)) TO '{path}' (FORMAT parquet)"
        )
    return path


@pytest.mark.slow
def test_the_process_stays_within_the_limit_of_memory(tall: Path, tmp_path: Path) -> None:
    env = {"UDB_HOME": str(tmp_path), "UDB_MEMORY_LIMIT": f"{LIMIT_MB}MB", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", CHILD, str(tall)], env=env, capture_output=True, text=True, check=True)
    distinct, _, peak = done.stdout.splitlines()[-1].rpartition(" ")
    assert distinct == f"[{ROWS}, {ROWS}, {ROWS}]"
    assert int(peak) <= LIMIT_MB


def test_too_little_temporary_space_is_told(settings: Settings) -> None:
    tight = settings.model_copy(update={"memory_limit": "60MB", "max_spill_gb": 0.001})
    connection = connect(tight)
    rows = "(SELECT md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS v FROM range(400_000) t(i))"
    with pytest.raises(UdbError) as caught, stage("analyze", job_id="0", source="tall"):
        profile_table(connection, rows, tight)
    connection.close()
    assert caught.value.code == "E_SPILL_FULL"
