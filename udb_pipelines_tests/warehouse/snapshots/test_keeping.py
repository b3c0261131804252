"""Between snapshots the target follows the warehouse, and a target that is down is told of and tried again later."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, commit, query, snapshots
from udb_pipelines.warehouse.snapshots import keeping
from udb_pipelines.warehouse.targets import Target, open_target
from udb_pipelines_tests.objectstore import ObjectServer, free_port
from udb_pipelines_tests.warehouse.snapshots.conftest import fetched
from udb_pipelines_tests.warehouse.staging import Stager


def default_target(lake: Lake) -> Target:
    return open_target(lake.settings.snapshots, lake.settings)


def test_a_change_is_copied_once(filled: Lake, stage: Stager, tmp_path: Path) -> None:
    assert snapshots.copy_if_due(filled).status == "copied"
    assert snapshots.copy_if_due(filled).status == "current"
    commit(filled, stage("SELECT 1 AS a, 'new' AS b"))
    made = snapshots.copy_if_due(filled)
    assert (made.status, made.files) == ("copied", 1)
    copy = fetched(default_target(filled), made.snapshot, filled, tmp_path / "elsewhere")
    assert query(copy, "FROM shop").rows == ((1, "new"),)


def test_nothing_to_copy_and_not_asked_for(lake: Lake, tmp_path: Path) -> None:
    assert snapshots.copy_if_due(lake).status == "current"
    assert snapshots.copy_if_due(Lake(Settings(home=tmp_path, snapshot_copy_seconds=0))).status == "off"


def test_a_snapshot_counts_as_a_copy_if_it_went_to_the_target(filled: Lake, tmp_path: Path) -> None:
    elsewhere = open_target(str(tmp_path / "usb stick"), filled.settings)
    snapshots.remember(filled.settings, snapshots.create(filled, elsewhere), elsewhere.address)
    assert keeping.state(filled.settings).version == 0
    target = default_target(filled)
    snapshots.remember(filled.settings, snapshots.create(filled, target), target.address)
    assert snapshots.copy_if_due(filled).status == "current"


def test_a_target_that_is_down_delays_and_says_so(object_server: ObjectServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    down = Settings(
        home=home, snapshot_target="s3://bucket/udb", **{**object_server.options(), "snapshot_endpoint": "http://127.0.0.1:1"}
    )  # fmt: skip
    lake = Lake(down)
    commit(lake, Stager(down)("SELECT 1 AS a"))
    failed = snapshots.copy_if_due(lake)
    assert failed.status == "failed"
    assert "E_TARGET_DOWN" in failed.detail
    assert "s3://bucket/udb" in failed.detail
    waiting = snapshots.copy_if_due(lake)
    assert waiting.status == "waiting"
    assert "E_TARGET_DOWN" in waiting.detail
    status, said = keeping.report(lake)
    assert status == "warn"
    assert "E_TARGET_DOWN" in said
    up = Lake(Settings(home=home, snapshot_target=f"s3://{object_server.new_bucket()}", **object_server.options()))
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert snapshots.copy_if_due(up, now=later).status == "copied"
    assert keeping.state(up.settings).failures == 0
    assert keeping.report(up)[0] == "ok"


def test_attempts_come_ever_later_but_not_never() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    pauses = [
        (keeping.CopyState(failures=number, failed_at=when).next_attempt() or when) - when for number in range(1, 40)
    ]
    assert pauses[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert pauses[-1] == timedelta(minutes=15)
    assert pauses == sorted(pauses)


def test_what_does_not_fit_into_the_budget_goes_on_next_time(filled: Lake) -> None:
    assert snapshots.copy_if_due(filled, budget_seconds=-1).status == "unfinished"
    target = default_target(filled)
    assert snapshots.newest(target) is None
    assert snapshots.copy_if_due(filled, budget_seconds=60).status == "copied"


def test_one_copy_at_a_time(filled: Lake) -> None:
    with (filled.settings.warehouse / f".{keeping.STATE}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert snapshots.copy_if_due(filled).status == "busy"
    assert snapshots.copy_if_due(filled).status == "copied"


def test_the_doctor_tells_the_age_of_the_last_copy(filled: Lake, stage: Stager) -> None:
    status, said = keeping.report(filled)
    assert (status, "no copy" in said) == ("ok", True)
    snapshots.copy_if_due(filled)
    assert "version 3 is in" in keeping.report(filled)[1]
    commit(filled, stage("SELECT 1 AS a, 'new' AS b"))
    assert keeping.report(filled)[0] == "ok"
    status, said = keeping.report(filled, datetime.now(UTC) + timedelta(hours=5))
    assert status == "warn"
    assert "version 4 has waited 5 h" in said


def test_a_target_without_a_place_fails_nothing(filled: Lake, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    lake = Lake(filled.settings.model_copy(update={"snapshot_target": str(tmp_path / "a file" / "x")}))
    failed = snapshots.copy_if_due(lake)
    assert (failed.status, "E_TARGET" in failed.detail) == ("failed", True)


def test_no_secret_is_remembered(filled: Lake) -> None:
    settings = filled.settings.model_copy(
        update={
            "snapshot_target": "s3://bucket",
            "snapshot_endpoint": f"http://127.0.0.1:{free_port()}",
            "snapshot_access_key": SecretStr("PLANTEDKEY"),
            "snapshot_secret_key": SecretStr("planted-secret"),
        }
    )
    said = snapshots.copy_if_due(Lake(settings)).detail + (settings.warehouse / keeping.STATE).read_text()
    assert "E_TARGET_DOWN" in said
    assert "PLANTEDKEY" not in said
    assert "planted-secret" not in said
