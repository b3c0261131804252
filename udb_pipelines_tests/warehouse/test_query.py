"""Questions: what is allowed, what is refused, and what an answer says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, query, stream
from udb_pipelines_tests.warehouse.staging import Stager

PLANTED = "planted-4711"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that no test changes: that is what they prove."""
    url = None
    if request.param == "postgres":
        url = SecretStr(request.getfixturevalue("postgres_server").new_database())
    lake = Lake(Settings(home=tmp_path_factory.mktemp("shop"), catalog_url=url, threads=2))
    commit(lake, Stager(lake.settings)(f"SELECT range AS a, '{PLANTED}' AS b FROM range(20)"))
    return lake


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM shop", "FROM shop", "TABLE shop", "VALUES (1)", "DESCRIBE shop", "SHOW TABLES",
        "SUMMARIZE shop", "EXPLAIN SELECT * FROM shop", "EXPLAIN ANALYZE FROM shop", "WITH x AS (FROM shop) FROM x",
        "FROM range(3)", "SELECT unnest([1, 2])", "FROM lake.snapshots()", "FROM udb.versions", "FROM shop;",
        "PIVOT shop ON b IN ('x') USING count(*)", "SELECT * FROM information_schema.tables", "-- why\nFROM shop",
        "FROM shop AT (VERSION => 2)", "SELECT 'read_csv' AS text",
    ],
)  # fmt: skip
def test_reading_is_allowed(shop: Lake, sql: str) -> None:
    answer = query(shop, sql)
    assert answer.rows
    assert len(answer.columns) == len(answer.types) == len(answer.rows[0])
    assert answer.version == shop.current_version()


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE shop", "DELETE FROM shop", "INSERT INTO shop VALUES (1, 'x')", "CREATE TEMP TABLE t (a INT)",
        "COPY shop TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs", "SET threads = 1",
        "PRAGMA database_list; DROP TABLE shop", "SELECT 1; SELECT 2", "BEGIN", "CALL lake.merge_adjacent_files()",
        "FROM read_csv('/etc/passwd')", "FROM '/etc/passwd'", "FROM read_text('/etc/passwd')", "FROM glob('/etc/*')",
        "WITH x AS (FROM read_blob('/etc/passwd')) FROM x", "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
        "FROM sqlite_scan('x', 'y')", "FROM postgres_query('lake', 'x')", "FROM query('FROM shop')",
        "FROM query_table('shop')", "FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        "FROM ducklake_cleanup_old_files('lake', cleanup_all => true)", "FROM __ducklake_metadata_lake.ducklake_table",
        "DESCRIBE FROM read_csv('/etc/passwd')", "EXPLAIN ANALYZE FROM read_text('/etc/passwd')",
        "EXPLAIN (FORMAT json) FROM read_text('/etc/passwd')", "/* x */ EXPLAIN FROM read_text('/etc/passwd')",
        "SUMMARIZE FROM read_csv('/etc/passwd')", "FROM duckdb_secrets()", "FROM which_secret('x', 'postgres')",
        "FROM \"READ_TEXT\"('/etc/passwd')", "selec", "", "FROM nowhere", "SELECT nothing FROM shop",
        "PIVOT shop ON b USING count(*)", "FROM shop, LATERAL (FROM read_text('/etc/passwd'))",
        "VALUES ((SELECT count(*) FROM glob('/*')))", "FROM http_get('http://127.0.0.1')",
    ],
)  # fmt: skip
def test_everything_else_is_refused(shop: Lake, sql: str) -> None:
    with pytest.raises(UdbError) as caught:
        query(shop, sql)
    assert caught.value.code == "E_SQL"
    assert "root:" not in caught.value.message
    assert len(query(shop, "FROM shop").rows) == 20


def test_a_mistyped_table_is_guessed_from_the_warehouse_only(shop: Lake) -> None:
    for name, guess in (("shp", ' Did you mean "shop"?'), ("nothing_like_it", "")):
        with pytest.raises(UdbError) as caught:
            query(shop, f"FROM {name}")
        assert caught.value.message == f"Table with name {name} does not exist!{guess}"


def test_values_do_not_reach_messages(lake: Lake, stage: Stager) -> None:
    commit(lake, stage(f"SELECT '{PLANTED}' AS b"))
    for sql in ("SELECT b::INTEGER FROM shop", "SELECT error(b) FROM shop", "SELECT strptime(b, '%Y') FROM shop"):
        with pytest.raises(UdbError) as caught:
            query(lake, sql)
        assert caught.value.code == "E_SQL"
        assert PLANTED not in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_limit_says_that_there_is_more(shop: Lake) -> None:
    assert query(shop, "FROM shop", limit=19).truncated
    assert len(query(shop, "FROM shop", limit=19).rows) == 19
    assert not query(shop, "FROM shop", limit=20).truncated


def test_a_stream_gives_arrow(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT range AS a FROM range(25000)"))
    with stream(lake, "FROM shop") as answer:
        assert answer.columns == ("a",)
        assert answer.arrow().read_all().num_rows == 25000


def test_before_the_first_commit(any_lake: Lake, tmp_path: Path) -> None:
    assert query(any_lake, "SELECT 1").version == 0
    with pytest.raises(UdbError):
        query(any_lake, "FROM shop")
