"""Embedded Airbyte connectors, on the path that every source takes."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.connectors.airbyte import discovery, process
from udb_pipelines.connectors.airbyte.pins import pin_of
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions, SyncResult
from udb_pipelines.operations import scrub
from udb_pipelines.warehouse import Lake, commit, last_state, query
from udb_pipelines_tests.connectors.sources import CREATED

ADDRESS = "airbyte:fake@1.0"


def source(token: str = "right", mode: str = "incremental_upsert", **config: Any) -> Source:
    options = SourceOptions.model_validate({"sync_mode": mode, "config": {"token": token, "rows": 3, **config}})
    return Source(name="shop", uri=ADDRESS, options=options, created_at=CREATED)


def sync(settings: Settings, wanted: Source, *, full: bool = False) -> SyncResult:
    lake = Lake(settings)
    connection = provision(wanted, detect(wanted, settings))
    request = Request(last_state(lake, wanted.name), full=full)
    return commit(lake, extract(connection, settings, str(uuid.uuid4()), None, request))


def test_records_arrive_under_the_types_of_the_catalog(installed: Settings) -> None:
    result = sync(installed, source())
    orders, notes = result.datasets
    assert [(column.name, column.type) for column in orders.columns] == [
        ("id", "BIGINT"), ("amount", "DOUBLE"), ("at", "TIMESTAMPTZ"), ("day", "DATE"), ("code", "VARCHAR"),
        ("flag", "BOOLEAN"), ("full_address", "VARCHAR"), ("extra", "VARCHAR"),
    ]  # fmt: skip
    assert list(query(Lake(installed), "FROM shop__orders WHERE id = 2").rows) == [
        (2, 0.5, datetime(2026, 3, 1, 8, 0, 2, tzinfo=UTC), date(2026, 3, 1), "002", True,
         '{"street":"Main","no":2}', "not in the catalog"),
    ]  # fmt: skip
    assert list(query(Lake(installed), "FROM shop__notes").rows) == [("a\nb",)]
    assert (orders.rows_read, orders.rows_total, notes.rows_total) == (3, 3, 1)


@pytest.mark.parametrize("state", ["stream", "global", "legacy"])
def test_the_state_comes_with_its_rows_and_the_next_sync_goes_on_from_it(installed: Settings, state: str) -> None:
    sync(installed, source(state=state))
    (orders, _) = sync(installed, source(state=state, rows=5)).datasets
    assert (orders.rows_read, orders.rows_known, orders.rows_total) == (3, 1, 5)
    assert sync(installed, source(state=state, rows=5), full=True).datasets[0].rows_read == 5


def test_streams_of_one_name_in_two_namespaces_are_two_datasets_with_states_of_their_own(installed: Settings) -> None:
    spaces = ["north", "", "south"]
    first = sync(installed, source(spaces=spaces))
    names = ["shop__north_orders", "shop__orders", "shop__south_orders"]
    assert [(dataset.dataset, dataset.rows_total) for dataset in first.datasets] == [(name, 3) for name in names]
    for name, space in zip(names, ["north", "none", "south"], strict=True):
        assert list(query(Lake(installed), f"SELECT DISTINCT code FROM {name}").rows) == [(space,)]
    second = sync(installed, source(spaces=spaces, rows=5))
    assert [(dataset.rows_read, dataset.rows_total) for dataset in second.datasets] == [(3, 5)] * 3


def test_a_namespace_that_records_leave_out_is_not_needed_for_one_stream_and_not_guessed_for_two(
    installed: Settings,
) -> None:
    (found,) = sync(installed, source(spaces=["north"], mute=True)).datasets
    assert (found.dataset, found.rows_total) == ("shop", 3)
    with pytest.raises(UdbError, match="without saying of which"):
        sync(installed, source(spaces=["north", "south"], mute=True))


def test_a_run_that_fails_halfway_leaves_rows_and_state_as_they_were(installed: Settings) -> None:
    first = sync(installed, source())
    before = last_state(Lake(installed), "shop")
    with pytest.raises(UdbError) as caught:
        sync(installed, source(rows=9, trouble="halfway", mode="full_refresh_overwrite"))
    assert caught.value.code == "E_CONNECTOR"
    assert Lake(installed).current_version() == first.version
    assert last_state(Lake(installed), "shop") == before


@pytest.mark.parametrize("trouble", ["crash", "halfway", "incomplete"])
def test_every_way_to_fail_is_told_without_the_secret(
    installed: Settings, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "right")
    with pytest.raises(UdbError) as caught:
        sync(installed, source(token="${SHOP_TOKEN}", trouble=trouble))
    assert caught.value.code == "E_CONNECTOR"
    assert "right" not in caught.value.message.replace("***", "")
    scrub.forget()


def test_a_failed_check_with_exit_code_zero_is_a_failure(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "planted-wrong")
    with pytest.raises(UdbError) as caught:
        detect(source(token="${SHOP_TOKEN}"), installed)
    assert caught.value.code == "E_AUTH"
    assert "planted-wrong" not in str(caught.value.as_dict())
    assert not any(b"planted-wrong" in file.read_bytes() for file in installed.home.rglob("*") if file.is_file())
    scrub.forget()


def test_silence_ends_at_the_deadline(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "QUICK_SECONDS", 1)
    with pytest.raises(UdbError, match="no answer within 1 s"):
        detect(source(trouble="hang"), installed)


def test_a_catalog_is_asked_for_once_and_again_for_another_configuration(installed: Settings) -> None:
    first = detect(source(), installed)
    command = installed.connectors / "fake-1.0" / "bin" / "source-fake"
    command.write_text("#!/bin/sh\nexit 7\n")
    assert detect(source(), installed).streams == first.streams
    with pytest.raises(UdbError, match="exit code 7"):
        detect(source(rows=4), installed)


def test_a_yesterdays_catalog_is_asked_for_again(installed: Settings) -> None:
    detect(source(), installed)
    (kept,) = (installed.connectors / "catalogs").iterdir()
    long_ago = kept.stat().st_mtime - discovery.FRESH - 1
    os.utime(kept, (long_ago, long_ago))
    (installed.connectors / "fake-1.0" / "bin" / "source-fake").write_text("#!/bin/sh\nexit 7\n")
    with pytest.raises(UdbError, match="exit code 7"):
        detect(source(), installed)


def test_what_is_missing_is_named_before_anything_runs(installed: Settings) -> None:
    wanted = Source(name="shop", uri=ADDRESS, created_at=CREATED)
    with pytest.raises(UdbError, match="fake needs to know: token"):
        detect(wanted, installed)


def test_a_manifest_says_itself_what_it_needs(settings: Settings, tmp_path: Path) -> None:
    folder = settings.connectors / pin_of("airbyte:manifest").folder
    folder.mkdir(parents=True)
    (folder / "ready.json").write_text('{"spec": {"required": ["__injected_declarative_manifest"]}}')
    manifest = tmp_path / "api.yaml"
    manifest.write_text("streams: []\nspec: {connection_specification: {required: [key, url]}}")
    options = SourceOptions(config={"manifest": str(manifest), "url": "http://127.0.0.1"})
    with pytest.raises(UdbError, match="manifest needs to know: key"):
        detect(Source(name="shop", uri="airbyte:manifest", options=options, created_at=CREATED), settings)


@pytest.mark.parametrize(
    ("uri", "code"),
    [("airbyte:fakr", "E_NOT_FOUND"), ("airbyte:../x", "E_NOT_FOUND"), ("airbyte:faker", "E_CONNECTOR")],
    ids=["unknown", "no name", "not installed"],
)
def test_connectors_that_are_not_there(settings: Settings, uri: str, code: str) -> None:
    with pytest.raises(UdbError) as caught:
        detect(Source(name="shop", uri=uri, created_at=CREATED), settings)
    assert caught.value.code == code
    assert caught.value.remedy


def test_other_versions_may_be_named() -> None:
    assert pin_of("airbyte:source-stripe@5.1.0").requirement == "airbyte-source-stripe==5.1.0"
    assert not pin_of("airbyte:faker@1.0").tried
