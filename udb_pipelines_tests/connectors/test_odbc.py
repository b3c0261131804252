"""Databases by ODBC: two drivers that differ in what they make of values, exact by both; refusals without secrets."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg2
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, preview, provision
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests import mariadb as maria
from udb_pipelines_tests import postgres
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, types
from udb_pipelines_tests.mariadb import MariaDB
from udb_pipelines_tests.odbc import needs_driver, through

PG, MY = "PostgreSQL Unicode", "MariaDB Unicode"


def run(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def test_postgres_by_odbc_is_exact(settings: Settings, postgres_url: str) -> None:
    run(
        postgres_url,
        """CREATE TABLE "Order ""Lines" (id bigint PRIMARY KEY, n numeric(10,2), free numeric, wide numeric(50,3),
        r real, d double precision, t text, flag boolean, day date, at timestamp, moment timestamptz, u uuid, j jsonb,
        raw bytea, tags int[], small smallint)""",
        """INSERT INTO "Order ""Lines" VALUES (9223372036854775807, 1.50, 12345678901234567890.123456789, 1.5, 0.5,
        0.1::float8 + 0.2, 'üé😀', true, '2024-01-05', '2024-01-02 03:04:05.1234', '2024-01-05 10:00+02',
        '00000000-0000-0000-0000-000000000001', '{"a": 1.50}', '\\x00ff', '{1,2}', 5)""",
        """INSERT INTO "Order ""Lines" (id) VALUES (2)""",
    )
    (found,) = read_detected(settings, through(PG, postgres_url)).datasets
    assert types(found) == {
        "id": "BIGINT", "n": "DECIMAL(10,2)", "free": "VARCHAR", "wide": "DECIMAL(18,3)", "r": "DOUBLE", "d": "DOUBLE",
        "t": "VARCHAR", "flag": "BOOLEAN", "day": "DATE", "at": "TIMESTAMP", "moment": "TIMESTAMP WITH TIME ZONE",
        "u": "UUID", "j": "VARCHAR", "raw": "BLOB", "tags": "VARCHAR", "small": "SMALLINT",
    }  # fmt: skip
    first, second = sorted(rows(found), key=lambda row: -row[0])
    assert first == (
        9223372036854775807, Decimal("1.50"), "12345678901234567890.123456789", Decimal("1.500"), 0.5,
        0.30000000000000004, "üé😀", True, date(2024, 1, 5), datetime.fromisoformat("2024-01-02 03:04:05.1234"),
        datetime(2024, 1, 5, 8, tzinfo=UTC), UUID(int=1), '{"a": 1.50}', b"\x00\xff", "{1,2}", 5,
    )  # fmt: skip
    assert second == (2, *[None] * 15)


def test_mariadb_by_odbc_is_exact(settings: Settings, mariadb: MariaDB) -> None:
    address = through(MY, mariadb.url)
    mariadb.run(
        """CREATE TABLE `odd ``table` (id BIGINT UNSIGNED PRIMARY KEY, i INT, price DECIMAL(38,4), wide DECIMAL(65,30),
        f FLOAT, d DOUBLE, bits BIT(10), yes BIT(1), t LONGTEXT, raw BLOB, day DATE, at DATETIME(6), u UUID)
        CHARACTER SET utf8mb4""",
        """INSERT INTO `odd ``table` VALUES (18446744073709551615, 5, 1.5,
        12345678901234567890123456789012345.123456789012345678901234567891, 0.5, 0.1e0 + 0.2e0, b'1000000001', 1,
        'ü\\\\''', x'00ff', '2024-01-05', '2024-01-02 03:04:05.1234', '00000000-0000-0000-0000-000000000001')""",
        "INSERT INTO `odd ``table` (id, day) VALUES (2, NULL)",
    )
    (found,) = read_detected(settings, address).datasets
    first, second = sorted(rows(found), key=lambda row: -int(str(row[0])))
    assert first == (
        "18446744073709551615", 5, Decimal("1.5"), "12345678901234567890123456789012345.123456789012345678901234567891",
        0.5, 0.30000000000000004, 513, 1, "ü\\'", b"\x00\xff", date(2024, 1, 5),
        datetime.fromisoformat("2024-01-02 03:04:05.1234"), UUID(int=1),
    )  # fmt: skip
    assert second == ("2", *[None] * 12)


def test_tables_views_keys_and_a_query(settings: Settings, postgres_url: str) -> None:
    run(
        postgres_url,
        'CREATE TABLE lines (line int, "order" int, price numeric(5,2), PRIMARY KEY ("order", line))',
        "INSERT INTO lines VALUES (1, 7, 1.5), (2, 7, 2.5)",
        "CREATE VIEW dear AS SELECT line FROM lines WHERE price > 2",
        "CREATE TABLE empty_one (x int)",
    )
    address = through(PG, postgres_url)
    found = detect(source_of(address), settings)
    assert found.connector == "odbc"
    assert {stream.name: stream.primary_key for stream in found.streams} == {
        "dear": (), "empty_one": (), "lines": ("order", "line"),
    }  # fmt: skip
    totals = 'SELECT "order", sum(price) AS total FROM lines GROUP BY 1 -- all; of them'
    (asked,) = read_detected(settings, address, queries={"totals": totals}).datasets
    assert rows(asked) == [(7, Decimal("4.00"))]
    shown = preview(source_of(address), found, settings, stream="lines")
    assert shown.to_pydict() == {"line": ["1", "2"], "order": ["7", "7"], "price": ["1.50", "2.50"]}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; DELETE FROM t",
        "SELECT 1) AS a; DELETE FROM t; SELECT * FROM (SELECT 1",
        "DELETE FROM t",
        "SELECT 'it''s",
        "SELECT x FROM gone",
    ],
    ids=["two", "ended", "writing", "open", "absent"],
)
def test_a_query_that_is_none_is_refused(settings: Settings, postgres_url: str, query: str) -> None:
    run(postgres_url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (1)")
    with pytest.raises(UdbError, match=r"E_SQL.*the query asked"):
        detect(source_of(through(PG, postgres_url), queries={"asked": query}), settings)
    (found,) = read_detected(settings, through(PG, postgres_url)).datasets
    assert rows(found) == [(1,)]


def test_long_values_are_whole_or_refused(settings: Settings, mariadb: MariaDB, postgres_url: str) -> None:
    mariadb.run(
        "CREATE TABLE t (id INT, a LONGTEXT, b LONGBLOB)",
        "INSERT INTO t VALUES (1, 'x', 'y'), (2, REPEAT('x', 70000), REPEAT('y', 3000000)), (3, REPEAT('z', 9000), '')",
    )
    (found,) = read_detected(settings, through(MY, mariadb.url)).datasets
    assert [(row[0], len(str(row[1])), len(row[2])) for row in rows(found)] == [
        (1, 1, 1), (2, 70000, 3000000), (3, 9000, 0)
    ]  # fmt: skip
    run(postgres_url, "CREATE TABLE t (x text)", "INSERT INTO t VALUES (repeat('x', 70000))")
    with pytest.raises(UdbError, match="E_TOO_LARGE"):
        read_detected(settings, through(PG, postgres_url))
    (whole,) = read_detected(settings, through(PG, postgres_url, MaxLongVarcharSize=100000)).datasets
    assert [len(str(row[0])) for row in rows(whole)] == [70000]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", ("1", "2", "3")),
        ("numeric(9,2)", ("1.5", "10.25", "11")),
        ("timestamptz", ("'2024-01-01 00:00+02'", "'2024-01-02 00:00+02'", "'2024-01-02 00:00:00.000001+02'")),
        ("varchar(9)", ("'a'", "'b''c'", "'ü\\'")),
        ("date", ("'2024-01-01'", "'2024-01-02'", "'2024-01-03'")),
        ("double precision", ("0.5", "1.5", "0.1::float8 + 3.2")),
    ],
)
def test_cursors_find_the_last_row_again(
    settings: Settings, postgres_url: str, kind: str, values: tuple[str, ...]
) -> None:
    run(postgres_url, f"CREATE TABLE t (id serial PRIMARY KEY, c {kind})")
    run(postgres_url, *(f"INSERT INTO t (c) VALUES ({value})" for value in values))
    source = source_of(through(PG, postgres_url), sync_mode="incremental_upsert", cursor="c", delete_missing=True)
    connection = provision(source, detect(source, settings))
    state = extract(connection, settings, "first", None).state
    (again,) = extract(connection, settings, "second", None, Request(state)).datasets
    assert [row[0] for row in rows(again)] == [3]
    assert again.keys is not None


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ((postgres.PASSWORD, "planted-wrong"), "E_AUTH"),
        (("127.0.0.1:", "127.0.0.1:1"), "E_CONNECT"),
        (("/test_", "/gone_"), "E_NOT_FOUND"),
        (("PostgreSQL", "Absent"), "E_CONNECTOR"),
        (("Unicode", "Unicode&PWD=planted-wrong"), "E_CONFIG"),
    ],
    ids=["password", "port", "database", "driver", "inline"],
)
def test_refusals_tell_no_secret(settings: Settings, postgres_url: str, broken: tuple[str, str], code: str) -> None:
    address = through(PG, postgres_url)
    bad = address.replace(*broken)
    if code == "E_CONNECT":
        bad = address.replace(address.split("@")[1].split("/")[0], "127.0.0.1:1")
    with pytest.raises(UdbError) as caught:
        detect(source_of(bad), settings)
    assert caught.value.code == code
    told = str(caught.value.as_dict())
    assert postgres.PASSWORD not in told
    assert "planted-wrong" not in told


def test_mariadb_refusals(settings: Settings, mariadb: MariaDB) -> None:
    address = through(MY, mariadb.url)
    mariadb.run("CREATE TABLE t (x INT)")
    good = detect(source_of(address), settings)
    for change, code in (
        ((maria.PASSWORD, "planted-wrong"), "E_AUTH"),
        ((f":{mariadb.server.port}/", ":1/"), "E_CONNECT"),
        (("/test_", "/gone_"), "E_NOT_FOUND"),
    ):
        with pytest.raises(UdbError) as caught:
            extract(provision(source_of(address.replace(*change)), good), settings, "job", None)
        assert caught.value.code == code
        assert maria.PASSWORD not in str(caught.value.as_dict())
    mariadb.run("DROP TABLE t")
    with pytest.raises(UdbError, match="E_VANISHED"):
        extract(provision(source_of(address), good), settings, "job", None)


def test_without_the_package_the_command_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arrow_odbc", None)
    with pytest.raises(UdbError, match="E_CONNECTOR") as caught:
        detect(source_of("odbc://127.0.0.1:1/shop?driver=Any"), settings)
    assert "pip install 'udb-pipelines[odbc]'" in str(caught.value.as_dict()["remedy"])


def test_a_data_source_that_is_not_there(settings: Settings) -> None:
    needs_driver(PG)
    with pytest.raises(UdbError, match=r"E_NOT_FOUND.*no ODBC data source"):
        detect(source_of("odbc://nowhere"), settings)
