"""Personal values do not leave the profiler, unless the setting says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.config import load_settings
from udb_pipelines.profiling.semantics import masked
from udb_pipelines_tests.profiling.conftest import ProfileSql

PEOPLE = """
SELECT 'user' || i % 40 || '@example.org' AS email, (4111111111111111 + 0 * i) AS card,
    DATE '1960-05-17' + (i % 9000)::INT AS birth_date, 48.137154 + i / 1e4 AS lat, 'red' AS colour,
    (212450000 + i)::VARCHAR AS ssn
FROM range(300) t(i)
"""
SECRETS = ("user10@", "4111111111111111", "1960-05-17", "212450007")


def test_no_value_of_a_personal_column_is_in_the_profile(profile_sql: ProfileSql) -> None:
    profile = profile_sql(PEOPLE)
    text = profile.model_dump_json()
    assert not [secret for secret in SECRETS if secret in text]
    by_name = {column.name: column for column in profile.columns}
    assert [name for name, column in by_name.items() if column.masked] == ["email", "card", "birth_date", "lat", "ssn"]
    assert by_name["email"].top_values[0].value in ("AAAA9@AAAAAAA.AAA", "AAAA99@AAAAAAA.AAA")
    assert sum(value.count for value in by_name["email"].top_values) == 80
    assert by_name["colour"].top_values[0].value == "red"
    assert by_name["birth_date"].date is not None
    assert by_name["birth_date"].date.min == "1960"
    assert by_name["lat"].numeric is not None


def test_masking_can_be_switched_off(profile_sql: ProfileSql) -> None:
    text = profile_sql(PEOPLE, mask_pii=False).model_dump_json()
    assert all(secret in text for secret in SECRETS)


@given(st.text(max_size=30))
def test_a_masked_text_has_its_length_and_none_of_its_letters_or_digits(text: str) -> None:
    shape = masked(text)
    assert len(shape) == len(text)
    assert not [character for character in shape if character.isalnum() and character not in "A9"]


def test_the_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDB_MASK_PII", "false")
    assert load_settings().mask_pii is False
