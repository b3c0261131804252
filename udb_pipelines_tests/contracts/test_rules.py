"""Every kind of rule, asked of small tables whose answer a person can count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udb_pipelines.contracts.rules import Threshold
from udb_pipelines.contracts.types import keeps_logical, keeps_physical
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines_tests.contracts.building import asked, broken, contract

NUMBERS = "SELECT * FROM (VALUES (1, 'a'), (5, NULL), (NULL, 'cc'), (10, 'a')) v(n, s)"


def of(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    ("promised", "expected"),
    [
        (of("n", required=True), {"n.required": (1, (3,))}),
        (of("s", unique=True), {"s.unique": (1, (4,))}),
        (of("n", unique=True), {}),
        (of("n", logicalType="string"), {"n.logicalType": (0, ())}),
        (of("n", logicalType="number"), {}),
        (of("n", physicalType="BIGINT"), {"n.physicalType": (0, ())}),
        (of("n", physicalType="int"), {}),
        (of("n", logicalType="integer", logicalTypeOptions={"minimum": 5}), {"n.minimum": (1, (1,))}),
        (
            of("n", logicalType="integer", logicalTypeOptions={"exclusiveMinimum": 5}),
            {"n.exclusiveMinimum": (2, (1, 2))},
        ),
        (of("n", logicalType="integer", logicalTypeOptions={"maximum": 9.5}), {"n.maximum": (1, (4,))}),
        (
            of("n", logicalType="integer", logicalTypeOptions={"exclusiveMaximum": 10}),
            {"n.exclusiveMaximum": (1, (4,))},
        ),
        (of("n", logicalType="integer", logicalTypeOptions={"multipleOf": 5}), {"n.multipleOf": (1, (1,))}),
        (of("n", logicalType="number", logicalTypeOptions={"multipleOf": 0.5}), {}),
        (of("n", logicalType="integer", logicalTypeOptions={"format": "i8"}), {}),
        (of("s", logicalType="string", logicalTypeOptions={"minLength": 2}), {"s.minLength": (2, (1, 4))}),
        (of("s", logicalType="string", logicalTypeOptions={"maxLength": 1}), {"s.maxLength": (1, (3,))}),
        (of("s", logicalType="string", logicalTypeOptions={"pattern": "^a"}), {"s.pattern": (1, (3,))}),
        (of("s", logicalType="string", logicalTypeOptions={"format": "email"}), {"s.format": (3, (1, 3, 4))}),
        (of("gone"), {"gone.exists": (0, ())}),
    ],
)  # fmt: skip
def test_what_a_column_promises(promised: dict[str, Any], expected: dict[str, Any]):
    document = contract([promised], customProperties=[{"property": "udbExtraColumns", "value": "allow"}])
    assert broken(NUMBERS, document) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"metric": "nullValues", "mustBe": 0}, (1, (2,))),
        ({"metric": "nullValues", "mustBe": 1}, None),
        ({"metric": "nullValues", "mustBeLessThan": 25, "unit": "percent"}, (1, (2,))),
        ({"metric": "nullValues", "mustBeLessOrEqualTo": 25, "unit": "percent"}, None),
        ({"metric": "missingValues", "arguments": {"missingValues": [None, "cc"]}, "mustBe": 0}, (2, (2, 3))),
        ({"metric": "missingValues", "mustBeBetween": [0, 1]}, None),
        ({"metric": "invalidValues", "arguments": {"validValues": ["a"]}, "mustBe": 0}, (1, (3,))),
        ({"metric": "invalidValues", "arguments": {"validValues": ["a", "cc"]}, "mustBe": 0}, None),
        ({"metric": "invalidValues", "arguments": {"pattern": "^.$"}, "mustNotBe": 1}, (1, (3,))),
        ({"metric": "duplicateValues", "mustBeLessThan": 1}, (1, (4,))),
        ({"metric": "duplicateValues", "mustBeGreaterThan": 0}, None),
        ({"type": "sql", "query": "SELECT count({property}) FROM {object}", "mustBe": 3}, None),
        ({"type": "sql", "query": "SELECT bool_and(s = 'a') FROM t", "mustBe": True}, (0, ())),
        ({"type": "sql", "query": "SELECT max(s) FROM t;", "mustBe": "cc"}, None),
        ({"type": "sql", "query": "SELECT absent FROM {object}", "mustBe": 0}, (0, ())),
        ({"type": "sql", "query": "FROM {object}", "mustBe": 0}, (0, ())),
        ({"type": "sql", "query": "DROP TABLE {object}", "mustBe": 0}, (0, ())),
        ({"type": "sql", "query": "SELECT count(*) FROM read_csv('/etc/passwd')", "mustBeGreaterThan": 0}, (0, ())),
        ({"type": "sql", "query": "SELECT 1; SELECT 2", "mustBe": 1}, (0, ())),
        ({"type": "sql", "query": "SELECT s::INTEGER FROM {object} LIMIT 1", "mustBe": 1}, (0, ())),
    ],
)
def test_quality_of_a_column(rule: dict[str, Any], expected: tuple[int, tuple[int, ...]] | None):
    found = list(broken(NUMBERS, contract([of("n"), of("s", quality=[rule])])).values())
    assert found == ([] if expected is None else [expected])


def test_quality_of_the_table():
    rules = [
        {"metric": "rowCount", "mustBeBetween": [4, 5]},
        {"metric": "rowCount", "mustBeGreaterThan": 4, "id": "enough"},
        {"metric": "duplicateValues", "arguments": {"properties": ["n", "s"]}, "mustBe": 0},
        {"type": "text", "description": "in words"},
        {"type": "custom", "engine": "soda", "implementation": "x"},
    ]
    found = asked(NUMBERS + " UNION ALL SELECT 1, 'a'", contract([of("n"), of("s")], quality=rules))
    assert {name: entry.status for name, entry in found.items() if name.startswith("t.")} == {
        "t.columns": "kept",
        "t.rowCount[0]": "kept",
        "t.enough[1]": "kept",
        "t.duplicateValues[2]": "broken",
        "t.text[3]": "not_run",
        "t.custom[4]": "not_run",
    }
    assert found["t.duplicateValues[2]"].rows == (5,)
    assert found["t.custom[4]"].found == "a rule of soda: not run by UDB"


def test_a_key_of_two_columns_in_the_order_of_their_positions():
    keyed = [of("b", primaryKey=True, primaryKeyPosition=2), of("a", primaryKey=True, primaryKeyPosition=1)]
    table = "SELECT * FROM (VALUES (1, 1), (1, 2), (1, 1), (2, NULL), (1, 1)) v(a, b)"
    found = asked(table, contract(keyed))
    assert found["t.primaryKey"].promise == "a and b identifies a row"
    assert (found["t.primaryKey"].count, found["t.primaryKey"].rows) == (2, (3, 5))
    assert (found["t.primaryKey.required"].count, found["t.primaryKey.required"].rows) == (1, (4,))


def test_dates_times_and_exact_decimals():
    table = (
        "SELECT DATE '2026-01-31' AS d, TIMESTAMP '2026-01-31 12:00:00' AS z, TIME '09:30:00' AS h, "
        "0.1::DECIMAL(4, 2) AS m"
    )
    kept = contract(
        [
            of("d", logicalType="date", logicalTypeOptions={"minimum": "2026-01-31", "maximum": "2026-01-31"}),
            of("z", logicalType="timestamp", logicalTypeOptions={"maximum": "2026-01-31T14:00:00+02:00"}),
            of("h", logicalType="time", logicalTypeOptions={"minimum": "09:30:00"}),
            of("m", logicalType="number", logicalTypeOptions={"minimum": 0.1, "maximum": 0.1}),
        ]
    )
    assert broken(table, kept) == {}
    late = contract([of(name, logicalType=kind, logicalTypeOptions={"exclusiveMaximum": most}) for name, kind, most in (
        ("d", "date", "2026-01-31"), ("z", "timestamp", "2026-01-31T12:00:00Z"), ("h", "time", "09:30"),
    )] + [of("m")])  # fmt: skip
    assert set(broken(table, late)) == {"d.exclusiveMaximum", "z.exclusiveMaximum", "h.exclusiveMaximum"}


def test_extra_columns_warn_unless_said_otherwise():
    for said, expected in (("warning", Severity.WARNING), ("error", Severity.ERROR)):
        document = contract([of("n")], customProperties=[{"property": "udbExtraColumns", "value": said}])
        assert asked(NUMBERS, document)["t.columns"].severity is expected
    assert asked(NUMBERS, contract([of("n")]))["t.columns"].found == "also s"


def test_severities_come_from_the_nearest_custom_property():
    def custom(name: str, value: str) -> list[dict[str, str]]:
        return [{"property": name, "value": value}]

    document = contract(
        [
            of("n", required=True, logicalType="integer", logicalTypeOptions={"minimum": 9}),
            of("s", required=True, logicalType="string", logicalTypeOptions={"minLength": 9},
               customProperties=custom("udbSeverity", "error")),
        ],
        customProperties=custom("udbSeverity", "warning"),
    )  # fmt: skip
    found = {name: entry.severity.value for name, entry in asked(NUMBERS, document).items()}
    assert (found["n.required"], found["n.minimum"]) == ("warning", "warning")
    assert (found["s.required"], found["s.minLength"]) == ("error", "error")


@pytest.mark.parametrize(
    ("promised", "said"),
    [
        (of("s", quality=[{"metric": "nullValues", "mustBe": 0, "unit": "cells"}]), "the unit is neither"),
        (of("s", quality=[{"metric": "nullValues", "mustBe": 0, "severity": "loud"}]), "the severity is none of"),
        (of("s", quality=[{"metric": "invalidValues", "mustBe": 0}]), "needs arguments.validValues"),
        (of("s", logicalType="string", logicalTypeOptions={"pattern": "(?=a)"}), "no regular expression that RE2"),
        (of("n", logicalType="date", logicalTypeOptions={"minimum": "soon"}), "minimum is no date or time"),
        (
            of("n", customProperties=[{"property": "udbSeverity", "value": "loud"}], required=True),
            "udbSeverity is none",
        ),
    ],
)
def test_what_means_nothing_is_an_error_with_a_line(promised: dict[str, Any], said: str):
    with pytest.raises(UdbError, match=r"E_CONTRACT: line \d+: .*" + said):
        asked(NUMBERS, contract([promised]))


def test_a_rule_that_does_not_fit_its_column_is_broken_and_the_others_are_asked():
    document = contract(
        [
            of("l", logicalType="array", logicalTypeOptions={"minItems": 2}),
            of("n", logicalType="array", logicalTypeOptions={"minItems": 2}, required=True),
        ]
    )
    found = asked("SELECT [1] AS l, 3 AS n UNION ALL SELECT [1, 2], NULL", document)
    assert (found["l.minItems"].count, found["n.required"].count) == (1, 1)
    assert found["n.minItems"].found == "it cannot be asked of a column of this type"


def test_values_of_the_data_are_nowhere_in_the_answer():
    rule = {"type": "sql", "query": "SELECT max(s) FROM {object}", "mustBe": "x"}
    document = contract([of("s", required=True, unique=True, quality=[rule])])
    found = asked("SELECT 'secret-' || (i % 2) AS s FROM range(4) r(i)", document)
    assert "secret" not in " ".join(entry.model_dump_json() for entry in found.values())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=12), st.integers(-3, 3))
def test_counts_equal_brute_force(values: list[int | None], least: int):
    listed = ", ".join(f"({number}, {'NULL' if value is None else value})" for number, value in enumerate(values))
    table = f"SELECT n::BIGINT AS n FROM (VALUES {listed}) v(i, n) ORDER BY i"
    rules = [{"metric": "invalidValues", "arguments": {"validValues": [0, 1]}, "mustBe": 0}]
    promised = of(
        "n", required=True, unique=True, logicalType="integer", logicalTypeOptions={"minimum": least}, quality=rules
    )
    found = broken(table, contract([promised]))
    expected = {
        "n.required": [i for i, value in enumerate(values, 1) if value is None],
        "n.minimum": [i for i, value in enumerate(values, 1) if value is not None and value < least],
        "n.invalidValues[0]": [i for i, value in enumerate(values, 1) if value not in (None, 0, 1)],
        "n.unique": [i for i, value in enumerate(values, 1) if value is not None and value in values[: i - 1]],
    }
    assert found == {name: (len(rows), tuple(rows[:5])) for name, rows in expected.items() if rows}


@pytest.mark.parametrize(
    ("operator", "values", "kept", "not_kept"),
    [
        ("mustBe", (2,), [2], [1, 3]),
        ("mustNotBe", (2,), [1, 3], [2]),
        ("mustBeGreaterThan", (2,), [3], [1, 2]),
        ("mustBeGreaterOrEqualTo", (2,), [2, 3], [1]),
        ("mustBeLessThan", (2,), [1], [2, 3]),
        ("mustBeLessOrEqualTo", (2,), [1, 2], [3]),
        ("mustBeBetween", (2, 4), [2, 3, 4], [1, 5]),
        ("mustBeBetween", (4, 2), [2, 3, 4], [1, 5]),
        ("mustNotBeBetween", (2, 4), [1, 5], [2, 3, 4]),
    ],
)
def test_operators(operator: str, values: tuple[float, ...], kept: list[int], not_kept: list[int]):
    threshold = Threshold(operator, values)
    assert [threshold.holds(number) for number in (*kept, *not_kept)] == [True] * len(kept) + [False] * len(not_kept)


def test_types():
    assert keeps_logical("number", "BIGINT")
    assert not keeps_logical("integer", "DOUBLE")
    assert keeps_physical("varchar(20)", "VARCHAR") is True
    assert keeps_physical("NUMBER(10)", "BIGINT") is None
