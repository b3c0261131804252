from __future__ import annotations

import json

import jsonschema

from udb_pipelines.profiling.schema import generate, published
from udb_pipelines_tests.profiling.conftest import ProfileSql


def test_the_published_schema_is_that_of_the_model() -> None:
    assert published() == generate()


def test_a_profile_satisfies_the_published_schema(profile_sql: ProfileSql) -> None:
    profile = profile_sql(
        "SELECT i AS id, 'user' || i AS name, DATE '2024-01-01' + i::INT AS day, i % 3 = 0 AS flag, "
        "NULL::INT AS nil, (i * 1.5)::DECIMAL(10, 2) AS amount, 'nan'::DOUBLE AS strange, [i] AS l FROM range(50) t(i)"
    )
    jsonschema.validate(json.loads(profile.model_dump_json()), json.loads(published()))
