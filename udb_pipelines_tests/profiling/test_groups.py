"""Columns that are read together have the profile each has alone; and what hundreds of them cost."""

from __future__ import annotations

import resource
from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.config import Settings
from udb_pipelines.models import ColumnProfile
from udb_pipelines.profiling import column as grouping
from udb_pipelines.profiling import profile_table

ROWS = 24
texts = st.one_of(
    st.sampled_from(["", " ", "NULL", "1", "1.0", "2.50", "-3.25", "1e5", "1,234", "12 %", "2024-02-29", "31/12/2023",
                     "20240131", "a@b.example", "10.0.0.1", "Zoë", "李明", "x", "  padded ", "nan", "+49 30 123456"]),
    st.text(max_size=6),
)  # fmt: skip
doubles = st.floats(allow_nan=True, allow_infinity=True)
SAMPLES: dict[str, st.SearchStrategy[object]] = {
    "VARCHAR": texts,
    "DOUBLE": doubles,
    "BIGINT": st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1), st.integers(20240101, 20240128)),
    "DATE": st.dates(),
}


@st.composite
def table(draw: st.DrawFn) -> list[tuple[str, list[object]]]:
    """A few columns of each type, one kind of value more often than others within a column."""
    found = []
    for storage_type, values in SAMPLES.items():
        for _ in range(draw(st.integers(1, 4))):
            usual = draw(values)
            one = st.one_of(st.none(), st.just(usual), st.just(usual), values)
            found.append((storage_type, draw(st.lists(one, min_size=ROWS, max_size=ROWS))))
    return found


@hypothesis_settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("test", ["dagostino", "ks"])
@given(columns=table())
def test_a_column_among_others_has_the_profile_it_has_alone(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    test: str,
    columns: Sequence[tuple[str, list[object]]],
) -> None:
    declared = ", ".join(f"c{i} {storage_type}" for i, (storage_type, _) in enumerate(columns))
    connection.execute(f"CREATE OR REPLACE TABLE subject ({declared})")
    marks = ", ".join("?" for _ in columns)
    connection.executemany(
        f"INSERT INTO subject VALUES ({marks})", list(zip(*(values for _, values in columns), strict=True))
    )
    chosen = settings.model_copy(update={"gaussian_test": test, "mask_pii": False})
    together = profile_table(connection, "subject", chosen).columns
    monkeypatch.setattr(grouping, "GROUPED_COLUMNS", 1)
    alone = profile_table(connection, "subject", chosen).columns
    monkeypatch.undo()
    assert [rounded(column) for column in together] == [rounded(column) for column in alone]


def rounded(column: ColumnProfile) -> ColumnProfile:
    """Without the last digits of sums: where a chunk of numbers begins depends on the columns before."""
    if column.numeric is None:
        return column
    figures = {name: float(f"{value:.9e}") if isinstance(value, float) else value for name, value in column.numeric}
    return column.model_copy(update={"numeric": figures})


def test_the_cost_of_columns_does_not_grow_with_their_number(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    def seconds(columns: int) -> float:
        kinds = ("i", "'n' || i % 7", "i / 7", "i % 3", "md5(i::VARCHAR)")
        selected = ", ".join(f"{kinds[place % len(kinds)]} AS c{place}" for place in range(columns))
        connection.execute(f"CREATE OR REPLACE TABLE subject AS SELECT {selected} FROM range(20) t(i)")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        assert len(profile_table(connection, "subject", settings).columns) == columns
        return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before

    seconds(50)
    assert seconds(500) < 12 * seconds(50)
