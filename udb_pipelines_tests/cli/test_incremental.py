"""Incremental syncs of a real PostgreSQL, as a person lives with them: one story on the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from udb_pipelines_tests.cli.conftest import Answer, Udb
from udb_pipelines_tests.postgres import PASSWORD

UPSERT = ("--sync-mode", "incremental_upsert", "--cursor", "changed", "--lookback", "2h", "--tombstone", "gone")


@pytest.fixture
def sql(postgres_url: str) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with closing(psycopg2.connect(postgres_url)) as client, client, client.cursor() as cursor:
            cursor.execute(statement)

    run(
        "CREATE TABLE orders (id int PRIMARY KEY, amount numeric(10,2), changed timestamptz, gone bool DEFAULT false);"
        "INSERT INTO orders SELECT i, i, timestamptz '2026-10-01 00:00+02' + i * interval '1 hour' "
        "FROM generate_series(1, 1000) i"
    )
    return run


@pytest.fixture
def load(udb: Udb, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run the source."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)

    def run(*more: str) -> None:
        address = postgres_url.replace(PASSWORD, "${SHOP_PASSWORD}")
        known = "orders" in udb("sources", "list", "--json").out
        words = ["orders"] if known else [address, "--as", "orders", *UPSERT]
        answer = udb("run", *words, *more)
        assert answer.code == 0, answer.err

    return run


def value(udb: Udb, query: str) -> Any:
    (row,) = udb("sql", query, "--json").json
    return next(iter(row.values()))


def cursor_of(udb: Udb) -> str:
    return str(udb("state", "show", "orders", "--json").json["orders"]["cursor"])


def test_what_is_new_late_changed_and_deleted_and_a_state_that_is_set_and_reset(
    udb: Udb, sql: Callable[[str], None], load: Any
) -> None:
    load()
    assert cursor_of(udb) == "2026-11-11 14:00:00+00"  # in UTC, whatever zone the rows came in
    sql(
        "INSERT INTO orders VALUES (2001, 5, '2026-11-12 00:00+01');"
        "UPDATE orders SET amount = 9, changed = '2026-11-12 02:00+01' WHERE id = 5;"
        "UPDATE orders SET gone = true, changed = '2026-11-12 01:00+01' WHERE id = 6;"
        "INSERT INTO orders VALUES (2002, 7, '2026-11-11 12:30+00'), (2003, 7, '2026-11-11 11:30+00')"
    )
    load()
    # 2002 lay within the look-back, 2003 was too late; 6 is gone.
    assert value(udb, "SELECT count(*) FROM orders") == 1001
    assert value(udb, "SELECT list(id ORDER BY id) FROM orders WHERE id > 2000 OR id = 6") == [2001, 2002]
    assert cursor_of(udb) == "2026-11-12 01:00:00+00"
    for words, said in (
        (("--from", "yesterday"), "the cursor is a time"),
        (("--from", "2026-10-06T02:00+02:00", "--to", "2026-10-06"), "nothing lies between"),
    ):
        answer: Answer = udb("run", "orders", *words)
        assert (answer.code, "E_OPTION" in answer.err, said in answer.err) == (2, True, True)
    load("--from", "2026-11-11 11:00", "--to", "2026-11-11 12:00")
    assert value(udb, "SELECT count(*) FROM orders WHERE id = 2003") == 1
    assert cursor_of(udb) == "2026-11-12 01:00:00+00"
    # Jobs are what costs here, so the story of the state goes on with the same table.
    before = value(udb, "SELECT count(*) FROM orders")
    for wrong in ("nonsense", "17", "yesterday"):
        refused = udb("state", "set", "orders", wrong)
        assert (refused.code, "the cursor is a time" in refused.err) == (2, True)
    assert cursor_of(udb) == "2026-11-12 01:00:00+00"
    sql("UPDATE orders SET amount = -1 WHERE id = 900")  # nobody touched the cursor: no later sync would see it
    load()
    assert value(udb, "SELECT amount < 0 FROM orders WHERE id = 900") is False
    assert value(udb, "SELECT count(*) FROM orders") == before
    assert udb("state", "set", "orders", "2026-11-01").code == 0
    load()
    assert value(udb, "SELECT amount < 0 FROM orders WHERE id = 900") is True
    assert udb("state", "reset", "orders").code == 0
    assert "no state" in udb("state", "show", "orders").err
    load()
    assert value(udb, "SELECT count(*) FROM orders") == before
    assert cursor_of(udb) == "2026-11-12 01:00:00+00"


def test_a_change_of_columns_is_shown_before_it_is_applied(udb: Udb, sql: Callable[[str], None], load: Any) -> None:
    load()
    sql("ALTER TABLE orders ADD COLUMN note text; ALTER TABLE orders ALTER COLUMN amount TYPE text")
    sql("UPDATE orders SET amount = 'many', changed = '2026-11-14' WHERE id = 8")

    def told() -> str:
        (tested,) = udb("sources", "test", "orders", "--json").json
        return str(tested["what"])

    assert told() == "orders: +note VARCHAR, amount DECIMAL(10,2) → VARCHAR; on_schema_change is evolve"
    refused = udb("run", "orders", "--on-schema-change", "freeze")
    assert (refused.code, "DECIMAL(10,2)" in refused.err) == (4, True)
    assert told().endswith("on_schema_change is freeze")
    assert value(udb, "SELECT typeof(amount) FROM orders LIMIT 1") == "DECIMAL(10,2)"
    load("--on-schema-change", "evolve")
    assert told() == "as it is stored"
    assert value(udb, "SELECT amount FROM orders WHERE id = 8") == "many"
    sql("ALTER TABLE orders DROP COLUMN note")
    assert told() == "orders: -note; on_schema_change is evolve"
    # Only what a full refresh brings has the columns of now; until then a column that went away is kept.
    load("--full")
    assert value(udb, "SELECT count(*) FROM (DESCRIBE orders) WHERE column_name = 'note'") == 0
