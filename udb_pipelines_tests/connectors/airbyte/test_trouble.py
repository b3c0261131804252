"""Connectors that misbehave, and runs that are killed: what is kept, what is told, what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte import handover
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import scrub
from udb_pipelines.warehouse import Lake, last_state, query
from udb_pipelines_tests.connectors.airbyte.test_embedded import source, sync

IDS = "SELECT id FROM shop__orders ORDER BY id"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files of this test alone, so that what is left of them can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def ids(settings: Settings) -> list[int]:
    return [row[0] for row in query(Lake(settings), IDS).rows]


def refused(settings: Settings, **config: Any) -> UdbError:
    with pytest.raises(UdbError) as caught:
        sync(settings, source(**config))
    assert caught.value.code == "E_CONNECTOR"
    return caught.value


def test_a_connector_that_is_killed_between_two_states(installed: Settings) -> None:
    before = sync(installed, source())
    state = last_state(Lake(installed), "shop")
    assert "ended by signal 9" in refused(installed, rows=9, trouble="killed", mode="full_refresh_overwrite").message
    assert (Lake(installed).current_version(), last_state(Lake(installed), "shop")) == (before.version, state)
    sync(installed, source(rows=9))
    assert ids(installed) == list(range(1, 10))


def test_a_connector_that_falls_silent_is_stopped_and_told(installed: Settings, own_folder: Path) -> None:
    patient = installed.model_copy(update={"connector_silence_minutes": 1 / 60})
    started = time.monotonic()
    error = refused(patient, rows=5, trouble="silent")
    assert "said nothing for 1 s" in error.message
    assert "UDB_CONNECTOR_SILENCE_MINUTES" in (error.remedy or "")
    assert time.monotonic() - started < 300, "it would have stayed for ten minutes"
    assert not list(own_folder.iterdir())


def test_a_killed_job_leaves_rows_and_state_and_no_secret(
    installed: Settings, own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(installed, source(rows=1))
    version, state = Lake(installed).current_version(), last_state(Lake(installed), "shop")
    note = tmp_path / "note.json"
    job = subprocess.Popen([sys.executable, "-c", JOB, str(installed.home), str(note)])
    try:
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        connector = int(json.loads(note.read_text())[0])
        assert any("right" in file.read_text() for file in own_folder.rglob("config.json"))
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert _is_gone(connector), "it wrote to nobody for ten seconds"
    assert (Lake(installed).current_version(), last_state(Lake(installed), "shop")) == (version, state)
    monkeypatch.setattr(handover, "_SETTLED", 0)
    sync(installed, source(rows=9))
    assert ids(installed) == list(range(1, 10))
    assert not list(own_folder.iterdir()), "the configuration of the killed job is still there"


JOB = """
import sys
from pathlib import Path
from udb_pipelines.config import Settings
from udb_pipelines_tests.connectors.airbyte.test_embedded import source, sync
sync(Settings(home=Path(sys.argv[1])), source(rows=9, trouble="goes on", note=sys.argv[2]))
"""


def _is_gone(process: int) -> bool:
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_lines_that_are_no_messages_are_no_records(installed: Settings) -> None:
    error = refused(installed, trouble="garbage")
    assert "a record or state that is no valid JSON" in error.message, "a record that was cut off must not be left out"


def test_a_stream_that_was_not_asked_for_is_told(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    command = installed.connectors / "fake-1.0" / "bin" / "source-fake"
    command.write_text(command.read_text().replace('{"type": "RECORD\' + ', "' + "))
    (orders, _) = sync(installed, source(trouble="garbage")).datasets
    assert orders.rows_read == 3
    assert [item.code for item in orders.findings] == ["W_STREAM_UNASKED"]


def test_a_flood_of_errors_is_no_failure_and_takes_no_space(installed: Settings, own_folder: Path) -> None:
    sync(installed, source(trouble="flood"))
    assert ids(installed) == [1, 2, 3]
    assert not list(own_folder.iterdir())


def test_states_of_unknown_kinds_are_left_alone(installed: Settings) -> None:
    sync(installed, source())
    known = last_state(Lake(installed), "shop")
    sync(installed, source(rows=5, state="odd"))
    assert last_state(Lake(installed), "shop") == known, "a state that says nothing is no reason to start anew"
    assert ids(installed) == [1, 2, 3, 4, 5]


def test_no_state_leaves_the_last_one(installed: Settings) -> None:
    sync(installed, source())
    sync(installed, source(rows=4, state="none"))
    assert sync(installed, source(rows=5)).datasets[0].rows_read == 3


def test_the_connector_gets_its_catalog_back_with_modes_and_keys(installed: Settings, tmp_path: Path) -> None:
    note = tmp_path / "asked.json"
    sync(installed, source(note=str(note)))
    orders, notes = json.loads(note.read_text())["streams"]
    assert (orders["sync_mode"], orders["destination_sync_mode"]) == ("incremental", "append_dedup")
    assert (orders["primary_key"], orders["cursor_field"]) == ([["id"]], ["id"])
    assert orders["stream"]["json_schema"]["properties"]["Full Address"] == {"type": "object"}
    assert notes["sync_mode"] == "full_refresh"
    sync(installed, source(note=str(note), mode="full_refresh_overwrite"))
    assert [item["destination_sync_mode"] for item in json.loads(note.read_text())["streams"]] == ["overwrite"] * 2


@pytest.mark.parametrize(
    ("mode", "rows", "total"),
    [("full_refresh_overwrite", 3, 3), ("full_refresh_append", 3, 6), ("incremental_append", 5, 5),
     ("incremental_upsert", 5, 5)],
    ids=["overwrite", "append", "incremental append", "append dedup"],
)  # fmt: skip
def test_every_mode_of_a_second_sync(installed: Settings, mode: str, rows: int, total: int) -> None:
    sync(installed, source(mode=mode))
    assert sync(installed, source(mode=mode, rows=rows)).datasets[0].rows_total == total


def test_a_refresh_reads_all_again_and_keeps_no_row_twice(installed: Settings) -> None:
    sync(installed, source(rows=4))
    result = sync(installed, source(rows=3), full=True)
    assert (result.datasets[0].rows_read, ids(installed)) == (3, [1, 2, 3]), "what the source no longer has is gone"


def test_fields_that_come_later_are_added(installed: Settings) -> None:
    sync(installed, source())
    (orders, _) = sync(installed, source(rows=4, also={"colour": "red", "Weight": 2.5})).datasets
    assert {"colour", "weight"} <= {column.name for column in orders.columns}
    found = query(Lake(installed), "SELECT id, colour, weight FROM shop__orders ORDER BY id").rows
    assert list(found) == [(1, None, None), (2, None, None), (3, "red", "2.5"), (4, "red", "2.5")]


def test_a_value_of_another_kind_is_told_and_kept(installed: Settings) -> None:
    (orders, _) = sync(installed, source(mode="full_refresh_overwrite", also={"amount": "a lot"})).datasets
    assert [item.code for item in orders.findings] == ["W_TYPE_DECLARED"]
    assert "amount" in orders.findings[0].message
    assert "a lot" not in orders.findings[0].message
    assert list(query(Lake(installed), "SELECT DISTINCT amount FROM shop__orders").rows) == [("a lot",)]


def test_what_a_killed_connector_said_last_has_no_secret(
    installed: Settings, monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "right")
    error = refused(installed, token="${SHOP_TOKEN}", trouble="crash")
    assert "no luck with" in error.message
    assert "right" not in error.message
    assert not list(own_folder.iterdir())
    scrub.forget()
