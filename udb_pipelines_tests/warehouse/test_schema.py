"""The rules of changing columns."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema
from udb_pipelines.warehouse.schema import common_type, compare, evolve, fits

TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UINTEGER", "DECIMAL(9,2)", "DECIMAL(18,6)", "DOUBLE", "FLOAT",
         "DATE", "TIMESTAMP", "BOOLEAN", "VARCHAR", "UUID")  # fmt: skip
EDGES = {
    "TINYINT": ["-128", "127"], "SMALLINT": ["-32768", "32767"], "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"], "UINTEGER": ["0", "4294967295"],
    "DECIMAL(9,2)": ["-9999999.99", "0.01"], "DECIMAL(18,6)": ["-999999999999.999999", "0.000001"],
    "DOUBLE": ["1e308", "0.1"], "FLOAT": ["3e38", "0.5"], "DATE": ["0001-01-01", "9999-12-31"],
    "TIMESTAMP": ["2024-01-01 00:00:00.000001"], "BOOLEAN": ["true", "false"], "VARCHAR": ["x", ""],
    "UUID": ["7116a11b-b8d8-4551-9ca9-f9b8f71108fe"],
}  # fmt: skip


@given(st.sampled_from(TYPES), st.sampled_from(TYPES))
@settings(max_examples=200, deadline=None)
def test_a_common_type_holds_the_edges_of_both(before: str, after: str) -> None:
    """DuckDB is the oracle: cast to the common type and back, every extreme value is what it was."""
    target = common_type(before, after)
    with duckdb.connect() as connection:
        for kind in (before, after):
            for value in EDGES[kind]:
                query = f"SELECT v = CAST(CAST(v AS {target}) AS {kind}) FROM (SELECT CAST('{value}' AS {kind}) AS v)"
                assert connection.execute(query).fetchall() == [(True,)], (kind, target, value)
    assert fits(before, target)
    assert fits(after, target)


def test_changes_are_listed() -> None:
    before = [ColumnSchema(name="a", type="BIGINT"), ColumnSchema(name="b", type="DATE")]
    after = [ColumnSchema(name="a", type="VARCHAR"), ColumnSchema(name="c", type="DATE")]
    assert [(change.column, change.change, change.before, change.after) for change in compare(before, after)] == [
        ("a", "retyped", "BIGINT", "VARCHAR"),
        ("c", "added", None, "DATE"),
        ("b", "removed", "DATE", None),
    ]


def test_overwrite_takes_the_new_columns() -> None:
    before, batch = [ColumnSchema(name="a", type="VARCHAR")], [ColumnSchema(name="b", type="DATE")]
    assert evolve("t", before, batch, "evolve", replaces=True) == tuple(batch)


def test_fail_lets_through_what_fits() -> None:
    before, batch = [ColumnSchema(name="a", type="VARCHAR")], [ColumnSchema(name="a", type="BIGINT")]
    assert evolve("t", before, batch, "fail", replaces=True) == tuple(before)
    with pytest.raises(UdbError):
        evolve("t", batch, before, "fail", replaces=True)
