"""Sources as code: the file is checked as a whole, and applying it makes the register say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from udb_pipelines import yamltext
from udb_pipelines.config import Settings
from udb_pipelines.control import sources_file
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions

GOOD = """\
# our sources
version: 1
sources:
  orders:
    uri: data/orders.csv        # beside this file
    delimiter: ";"
    null_markers: [NO, "n/a"]
    schedule: "0 6 * * *"
  shop:
    uri: postgresql://ann:${secret:shop}@db/shop
    tables: [public.orders]
    sync_mode: incremental_upsert
    primary_key: [id]
    cursor: updated_at
    lookback: 15m
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def test_a_file_is_applied_and_applied_again_without_change(settings: Settings, tmp_path: Path) -> None:
    registry = SourceRegistry(settings)
    wanted = sources_file.load(written(tmp_path, GOOD))
    assert [source.name for source in sources_file.apply(registry, wanted).added] == ["orders", "shop"]
    orders = registry.get("orders")
    assert orders.uri == str(tmp_path / "data/orders.csv")
    assert (orders.options.delimiter, orders.options.null_markers) == (";", ("NO", "n/a"))
    again = sources_file.apply(registry, wanted)
    assert (len(again.same), again.added, again.changed) == (2, (), ())
    less = sources_file.load(written(tmp_path, GOOD[: GOOD.index("  shop:")].replace('";"', "tab")))
    changed = sources_file.apply(registry, less, prune=True)
    assert ([s.name for s in changed.changed], [s.name for s in changed.missing]) == (["orders"], ["shop"])
    assert [source.name for source in registry.list()] == ["orders"]


def test_what_is_exported_is_read_back_the_same(settings: Settings, tmp_path: Path) -> None:
    registry = SourceRegistry(settings)
    sources_file.apply(registry, sources_file.load(written(tmp_path, GOOD)))
    exported = sources_file.written(registry.list())
    assert len(sources_file.plan(sources_file.parse(exported, tmp_path), registry.list()).same) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "sources:\n  orders:\n    uri: a.csv\n    delimeter: x\n",
            "line 4: sources.orders.delimeter: there is no such field",
        ),
        ("sources:\n  orders:\n    sync_mode: sometimes\n    uri: a.csv\n", "line 3: sources.orders.sync_mode"),
        ("sources:\n  Bad Name:\n    uri: a.csv\n", "line 2"),
        (
            "sources:\n  orders:\n    uri: a.csv\n  orders:\n    uri: b.csv\n",
            "line 4: the key orders stands",
        ),
        ("sources:\n  orders: {uri: a.csv, schedule: daily}\n", "line 2: schedule: not a cron expression"),
        ("sources:\n  orders: [\n", "line"),
        ("- a list\n", "line 1"),
    ],
    ids=["typing error", "unknown mode", "bad name", "twice", "no cron", "no yaml", "no mapping"],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UdbError) as caught:
        sources_file.load(written(tmp_path, text))
    assert caught.value.code == "E_SOURCES"
    assert told in caught.value.message


def test_a_password_in_plain_text_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UdbError) as caught:
        sources_file.load(written(tmp_path, "sources:\n  shop:\n    uri: postgresql://ann:planted@db/shop\n"))
    assert caught.value.code == "E_SECRET_INLINE"
    assert "planted" not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("{password: planted}", 4),
        ("\n      private_key: planted", 5),
        ("\n      header.Authorization: Bearer planted", 5),
        ("\n      a: 1\n      credentials:\n        - {client_secret: planted}", 7),
    ],
)
def test_a_secret_in_a_configuration_is_refused_with_its_line(tmp_path: Path, config: str, line: int) -> None:
    text = f"sources:\n  shop:\n    uri: sftp://ann@host/a.csv\n    config: {config}\n"
    with pytest.raises(UdbError) as caught:
        sources_file.load(written(tmp_path, text))
    assert caught.value.code == "E_SECRET_INLINE"
    assert f"line {line}:" in caught.value.message
    assert "planted" not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    "config",
    [
        {"password": "${secret:shop}", "header.Authorization": "Bearer ${oauth:crm}", "client_secret": ""},
        {
            "access_key_id": "AKIA",
            "token_url": "https://login.example.org",
            "secret_type": "x",
            "host_key": "ssh-rsa A",
        },
        {"password_policy": {"length": 8}, "tokens": 17, "token": True},
    ],
)
def test_what_is_no_secret_or_only_refers_to_one_is_taken(settings: Settings, config: dict[str, object]) -> None:
    source = Source(
        name="shop", uri="sftp://ann@host/a.csv", options=SourceOptions(config=config), created_at=datetime.now(UTC)
    )
    assert SourceRegistry(settings).add(source).options.config == config


def test_the_register_refuses_a_secret_in_a_configuration(settings: Settings) -> None:
    source = Source(
        name="shop", uri="sftp://ann@host/a.csv", options=SourceOptions(config={"password": "planted"}),
        created_at=datetime.now(UTC),
    )  # fmt: skip
    with pytest.raises(UdbError) as caught:
        SourceRegistry(settings).add(source)
    assert (caught.value.code, "planted" in str(caught.value.as_dict())) == ("E_SECRET_INLINE", False)


@pytest.mark.parametrize("uri", ["airbyte:faker", "airbyte-server:faker"])
def test_addresses_of_connectors_are_no_paths(tmp_path: Path, uri: str) -> None:
    found = sources_file.parse(f"version: 1\nsources:\n  people:\n    uri: {uri}\n", tmp_path)
    assert found.sources["people"].uri == uri


def test_a_source_is_added_at_the_end_and_the_rest_stays(settings: Settings, tmp_path: Path) -> None:
    registry = SourceRegistry(settings)
    sources_file.apply(registry, sources_file.load(written(tmp_path, GOOD)))
    extra = registry.get("shop").model_copy(update={"name": "shop_two"})
    longer = sources_file.with_source(GOOD, extra, tmp_path)
    assert longer is not None
    assert longer.startswith(GOOD)
    assert list(sources_file.parse(longer, tmp_path).sources) == ["orders", "shop", "shop_two"]
    assert sources_file.with_source(GOOD, registry.get("shop"), tmp_path) is None
    assert sources_file.with_source("sources: {a: {uri: /x.csv}}\nversion: 1\n", extra, tmp_path) is None


def test_the_published_schema_is_the_models_and_agrees_with_them() -> None:
    schema = sources_file.published_schema()
    assert schema == json.loads(sources_file.generate())
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(dict(yamltext.read(GOOD, "E_SOURCES").content))) == []
    assert list(validator.iter_errors({"sources": {"orders": {"uri": "a", "delimeter": "x"}}}))
