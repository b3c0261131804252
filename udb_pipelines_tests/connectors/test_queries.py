"""Queries as streams, keys that databases declare, and one moment for all tables of a source."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, last_state, query
from udb_pipelines_tests.connectors.sources import read_detected, rows, source_of, types

SHOP = (
    "CREATE TABLE orders (shop INT, id INT, price DECIMAL(10,2), seen TIMESTAMP NULL, PRIMARY KEY (shop, id))",
    "INSERT INTO orders VALUES (1, 1, 1.50, '2026-01-01 10:00:00'), (1, 2, 2.25, '2026-01-02 10:00:00')",
    "CREATE TABLE other (x INT)",
)


@dataclass(frozen=True)
class Database:
    """A database of one kind with the tables of ``SHOP``."""

    kind: str
    uri: str
    run: Callable[[str], None]


@pytest.fixture(params=["postgres", "mariadb", "sqlite", "duckdb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    found = _database(request, tmp_path)
    for statement in SHOP:
        found.run(statement)
    return found


def _database(request: pytest.FixtureRequest, folder: Path) -> Database:
    kind: str = request.param
    if kind == "mariadb":
        maria = request.getfixturevalue("mariadb")
        return Database(kind, maria.url, maria.run)
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")

        def run(statement: str) -> None:
            with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
                cursor.execute(statement)

        return Database(kind, url, run)
    path = folder / f"shop.{kind}"
    opened: Any = sqlite3.connect if kind == "sqlite" else duckdb.connect

    def run_file(statement: str) -> None:
        with closing(opened(str(path))) as connection:
            connection.execute(statement.replace(" NULL,", ",") if kind == "duckdb" else statement)
            connection.commit()

    return Database(kind, str(path), run_file)


def test_a_query_becomes_a_table(settings: Settings, database: Database) -> None:
    total = "SELECT shop, count(*) AS orders, sum(price) AS total FROM orders GROUP BY shop -- all of it"
    staged = read_detected(
        settings, database.uri, queries={"totals": total, "none": "SELECT id FROM orders WHERE 1=0;"}
    )
    totals, none = staged.datasets
    assert (totals.dataset, none.dataset) == ("shop__totals", "shop__none")
    assert [tuple(map(float, row)) for row in rows(totals)] == [(1, 2, 3.75)]
    assert rows(none) == []


def test_with_queries_only_the_tables_that_are_named(settings: Settings, database: Database) -> None:
    found = detect(source_of(database.uri, queries={"ids": "SELECT id FROM orders"}, tables=("other",)), settings)
    assert [stream.name for stream in found.streams] == ["other", "ids"]


def test_a_query_is_read_incrementally(settings: Settings, database: Database) -> None:
    source = source_of(
        database.uri,
        queries={"recent": "SELECT id AS number, seen FROM orders WHERE price > 0"},
        sync_mode="incremental_upsert",
        primary_key=("number",),
        cursor="seen",
    )
    lake = Lake(settings)

    def sync() -> int:
        connection = provision(source, detect(source, settings))
        staged = extract(connection, settings, str(uuid.uuid4()), None, Request(last_state(lake, "shop")))
        return commit(lake, staged).datasets[0].rows_read

    assert sync() == 2
    database.run("INSERT INTO orders VALUES (1, 3, 9, '2026-01-03 10:00:00')")
    assert sync() == 2
    assert [row[0] for row in query(lake, "SELECT number FROM shop ORDER BY 1").rows] == [1, 2, 3]


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM orders", "SELECT 1 AS x) q; DELETE FROM orders; SELECT 1 FROM (SELECT 1", "SELECT planted FROM gone"],
    ids=["no select", "two statements", "no such table"],
)
def test_a_query_that_is_none_is_refused_and_changes_nothing(
    settings: Settings, database: Database, statement: str
) -> None:
    with pytest.raises(UdbError) as caught:
        detect(source_of(database.uri, queries={"bad": statement}), settings)
    assert caught.value.code == "E_SQL"
    assert "planted" not in caught.value.message
    assert ("does not have" in caught.value.message) == ("gone" in statement)
    assert len(rows(read_detected(settings, database.uri, tables=("orders",)).datasets[0])) == 2


def test_functions_of_a_query_cannot_write(settings: Settings, postgres_url: str) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE t (x int); INSERT INTO t VALUES (1);"
            "CREATE FUNCTION eat() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM t RETURNING x'"
        )
    with pytest.raises(UdbError, match="E_SQL"):
        read_detected(settings, postgres_url, queries={"sly": "SELECT eat() AS x"})
    assert len(rows(read_detected(settings, postgres_url).datasets[0])) == 1


def test_wide_decimals_of_a_mysql_query_keep_their_digits(settings: Settings, mariadb: Any) -> None:
    mariadb.run(
        "CREATE TABLE t (d DECIMAL(30,4), f DOUBLE, t TEXT COLLATE utf8mb4_bin, b BLOB)",
        "INSERT INTO t VALUES (12345678901234567890123456.0001, 0.1e0 + 0.2e0, 'ü', x'ff')",
    )
    (found,) = read_detected(
        settings, mariadb.url, queries={"q": "SELECT SUM(d) AS d, f, t, b FROM t GROUP BY f, t, b"}
    ).datasets
    assert types(found) == {"d": "VARCHAR", "f": "DOUBLE", "t": "VARCHAR", "b": "BLOB"}
    assert rows(found) == [("12345678901234567890123456.0001", 0.30000000000000004, "ü", b"\xff")]


def test_declared_keys_serve_where_none_is_named(settings: Settings, database: Database) -> None:
    source = source_of(database.uri, tables=("orders",), sync_mode="incremental_upsert", cursor="seen")
    found = provision(source, detect(source, settings))
    assert found.streams[0].primary_key == ("shop", "id")
    lake = Lake(settings)
    commit(lake, extract(found, settings, str(uuid.uuid4()), None))
    database.run("UPDATE orders SET price = 7, seen = '2026-01-05 10:00:00' WHERE id = 1")
    request = Request(last_state(lake, "shop"))
    commit(lake, extract(provision(source, detect(source, settings)), settings, str(uuid.uuid4()), None, request))
    stored = query(lake, f"SELECT id, price FROM {found.streams[0].dataset} ORDER BY 1").rows
    assert [(number, Decimal(str(price))) for number, price in stored] == [(1, Decimal(7)), (2, Decimal("2.25"))]


def test_all_tables_of_a_postgres_source_are_of_one_moment(settings: Settings, postgres_url: str) -> None:
    """A writer moves money between two tables all the time: none is made or lost on the way to the warehouse."""
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE a (id int, money int, spare numeric); CREATE TABLE b (id int, money int, spare numeric);"
            "INSERT INTO a SELECT i, 1000, i FROM generate_series(1, 20000) i; INSERT INTO b SELECT * FROM a"
        )
    stop, moved = threading.Event(), [0]

    def move() -> None:
        with closing(psycopg2.connect(postgres_url)) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute(
                    "UPDATE a SET money = money - 1 WHERE id = 1; UPDATE b SET money = money + 1 WHERE id = 1"
                )
                connection.commit()
                moved[0] += 1

    writer = threading.Thread(target=move)
    writer.start()
    try:
        source = source_of(postgres_url)
        connection = provision(source, detect(source, settings))
        for job in range(3):
            before = moved[0]
            first, second = extract(connection, settings, f"job-{job}", None).datasets
            sums = [sum(row[1] for row in rows(dataset)) for dataset in (first, second)]
            assert sum(sums) == 40_000_000
            assert moved[0] > before
    finally:
        stop.set()
        writer.join()
    assert sums[1] > 20_000_000
