"""A table keeps the dataset that it was first given, whatever tables come, go or are left out beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, DetectedStream
from udb_pipelines.orchestration.runner import run_source
from udb_pipelines.orchestration.stage_io import write_stage
from udb_pipelines.warehouse import Lake, query
from udb_pipelines_tests.connectors.sources import detection_of, rows, source_of


def table(member: str, name: str) -> DetectedStream:
    return DetectedStream(name=name, format="database", files=("x",), member=member)


def planned(*streams: DetectedStream, previous: Connection | None = None, tables: Sequence[str] = ()) -> Connection:
    return provision(source_of("shop", tables=tuple(tables)), detection_of(*streams), previous)


def named(connection: Connection) -> dict[str | None, str]:
    return {stream.detected.member: stream.dataset for stream in connection.streams}


A, B = table("public.orders", "orders"), table("sales.orders", "orders")


def test_tables_of_one_name_in_two_schemas_of_postgresql(settings: Settings, postgres_url: str) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id int)")
        cursor.execute("INSERT INTO orders VALUES (1)")
    source = source_of(postgres_url)
    first = provision(source, detect(source, settings))
    assert named(first) == {"public.orders": "shop"}
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA sales")
        cursor.execute("CREATE TABLE sales.orders (id int)")
        cursor.execute("INSERT INTO sales.orders VALUES (2)")
    assert named(provision(source, detect(source, settings))) == {
        "public.orders": "shop__public_orders",
        "sales.orders": "shop__sales_orders",
    }
    later = provision(source, detect(source, settings), first)
    assert named(later) == {"public.orders": "shop", "sales.orders": "shop__sales_orders"}
    staged = extract(later, settings, "job", None)
    assert {dataset.dataset: rows(dataset) for dataset in staged.datasets} == {
        "shop": [(1,)],
        "shop__sales_orders": [(2,)],
    }


def test_a_table_that_was_left_out_for_a_while_comes_back_under_its_name() -> None:
    first = planned(A, table("public.notes", "notes"))
    alone = planned(A, previous=first)
    assert named(alone) == {"public.orders": "shop__orders"}
    other = planned(B, table("public.notes", "notes"), previous=alone)
    assert named(other) == {"sales.orders": "shop__orders_2", "public.notes": "shop__notes"}
    assert named(planned(A, B, previous=other)) == {"public.orders": "shop__orders", "sales.orders": "shop__orders_2"}


def test_a_source_that_is_led_elsewhere_begins_anew() -> None:
    first = planned(A)
    other = planned(table("main.things", "things"), previous=first)
    assert named(other) == {"main.things": "shop"}
    assert named(planned(A, table("main.things", "things"), previous=other)) == {
        "public.orders": "shop__orders",
        "main.things": "shop",
    }


def test_two_streams_of_a_connector_that_differ_by_namespace_only_can_be_chosen() -> None:
    streams = [
        DetectedStream(name=f"{space}_orders", format="airbyte", files=("x",), member="orders", namespace=space)
        for space in ("north", "south")
    ]
    chosen = planned(*streams, tables=["south.orders"])
    assert [stream.dataset for stream in chosen.streams] == ["shop__south_orders"]
    assert len(planned(*streams, tables=["orders"]).streams) == 2
    with pytest.raises(UdbError, match=r"no table east\.orders"):
        planned(*streams, tables=["east.orders"])


def test_jobs_go_on_under_the_names_of_those_before(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)")
    source = SourceRegistry(settings).add(source_of(file))
    write_stage(settings, "shop", "connection", provision(source, detect(source, settings)))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("CREATE TABLE notes (id int); INSERT INTO orders VALUES (2)")
    run_source("shop", settings)
    lake = Lake(settings)
    assert list(query(lake, "SELECT count(*) FROM shop").rows) == [(2,)]
    assert list(query(lake, "SELECT count(*) FROM shop__notes").rows) == [(0,)]
