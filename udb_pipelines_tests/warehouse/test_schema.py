"""The rules of changing columns."""

from __future__ import annotations

from decimal import Context, Decimal
from itertools import product
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema
from udb_pipelines.warehouse import Lake, baselines, commit
from udb_pipelines.warehouse.schema import common_type, compare, evolve, fits, judge
from udb_pipelines_tests.warehouse.staging import Stager

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


LATTICE = {
    **EDGES,
    "UTINYINT": ["0", "255"], "USMALLINT": ["0", "65535"], "UBIGINT": ["0", "18446744073709551615"],
    "HUGEINT": ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"],
    "DECIMAL(3,0)": ["-999", "999"], "DECIMAL(5,3)": ["-99.999", "99.999"], "DECIMAL(15,2)": ["9999999999999.99"],
    "DECIMAL(16,2)": ["99999999999999.99"], "DECIMAL(19,0)": ["9999999999999999999"],
    "DECIMAL(38,0)": ["9" * 38, "-" + "9" * 38], "DECIMAL(38,10)": ["9" * 28 + "." + "9" * 10],
    "TIMESTAMP_S": ["0001-01-01 00:00:00", "9999-12-31 23:59:59"], "TIMESTAMP_MS": ["9999-12-31 23:59:59.999"],
    "TIMESTAMP_NS": ["2024-01-01 00:00:00.000000001"], "TIMESTAMPTZ": ["2024-01-01 00:00:00.000001+00"],
    "TIME": ["00:00:00", "23:59:59.999999"], "INTERVAL": ["1 year 2 days 3 seconds"], "BLOB": ["\\x00\\xFF"],
    "INTEGER[]": ["[1, NULL, 3]"], "VARCHAR[]": ["['a, b', 'it''s', '', NULL]"],
    "STRUCT(a INTEGER, b VARCHAR)": ["{'a': 1, 'b': 'x, y'}"],
}  # fmt: skip
"""The extreme values of every type that a table may have; the calendar from year 1 to 9999."""


def survives(connection: duckdb.DuckDBPyConnection, value: str, narrow: str, wide: str) -> bool:
    """DuckDB's word on whether a value can be stored in another type and read back as it was."""
    text = value if narrow.startswith(("STRUCT", "VARCHAR[", "INTEGER[")) else "'" + value.replace("'", "''") + "'"
    query = (
        f"SELECT v IS NOT DISTINCT FROM CAST(CAST(v AS {wide}) AS {narrow}) FROM (SELECT CAST({text} AS {narrow}) v)"
    )
    try:
        return bool(connection.execute(query).fetchall()[0][0])
    except duckdb.Error:
        return False


def test_whatever_fits_survives_in_every_pair_of_types() -> None:
    """The whole lattice, against DuckDB's own casts: no pair that is said to fit loses a value."""
    wrong = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for narrow, wide in product(LATTICE, LATTICE):
            if fits(narrow, wide):
                wrong += [(narrow, wide, v) for v in LATTICE[narrow] if not survives(connection, v, narrow, wide)]
    assert wrong == []


EXACT = [kind for kind in LATTICE if "INT" in kind and "[" not in kind and kind != "INTERVAL" and "STRUCT" not in kind]
EXACT += [kind for kind in LATTICE if kind.startswith("DECIMAL")]


def exact_range(kind: str) -> tuple[Decimal, Decimal, int]:
    """Least and greatest value, and digits behind the point."""
    if kind.startswith("DECIMAL"):
        width, scale = map(int, kind[8:-1].split(","))
        most = Decimal(10**width - 1).scaleb(-scale, Context(prec=60))
        return -most, most, scale
    edges = [Decimal(value) for value in LATTICE[kind]]
    return min(edges), max(edges), 0


def test_between_exact_numbers_only_what_may_lose_is_refused() -> None:
    """Ranges by plain arithmetic. Refused without need: unsigned targets, and decimals that hold an integer's range
    but not all numbers of as many digits, or the other way round.
    """
    wrong = []
    for narrow, wide in product(EXACT, EXACT):
        (low, high, scale), (least, most, places) = exact_range(narrow), exact_range(wide)
        inside = least <= low and high <= most and scale <= places
        careful = wide.startswith(("U", "DECIMAL")) or narrow.startswith(("U", "DECIMAL"))
        if narrow != wide and fits(narrow, wide) != inside and not (inside and careful):
            wrong.append((narrow, wide, inside))
    assert wrong == []


def columns(**types: str) -> list[ColumnSchema]:
    return [ColumnSchema(name=name, type=kind.replace("_", " ")) for name, kind in types.items()]


def test_each_change_is_judged() -> None:
    before = columns(gone="DATE", wide="INTEGER", narrow="BIGINT", other="DATE", same="VARCHAR", text="BIGINT")
    after = columns(wide="BIGINT", narrow="INTEGER", other="BIGINT", same="VARCHAR", text="VARCHAR", new="DATE")
    assert {(change.column, change.kind, change.breaking) for change in judge(before, after)} == {
        ("gone", "removed", True), ("wide", "widened", False), ("narrow", "narrowed", True),
        ("other", "retyped", True), ("text", "retyped", True), ("new", "added", False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "named"), [("freeze", {"wide", "other"}), ("fail", {"wide", "other", "gone", "new"})]
)
def test_a_policy_names_every_column_and_what_to_do(policy: str, named: set[str]) -> None:
    before = columns(gone="DATE", wide="INTEGER", narrow="BIGINT", other="DATE")
    after = columns(wide="BIGINT", narrow="INTEGER", other="BIGINT", new="DATE")
    with pytest.raises(UdbError) as caught:
        evolve("t", before, after, policy, replaces=False)  # type: ignore[arg-type]
    listed = caught.value.message.partition("does not allow: ")[2]
    assert {part.partition(":")[0] for part in listed.split("; ")} == named
    assert "--on-schema-change evolve" in caught.value.remedy


def test_a_baseline_comes_back_from_a_file(lake: Lake, stage: Stager, tmp_path: Path) -> None:
    commit(lake, stage("SELECT range AS id, ['open', 'shut'][range % 2 + 1] AS state FROM range(8)"))
    taken = baselines.take(lake, "shop", ("id",), with_values=True)
    assert taken.columns[1].values == ("open", "shut")
    assert [column.nullable for column in taken.columns] == [False, True]
    for name in ("b.json", "b.yaml"):
        baselines.write(taken, tmp_path / name)
        assert baselines.read(tmp_path / name) == taken
    assert baselines.differences(taken, taken) == ()


def test_what_breaks_a_baseline(lake: Lake, stage: Stager) -> None:
    commit(lake, stage("SELECT range AS id, ['open', 'shut'][range % 2 + 1] AS state, 1 AS n FROM range(8)"))
    agreed = baselines.take(lake, "shop", (), with_values=True)
    promise = agreed.columns[0].model_copy(update={"nullable": False})
    agreed = agreed.model_copy(update={"columns": (promise, *agreed.columns[1:])})
    assert baselines.unkept(lake, agreed) == ()
    commit(lake, stage("SELECT nullif(range, 3) AS id, ['open', 'lost'][range % 2 + 1] AS state FROM range(8)"))
    found = baselines.take(lake, "shop", ("state",), with_values=True)
    kinds = {(change.kind, change.column, change.breaking) for change in baselines.differences(agreed, found)}
    assert kinds == {
        ("removed", "n", True), ("key", None, True), ("required", "state", True), ("optional", "id", False),
        ("values_removed", "state", True), ("values_added", "state", False),
    }  # fmt: skip
    (broken,) = baselines.unkept(lake, agreed)
    assert (broken.column, broken.kind, broken.breaking) == ("id", "nulls", True)
    assert "lost" not in repr(kinds) and "lost" not in broken.text, "values are counted, not shown"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "dataset: shop", "{", "dataset: shop\ncolumns: 3", "\udcff", "dataset: ../x\ncolumns: []"],
    ids=ascii,
)
def test_what_is_no_baseline_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.yaml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UdbError) as caught:
        baselines.read(file)
    assert caught.value.code == "E_OPTION" and str(file) in caught.value.message
