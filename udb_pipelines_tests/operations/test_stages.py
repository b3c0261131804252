"""What surrounds a stage: log lines, located errors, no foreign words."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import traceback
from pathlib import Path

import duckdb
import pytest
from sqlalchemy.exc import DBAPIError

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines.operations import logging
from udb_pipelines.operations.progress import reporting
from udb_pipelines.operations.stages import note, stage, translate


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_stage_tells_start_and_finish_with_its_counts(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    seen: list[tuple[str, int]] = []
    with reporting(lambda what, done, total, unit: seen.append((what, done))), stage("sync", job_id="j", source="shop"):
        note(rows=10, dataset="shop")
    started, finished = log_lines(capsys)
    assert (started["event"], finished["event"]) == ("stage.started", "stage.finished")
    assert (finished["rows"], finished["dataset"]) == (10, "shop")
    assert isinstance(finished["seconds"], float)
    assert {(line["job_id"], line["source"], line["stage"]) for line in (started, finished)} == {("j", "shop", "sync")}
    assert seen == [("sync", 0), ("sync", 1)]


def test_one_of_ours_is_located_and_passes(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    with pytest.raises(UdbError) as caught, stage("detect", job_id="j", source="shop"):
        raise UdbError("E_EMPTY", "the file holds no data")
    assert (caught.value.code, caught.value.source, caught.value.stage) == ("E_EMPTY", "shop", "detect")
    assert caught.value.kept == "nothing was changed"
    failed = log_lines(capsys)[-1]
    assert (failed["event"], failed["code"], failed["level"]) == ("stage.failed", "E_EMPTY", "error")


def test_a_foreign_exception_leaves_its_words_behind(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    ada = "Ada Lovelace"
    with pytest.raises(UdbError) as caught, stage("analyze", job_id="j", source="shop"):
        raise KeyError(ada)
    assert caught.value.code == "E_INTERNAL"
    shown = "".join(traceback.format_exception(caught.value)) + capsys.readouterr().err + str(caught.value.as_dict())
    assert ada not in shown
    assert "KeyError" in shown


def test_an_interruption_passes_and_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    with pytest.raises(KeyboardInterrupt), stage("sync", job_id="j", source="shop"):
        raise KeyboardInterrupt
    assert log_lines(capsys)[-1]["event"] == "stage.interrupted"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x"), "E_DISK_FULL"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/x"), "E_DISK_FULL"),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "E_DISK_FULL"),
        (FileNotFoundError(errno.ENOENT, "gone", "/data/x.csv"), "E_VANISHED"),
        (PermissionError(errno.EACCES, "no", "/nowhere/home"), "E_NOT_WRITABLE"),
        (OSError(errno.EROFS, "read-only", "/x"), "E_NOT_WRITABLE"),
        (OSError(errno.EIO, "broken"), "E_INTERNAL"),
        (MemoryError(), "E_MEMORY"),
        (sqlite3.OperationalError("database or disk is full"), "E_DISK_FULL"),
        (sqlite3.OperationalError("database is locked"), "E_LOCK_TIMEOUT"),
        (duckdb.IOException('IO Error: Could not write file "/x": No space left on device'), "E_DISK_FULL"),
        (duckdb.IOException('IO Error: Could not write file "/x": File too large'), "E_DISK_FULL"),
        (duckdb.ConversionException('Could not convert string "Ada" to INT32'), "E_INTERNAL"),
        (DBAPIError("INSERT", {"name": "Ada"}, sqlite3.OperationalError("database or disk is full")), "E_DISK_FULL"),
        (RuntimeError("Ada"), "E_INTERNAL"),
    ],
)
def test_each_failure_has_its_code_and_no_foreign_text(error: Exception, code: str) -> None:
    told = translate(error)
    assert told.code == code
    assert "Ada" not in str(told.as_dict())


def test_an_unreadable_file_is_not_an_unwritable_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert translate(PermissionError(errno.EACCES, "no", str(file))).code == "E_UNREADABLE"


def test_spilling_over_the_limit_is_told_as_such(tmp_path: Path) -> None:
    tight = Settings(home=tmp_path, memory_limit="20MB", threads=1, max_spill_gb=0.001)
    connection = connect(tight)
    try:
        with pytest.raises(duckdb.Error) as caught:
            connection.execute("CREATE TABLE t AS SELECT md5(i::VARCHAR) || md5((-i)::VARCHAR) FROM range(900000) r(i)")
    finally:
        connection.close()
    assert translate(caught.value).code == "E_SPILL_FULL"
