"""Incremental syncs of real databases: after each, the warehouse holds what the source holds."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg2
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.cursors import Request, Window, behind
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, DetectedStream, Stream, SyncResult
from udb_pipelines.warehouse import Lake, commit, last_state, last_sync, query
from udb_pipelines_tests.connectors.sources import source_of

UPSERT: dict[str, Any] = {"sync_mode": "incremental_upsert", "primary_key": ("id",), "cursor": "seen"}
Run = Callable[[str], None]


class Shop:
    """A database with one table ``t``, behind one of the three connectors."""

    def __init__(self, uri: str, run: Run, moment: str) -> None:
        self.uri, self.run, self.moment = uri, run, moment
        run(f"CREATE TABLE t (id INTEGER, seen {moment}, what TEXT, gone BOOLEAN)")

    def put(self, number: int, second: int, what: str, gone: bool = False) -> None:
        self.run(f"DELETE FROM t WHERE id = {number}")
        moment = f"'2026-03-01 10:{second // 60:02}:{second % 60:02}'" if self.moment != "BIGINT" else str(second)
        self.run(f"INSERT INTO t VALUES ({number}, {moment}, '{what}', {str(gone).lower()})")


@pytest.fixture(params=["postgres", "mariadb", "sqlite", "duckdb", "sqlite, counting", "postgres, text"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    kind, _, cursor = request.param.partition(", ")
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")

        def run(statement: str) -> None:
            with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as made:
                made.execute(statement)

        return Shop(url, run, "TEXT" if cursor else "TIMESTAMPTZ")
    if kind == "mariadb":
        database = request.getfixturevalue("mariadb")
        return Shop(database.url, database.run, "VARCHAR(30)" if cursor else "TIMESTAMP(3) NULL")
    path = tmp_path / f"shop.{kind}"
    opened: Any = sqlite3.connect if kind == "sqlite" else duckdb.connect

    def run_file(statement: str) -> None:
        with closing(opened(str(path))) as connection:
            connection.execute(statement)
            connection.commit()

    return Shop(str(path), run_file, "BIGINT" if cursor else "TIMESTAMP")


def sync(settings: Settings, shop: Shop, request: Request | None = None, **options: Any) -> SyncResult:
    """The first three stages, as a job runs them."""
    source = source_of(shop.uri, **{**UPSERT, **options})
    lake = Lake(settings)
    last = last_sync(lake, source.name)
    connection = provision(source, detect(source, settings))
    staged = extract(
        connection,
        settings,
        str(uuid.uuid4()),
        last.fingerprint if last else None,
        request or Request(last_state(lake, source.name)),
    )
    return commit(lake, staged)


def stored(settings: Settings, columns: str = "id, what") -> list[tuple[object, ...]]:
    return list(query(Lake(settings), f"SELECT {columns} FROM shop ORDER BY ALL").rows)


def test_only_what_is_new_is_read(settings: Settings, shop: Shop) -> None:
    for number in range(10):
        shop.put(number, number, "first")
    assert sync(settings, shop).datasets[0].rows_read == 10
    shop.put(3, 20, "changed")
    shop.put(11, 21, "new")
    (dataset,) = sync(settings, shop).datasets
    # The last one of before is read again, and known.
    assert (dataset.rows_read, dataset.rows_known, dataset.rows_total) == (3, 1, 11)
    assert stored(settings)[3] == (3, "changed")
    again = sync(settings, shop)
    assert again.unchanged


def test_late_rows_come_within_the_lookback(settings: Settings, shop: Shop) -> None:
    lookback = "30" if shop.moment == "BIGINT" else "30s"
    shop.put(1, 100, "on time")
    sync(settings, shop, lookback=lookback)
    shop.put(2, 75, "late")
    shop.put(3, 60, "too late")
    sync(settings, shop, lookback=lookback)
    assert stored(settings) == [(1, "on time"), (2, "late")]
    # What came too late comes by a range, and the sync after it goes on where it was.
    before = last_state(Lake(settings), "shop")
    low, high = ("50", "70") if shop.moment == "BIGINT" else ("2026-03-01 10:00:50", "2026-03-01 10:01:10")
    sync(settings, shop, Request(before, Window(low, high)))
    assert [row[0] for row in stored(settings)] == [1, 2, 3]
    assert last_state(Lake(settings), "shop") == before


def test_a_full_refresh_replaces_everything_in_one_version(settings: Settings, shop: Shop) -> None:
    for number in range(5):
        shop.put(number, number, "first")
    sync(settings, shop)
    shop.run("DELETE FROM t WHERE id > 2")
    shop.put(0, 0, "changed behind the cursor")
    assert len(stored(settings)) == 5
    result = sync(settings, shop, Request(last_state(Lake(settings), "shop"), full=True))
    assert result.datasets[0].rows_total == 3
    assert stored(settings)[0] == (0, "changed behind the cursor")
    shop.put(9, 50, "new")
    assert sync(settings, shop).datasets[0].rows_read == 2


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whatever_happens_in_the_source_happens_in_the_warehouse(settings: Settings, shop: Shop, seed: int) -> None:
    chance, second = random.Random(seed), 0
    for _ in range(5):
        for _ in range(chance.randint(0, 6)):
            second += chance.choice([0, 0, 1])  # several changes may share a moment
            if chance.random() < 0.3:
                shop.run(f"DELETE FROM t WHERE id = {chance.randint(0, 9)}")
            else:
                shop.put(chance.randint(0, 9), second, chance.choice("abc"), chance.random() < 0.2)
        shop.put(99, second, "there is always one")
        sync(settings, shop, tombstone="gone", delete_missing=True)
        assert stored(settings) == living(shop)


def living(shop: Shop) -> list[tuple[object, ...]]:
    """The living rows, asked of the source by its own client."""
    statement = "SELECT id, what FROM t WHERE NOT gone ORDER BY 1, 2"
    if shop.uri.startswith("postgres"):
        with closing(psycopg2.connect(shop.uri)) as client, client.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    if shop.uri.startswith("mysql"):
        parts = urlsplit(shop.uri)
        client_of = partial(pymysql.connect, host="127.0.0.1", port=parts.port, database=parts.path[1:])
        with closing(client_of(user=parts.username, password=parts.password)) as client, client.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    opened: Any = sqlite3.connect if shop.uri.endswith("sqlite") else duckdb.connect
    with closing(opened(shop.uri)) as client:
        return list(client.execute(statement).fetchall())


def test_rows_without_a_cursor_are_told(settings: Settings, shop: Shop) -> None:
    shop.put(1, 1, "a")
    shop.run("INSERT INTO t VALUES (2, NULL, 'never seen again', false)")
    (dataset,) = sync(settings, shop).datasets
    assert [(item.code, item.count) for item in dataset.findings] == [("W_CURSOR_NULL", 1)]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tombstone": "gone", "sync_mode": "full_refresh_overwrite"}, "E_CONFIG"),
        ({"cursor": "nowhere"}, "E_CONFIG"),
        ({"lookback": "5"}, "E_OPTION"),
    ],
    ids=["tombstone without upsert", "unknown cursor", "a number for a time"],
)
def test_what_cannot_work_is_said_before_anything_is_read(
    settings: Settings, tmp_path: Path, options: dict[str, Any], code: str
) -> None:
    path = tmp_path / "shop.sqlite"

    def run(statement: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)

    shop = Shop(str(path), run, "TIMESTAMP")
    shop.put(1, 1, "a")
    if code == "E_OPTION":
        sync(settings, shop)
        shop.put(2, 2, "b")
    with pytest.raises(UdbError) as caught:
        sync(settings, shop, **options)
    assert caught.value.code == code


@given(st.datetimes(), st.integers(0, 10**6))
def test_a_lookback_in_seconds_is_exact(moment: Any, seconds: int) -> None:
    from datetime import datetime, timedelta

    try:
        expected = moment - timedelta(seconds=seconds)
    except OverflowError:
        return
    assert datetime.fromisoformat(behind(str(moment), f"{seconds}s")) == expected


@pytest.mark.parametrize(
    ("kind", "low", "high", "said"),
    [
        ("TIMESTAMPTZ", "yesterday", None, "is a time"),
        ("DATE", None, "17", "is a time"),
        ("BIGINT", "2026-01-01", None, "is a number"),
        ("DECIMAL(10,2)", None, "NaN", "is a number"),
        ("TIMESTAMP", "2026-10-06", "2026-10-04", "nothing lies"),
        ("TIMESTAMPTZ", "2026-10-06T02:00+02:00", "2026-10-06", "nothing lies"),
        ("BIGINT", "10", "9", "nothing lies"),
        ("VARCHAR", "b", "a", "nothing lies"),
        ("VARCHAR", "10", "9", "nothing lies"),
        ("BIGINT", "9", "10", None),
        ("VARCHAR", "9", "10", None),
        ("VARCHAR", "anything", None, None),
        ("TIMESTAMPTZ", "2026-10-04", "2026-10-04T00:00:01Z", None),
    ],
)
def test_a_range_suits_the_cursor_and_holds_something(
    kind: str, low: str | None, high: str | None, said: str | None
) -> None:
    stream = Stream(
        detected=DetectedStream(
            name="t", format="database", files=("x",), columns=(ColumnSchema(name="seen", type=kind),)
        ),
        dataset="shop", sync_mode="incremental_upsert", primary_key=("id",), cursor="seen",
    )  # fmt: skip
    request = Request(span=Window(low, high))
    if said is None:
        assert request.applied(stream) == stream
        return
    with pytest.raises(UdbError, match=said) as caught:
        request.applied(stream)
    assert caught.value.code == "E_OPTION"


# --- histories with processes that die ------------------------------------------------------------------

HISTORY: dict[str, Any] = {"tombstone": "gone", "delete_missing": True, "lookback": "30s"}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_a_history_with_kills_ends_as_the_source_is(settings: Settings, postgres_url: str, seed: int) -> None:
    """After each kill the warehouse holds the version before or the one after, and the next sync mends what is left."""

    def run(statement: str) -> None:
        with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as made:
            made.execute(statement)

    shop, chance, second, deaths = Shop(postgres_url, run, "TIMESTAMPTZ"), random.Random(seed), 100, 0
    shop.put(0, second, "first")
    sync(settings, shop, **HISTORY)
    for _ in range(4):
        before = stored(settings)
        for _ in range(chance.randint(1, 12)):
            second += chance.choice([0, 0, 1, 5])
            number = chance.randint(0, 15)
            if chance.random() < 0.2:
                run(f"DELETE FROM t WHERE id = {number}")
            else:
                shop.put(number, second, chance.choice("abc"), chance.random() < 0.2)
        shop.put(100 + second, second - chance.randint(0, 20), "late")
        command = [sys.executable, "-m", "udb_pipelines_tests.connectors.killed", str(settings.home)]
        environment = {**os.environ, "KILLED_URI": postgres_url}
        at = str(chance.randint(1, 9))
        done = subprocess.run([*command, at], check=False, capture_output=True, text=True, env=environment)
        died = done.returncode == -signal.SIGKILL
        assert died or done.returncode == 0, done.stderr
        deaths += died
        living_now = living(shop)
        assert stored(settings) in ((before, living_now) if died else (living_now,))
        if chance.random() < 0.7:  # else the next one goes on from what the dead one left
            sync(settings, shop, **HISTORY)
            assert stored(settings) == living_now
    sync(settings, shop, **HISTORY)
    assert stored(settings) == living(shop)
    assert deaths > 0
