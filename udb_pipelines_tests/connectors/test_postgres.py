"""PostgreSQL at its edges: every kind of type and name, what may not be read, what changes or goes while it is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import psycopg2
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, StagedDataset
from udb_pipelines_tests import postgres
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, texts, types


def run(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)


def as_sql_writes_them(dataset: StagedDataset) -> list[tuple[str | None, ...]]:
    names = ", ".join(quote_identifier(column.name) for column in dataset.columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(
            f"SELECT COLUMNS(*)::VARCHAR FROM (SELECT {names} FROM read_parquet(?))", [str(dataset.parquet[0])]
        ).fetchall()


def test_numbers_without_a_precision_take_the_type_that_all_of_them_have(settings: Settings, postgres_url: str) -> None:
    # More rows than a sample sees, so that the last one contradicts it: read to the end, then made again as text.
    run(
        postgres_url,
        "CREATE TABLE late (id int, whole numeric, price numeric, wide numeric, odd numeric, huge numeric(60,2))",
        """INSERT INTO late SELECT i, i, i + 0.25, i, i, i FROM generate_series(1, 30000) AS i""",
        "INSERT INTO late VALUES (0, 30001, 2.75, 1e40, 'NaN', 1e50)",
    )
    (found,) = read_detected(settings, postgres_url).datasets
    assert types(found) == {
        "id": "INTEGER", "whole": "BIGINT", "price": "DECIMAL(18,2)", "wide": "VARCHAR", "odd": "VARCHAR",
        "huge": "VARCHAR",
    }  # fmt: skip
    assert len(rows(found)) == 30001
    assert texts(found)[-1][1:] == ("30001", "2.75", "1" + "0" * 40, "NaN", "1" + "0" * 50 + ".00")


def test_kinds_of_types(settings: Settings, postgres_url: str) -> None:
    run(
        postgres_url,
        "CREATE TYPE mood AS ENUM ('sad', 'très ok')",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "CREATE DOMAIN price AS numeric(10,2)",
        "CREATE TYPE pair AS (a int, b text)",
        """CREATE TABLE t (grid int[][], words text[], nums numeric(6,2)[], free numeric[], days date[], span int4range,
        spans tstzrange, m mood, moods mood[], p positive, c price, pr pair, j json, ip inet, bits bit(3), mac macaddr,
        money money, o oid, at timestamptz, day date, raw bytea, twice int GENERATED ALWAYS AS (7 * 2) STORED,
        xs xid, search tsvector, spot point, tz timetz)""",
        """INSERT INTO t (grid, words, nums, free, days, span, spans, m, moods, p, c, pr, j, ip, bits, mac, money, o,
        at, day, raw, xs, search, spot, tz) VALUES ('{{1,2},{3,4}}', '{NULL,"a,b"}', '{1.50}', '{1.5,2}',
        '{2024-01-05}',
        '[1,5)', '[2024-01-01 00:00+00,)', 'très ok', '{sad}', 3, 1.5, '(1,"x y")', '{"a": 1.50 }', '10.0.0.1/8',
        '101',
        '08:00:2b:01:02:03', '$1,234.50', 4294967295, 'infinity', '-infinity', '\\x00ff27', '5', 'a:1', '(1,2)',
        '10:00+02')""",
    )
    (found,) = read_detected(settings, postgres_url).datasets
    kinds = types(found)
    assert {name: kinds[name] for name in ("words", "nums", "days", "p", "c", "at", "day", "raw", "twice")} == {
        "words": "VARCHAR[]", "nums": "VARCHAR", "days": "DATE[]", "p": "INTEGER", "c": "DECIMAL(10,2)",
        "at": "TIMESTAMP WITH TIME ZONE", "day": "DATE", "raw": "BLOB", "twice": "INTEGER",
    }  # fmt: skip
    (row,) = as_sql_writes_them(found)
    told = dict(zip(kinds, row, strict=True))
    assert told == {
        "grid": "{{1,2},{3,4}}", "words": "[NULL, 'a,b']", "nums": "{1.50}", "free": "{1.5,2}", "days": "[2024-01-05]",
        "span": "[1,5)", "spans": '["2024-01-01 00:00:00+00",)', "m": "très ok",
        "moods": "{sad}", "p": "3", "c": "1.50", "pr": '(1,"x y")', "j": '{"a": 1.50 }', "ip": "10.0.0.1/8",
        "bits": "101",
        "mac": "08:00:2b:01:02:03", "money": "$1,234.50", "o": "4294967295", "at": "infinity", "day": "-infinity",
        "raw": "\\x00\\xFF\\x27", "twice": "14", "xs": "5", "search": "'a':1", "spot": "(1,2)", "tz": "10:00:00+02",
    }  # fmt: skip


def test_values_that_only_postgres_has_are_kept_as_text(settings: Settings, postgres_url: str) -> None:
    run(
        postgres_url,
        """CREATE TABLE t (id int, n numeric(10,2), calm numeric(10,2), tiny numeric(2,4), grid int[], from_zero int[],
        plain int[], at timestamptz, far timestamp)""",
        """INSERT INTO t VALUES (1, 'NaN', 1.5, 0.0012, '{{1,2},{3,4}}', '[0:1]={5,6}', '{7}', '294276-01-01 00:00+00',
        'infinity'), (2, 1.50, 2, NULL, '{1}', NULL, NULL, '2024-01-01 00:00+00', '2024-01-01')""",
    )
    (found,) = read_detected(settings, postgres_url).datasets
    assert list(types(found).values()) == [
        "INTEGER", "VARCHAR", "DECIMAL(10,2)", "DECIMAL(18,4)", "VARCHAR", "VARCHAR", "INTEGER[]", "VARCHAR",
        "TIMESTAMP",
    ]  # fmt: skip
    assert as_sql_writes_them(found) == [
        ("1", "NaN", "1.50", "0.0012", "{{1,2},{3,4}}", "[0:1]={5,6}", "[7]", "294276-01-01 00:00:00+00", "infinity"),
        ("2", "1.50", "2.00", None, "{1}", None, None, "2024-01-01 00:00:00+00", "2024-01-01 00:00:00"),
    ]


def test_names_and_tables_of_every_kind(settings: Settings, postgres_url: str) -> None:
    run(
        postgres_url,
        """CREATE TABLE parted (id int, day date) PARTITION BY RANGE (day)""",
        "CREATE TABLE parted_old PARTITION OF parted FOR VALUES FROM ('2000-01-01') TO ('2024-01-01')",
        "CREATE TABLE parted_new PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2100-01-01')",
        "INSERT INTO parted VALUES (1, '2001-01-01'), (2, '2025-01-01')",
        'CREATE SCHEMA "Ünï.""S"',
        r'CREATE TABLE "Ünï.""S"."Größe.Table" ("Spalte ""ä""" int, "SELECT" int, "$1" text, "名前" text)',
        """INSERT INTO "Ünï.""S"."Größe.Table" VALUES (1, 2, 'it''s %', 'ü')""",
        "CREATE MATERIALIZED VIEW mat AS SELECT id FROM parted",
        "CREATE TABLE empty_one ()",
    )
    staged = read_detected(settings, postgres_url)
    found = {dataset.dataset: dataset for dataset in staged.datasets}
    assert sorted(row[0] for row in rows(found["shop__public_parted"])) == [1, 2]
    assert sorted(row[0] for row in rows(found["shop__public_mat"])) == [1, 2]
    (odd,) = (dataset for name, dataset in found.items() if "public" not in name)
    assert rows(odd) == [(1, 2, "it's %", "ü")]
    assert [column.original_name for column in odd.columns] == ['Spalte "ä"', "SELECT", "$1", None]
    assert len(found) == 3


def test_what_may_not_be_read_is_left_out_and_told(settings: Settings, postgres_url: str) -> None:
    reader = postgres_url.replace("udb_test:", "only_reader:").replace("planted-pg-secret", "reads")
    run(
        postgres_url,
        "DROP ROLE IF EXISTS only_reader",
        "CREATE ROLE only_reader LOGIN PASSWORD 'reads'",
        "CREATE TABLE open_one (x int)",
        "CREATE TABLE closed_one (x int)",
        "CREATE VIEW through AS SELECT * FROM closed_one",
        "CREATE VIEW own_rights WITH (security_invoker = true) AS SELECT * FROM closed_one",
        "GRANT SELECT ON open_one, through, own_rights TO only_reader",
        "INSERT INTO closed_one VALUES (1)",
    )
    found = detect(source_of(reader), settings)
    assert [stream.name for stream in found.streams] == ["open_one", "own_rights", "through"]
    (seen,) = read_detected(settings, reader, tables=("through",)).datasets
    assert rows(seen) == [(1,)]
    with pytest.raises(UdbError, match=r"E_AUTH: shop__own_rights: the user may not read"):
        extract(provision(source_of(reader), found), settings, "job", None)
    run(postgres_url, "REVOKE SELECT ON open_one FROM only_reader")
    with pytest.raises(UdbError, match="E_AUTH"):
        extract(provision(source_of(reader, tables=("open_one",)), found), settings, "job", None)
    assert not list(Path(settings.staging).glob("*"))
    run(postgres_url, "REVOKE ALL ON through, own_rights FROM only_reader", "DROP ROLE only_reader")


def _planned(settings: Settings, url: str, **options: object) -> Connection:
    source = source_of(url, **options)
    return provision(source, detect(source, settings))


def test_a_table_that_changes_between_two_syncs(settings: Settings, postgres_url: str) -> None:
    run(postgres_url, "CREATE TABLE t (id int, gone int)", "INSERT INTO t VALUES (1, 2)")
    connection = _planned(settings, postgres_url)
    run(postgres_url, "ALTER TABLE t DROP COLUMN gone, ADD COLUMN come text, ALTER COLUMN id TYPE numeric(30,1)")
    (found,) = extract(connection, settings, "job", None).datasets
    assert types(found) == {"id": "DECIMAL(30,1)", "come": "VARCHAR"}
    run(postgres_url, "ALTER TABLE t RENAME TO other")
    with pytest.raises(UdbError, match="E_VANISHED"):
        extract(connection, settings, "job2", None)


def test_a_table_that_is_dropped_while_it_is_read_waits(settings: Settings, postgres_url: str) -> None:
    """All tables are locked against being changed from when the first question about them was asked."""
    run(postgres_url, "CREATE TABLE a AS SELECT i FROM generate_series(1, 300000) AS i", "CREATE TABLE b (x int)")
    run(postgres_url, "INSERT INTO b VALUES (1)")
    connection = _planned(settings, postgres_url)
    dropped = threading.Thread(target=_dropped_once_read, args=(postgres_url, "a"))
    dropped.start()
    first, second = extract(connection, settings, "job", None).datasets
    dropped.join(timeout=240)
    assert not dropped.is_alive()
    assert (first.rows_staged, second.rows_staged) == (300_000, 1)


def _dropped_once_read(url: str, table: str) -> None:
    """Drop ``table`` as soon as somebody reads it; the server makes that wait."""
    deadline = time.monotonic() + 30
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND pid <> pg_backend_pid()",
                           (table,))  # fmt: skip
            if cursor.fetchall()[0][0]:
                break
            time.sleep(0.005)
        cursor.execute(f"DROP TABLE {table}")


@contextmanager
def _killed_while_reading(server: postgres.PostgresServer, url: str) -> Iterator[None]:
    """Every session that reads a table is ended by the server, as when it restarts."""
    stop = threading.Event()

    def kill() -> None:
        with closing(psycopg2.connect(server.url())) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stop.is_set():
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND query LIKE %s",
                    (url.rpartition("/")[2], "COPY%"),
                )
                stop.wait(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()


def test_a_server_that_restarts_while_it_is_read(
    settings: Settings, postgres_server: postgres.PostgresServer, postgres_url: str
) -> None:
    run(postgres_url, "CREATE TABLE t AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 200000) AS i")
    connection = _planned(settings, postgres_url)
    with _killed_while_reading(postgres_server, postgres_url), pytest.raises(UdbError) as caught:
        extract(connection, settings, "job", None)
    assert caught.value.code == "E_CONNECT"
    assert (caught.value.source, caught.value.stage) == ("shop", "sync")
    assert not list(Path(settings.staging).glob("*"))
    (whole,) = extract(connection, settings, "again", None, Request()).datasets
    assert whole.rows_staged == 200_000
