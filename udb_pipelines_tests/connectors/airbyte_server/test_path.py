"""Sources of an Airbyte server, on the path that every source takes: from its streams to tables of the warehouse."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, preview, provision
from udb_pipelines.connectors.airbyte_server import upkeep
from udb_pipelines.connectors.cursors import Request
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions, SyncResult
from udb_pipelines.warehouse import Lake, commit, last_state, query
from udb_pipelines_tests.connectors.airbyte_server.fake import CLIENT_ID, CLIENT_SECRET, NOTES, FakeAirbyte
from udb_pipelines_tests.connectors.sources import CREATED
from udb_pipelines_tests.postgres import PASSWORD

ROWS = [
    {"id": 1, "unitPrice": "10.50", "ordered_at": "2026-03-01T10:00:00Z", "note": "a"},
    {"id": 2, "unitPrice": None, "ordered_at": "2026-03-02T10:00:00Z", "note": "b\nc"},
]


def source(uri: str = "airbyte-server:faker", **options: Any) -> Source:
    options.setdefault("config", {"count": 2})
    return Source(name="shop", uri=uri, options=SourceOptions.model_validate(options), created_at=CREATED)


def sync(settings: Settings, wanted: Source) -> SyncResult:
    lake = Lake(settings)
    connection = provision(wanted, detect(wanted, settings))
    request = Request(last_state(lake, wanted.name))
    return commit(lake, extract(connection, settings, str(uuid.uuid4()), None, request))


@pytest.fixture
def filled(airbyte: FakeAirbyte, wired: Settings) -> Settings:
    airbyte.state.script = ("queued", "succeeded")
    airbyte.state.records = {"Orders": list(ROWS), "notes": [{"text": "n"}]}
    return wired


def test_a_connector_is_configured_run_and_read(airbyte: FakeAirbyte, filled: Settings) -> None:
    result = sync(filled, source())
    orders, notes = result.datasets
    assert [(column.name, column.type) for column in orders.columns] == [
        ("id", "BIGINT"), ("unit_price", "DECIMAL(18,9)"), ("ordered_at", "TIMESTAMPTZ"),
        ("note", "VARCHAR"),
    ]  # fmt: skip
    assert (orders.rows_read, orders.rows_total, notes.rows_total) == (2, 2, 1)
    found = query(Lake(filled), "SELECT id, unit_price, note FROM shop__orders ORDER BY id")
    assert list(found.rows) == [(1, Decimal("10.5"), "a"), (2, None, "b\nc")]
    assert airbyte.state.secrets[airbyte.state.sources[0]["sourceId"]] == {"count": 2}


def test_running_again_finds_everything_again(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    airbyte.state.records["Orders"].pop()
    result = sync(filled, source(config={"count": 1}))
    assert [dataset.rows_total for dataset in result.datasets] == [1, 1]
    state = airbyte.state
    assert (len(state.sources), len(state.destinations), len(state.connections)) == (1, 1, 1)
    assert {item["name"] for item in (*state.sources, *state.destinations, *state.connections)} == {"udb/default/shop"}
    assert state.secrets[state.sources[0]["sourceId"]] == {"count": 1}, "the configuration follows the options"


@pytest.mark.parametrize("step", ["airbyte-source-kept", "airbyte-destination-kept"])
def test_a_run_that_dies_on_its_way_leaves_nothing_to_be_made_twice(
    airbyte: FakeAirbyte, filled: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def died(at: str) -> None:
        if at == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(upkeep, "reached", died)
        sync(filled, source())
    assert [dataset.rows_total for dataset in sync(filled, source()).datasets] == [2, 1]
    state = airbyte.state
    assert [len(made) for made in (state.sources, state.destinations, state.connections, state.jobs)] == [1, 1, 1, 1]


def test_what_is_copied_follows_the_options(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    sync(filled, source(tables=("orders",), sync_mode="incremental_upsert"))
    (setup,) = airbyte.state.connections[0]["configurations"]["streams"]
    assert setup == {"name": "Orders", "syncMode": "incremental_deduped_history"}
    airbyte.state.records["Orders"] = [{**ROWS[1], "note": "changed", "ordered_at": "2026-03-03T10:00:00Z"}]
    result = sync(filled, source(tables=("orders",), sync_mode="incremental_upsert"))
    assert [dataset.rows_read for dataset in result.datasets] == [1], "only what lies behind the cursor is read"
    assert list(query(Lake(filled), "SELECT id, note FROM shop__orders ORDER BY id").rows) == [(1, "a"), (2, "changed")]


def test_a_connection_that_exists_is_run(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    existing = airbyte.state.connections[0]
    existing["configurations"]["streams"] = [{"name": "Orders", "syncMode": "full_refresh_overwrite"}]
    made = airbyte.state.count("(POST|PATCH) .*/(sources|destinations|connections).*")
    own = source(f"airbyte-server:connection/{existing['connectionId']}", config={})
    result = sync(filled, own.model_copy(update={"name": "theirs"}))
    assert [(dataset.dataset, dataset.rows_total) for dataset in result.datasets] == [("theirs", 2)]
    changed = airbyte.state.count("(POST|PATCH) .*/(sources|destinations|connections).*")
    assert changed - made == 1, "nothing is asked but the schema"


def test_streams_of_one_name_in_two_namespaces_are_two_tables_there_and_here(
    airbyte: FakeAirbyte, filled: Settings
) -> None:
    sync(filled, source(tables=("notes",)))
    airbyte.state.catalog = [{**NOTES, "namespace": "north"}, {**NOTES, "namespace": "south"}, NOTES]
    airbyte.state.records = {"north.notes": [{"text": "n"}], "south.notes": [{"text": "s"}, {"text": "t"}]}
    result = sync(filled, source(allow_empty=True))
    assert {dataset.dataset: dataset.rows_total for dataset in result.datasets} == {
        "shop__north_notes": 1, "shop__south_notes": 2, "shop__notes": 0,
    }  # fmt: skip
    assert list(query(Lake(filled), "SELECT text FROM shop__south_notes ORDER BY 1").rows) == [("s",), ("t",)]


def test_a_tenant_has_only_connections_that_are_called_after_it(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    existing = airbyte.state.connections[0]
    own = source(f"airbyte-server:connection/{existing['connectionId']}")
    with pytest.raises(UdbError) as refused:
        detect(own, filled.for_tenant("acme"))
    assert refused.value.code == "E_NOT_FOUND"
    existing["name"] = "udb/acme/theirs"
    assert len(detect(own, filled.for_tenant("acme")).streams) == 2


def test_streams_are_known_by_name_where_the_configuration_api_is_closed(
    airbyte: FakeAirbyte, filled: Settings
) -> None:
    airbyte.state.configuration_api = False
    orders, notes = sync(filled, source()).datasets
    assert [column.name for column in orders.columns] == ["id", "unit_price", "ordered_at", "note"]
    assert (orders.rows_total, notes.rows_total) == (2, 1)


def test_records_that_are_missing_are_noticed(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    airbyte.state.counts_off = 1
    with pytest.raises(UdbError) as refused:
        sync(filled, source())
    assert refused.value.code == "E_COUNT_MISMATCH"
    assert list(query(Lake(filled), "SELECT count(*) FROM shop__orders").rows) == [(2,)]
    assert not list(filled.staging.iterdir())


def test_a_table_that_is_missing_is_noticed(airbyte: FakeAirbyte, filled: Settings) -> None:
    airbyte.state.writes = False
    with pytest.raises(UdbError, match="no such table") as refused:
        sync(filled, source())
    assert refused.value.code == "E_COUNT_MISMATCH"


@pytest.mark.parametrize("writes", [True, False])
def test_a_job_without_records_gives_empty_tables(airbyte: FakeAirbyte, filled: Settings, writes: bool) -> None:
    airbyte.state.writes = writes
    airbyte.state.records = {}
    orders, notes = sync(filled, source()).datasets
    assert [column.name for column in orders.columns] == ["id", "unit_price", "ordered_at", "note"]
    assert (orders.rows_total, notes.rows_total) == (0, 0)
    assert "W_NO_ROWS" in {finding.code for finding in orders.findings}


def test_a_table_does_not_become_empty_unless_it_may(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    airbyte.state.records = {}
    with pytest.raises(UdbError) as refused:
        sync(filled, source())
    assert refused.value.code == "E_EMPTY"
    assert [dataset.rows_total for dataset in sync(filled, source(allow_empty=True)).datasets] == [0, 0]


def test_a_source_that_does_not_work_is_told_before_anything_is_copied(airbyte: FakeAirbyte, filled: Settings) -> None:
    airbyte.state.check = {"status": "failed", "message": "401 for the key planted-source-key"}
    with pytest.raises(UdbError) as refused:
        sync(filled, source(config={"api_key": "planted-source-key"}))
    assert (refused.value.code, refused.value.stage) == ("E_CONNECTOR", "detect")
    assert "401 for the key ***" in refused.value.message
    assert not airbyte.state.jobs


def test_other_destinations_are_refused_before_a_job_runs(airbyte: FakeAirbyte, filled: Settings) -> None:
    sync(filled, source())
    airbyte.state.destinations[0].update(
        destinationType="dev-null",
        configuration={"destinationType": "dev-null", "test_destination": {"test_destination_type": "SILENT"}},
    )
    own = source(f"airbyte-server:connection/{airbyte.state.connections[0]['connectionId']}")
    with pytest.raises(UdbError) as refused:
        sync(filled, own)
    assert refused.value.code == "E_UNSUPPORTED"
    assert len(airbyte.state.jobs) == 1


def test_a_destination_is_needed(connected: Settings) -> None:
    with pytest.raises(UdbError) as refused:
        detect(source(), connected)
    assert refused.value.code == "E_OPTION"
    assert "AIRBYTE_DESTINATION" in refused.value.remedy


@pytest.mark.parametrize("uri", ["airbyte-server:", "airbyte-server:connection/1", "airbyte-server:a;b"])
def test_addresses_that_name_nothing_are_refused(connected: Settings, uri: str) -> None:
    with pytest.raises(UdbError) as refused:
        detect(source(uri), connected)
    assert refused.value.code == "E_OPTION"


def test_a_preview_shows_the_columns_and_starts_nothing(airbyte: FakeAirbyte, filled: Settings) -> None:
    wanted = source()
    table = preview(wanted, detect(wanted, filled), filled)
    assert table.column_names == ["id", "unit_price", "ordered_at", "note"]
    assert table.num_rows == 0
    assert not airbyte.state.jobs


def test_the_whole_path_and_no_secret_on_it(
    airbyte: FakeAirbyte,
    filled: Settings,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.orchestration.runner import run_source

    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SHOP_TOKEN", "planted-source-token")
    monkeypatch.setenv("DESTINATION_PASSWORD", PASSWORD)
    url = postgres_url.replace(PASSWORD, "${DESTINATION_PASSWORD}")
    settings = filled.model_copy(update={"airbyte_destination": SecretStr(url)})
    SourceRegistry(settings).add(source(config={"count": 2, "api_token": "${SHOP_TOKEN}"}))
    outcome = run_source("shop", settings)
    assert (outcome.status, outcome.error) == ("success", None)
    assert outcome.sync is not None
    assert [dataset.rows_total for dataset in outcome.sync.datasets] == [2, 1]
    sent = airbyte.state.secrets[airbyte.state.sources[0]["sourceId"]]
    assert sent["api_token"] == "planted-source-token"

    airbyte.state.script = ("running", "failed")
    airbyte.state.failure = "planted-source-token was refused"
    failed = run_source("shop", settings)
    assert failed.status == "failure"
    assert failed.error is not None
    assert (failed.error["code"], failed.error["stage"]) == ("E_CONNECTOR", "sync")
    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    said = kept + json.dumps(failed.error).encode() + caplog.text.encode() + "".join(capfd.readouterr()).encode()
    for secret in ("planted-source-token", PASSWORD, CLIENT_SECRET, *airbyte.state.tokens, "planted-value-in-a-log"):
        assert secret.encode() not in said, f"{secret} leaked"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_the_command_stops_the_job(
    airbyte: FakeAirbyte, postgres_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    airbyte.state.script = ("running",) * 10_000
    command = [Path(sys.executable).parent / "udb", "run", "airbyte-server:faker", "--as", "shop"]
    environment = {
        **os.environ, "UDB_HOME": str(tmp_path), "AIRBYTE_URL": airbyte.url, "AIRBYTE_CLIENT_ID": CLIENT_ID,
        "AIRBYTE_CLIENT_SECRET": CLIENT_SECRET, "AIRBYTE_DESTINATION": postgres_url,
    }  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 120
            while not airbyte.state.jobs and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
            assert airbyte.state.jobs, "the command came as far as the job"
            process.send_signal(number)
            assert process.wait(60) != 0
        finally:
            process.kill()
    assert airbyte.state.jobs[0]["status"] == "cancelled"
