"""What references in addresses become."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import resolve, resolve_address
from udb_pipelines.secrets.store import SecretStore, new_key


def test_variables_are_resolved_and_a_missing_one_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PASSWORD", "s3cret")
    assert resolve_address("postgres://a:${PG_PASSWORD}@h/d", settings) == "postgres://a:s3cret@h/d"
    with pytest.raises(UdbError) as caught:
        resolve_address("postgres://a:${NOT_SET_ANYWHERE}@h/d", settings)
    assert caught.value.code == "E_AUTH"
    assert "NOT_SET_ANYWHERE" in caught.value.message


@given(secret=st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))
def test_any_password_survives_its_way_through_an_address(secret: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANY_PASSWORD", secret)
        address = resolve_address("postgres://ann:${ANY_PASSWORD}@db:5432/shop?sslmode=require", Settings())
    scrub.forget()
    parts = urlsplit(address)
    assert unquote(parts.password or "") == secret
    assert (parts.hostname, parts.path, parts.query) == ("db", "/shop", "sslmode=require")


def test_a_host_or_a_whole_address_is_taken_literally(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "db.example:5433")
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:p%40ss@db/shop")
    assert resolve_address("postgres://ann@${HOST}/shop", settings) == "postgres://ann@db.example:5433/shop"
    assert resolve_address("${DATABASE_URL}", settings) == "postgres://ann:p%40ss@db/shop"


def test_stored_secrets_are_resolved_and_never_shown_again(settings: Settings) -> None:
    settings = settings.model_copy(update={"secret_key": SecretStr(new_key())})
    SecretStore(settings).set("shop", "open sesame")
    scrub.forget()
    assert resolve("password=${secret:shop}", settings) == "password=open sesame"
    assert "sesame" not in scrub.text("the server said: open sesame")
    with pytest.raises(UdbError, match="no secret is stored as shed"):
        resolve("${secret:shed}", settings)
