"""What references in addresses become."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from udb_pipelines.config import TENANT_PATTERN, Settings, load_settings, tenant_variable
from udb_pipelines.connectors.airbyte_server import address
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions
from udb_pipelines.operations import scrub
from udb_pipelines.secrets.references import resolve, resolve_address, resolve_all
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


def test_a_configuration_is_resolved_at_any_depth(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cret-key")
    config = {"key": "${SHOP_KEY}", "parts": [{"a": "x${SHOP_KEY}y"}, 7, None, True], "password": "in-plain-text"}
    found = resolve_all(config, settings)
    assert found == {
        "key": "s3cret-key", "parts": [{"a": "xs3cret-keyy"}, 7, None, True], "password": "in-plain-text"
    }  # fmt: skip
    said = scrub.text("it said s3cret-key and in-plain-text")
    assert "s3cret" not in said
    assert "in-plain-text" not in said


# --- tenants --------------------------------------------------------------------------------------------


def of(tenant: str, settings: Settings) -> Settings:
    return settings.model_copy(update={"tenant": tenant})


def test_a_tenant_sees_what_was_set_aside_for_it_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", "of the operator")
    monkeypatch.setenv("UDB_SECRET_KEY", "of the operator")
    monkeypatch.setenv("UDB_TENANT_ACME__SHOP", "of acme")
    monkeypatch.setenv("UDB_TENANT_ACME_EMEA__SHOP", "of acme_emea")
    monkeypatch.setenv("UDB_TENANT_ACME___OWN", "also of acme")
    assert resolve("${SHOP}", settings) == "of the operator"
    assert resolve("${SHOP}", of("acme", settings)) == "of acme"
    assert resolve("${_OWN}", of("acme", settings)) == "also of acme"
    assert resolve("${SHOP}", of("acme_emea", settings)) == "of acme_emea"
    for name in ("UDB_SECRET_KEY", "PATH", "UDB_TENANT_ACME__SHOP", "EMEA__SHOP", "UDB_TENANT_ACME_EMEA__SHOP"):
        with pytest.raises(UdbError, match="the tenant acme has no variable") as caught:
            resolve(f"${{{name}}}", of("acme", settings))
        assert caught.value.code == "E_AUTH"


@given(
    left=st.from_regex(TENANT_PATTERN, fullmatch=True),
    right=st.from_regex(TENANT_PATTERN, fullmatch=True),
    first=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True),
    second=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True),
)
def test_no_tenant_can_name_a_variable_of_another(left: str, right: str, first: str, second: str) -> None:
    if left != right:
        assert tenant_variable(left, first) != tenant_variable(right, second)


def test_what_is_set_aside_for_tenants_is_no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDB_TENANT_ACME_EMEA__SHOP", "x")
    load_settings()
    monkeypatch.setenv("UDB_TENANT_ACME_SHOP", "x")
    with pytest.raises(UdbError, match="UDB_TENANT_ACME_SHOP is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    ("uri", "config"),
    [
        ("https://api.example.org/a.json", {"header.Authorization": "Bearer ${OPERATORS}"}),
        ("https://api.example.org/a.json?token=${OPERATORS}", {}),
        ("s3://shop/a.csv", {"access_key_id": "${OPERATORS}", "secret_access_key": "${OPERATORS}"}),
        ("sftp://ann:${OPERATORS}@files.example.org/a.csv", {}),
        ("postgresql://ann:${OPERATORS}@db.example.org/shop", {}),
        ("mysql://ann:${OPERATORS}@db.example.org/shop", {}),
        ("airbyte:fake@1.0", {"token": "${OPERATORS}"}),
        ("airbyte-server:faker", {"token": "${OPERATORS}"}),
    ],
)
def test_no_kind_of_source_crosses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, uri: str, config: dict[str, str]
) -> None:
    monkeypatch.setenv("OPERATORS", "planted-of-the-operator")
    acme = settings.model_copy(update={"tenant": "acme", "egress_allow": "airbyte*"})
    folder = settings.connectors / "fake-1.0"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "source-fake").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bin" / "source-fake").chmod(0o755)
    (folder / "ready.json").write_text('{"requirement": "x", "spec": {}}')
    source = Source(name="shop", uri=uri, options=SourceOptions(config=config), created_at=datetime.now(UTC))
    with pytest.raises(UdbError) as caught:
        if uri.startswith("airbyte-server:"):
            address.configuration(config, acme)
        else:
            detect(source, acme)
    assert caught.value.code == "E_AUTH"
    assert "the tenant acme has no variable OPERATORS" in caught.value.message


@pytest.mark.parametrize("uri", ["s3://shop/a.csv", "gs://shop/a.csv", "az://shop/a.csv"])
def test_the_operators_cloud_credentials_are_not_a_tenants(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"):
        monkeypatch.setenv(name, "planted")
    source = Source(name="shop", uri=uri, options=SourceOptions(), created_at=datetime.now(UTC))
    with pytest.raises(UdbError, match="names no credentials") as caught:
        detect(source, of("acme", settings))
    assert caught.value.code == "E_AUTH"
