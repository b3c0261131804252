"""Values against their column's type are listed: which, where, how many, and in no other place."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from udb_pipelines import standalone
from udb_pipelines.config import Settings
from udb_pipelines.models import DatasetVersion, Finding, Profile, Source, SyncResult
from udb_pipelines.profiling import listing, table
from udb_pipelines.profiling.analyze import profile_dataset
from udb_pipelines.profiling.long_values import LONGEST
from udb_pipelines_tests.cli.conftest import Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import udb as udb
from udb_pipelines_tests.profiling.test_source_rows import version
from udb_pipelines_tests.publishing import samples

Row = tuple[int, str, str, str]


def profiled(
    connection: duckdb.DuckDBPyConnection, settings: Settings, sql: str, dataset: DatasetVersion
) -> tuple[Profile, list[Row]]:
    """The profile of a query's rows, and what is listed: row, code, column, raw."""
    connection.execute(f"CREATE OR REPLACE TABLE subject AS {sql}")
    sync: SyncResult = samples.sync("subject")
    profile = profile_dataset(connection, "subject", dataset, sync, (), settings)
    return profile, rows_of(listing.values_file(settings, sync, "subject"))


def rows_of(file: Path) -> list[Row]:
    return duckdb.execute(f"""SELECT "row", code, "column", raw FROM '{file}'""").fetchall() if file.is_file() else []


def stored(rows: int) -> DatasetVersion:
    return version(Path("none"), list(range(rows)), [])


def mismatch(profile: Profile, code: str) -> Finding:
    (found,) = (finding for finding in profile.findings if finding.code == code)
    return found


@pytest.mark.parametrize("copied", [True, False], ids=["a copy in memory", "the table itself"])
def test_each_value_that_does_not_match_is_listed_under_its_code(
    connection: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    rows = 4_000
    if not copied:
        monkeypatch.setattr(table, "COPIED_CELLS", 0)
    sql = f"""SELECT CASE WHEN i % 50 = 7 THEN 'n°' || i ELSE i::VARCHAR END AS "the number",
        CASE WHEN i % 100 = 3 THEN '1,50' ELSE i || '.50' END AS paid,
        CASE WHEN i % 80 = 1 THEN '31/01/2024' WHEN i % 80 = 2 THEN '2024-02-31'
             ELSE strftime(DATE '2024-01-01' + (i % 200)::INT, '%Y-%m-%d') END AS day,
        CASE WHEN i = 9 THEN 'nan'::DOUBLE ELSE i / 7 END AS measured,
        'text ' || i AS fine, '' AS nothing
        FROM range(1, {rows + 1}) t(i)"""
    profile, found = profiled(connection, settings, sql, stored(rows))
    expected = [
        *((i, "E_NUMERIC_FORMAT", "the number", f"n°{i}") for i in range(7, rows + 1, 50)),
        *((i, "E_MONEY_FORMAT", "paid", "1,50") for i in range(3, rows + 1, 100)),
        *((i, "E_DATE_MIXED_FORMAT", "day", "31/01/2024") for i in range(1, rows + 1, 80)),
        *((i, "E_DATE_INVALID", "day", "2024-02-31") for i in range(2, rows + 1, 80)),
        (9, "E_NUMERIC_FORMAT", "measured", "nan"),
    ]
    assert sorted(found) == sorted(expected)
    assert [row for row, *_ in found] == sorted(row for row, *_ in found)
    for finding in profile.findings:
        of_it = [row for row, code, column, _ in found if (code, column) == (finding.code, finding.column)]
        assert (finding.count, finding.row) == (len(of_it), min(of_it))


def test_no_more_are_listed_than_is_bearable_and_the_count_says_so(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    bad = "CASE WHEN i % 20 = 0 THEN repeat('x', if(i = 20, 9000, 3)) ELSE i::VARCHAR END"
    sql = f"SELECT {bad} AS n FROM range(1, 260001) t(i)"
    profile, found = profiled(connection, settings, sql, stored(260_000))
    assert [row for row, *_ in found] == list(range(20, 200_001, 20))
    assert {len(raw) for *_, raw in found} == {3, LONGEST}
    finding = mismatch(profile, "E_NUMERIC_FORMAT")
    assert finding.count == 13_000
    assert finding.message.endswith("13,000 of 260,000 rows (5.00 %); the first 10,000 are listed")


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_numbered_as_in_the_source_though_some_were_rejected(
    connection: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    rejected = sorted(dice.sample(range(1, 1001), 300))
    kept = [row for row in range(1, 1001) if row not in set(rejected)]
    bad = set(dice.sample(kept, 20))
    file = tmp_path / "rejects.parquet"
    listed = ", ".join(f"({row}, 'E_JAGGED_ROW'), ({row}, 'E_ROW_EMPTY')" for row in rejected)
    connection.execute(f"""COPY (SELECT * FROM (VALUES {listed}) t("row", code)) TO '{file}'""")
    cells = ", ".join(f"('{'x' if row in bad else row}')" for row in kept)
    _, found = profiled(connection, settings, f"SELECT * FROM (VALUES {cells}) t(n)", version(file, kept, rejected))
    assert [row for row, *_ in found] == sorted(bad)


def test_a_clean_version_leaves_no_list_behind(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    dirty = "SELECT CASE WHEN i = 5 THEN '?' ELSE i::VARCHAR END AS n FROM range(100) t(i)"
    assert profiled(connection, settings, dirty, stored(100))[1] == [(6, "E_NUMERIC_FORMAT", "n", "?")]
    assert profiled(connection, settings, "SELECT 1 AS n", stored(1))[1] == []
    left = connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    assert left == []


def test_rejected_rows_and_values_stand_in_one_file_and_nowhere_else(udb: Udb, home: Path) -> None:
    lines = [f"{i},{i}.50" for i in range(1, 101)]
    lines[9] = "10"
    lines[49] = "50,Hunter2 Kowalczyk"
    text = "id,amount\n" + "\n".join(lines) + "\n"
    Path("bad.csv").write_text(text)
    shown = udb("profile", "bad.csv", "--out", "look", "--json")
    (folder,) = (path for path in Path("look").iterdir() if path.is_dir())
    found: list[Any] = duckdb.sql(
        f"""SELECT "row", byte_offset, code, "column", raw FROM '{folder / "rejects.parquet"}'"""
    ).fetchall()
    begin = text.index("50,Hunter2")
    assert found == [
        (10, text.index("\n10\n") + 1, "E_JAGGED_ROW", None, "10"),
        (50, begin, "E_MONEY_FORMAT", "amount", "Hunter2 Kowalczyk"),
    ]
    findings = json.loads((folder / "profile.json").read_text())["findings"]
    assert [(f["row"], f["byte_offset"]) for f in findings if f["code"] == "E_MONEY_FORMAT"] == [(50, begin)]
    assert "rejects.parquet" in (folder / "report.html").read_text()
    told = (folder / "audit.log.json").read_text() + shown.err
    assert "Kowalczyk" not in told


def test_a_row_is_told_with_the_byte_where_it_begins_or_without_one(settings: Settings, tmp_path: Path) -> None:
    """Behind a mark of the encoding, a preamble and line ends in quotes; and of a packed file nothing wrong."""
    lines = [f'{i},"é\n{i}",{"oops" if i == 150 else i}\r\n' for i in range(200)]
    data = ("\ufeffsome title\r\n\r\nid,text,number\r\n" + "".join(lines)).encode()
    places = []
    for name, written in (("plain.csv", data), ("packed.csv.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(written)
        measured = standalone.measure(
            Source(name="file", uri=str(tmp_path / name), created_at=datetime.now(UTC)), settings
        )
        (profile,) = measured.profiles.profiles
        found = mismatch(profile, "E_NUMERIC_FORMAT")
        assert found.row == 151
        places.append(found.byte_offset)
    assert places == [data.index(b'150,"'), None]
