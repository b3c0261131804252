"""References between datasets against brute force, and what is compared at all."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.models import Inclusion, Profile
from udb_pipelines.profiling import Origin, profile_table
from udb_pipelines.profiling.inclusion import MOST_PAIRS, find_inclusions, may_refer


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"mask_pii": False})


def load(connection: duckdb.DuckDBPyConnection, settings: Settings, **tables: str) -> list[Profile]:
    """Tables made of queries, and their profiles."""
    for name, query in tables.items():
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")
    return [profile_table(connection, name, settings, Origin(dataset=name)) for name in tables]


def found(connection: duckdb.DuckDBPyConnection, profiles: list[Profile]) -> tuple[Inclusion, ...]:
    tables = {profile.dataset: profile.dataset for profile in profiles}
    return find_inclusions(connection, profiles[0], profiles, tables).found


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    references=st.lists(st.sampled_from([None, "", *"abcdefgh"]), min_size=3, max_size=30),
    keys=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True),
)
def test_coverage_is_that_of_brute_force(
    connection: duckdb.DuckDBPyConnection, settings: Settings, references: list[str | None], keys: list[str]
) -> None:
    rows = ", ".join(f"({'NULL' if value is None else repr(value)}::VARCHAR)" for value in references)
    known = ", ".join(f"('{key}')" for key in keys)
    profiles = load(
        connection,
        settings,
        orders=f"SELECT v AS customer_id FROM (VALUES {rows}) t(v)",
        customers=f"SELECT k AS id FROM (VALUES {known}) t(k)",
    )
    values = {value for value in references if value}
    missing = values - set(keys)
    expected = []
    if len(values) >= 2 and len(missing) <= len(values) / 2:
        present = [value for value in references if value]
        lost = sum(value in missing for value in present)
        expected = [(len(values), len(missing), len(present), lost)]
    counted = [
        (item.values, item.missing_values, item.rows, item.missing_rows)
        for item in found(connection, profiles)
        if item.column == "customer_id"
    ]
    assert counted == expected


def test_whole_numbers_need_a_name_that_speaks_for_it(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    profiles = load(
        connection,
        settings,
        orders="SELECT 100 + i AS id, i % 7 + 1 AS quantity, i % 20 + 1 AS customer FROM range(60) t(i)",
        customers="SELECT i + 1 AS id, 'x' || i AS label FROM range(30) t(i)",
    )
    (only,) = found(connection, profiles)
    assert (only.column, only.dataset, only.key, only.coverage) == ("customer", "customers", "id", 1.0)


def test_a_broken_reference_is_found_where_names_speak_for_it(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    profiles = load(
        connection,
        settings,
        lines="SELECT 'p' || i % 40 AS product_code, 'p' || i % 40 AS remark FROM range(200) t(i)",
        products="SELECT 'p' || i AS code FROM range(30) t(i)",
    )
    (only,) = found(connection, profiles)
    assert (only.column, only.values, only.missing_values, only.missing_rows) == ("product_code", 40, 10, 50)


def test_a_column_may_refer_to_its_own_table(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    profiles = load(
        connection,
        settings,
        employees="SELECT 'e' || i AS employee, 'e' || i // 5 AS boss_employee FROM range(50) t(i)",
    )
    assert [(item.column, item.dataset, item.key) for item in found(connection, profiles)] == [
        ("boss_employee", "employees", "employee")
    ]


def test_a_long_table_is_given_up_after_its_beginning(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    """The other half of the rows would be covered, but the beginning says no."""
    profiles = load(
        connection,
        settings,
        orders="SELECT CASE WHEN i < 15000 THEN 'no' || i ELSE 'c' || i % 9 END AS customer_id FROM range(90000) t(i)",
        customers="SELECT 'c' || i AS id FROM range(9) t(i)",
    )
    assert found(connection, profiles) == ()


def test_work_is_bounded_and_what_is_left_out_is_said(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    columns = ", ".join(f"'v' || i % 5 AS c{n}" for n in range(MOST_PAIRS + 3))
    profiles = load(
        connection,
        settings,
        wide=f"SELECT {columns} FROM range(20) t(i)",
        keys="SELECT 'v' || i AS k FROM range(5) t(i)",
    )
    tables = {profile.dataset: profile.dataset for profile in profiles}
    result = find_inclusions(connection, profiles[0], profiles, tables)
    assert len(result.found) == MOST_PAIRS
    assert result.notes == ("3 pairs of columns were not compared, those whose names say least",)


def test_nothing_to_compare_costs_nothing(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    one, other = load(
        connection, settings, a="SELECT i AS id FROM range(9) t(i)", b="SELECT i AS id, 1.5 * i AS x FROM range(9) t(i)"
    )
    assert not may_refer(one, [one, other])
