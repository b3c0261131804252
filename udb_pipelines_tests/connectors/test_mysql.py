"""Tables of a real MariaDB server: exact values and types, and refusals that say nothing secret."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, texts, types
from udb_pipelines_tests.mariadb import PASSWORD, MariaDB


def test_numbers_keep_every_digit(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run(
        """CREATE TABLE t (id BIGINT UNSIGNED, wide DECIMAL(65,30), price DECIMAL(38,4), flag TINYINT(1), small
        TINYINT UNSIGNED, medium MEDIUMINT, f FLOAT, d DOUBLE, born YEAR, bits BIT(10), yes BIT(1))""",
        """INSERT INTO t VALUES (18446744073709551615,
        12345678901234567890123456789012345.123456789012345678901234567891,
        1.5, 5, 255, -8388608, 0.1, 0.1e0 + 0.2e0, 2024, b'1000000001', 1)""",
        "INSERT INTO t (id) VALUES (2)",
    )
    (found,) = read_detected(settings, mariadb.url).datasets
    assert list(types(found).values()) == [
        "UBIGINT", "VARCHAR", "DECIMAL(38,4)", "TINYINT", "UTINYINT", "INTEGER", "FLOAT", "DOUBLE", "INTEGER",
        "UBIGINT", "BOOLEAN",
    ]  # fmt: skip
    first, second = rows(found)
    assert first[:6] == (
        18446744073709551615, "12345678901234567890123456789012345.123456789012345678901234567891", Decimal("1.5"), 5,
        255, -8388608,
    )  # fmt: skip
    assert first[6] == pytest.approx(0.1, rel=1e-7)
    assert first[7:] == (0.30000000000000004, 2024, 513, True)
    assert second == (2, *[None] * 10)


def test_text_and_bytes(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run(
        """CREATE TABLE t (a VARCHAR(10) COLLATE utf8mb4_bin, l VARCHAR(10) CHARACTER SET latin1, j JSON,
        e ENUM('ü', 'b'), s SET('x', 'y'), b BLOB, vb VARBINARY(3), u UUID, ip INET6, p POINT, t LONGTEXT)""",
        """INSERT INTO t VALUES ('ü\\\\''😀', 'é', '{"a": 1.50}', 'ü', 'x,y', x'00ff', x'01',
        '00000000-0000-0000-0000-000000000001', '::1', POINT(1.5, 2), REPEAT('x', 70000))""",
    )
    (found,) = read_detected(settings, mariadb.url).datasets
    assert rows(found) == [
        ("ü\\'😀", "é", '{"a": 1.50}', "ü", "x,y", b"\x00\xff", b"\x01", "00000000-0000-0000-0000-000000000001", "::1",
         "SRID=0;POINT(1.5 2)", "x" * 70000)
    ]  # fmt: skip


def test_times_and_dates_that_are_none(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run(
        """CREATE TABLE t (id INT, day DATE, at DATETIME(6), moment TIMESTAMP(3) NULL, span TIME(2), odd DATE,
        plain DATETIME)""",
        "SET time_zone = '+02:00', sql_mode = ''",
        """INSERT INTO t VALUES (1, '2024-01-05', '2024-01-02 03:04:05.123400', '2024-01-02 12:00:00.5',
        '-838:59:58.12', '2024-00-05', '2024-01-02 00:00:00')""",
        "INSERT INTO t VALUES (2, '0000-00-00', '0000-00-00', '0000-00-00', '10:00:00', '2024-01-05', NULL)",
    )
    (found,) = read_detected(settings, mariadb.url).datasets
    assert list(types(found).values()) == [
        "INTEGER", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR", "TIMESTAMP"
    ]  # fmt: skip
    first, second = rows(found)
    assert first == (
        1, date(2024, 1, 5), datetime.fromisoformat("2024-01-02 03:04:05.1234"),
        datetime(2024, 1, 2, 10, 0, 0, 500_000, tzinfo=UTC), "-838:59:58.12", "2024-00-05",
        datetime.fromisoformat("2024-01-02"),
    )  # fmt: skip
    assert second == (2, None, None, None, "10:00:00.00", "2024-01-05", None)
    # What is no date has no value, and is not lost.
    assert texts(found)[1][1:4] == ("0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000Z")


def test_tables_views_and_keys(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run(
        "CREATE TABLE `order ``lines` (line INT, `order` INT, `Unit Price` INT, PRIMARY KEY (`order`, line))",
        "INSERT INTO `order ``lines` VALUES (1, 7, 3)",
        "CREATE VIEW expensive AS SELECT `Unit Price` FROM `order ``lines`",
        "CREATE TABLE empty_one (x INT)",
    )
    found = detect(source_of(mariadb.url.replace("mysql:", "mariadb:")), settings)
    assert found.connector == "mysql"
    assert {stream.name: stream.primary_key for stream in found.streams} == {
        "empty_one": (),
        "expensive": (),
        "order_lines": ("order", "line"),
    }
    staged = extract(provision(source_of(mariadb.url), found), settings, "job", None)
    assert [rows(dataset) for dataset in staged.datasets] == [[], [(3,)], [(1, 7, 3)]]


def test_a_server_without_a_database_named_shows_all_of_them(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run("CREATE TABLE only_here (x INT)")
    found = detect(source_of(mariadb.server.url(), tables=(f"{mariadb.name}.only_here",)), settings)
    assert [stream.member for stream in found.streams] == [f"{mariadb.name}.only_here"]


@pytest.mark.parametrize("stage", ["detect", "sync"])
@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ((PASSWORD, "planted-wrong"), "E_AUTH"),
        (("127.0.0.1:", "127.0.0.1:1"), "E_CONNECT"),
        (("127.0.0.1", "no-such-host.invalid"), "E_CONNECT"),
        (("/test_", "/gone_"), "E_NOT_FOUND"),
        (("?", "?zzz=1"), "E_CONFIG"),
    ],
    ids=["password", "port", "host", "database", "option"],
)
def test_refusals_tell_no_secret(
    settings: Settings, mariadb: MariaDB, broken: tuple[str, str], code: str, stage: str
) -> None:
    mariadb.run("CREATE TABLE t (x INT)")
    good = detect(source_of(mariadb.url), settings)
    bad = source_of((mariadb.url + "?").replace(*broken).removesuffix("?"))
    if broken[1] == "127.0.0.1:1":
        bad = source_of(mariadb.url.replace(f":{mariadb.server.port}/", ":1/"))
    with pytest.raises(UdbError) as caught:
        detect(bad, settings) if stage == "detect" else extract(provision(bad, good), settings, "job", None)
    assert caught.value.code == code
    told = str(caught.value.as_dict())
    assert PASSWORD not in told
    assert "planted-wrong" not in told
    assert (caught.value.source, caught.value.stage) == ("shop", stage)


def test_a_table_that_went_and_one_that_may_not_be_read(settings: Settings, mariadb: MariaDB) -> None:
    mariadb.run("CREATE TABLE t (x INT)")
    found = detect(source_of(mariadb.url), settings)
    mariadb.run("DROP TABLE t")
    with pytest.raises(UdbError, match="E_VANISHED"):
        extract(provision(source_of(mariadb.url), found), settings, "job", None)


def test_a_password_with_every_sign(settings: Settings, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    awkward = "p@s/w:r%d '\"?#&ü"
    mariadb.run(
        "CREATE TABLE t (x INT)",
        "CREATE OR REPLACE USER 'odd'@'127.0.0.1' IDENTIFIED BY 'p@s/w:r%%d ''\"?#&ü'".replace("%%", "%"),
        "GRANT SELECT ON *.* TO 'odd'@'127.0.0.1'",
    )
    monkeypatch.setenv("ODD", awkward)
    uri = f"mysql://odd:${{ODD}}@127.0.0.1:{mariadb.server.port}/{mariadb.name}"
    assert len(read_detected(settings, uri).datasets) == 1


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("VARCHAR(9)", ("'a'", "'B'", "'ä'"), "ä"),
        ("BIGINT UNSIGNED", ("9", "18446744073709551614", "18446744073709551615"), "18446744073709551615"),
        ("DATETIME(6)", ("'2024-01-01'", "'2024-01-02'", "'2024-01-02 00:00:00.000001'"), "2024-01-02 00:00:00.000001"),
        ("FLOAT", ("0.5", "1.5", "16777215"), "16777215"),
        ("DECIMAL(40,2)", ("1", "2", "12345678901234567890123456789012345678.90"), None),
    ],
)
def test_cursors_of_every_kind_find_the_last_row_again(
    settings: Settings, mariadb: MariaDB, kind: str, values: tuple[str, ...], expected: str | None
) -> None:
    mariadb.run(f"CREATE TABLE t (c {kind})", *(f"INSERT INTO t VALUES ({value})" for value in values))
    source = source_of(mariadb.url, sync_mode="incremental_append", cursor="c")
    connection = provision(source, detect(source, settings))
    state = extract(connection, settings, "first", None).state
    assert state["shop"]["cursor"] == (expected or values[-1])
    (again,) = extract(connection, settings, "second", None, Request(state)).datasets
    assert len(rows(again)) == 1
