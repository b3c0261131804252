"""The sample files hold what they say they hold; counted here with the standard library, not with UDB."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import python_calamine

from udb_pipelines.samples import SampleFile, create
from udb_pipelines.samples.dirt import HEADER


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SampleFile]:
    folder = tmp_path_factory.mktemp("samples")
    return {file.path.name: file for file in create(folder)}


@pytest.fixture(scope="module")
def records(files: dict[str, SampleFile]) -> list[list[str]]:
    text = files["customers.csv"].path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))[1:]


@pytest.fixture(scope="module")
def good(records: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(HEADER, record, strict=True)) for record in records if len(record) == len(HEADER)]


def test_customers_hold_the_good_and_the_broken_rows_they_declare(
    files: dict[str, SampleFile], records: list[list[str]], good: list[dict[str, str]]
) -> None:
    declared = files["customers.csv"]
    blank = [record for record in records if not record]
    short = [record for record in records if 0 < len(record) < len(HEADER)]
    long = [record for record in records if len(record) > len(HEADER)]
    assert len(good) == declared.rows["customers"]
    assert len(short) + len(long) == declared.rejected
    assert len(short) == declared.planted["too_few_fields"]
    assert len(long) == declared.planted["too_many_fields"]
    assert len(blank) == declared.planted["blank_line"]


def test_every_kind_of_dirt_in_customers_is_there_as_often_as_declared(
    files: dict[str, SampleFile], good: list[dict[str, str]]
) -> None:
    found = {
        "byte_order_mark": files["customers.csv"].path.read_bytes().count("\ufeff".encode()),
        "quoted_newline": sum("\n" in row["note"] for row in good),
        "null_marker": sum(row["phone"] in {"N/A", "-", "NULL"} for row in good),
        "trailing_space": sum(row["city"] != row["city"].strip() for row in good),
        "bad_email": sum("@" not in row["e-mail"] for row in good),
        "other_date_format": sum(re.fullmatch(r"\d\d/\d\d/\d{4}", row["registered"]) is not None for row in good),
        "date_out_of_range": sum(row["born"] < "1900" for row in good),
        "duplicate_row": len(good) - len({tuple(row.values()) for row in good}),
    }
    lines = {"too_few_fields", "too_many_fields", "blank_line"}
    assert found == {kind: count for kind, count in files["customers.csv"].planted.items() if kind not in lines}


def test_values_that_careless_tools_destroy_are_there(good: list[dict[str, str]]) -> None:
    assert any(row["postcode"].startswith("0") for row in good)
    assert any("ü" in row["name"] for row in good)
    assert any(";" in row["note"] for row in good)
    assert any('"' in row["note"] for row in good)


def test_orders_are_nested_and_gain_a_field_late(files: dict[str, SampleFile]) -> None:
    declared = files["orders.ndjson"]
    orders = [json.loads(line) for line in declared.path.read_text(encoding="utf-8").splitlines()]
    assert len(orders) == declared.rows["orders"]
    assert sum("coupon" in order for order in orders) == declared.planted["late_field"]
    assert all(order["items"] for order in orders)


def test_payments_repeat_what_they_say_and_pay_existing_orders(files: dict[str, SampleFile]) -> None:
    declared = files["payments.parquet"]
    payments = pq.read_table(declared.path)
    orders = files["orders.ndjson"].path.read_text(encoding="utf-8")
    assert payments.num_rows == declared.rows["payments"]
    assert payments.num_rows - pc.count_distinct(payments["payment_no"]).as_py() == declared.planted["duplicate_row"]
    assert set(payments["order_no"].to_pylist()) == set(re.findall(r"B-\d+", orders))


def test_ibans_are_valid(files: dict[str, SampleFile]) -> None:
    ibans = pq.read_table(files["payments.parquet"].path)["iban"].drop_null().to_pylist()
    assert ibans
    assert {int(iban[4:] + "1314" + iban[2:4]) % 97 for iban in ibans} == {1}


def test_database_keeps_its_own_rules(files: dict[str, SampleFile]) -> None:
    declared = files["shop.sqlite"]
    with closing(sqlite3.connect(declared.path)) as database:
        counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in declared.rows}
        assert counts == declared.rows
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_workbook_opens_and_has_a_title_above_its_table(files: dict[str, SampleFile]) -> None:
    declared = files["suppliers.xlsx"]
    rows = python_calamine.CalamineWorkbook.from_path(declared.path).get_sheet_by_index(0).to_python()
    assert rows[declared.planted["preamble"]][0] == "Supplier"
    assert len(rows) - declared.planted["preamble"] - 1 == declared.rows["suppliers"]


def test_the_same_bytes_every_time(files: dict[str, SampleFile], tmp_path: Path) -> None:
    for file in create(tmp_path):
        assert file.path.read_bytes() == files[file.path.name].path.read_bytes(), file.path.name


def test_again_changes_nothing_and_a_missing_file_comes_back(tmp_path: Path) -> None:
    create(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "orders.ndjson").unlink()
    written = [file.path.name for file in create(tmp_path) if file.written]
    assert written == ["orders.ndjson"]
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {name: time for name, time in after.items() if name != "orders.ndjson"} == {
        name: time for name, time in before.items() if name != "orders.ndjson"
    }


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 2), (["shop"], 0)])
def test_command(arguments: list[str], code: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "udb_pipelines.samples", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("2,406 customers" in done.stdout) == (code == 0)
    assert ("usage:" in done.stderr) == (code == 2)
