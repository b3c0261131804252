"""The register of sources, on SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from udb_pipelines.config import Settings
from udb_pipelines.control import database
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions
from udb_pipelines.operations import scrub

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def control(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings with a fresh control database of either kind."""
    if request.param == "postgres":
        url = SecretStr(request.getfixturevalue("postgres_url"))
        settings = settings.model_copy(update={"control_url": url})
    yield settings
    scrub.forget()


def source(name: str, uri: str = "/data/x.csv", **options: object) -> Source:
    return Source(name=name, uri=uri, options=SourceOptions.model_validate(options), created_at=NOW)


def test_what_was_added_comes_back_in_another_process(control: Settings) -> None:
    SourceRegistry(control).add(source("orders", delimiter=";", null_markers=("-", "n/a")))
    SourceRegistry(control).add(source("customers", "/data/c.csv"))
    again = SourceRegistry(control)
    assert [item.name for item in again.list()] == ["customers", "orders"]
    orders = again.get("orders")
    assert (orders.uri, orders.created_at) == ("/data/x.csv", NOW)
    assert (orders.options.delimiter, orders.options.null_markers) == (";", ("-", "n/a"))


def test_a_taken_name_is_refused_unless_it_is_replaced(control: Settings) -> None:
    registry = SourceRegistry(control)
    registry.add(source("orders"))
    with pytest.raises(UdbError) as caught:
        registry.add(source("orders", "/data/other.csv"))
    assert caught.value.code == "E_NAME"
    assert registry.get("orders").uri == "/data/x.csv"
    later = source("orders", "/data/other.csv", header=2).model_copy(update={"created_at": datetime.now(UTC)})
    stored = registry.add(later, replace=True)
    assert (stored.uri, stored.options.header, stored.created_at) == ("/data/other.csv", 2, NOW)


def test_an_unknown_name_is_told_with_its_neighbours(control: Settings) -> None:
    registry = SourceRegistry(control)
    registry.add(source("customers"))
    for act in (registry.get, registry.remove):
        with pytest.raises(UdbError) as caught:
            act("custmers")
        assert caught.value.code == "E_SOURCE_UNKNOWN"
        assert "did you mean customers?" in caught.value.message


def test_removing_forgets(control: Settings) -> None:
    registry = SourceRegistry(control)
    registry.add(source("orders"))
    registry.remove("orders")
    assert registry.list() == ()
    registry.add(source("orders"))


def test_a_source_is_found_by_any_spelling_of_its_place(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    registry = SourceRegistry(settings)
    registry.add(source("orders", "in/orders 1.csv"))
    for spelling in (
        f"{tmp_path}/in/orders 1.csv",
        "./in/../in/orders 1.csv",
        "~/in/orders 1.csv",
        f"file://{tmp_path}/in/orders%201.csv",
    ):
        found = registry.find_by_uri(spelling)
        assert found is not None, spelling
        assert found.name == "orders"
    assert registry.find_by_uri("orders 1.csv") is None


@pytest.mark.parametrize(
    "uri",
    [
        "postgres://ann:pl4nted@db/shop",
        "https://host/x.csv?token=pl4nted",
        "https://host/x.csv?page=1&password=pl4nted",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(settings: Settings, uri: str) -> None:
    with pytest.raises(UdbError) as caught:
        SourceRegistry(settings).add(source("shop", uri))
    assert caught.value.code == "E_SECRET_INLINE"
    assert "pl4nted" not in str(caught.value.as_dict())


def test_references_are_stored_and_their_values_scrubbed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "pl4nted-value")
    uri = "postgres://ann:${SHOP_PASSWORD}@db/shop"
    SourceRegistry(settings).add(source("shop", uri))
    scrub.forget()
    assert SourceRegistry(settings).get("shop").uri == uri
    assert "pl4nted" not in scrub.text("refused: pl4nted-value")


OPEN = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from pydantic import SecretStr
from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.models import Source
home, url, name = sys.argv[1:]
registry = SourceRegistry(Settings(home=Path(home), control_url=SecretStr(url) if url else None))
registry.add(Source(name=name, uri="/x", created_at=datetime.now(UTC)))
print("alembic" in sys.modules)
"""


def opened(settings: Settings, name: str) -> subprocess.Popen[str]:
    url = settings.control_url.get_secret_value() if settings.control_url else ""
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(settings.home), url, name],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_several_processes_may_be_the_first_and_those_after_them_do_not_load_alembic(control: Settings) -> None:
    racers = [opened(control, f"s{number}") for number in range(3)]
    loaded = []
    for racer in racers:
        said, problems = racer.communicate(timeout=240)
        assert racer.returncode == 0, problems
        loaded.append(said.strip())
    assert "True" in loaded
    later, _ = opened(control, "later").communicate(timeout=240)
    assert later.strip() == "False"
    assert len(SourceRegistry(control).list()) == 4


def test_head_is_the_newest_revision() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [database.HEAD]


def test_migrations_make_exactly_the_tables_the_code_uses(control: Settings) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    for owner in ("control.tenants", "control.holds", "secrets.store"):  # every module that owns a table
        importlib.import_module(f"udb_pipelines.{owner}")
    SourceRegistry(control).list()
    url = control.control_url.get_secret_value() if control.control_url else f"sqlite:///{control.home}/control.sqlite"
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), database.METADATA)
    engine.dispose()
    assert differences == []


def test_a_database_from_the_future_is_left_alone(settings: Settings) -> None:
    SourceRegistry(settings).add(source("orders"))
    engine = create_engine(f"sqlite:///{settings.home}/control.sqlite")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UdbError) as caught:
        SourceRegistry(settings).list()
    assert caught.value.code == "E_CONTROL"
    assert "newer version" in caught.value.message


def test_a_crash_in_the_first_migration_leaves_nothing_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    def crash(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(op, "create_index", crash)
        SourceRegistry(settings).list()
    assert SourceRegistry(settings).list() == ()


@pytest.mark.parametrize("url", ["postgresql://ann:pl4nted@127.0.0.1:1/udb", "sqlite:////nowhere/at/all.sqlite"])
def test_a_database_out_of_reach_is_told_without_its_address(settings: Settings, url: str) -> None:
    with pytest.raises(UdbError) as caught:
        SourceRegistry(settings.model_copy(update={"control_url": SecretStr(url)})).list()
    assert caught.value.code == "E_CONTROL"
    assert "pl4nted" not in str(caught.value.as_dict())


def test_an_address_of_no_database_is_a_wrong_setting(settings: Settings) -> None:
    with pytest.raises(UdbError) as caught:
        SourceRegistry(settings.model_copy(update={"control_url": SecretStr("pl4nted nonsense")})).list()
    assert caught.value.code == "E_CONFIG"
    assert "pl4nted" not in str(caught.value.as_dict())
