"""What one contract takes away from those who rely on another."""

from __future__ import annotations

from typing import Any

import pytest

from udb_pipelines.contracts.differences import differences
from udb_pipelines_tests.contracts.building import contract

VALUES = {"metric": "invalidValues", "mustBe": 0}


def of(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "a", "logicalType": "integer", **more}]


def valid(*values: str) -> list[dict[str, Any]]:
    return of(quality=[{**VALUES, "arguments": {"validValues": list(values)}}])


def nulls(most: int, **more: Any) -> list[dict[str, Any]]:
    return of(quality=[{"metric": "nullValues", "mustBeLessThan": most, **more}])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (of(), of(), []),
        (of(), [], [("breaking", "the column is gone")]),
        ([], of(), [("safe", "a new column")]),
        (of(), [{"name": "a", "logicalType": "string"}], [("breaking", "logicalType: integer → string")]),
        (of(physicalType="DECIMAL(9,2)"), of(physicalType="DECIMAL(5,2)"),
         [("safe", "physicalType: DECIMAL(9,2) → DECIMAL(5,2)")]),
        (of(physicalType="BIGINT"), of(physicalType="VARCHAR"), [("breaking", "physicalType: BIGINT → VARCHAR")]),
        (of(required=True), of(), [("breaking", "no longer required")]),
        (of(), of(unique=True), [("safe", "now unique")]),
        (of(logicalTypeOptions={"maximum": 9}), of(logicalTypeOptions={"maximum": 10}),
         [("breaking", "maximum: 9 → 10")]),
        (of(logicalTypeOptions={"maximum": 9}), of(logicalTypeOptions={"maximum": 8}), [("safe", "maximum: 9 → 8")]),
        (of(logicalTypeOptions={"minimum": 9}), of(logicalTypeOptions={"minimum": 8}),
         [("breaking", "minimum: 9 → 8")]),
        (of(logicalTypeOptions={"minimum": 9}), of(), [("breaking", "minimum: 9 → nothing")]),
        (of(), of(logicalTypeOptions={"minimum": 9}), [("safe", "minimum: nothing → 9")]),
        (valid("x"), valid("x", "y"), [("breaking", "invalidValues adds y")]),
        (valid("x", "y"), valid("x"), [("safe", "invalidValues takes out y")]),
        (valid("x"), of(), [("breaking", "no longer invalidValues")]),
        (nulls(5), nulls(6), [("breaking", "nullValues: mustBeLessThan 5 → mustBeLessThan 6")]),
        (nulls(5), nulls(4), [("safe", "nullValues: mustBeLessThan 5 → mustBeLessThan 4")]),
        (nulls(5), nulls(4, unit="percent"),
         [("breaking", "nullValues: mustBeLessThan 5 → mustBeLessThan 4 %")]),
        (nulls(5), nulls(5, severity="warning"), [("breaking", "nullValues: another severity")]),
        (of(primaryKey=True), of(), [("breaking", "primary key: a → nothing")]),
        (of(primaryKey=True), [*of(primaryKey=True), {"name": "b", "primaryKey": True}],
         [("breaking", "primary key: a → a, b"), ("safe", "a new column")]),
        (of(), of(primaryKey=True), [("safe", "primary key: nothing → a")]),
        (of(description="x"), of(description="y"), [("safe", "another description")]),
    ],
)  # fmt: skip
def test_differences(before: list[dict[str, Any]], after: list[dict[str, Any]], expected: list[tuple[str, str]]):
    found = differences(contract(before), contract(after), "t")
    assert [(difference.weight, difference.what) for difference in found] == expected


def test_service_levels_and_breaking_first():
    def sla(hours: int) -> list[dict[str, Any]]:
        return [{"property": "frequency", "value": hours, "unit": "h"}]

    found = differences(contract(of(), sla=sla(24)), contract([*of(), {"name": "b"}], sla=sla(48)), "t")
    assert [(each.weight, each.where) for each in found] == [("breaking", "sla.frequency"), ("safe", "b")]
    assert differences(contract(of(), sla=sla(24)), contract(of(), sla=sla(12)), "t")[0].weight == "safe"
