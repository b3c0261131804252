"""The encrypted store: kept, rotated, and never readable without its key."""

from __future__ import annotations

import io
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.store import SecretStore, new_key
from udb_pipelines_tests.cli.conftest import Answer, Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import udb as udb

PLANTED = "Tr0ub4dor&3-planted"


def _with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(",".join(keys))})


def _failure(error: pytest.ExceptionInfo[UdbError]) -> tuple[str, str]:
    return error.value.code, error.value.message


def test_a_secret_comes_back_and_only_its_name_is_told(settings: Settings) -> None:
    store = SecretStore(_with_keys(settings, new_key()))
    store.set("shop", PLANTED)
    store.set("api", "first")
    store.set("api", "second")
    assert (store.get("shop"), store.get("api")) == (PLANTED, "second")
    assert [info.name for info in store.list()] == ["api", "shop"]
    assert not any(PLANTED.encode() in file.read_bytes() for file in settings.home.rglob("*") if file.is_file())
    store.remove("shop")
    with pytest.raises(UdbError) as caught:
        store.get("shop")
    assert caught.value.code == "E_AUTH"


def test_rotation_lets_the_old_key_go(settings: Settings) -> None:
    old, new = new_key(), new_key()
    SecretStore(_with_keys(settings, old)).set("shop", PLANTED)
    both = SecretStore(_with_keys(settings, new, old))
    assert both.get("shop") == PLANTED
    assert both.rotate() == 1
    assert SecretStore(_with_keys(settings, new)).get("shop") == PLANTED
    with pytest.raises(UdbError) as caught:
        SecretStore(_with_keys(settings, old)).get("shop")
    assert _failure(caught) == ("E_SECRET_KEY", "no key in UDB_SECRET_KEY opens the secret shop")


def test_a_rotation_that_would_lose_a_secret_changes_nothing(settings: Settings) -> None:
    old, lost, new = new_key(), new_key(), new_key()
    SecretStore(_with_keys(settings, old)).set("kept", PLANTED)
    SecretStore(_with_keys(settings, lost)).set("orphan", PLANTED)
    with pytest.raises(UdbError) as caught:
        SecretStore(_with_keys(settings, new, old)).rotate()
    assert _failure(caught) == ("E_SECRET_KEY", "no key opens orphan")
    assert SecretStore(_with_keys(settings, old)).get("kept") == PLANTED


@pytest.mark.parametrize("key", [None, "not a key", ","], ids=["absent", "malformed", "empty"])
def test_without_a_usable_key_nothing_is_stored(settings: Settings, key: str | None) -> None:
    given = settings.model_copy(update={"secret_key": SecretStr(key) if key else None})
    with pytest.raises(UdbError) as caught:
        SecretStore(given).set("shop", PLANTED)
    assert caught.value.code == "E_SECRET_KEY"
    assert PLANTED not in str(caught.value)
    assert SecretStore(given).list() == ()


def test_tokens_exchanged_in_the_database_are_noticed(settings: Settings) -> None:
    store = SecretStore(_with_keys(settings, new_key()))
    store.set("mine", "a")
    store.set("yours", "b")
    with closing(sqlite3.connect(settings.home / "control.sqlite")) as database, database:
        database.execute("UPDATE secrets SET token = (SELECT token FROM secrets WHERE name = 'yours')")
    with pytest.raises(UdbError, match="another secret's value"):
        store.get("mine")


def test_of_many_that_refresh_at_once_each_sees_the_others_work(settings: Settings) -> None:
    given = _with_keys(settings, new_key())
    SecretStore(given).set("counter", "0")

    def refresh(_: int) -> str:
        return SecretStore(given).update("counter", lambda before: str(int(before) + 1))

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(refresh, range(12)))
    assert sorted(map(int, seen)) == list(range(1, 13))


def test_the_command_takes_the_value_from_standard_input_and_shows_it_nowhere(
    udb: Udb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UDB_SECRET_KEY", new_key())

    def given(text: str, *arguments: str) -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return udb("secrets", *arguments)

    stored = given(f"{PLANTED}\n", "set", "shop")
    listed = udb("secrets", "list", "--json")
    assert (stored.code, listed.code) == (0, 0), stored.err + listed.err
    assert '"shop"' in listed.out
    assert PLANTED not in stored.out + stored.err + listed.out + listed.err
    wrong = given("x", "set", "Not A Name")
    assert wrong.code == 2
    assert "not_a_name" in wrong.err
    assert given("", "set", "shop").code == 2


def test_tenants_have_secrets_of_their_own(settings: Settings) -> None:
    here = _with_keys(settings, new_key())
    default, acme = SecretStore(here), SecretStore(here.for_tenant("acme"))
    default.set("shop", PLANTED)
    with pytest.raises(UdbError) as caught:
        acme.get("shop")
    assert caught.value.code == "E_AUTH"
    acme.set("shop", "acme's own")
    assert (default.get("shop"), acme.get("shop")) == (PLANTED, "acme's own")
    assert acme.rotate() == 1
    acme.remove("shop")
    assert (acme.list(), default.get("shop")) == ((), PLANTED)
    acme.set("shop", "anew")
    with closing(sqlite3.connect(settings.home / "control.sqlite")) as database, database:
        database.execute("UPDATE secrets SET token = (SELECT token FROM secrets WHERE tenant = 'default')")
    with pytest.raises(UdbError, match="tampered"):
        acme.get("shop")


def test_secrets_from_before_there_were_tenants_stay_those_of_the_default_one(settings: Settings) -> None:
    from alembic import command
    from alembic.config import Config

    here = _with_keys(settings, new_key())
    SecretStore(here).set("shop", PLANTED)
    config = Config()
    config.set_main_option("script_location", "udb_pipelines:control/migrations")
    with create_engine(f"sqlite:///{settings.home / 'control.sqlite'}").begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    assert SecretStore(here).get("shop") == PLANTED
