"""The inferred contract: valid by the standard, kept by the data it came from, and silent about people."""

from __future__ import annotations

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.contracts.faults import read
from udb_pipelines.contracts.infer import contract_yaml
from udb_pipelines.contracts.validation import validate
from udb_pipelines.models import Profile
from udb_pipelines.profiling.table import Origin, profile_table
from udb_pipelines.yamltext import Document
from udb_pipelines_tests.contracts.building import asked

SHOP = """
SELECT i AS id, ['DE', 'FR', 'NO'][i % 3 + 1] AS country, i * 0.25 AS weight, (i * 1.01)::DECIMAL(12, 2) AS amount,
    'A-' || lpad(i::VARCHAR, 5, '0') AS sku, DATE '2026-01-01' + (i % 300)::INTEGER AS day,
    CASE WHEN i % 10 > 0 THEN i % 7 END AS rating, i % 2 = 0 AS paid,
    'person' || i || '@example.org' AS email, uuid() AS token, [i] AS list, NULL::VARCHAR AS nothing,
    TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS at, 'note ' || (i * 7919 % 1500) || repeat(' x', i % 9) AS note
FROM range(1500) r(i)
"""


def profiled(select: str, settings: Settings) -> Profile:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = 'UTC'; CREATE TABLE t AS {select}")
    return profile_table(connection, "t", settings, Origin(dataset="t", source="t"))


def inferred(select: str, settings: Settings) -> Document:
    return read(contract_yaml(profiled(select, settings)))


@pytest.mark.parametrize(
    "select",
    [
        SHOP,
        "SELECT 1 AS a WHERE false",
        "SELECT 'x' AS \"odd \"\" name: [1]\", NULL AS n",
        "SELECT CASE WHEN i % 3 = 0 THEN 'NaN'::DOUBLE ELSE i / 3 END AS f, (i - 15)::HUGEINT * 10**30 AS h "
        "FROM range(40) r(i)",
        "SELECT (i * 1e-7)::DOUBLE AS small, i * 1e60 AS large, (2**62)::BIGINT + i AS big FROM range(40) r(i)",
        "SELECT chr((1040 + i % 30)::INTEGER) || '-' || i % 10 AS cyrillic, 'a\nb' AS lines FROM range(60) r(i)",
        "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) HOUR AS z, TIME '10:00:00' AS h, "
        "{'a': i} AS s, '(' || i % 10 || ').*' AS special FROM range(50) r(i)",
    ],
)  # fmt: skip
def test_it_is_valid_and_the_data_keeps_it(settings: Settings, select: str):
    document = inferred(select, settings)
    assert validate(document) == ()
    found = asked(select, document)
    assert {name: entry.found for name, entry in found.items() if entry.status != "kept"} == {}


def test_it_says_what_was_found(settings: Settings):
    (table,) = inferred(SHOP, settings).content["schema"]
    columns = {column["name"]: column for column in table["properties"]}
    assert table["quality"][0]["mustBeGreaterOrEqualTo"] == 750
    assert columns["id"]["primaryKey"] is columns["id"]["required"] is columns["sku"]["unique"] is True
    assert columns["country"]["quality"][0]["arguments"]["validValues"] == ["DE", "FR", "NO"]
    assert columns["country"]["logicalTypeOptions"]["pattern"] == "^[A-Z]{2}$"
    assert columns["sku"]["logicalTypeOptions"] == {"minLength": 7, "maxLength": 7, "pattern": r"^\p{Lu}-[0-9]{5}$"}
    assert columns["amount"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 1513.99}
    assert columns["day"]["logicalTypeOptions"] == {"minimum": "2026-01-01"}
    assert columns["rating"]["quality"][0]["mustBeLessOrEqualTo"] == 15
    assert "required" not in columns["rating"]


def test_nothing_is_promised_of_a_handful_of_rows(settings: Settings):
    (table,) = inferred("SELECT i AS id FROM range(5) r(i)", settings).content["schema"]
    assert set(table["properties"][0]) <= {"name", "logicalType", "physicalType", "examples"}


@pytest.mark.parametrize("masked", [True, False])
def test_personal_values_are_not_in_it(settings: Settings, masked: bool):
    select = (
        "SELECT 'ann' || i || '@example.org' AS email, '078-05-' || lpad((1000 + i)::VARCHAR, 4, '0') AS ssn, "
        "DATE '1950-01-01' + (i * 13)::INTEGER AS date_of_birth FROM range(300) r(i)"
    )
    document = inferred(select, settings.model_copy(update={"mask_pii": masked}))
    columns = {column["name"]: column for column in document.content["schema"][0]["properties"]}
    assert columns["email"]["classification"] == "restricted"
    assert columns["email"]["tags"] == ["personal data", "email"]
    for secret in ("ann", "example.org", "078-05", "1950-01"):
        assert secret not in document.text


def test_the_same_profile_is_the_same_bytes(settings: Settings):
    profile = profiled("SELECT i AS id, i % 3 AS kind FROM range(2000) r(i)", settings)
    assert contract_yaml(profile, None, 24) == contract_yaml(profile, None, 24)
    assert "property: frequency" in contract_yaml(profile, None, 24)
