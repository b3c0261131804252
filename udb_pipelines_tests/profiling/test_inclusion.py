"""References between datasets against brute force, and what is compared at all."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.models import Inclusion, Profile
from udb_pipelines.profiling import Origin, inclusion, profile_table
from udb_pipelines.profiling.inclusion import find_inclusions, may_refer


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


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    references=st.lists(
        st.tuples(st.sampled_from([None, "", "a", "b", "c"]), st.sampled_from([None, 1, 2, 3, 4])),
        min_size=4,
        max_size=40,
    ),
    keys=st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from([1, 2, 3])), min_size=5),
)
def test_combinations_are_counted_as_by_brute_force(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    references: list[tuple[str | None, int | None]],
    keys: set[tuple[str, int]],
) -> None:
    def shown(value: object) -> str:
        return "NULL" if value is None else repr(value)

    rows = ", ".join(f"({shown(text)}::VARCHAR, {shown(number)}::INTEGER)" for text, number in references)
    known = ", ".join(f"('{text}', {number}::BIGINT)" for text, number in keys)
    profiles = load(
        connection,
        settings,
        notes=f"SELECT * FROM (VALUES {rows}) t(order_code, line_no)",
        lines=f"SELECT * FROM (VALUES {known}) t(order_code, line_no)",
    )
    present = [pair for pair in references if pair[0] and pair[1] is not None]
    values, lost = set(present), set(present) - keys
    compound = any(key.columns == ("order_code", "line_no") and key.score == 1 for key in profiles[1].keys)
    expected = []
    if compound and values and len(lost) <= len(values) / 2 and _ranges_meet(profiles):
        expected = [(len(values), len(lost), len(present), sum(pair in lost for pair in present))]
    counted = [
        (item.values, item.missing_values, item.rows, item.missing_rows)
        for item in found(connection, profiles)
        if item.columns == ("order_code", "line_no") == item.key_columns
    ]
    assert counted == expected


def _ranges_meet(profiles: list[Profile]) -> bool:
    sides = [profile.columns[1].numeric for profile in profiles]
    ends = [(side.min, side.max) for side in sides if side and side.min is not None and side.max is not None]
    return len(ends) < 2 or (ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1])


def test_columns_together_refer_to_a_compound_key(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    profiles = load(
        connection,
        settings,
        shipments="SELECT 's' || i AS shipment, i // 3 + 1 AS order_id, i % 3 + 1 AS line, i AS weight "
        "FROM range(60) t(i)",
        order_lines="SELECT i // 4 + 1 AS order_id, i % 4 + 1 AS line, 'x' AS note FROM range(80) t(i)",
    )
    (only,) = (item for item in found(connection, profiles) if len(item.columns) > 1)
    assert (only.column, only.dataset, only.key) == ("order_id + line", "order_lines", "order_id + line")
    assert (only.values, only.missing_values, only.coverage, only.name_evidence) == (60, 0, 1.0, 1.0)


def test_a_compound_key_needs_a_name_for_each_of_its_columns(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    profiles = load(
        connection,
        settings,
        other="SELECT i // 4 + 1 AS order_id, i % 4 + 1 AS quantity FROM range(80) t(i)",
        order_lines="SELECT i // 4 + 1 AS order_id, i % 4 + 1 AS line FROM range(80) t(i)",
    )
    assert [item for item in found(connection, profiles) if len(item.columns) > 1] == []


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
    connection: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inclusion, "MOST_PAIRS", 6)
    columns = ", ".join(f"'v' || i % 5 AS c{n}" for n in range(9))
    profiles = load(
        connection,
        settings,
        wide=f"SELECT {columns} FROM range(20) t(i)",
        keys="SELECT 'v' || i AS k FROM range(5) t(i)",
    )
    tables = {profile.dataset: profile.dataset for profile in profiles}
    result = find_inclusions(connection, profiles[0], profiles, tables)
    assert len(result.found) == 6
    assert result.notes == ("3 pairs of columns were not compared, those whose names say least",)


def test_nothing_to_compare_costs_nothing(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    one, other = load(
        connection, settings, a="SELECT i AS id FROM range(9) t(i)", b="SELECT i AS id, 1.5 * i AS x FROM range(9) t(i)"
    )
    assert not may_refer(one, [one, other])
