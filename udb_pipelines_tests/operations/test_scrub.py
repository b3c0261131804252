"""Secrets leave no text; fields that are not listed carry no value."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    scrub.forget()


@pytest.mark.parametrize(
    "line",
    [
        "cannot connect to postgresql://ann:pl4nted@db:5432/shop",
        "cannot connect to mysql+pymysql://ann:p@pl4nted@db/shop",
        "GET https://host/x.csv?page=2&token=pl4nted&z=1",
        "GET https://bucket/x.csv?X-Amz-Signature=pl4nted",
        "GET https://account/x.csv?sv=2020&sig=pl4nted",
        "Authorization: Bearer pl4nted",
        "{'authorization': 'Basic pl4nted'}",
        "headers={'X-Api-Key': 'pl4nted'}",
        "host=db user=ann password=pl4nted dbname=shop",
        "host=db password='pl4nted with blanks' dbname=shop",
        '{"client_secret": "pl4nted"}',
        "AWS_SECRET_ACCESS_KEY=pl4nted",
        "bearer pl4nted-pl4nted",
        "jwt eyJhbGciOiJIUzI1NiJ9.eyJpbCI6InBsNG50ZWQifQ.pl4nted",
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str) -> None:
    assert "pl4nted" not in scrub.text(line)
    assert scrub.MASK in scrub.text(line)


@pytest.mark.parametrize(
    "line",
    [
        "customers: 1,000 rows committed as version 3",
        "/data/2024/token_report/passwords.csv has 3 columns",
        "postgres://ann@db/shop",
        "https://host:8443/x.csv?page=2",
        "the column password has 3 nulls",
        "at 12:30:01 the basic checks passed",
    ],
)
def test_ordinary_text_stays_as_it_is(line: str) -> None:
    assert scrub.text(line) == line


def test_references_stay_readable() -> None:
    assert scrub.text("password=${PGPASSWORD}") == "password=${PGPASSWORD}"


@given(st.text(min_size=3, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_registered_secret_appears_nowhere(secret: str, before: str, after: str) -> None:
    scrub.forget()
    scrub.register(secret)
    for form in (secret, json.dumps(secret)[1:-1]):
        assert secret in scrub.MASK or secret not in scrub.text(f"{before}|{form}|{after}").replace(scrub.MASK, "|")


def test_secret_settings_and_the_passwords_in_them_are_known() -> None:
    settings = Settings(control_url=SecretStr("postgresql://ann:hunter%2F2@db/udb"))
    scrub.register_settings(settings)
    assert "hunter" not in scrub.text("tried hunter%2F2 as password")


def test_values_behind_references_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "correct horse")
    scrub.register_references("postgres://ann:${SHOP_PASSWORD}@db/shop")
    assert scrub.text("FATAL: correct horse") == f"FATAL: {scrub.MASK}"
    assert scrub.text("FATAL: correct+horse") == f"FATAL: {scrub.MASK}"


def test_nested_values_are_scrubbed_at_every_depth() -> None:
    nested = {"a": [{"db_password": "pl4nted"}, ("token=pl4nted",)], "b": SecretStr("pl4nted"), "n": 3, "ok": True}
    found = scrub.value(nested)
    assert "pl4nted" not in json.dumps(found)
    assert isinstance(found, dict)
    assert (found["n"], found["ok"]) == (3, True)


def test_unlisted_fields_are_named_but_withheld() -> None:
    assert scrub.fields({"rows": 3, "customer": "Ada Lovelace", "salary": 70000}) == {
        "rows": 3,
        "customer": scrub.WITHHELD,
        "salary": scrub.WITHHELD,
    }


def test_errors_lose_their_secrets() -> None:
    facts = scrub.error(UdbError("E_CONNECT", "no answer from postgres://ann:pl4nted@db/shop", source="shop"))
    assert facts["message"] == "no answer from postgres://ann:***@db/shop"
    assert facts["source"] == "shop"
    assert facts["kept"] is None
