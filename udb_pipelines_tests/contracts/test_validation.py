"""The standard's own schema: what it refuses is told by line, what it does not know is kept and told."""

from __future__ import annotations

import pytest

from udb_pipelines.contracts.faults import read
from udb_pipelines.contracts.validation import schema, validate
from udb_pipelines.errors import UdbError

GOOD = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: orders
  properties:
  - name: amount
    logicalType: number
    logicalTypeOptions: {minimum: 0}
    quality:
    - metric: nullValues
      mustBeLessThan: 5
      unit: percent
"""


def test_a_good_contract_has_nothing_to_tell():
    assert validate(read(GOOD)) == ()


def test_the_schema_is_the_published_one():
    assert schema()["title"] == "Open Data Contract Standard (ODCS)"
    assert schema()["properties"]["apiVersion"]["default"] == "v3.1.0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("mustBeLessThan: 5", "mustBeAbout: 5"), "line 13: schema[0].properties[0].quality[0] needs exactly one of"),
        (("mustBeLessThan: 5", "mustBeLessThan: five"), "line 14: schema[0].properties[0].quality[0].mustBeLessThan"),
        (("mustBeLessThan: 5", "mustBeBetween: [1]"), "mustBeBetween is not two numbers"),
        (("metric: nullValues", "metric: nulls"), "line 13: schema[0].properties[0].quality[0].metric is none of"),
        (("logicalType: number", "logicalType: money"), "line 10: schema[0].properties[0].logicalType is none of"),
        (("kind: DataContract\n", ""), "the contract lacks kind"),
        (("minimum: 0", "minimum: low"), "line 11: schema[0].properties[0].logicalTypeOptions.minimum is not of type"),
        (("v3.1.0", "v2.2.2"), "line 1: apiVersion is none of"),
        (("properties:\n", "properties: 3\n  other:\n"), "line 8: schema[0].properties is not of type array"),
    ],
)
def test_what_breaks_the_standard_is_told_with_its_line(change: tuple[str, str], said: str):
    with pytest.raises(UdbError) as raised:
        validate(read(GOOD.replace(*change)))
    assert said in raised.value.message


def test_unknown_fields_are_notes():
    text = GOOD.replace("id: orders", "id: orders\nowner: me").replace("minimum: 0", "minimum: 0, maxLength: 3")
    assert [str(note).split(":")[0] for note in validate(read(text))] == ["line 4", "line 12"]
