"""Tables of databases: exact values and types, and refusals that say nothing secret."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import psycopg2
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream
from udb_pipelines_tests.connectors.sources import detection_of, read_detected, rows, source_of, types
from udb_pipelines_tests.postgres import PASSWORD


def sqlite_file(folder: Path, *statements: str) -> Path:
    path = folder / "data.sqlite"
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


def test_sqlite_values_keep_their_kind(settings: Settings, tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path,
        "CREATE TABLE t (id INTEGER, price NUMERIC, ratio REAL, day DATE, raw BLOB, mixed INTEGER, big NUMERIC)",
        "INSERT INTO t VALUES (9007199254740993, 10, 0.1, '2024-01-05', x'00ff', 1, 9007199254740993)",
        "INSERT INTO t VALUES (2, 10.5, 0.30000000000000004, NULL, NULL, 'abc', 0.5)",
    )
    (found,) = read_detected(settings, path).datasets
    assert list(types(found).values()) == ["BIGINT", "DOUBLE", "DOUBLE", "DATE", "BLOB", "VARCHAR", "VARCHAR"]
    assert rows(found) == [
        (9007199254740993, 10.0, 0.1, date(2024, 1, 5), b"\x00\xff", "1", "9007199254740993"),
        (2, 10.5, 0.30000000000000004, None, None, "abc", "0.5"),
    ]


def test_sqlite_tables_and_views_with_odd_names(settings: Settings, tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path,
        'CREATE TABLE "order ""items""" ("Unit Price" TEXT, "select" TEXT)',
        """INSERT INTO "order ""items""\" VALUES ('007', 'it''s')""",
        'CREATE VIEW "a.b" AS SELECT "select" FROM "order ""items"""',
    )
    found = {dataset.dataset: rows(dataset) for dataset in read_detected(settings, path).datasets}
    assert found == {"shop__a_b": [("it's",)], "shop__order_items": [("007", "it's")]}


def test_only_the_tables_asked_for(settings: Settings, tmp_path: Path) -> None:
    path = sqlite_file(tmp_path, "CREATE TABLE a (x)", "CREATE TABLE b (x)", "INSERT INTO b VALUES (1)")
    detection = detect(source_of(path), settings)
    connection = provision(source_of(path, tables=("b",)), detection)
    (found,) = extract(connection, settings, "job", None).datasets
    assert (found.dataset, rows(found)) == ("shop__b", [(1,)])
    with pytest.raises(UdbError) as caught:
        provision(source_of(path, tables=("b", "missing")), detection)
    assert caught.value.code == "E_NOT_FOUND"
    assert "missing" in caught.value.message
    assert "a, b" in caught.value.message


def test_duckdb_types_stay_or_become_text(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 170141183460469231731687303715884105727::HUGEINT AS huge,"
            " 1.50::DECIMAL(5,2) AS d, [1, 2] AS l, {'a': 'x'} AS s,"
            " INTERVAL 1 DAY AS i, TIMESTAMP '2024-01-02 03:04:05' AS ts, 'ü' AS \"Ü X\""
        )
    (found,) = read_detected(settings, path).datasets
    assert rows(found) == [
        (
            "170141183460469231731687303715884105727", Decimal("1.50"), [1, 2], {"a": "x"}, "1 day",
            datetime.fromisoformat("2024-01-02 03:04:05"), "ü",
        )
    ]  # fmt: skip


def test_postgres_is_exact(settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            """CREATE TYPE mood AS ENUM ('sad', 'ok');
            CREATE TABLE "Order Lines" (id bigint, amount numeric, price numeric(10,2), at timestamptz, u uuid,
                j jsonb, tags text[], m mood, span interval, "Flag?" boolean);
            INSERT INTO "Order Lines" VALUES (9223372036854775807, 12345678901234567890.123456789, 1.50,
                '2024-01-05 10:00+02', '00000000-0000-0000-0000-000000000001', '{"a": 1.50}', '{"x,y",z}', 'ok',
                '1 day', true), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
            CREATE TABLE plain (n numeric); INSERT INTO plain VALUES (1.5), (20)"""
        )
    connection.close()
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    staged = read_detected(settings, postgres_url.replace(PASSWORD, "${SHOP_PASSWORD}"))
    found = {dataset.dataset: dataset for dataset in staged.datasets}
    lines = found["shop__order_lines"]
    first = rows(lines)[0]
    assert first[:3] == (9223372036854775807, "12345678901234567890.123456789", Decimal("1.50"))
    assert first[3].isoformat() == "2024-01-05T08:00:00+00:00"  # type: ignore[attr-defined]
    assert first[4:] == (UUID(int=1), '{"a": 1.50}', ["x,y", "z"], "ok", "1 day", True)
    assert rows(found["shop__plain"]) == [(1.5,), (20.0,)]
    assert (lines.rows_read, lines.rows_staged) == (2, 2)
    assert PASSWORD not in staged.model_dump_json()


@pytest.mark.parametrize(
    ("change", "code"), [((PASSWORD, "planted-wrong"), "E_AUTH"), (("127.0.0.1:", "127.0.0.1:1"), "E_CONNECT")]
)
def test_postgres_refusals_tell_no_secret(
    settings: Settings, postgres_url: str, change: tuple[str, str], code: str
) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (x int)")
    connection.close()
    stream = DetectedStream(name="t", format="database", files=("postgresql://x",), member="public.t")
    uri = postgres_url.replace(*change)
    if code == "E_CONNECT":
        uri = postgres_url.replace(postgres_url.split("@")[1].split("/")[0], "127.0.0.1:1")
    with pytest.raises(UdbError) as caught:
        extract(provision(source_of(uri), detection_of(stream, connector="postgres")), settings, "job", None)
    assert caught.value.code == code
    told = str(caught.value.as_dict())
    assert PASSWORD not in told
    assert "planted-wrong" not in told


def test_a_table_that_is_gone_is_told(settings: Settings, postgres_url: str) -> None:
    from udb_pipelines.models import ColumnSchema

    columns = (ColumnSchema(name="x", type="integer"),)
    stream = DetectedStream(
        name="t", format="database", files=("postgresql://x",), member="public.gone", columns=columns
    )
    with pytest.raises(UdbError, match="E_VANISHED"):
        extract(provision(source_of(postgres_url), detection_of(stream)), settings, "job", None)
