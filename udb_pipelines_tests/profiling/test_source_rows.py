"""Rows in findings are those of the source, whatever was rejected before them."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import DatasetVersion, KeyCheck, Profile
from udb_pipelines.profiling import Origin, profile_table
from udb_pipelines.profiling.confirmed import check_key
from udb_pipelines.profiling.source_rows import with_source_rows
from udb_pipelines_tests.cli.conftest import Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import udb as udb


@pytest.mark.parametrize("seed", range(8))
def test_positions_become_source_rows_as_by_brute_force(
    connection: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    rejected = sorted(dice.sample(range(1, 201), dice.randint(1, 60)))
    stored = [row for row in range(1, 201) if row not in rejected]
    bad = dice.choice(stored)
    rejects = tmp_path / "rejects.parquet"
    listed = ", ".join(f"({row}, 'E_JAGGED_ROW'), ({row}, 'E_QUOTE_RULE'), ({row}, 'E_ROW_EMPTY')" for row in rejected)
    connection.execute(f"""COPY (SELECT * FROM (VALUES {listed}, (3, 'W_FOOTER')) t("row", code)) TO '{rejects}'""")
    cells = ", ".join(f"('{'x' if row == bad else row}', 'k{row // 2 * 2}')" for row in stored)
    connection.execute(f"CREATE OR REPLACE TABLE subject AS SELECT * FROM (VALUES {cells}) t(n, k)")
    profile = profile_table(connection, "subject", settings, Origin(dataset="subject"))
    check = check_key(connection, "subject", ("k",), ())
    found = with_source_rows(
        connection, profile.model_copy(update={"key_check": check}), version(rejects, stored, rejected), already=0
    )
    (wrong,) = (finding for finding in found.findings if finding.code == "E_NUMERIC_FORMAT")
    assert wrong.row == bad
    assert [(item.code, item.row) for item in found.columns[0].findings] == [("E_NUMERIC_FORMAT", bad)]
    pairs = [(row, row + 1) for row in range(2, 200, 2) if row in stored and row + 1 in stored]
    assert [group.rows for group in key_of(found).first_groups] == pairs[:10]


def key_of(profile: Profile) -> KeyCheck:
    assert profile.key_check is not None
    return profile.key_check


def version(rejects: Path, stored: list[int], rejected: list[int]) -> DatasetVersion:
    return DatasetVersion(
        dataset="subject",
        version=1,
        columns=(),
        rows_read=len(stored) + len(rejected),
        rows_committed=len(stored),
        rows_rejected=len(rejected),
        rows_total=len(stored),
        rejects=rejects,
    )


def test_a_real_file_with_rejected_rows_and_blank_lines(udb: Udb, home: Path) -> None:
    lines = [f"{i},{i}.50" for i in range(1, 101)]
    lines[9] = "10"
    lines[19] = "20,1,2,3"
    lines[49] = "50,none at all"
    Path("bad.csv").write_text("id,amount\n" + "\n".join(lines) + "\n")
    shown = udb("profile", "bad.csv", "--json").json["datasets"][0]
    rows = {finding["code"]: finding["row"] for finding in shown["findings"]}
    assert (rows["E_JAGGED_ROW"], rows["E_MONEY_FORMAT"]) == (10, 50)
