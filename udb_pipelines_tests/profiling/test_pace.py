"""While a table is profiled one sees how many rows are done, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.operations.progress import reporting
from udb_pipelines.profiling import profile_table
from udb_pipelines.profiling.pace import Pace
from udb_pipelines.profiling.storage import Column


def test_rows_grow_up_to_those_of_the_table(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    told: list[tuple[str, int, int | None, str]] = []
    rows = "(SELECT i AS n, 'v' || i AS t, i / 3 AS f FROM range(1000) t(i))"
    with reporting(lambda *what: told.append(what)):
        profile_table(connection, rows, settings)
    done = [count for _, count, _, _ in told]
    assert (done[0], done[-1]) == (0, 1000)
    assert done == sorted(done)
    assert {(total, unit) for _, _, total, unit in told} == {(1000, "rows")}


def test_a_single_column_tells_how_far_it_is(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    told: list[int] = []
    with reporting(lambda _what, done, _total, _unit: told.append(done)):
        profile_table(connection, "(SELECT 'v' || i AS t FROM range(1000) t(i))", settings)
    within = [done for done in told if 0 < done < 1000]
    assert len(set(within)) >= 4
    assert within == sorted(within)


def test_the_time_left_is_that_of_the_columns_left() -> None:
    told: list[tuple[str, int]] = []
    columns = [Column("a", "BIGINT", 1), Column("b", "VARCHAR", 2)]
    times: Callable[[], float] = iter([0.0, 10.0]).__next__
    pace = Pace(columns, 600, clock=times)
    with reporting(lambda what, done, total, unit: told.append((what, done))):
        pace.profiled(columns[:1])
    # One of six parts took ten seconds.
    assert told == [("analyze, about 50 s left", 100)]


def test_a_long_profile_tells_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    times: Callable[[], float] = iter([0.0, 31.0, 32.0]).__next__
    columns = [Column("a", "BIGINT", 1), Column("b", "BIGINT", 2)]
    pace = Pace(columns, 3_000_000, clock=times)
    pace.profiled(columns[:1])
    pace.profiled(columns[1:])
    shown = "".join(capsys.readouterr())
    assert shown.count("of 3,000,000 rows analysed") == 1
