"""Lines a log collector can read, with nothing in them that must not be."""

from __future__ import annotations

import ast
import json
import logging as stdlib_logging
import sys
from pathlib import Path

import pytest

import udb_pipelines
from udb_pipelines.config import Settings
from udb_pipelines.operations import logging, scrub

PACKAGE = Path(udb_pipelines.__file__).parent
ALWAYS = ["timestamp", "level", "job_id", "source", "stage", "event", "message"]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_has_the_same_keys_first(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    log = logging.get_logger()
    log.info("warehouse.opened")
    with logging.context(job_id="j1", source="customers", stage="sync"):
        log.warning("sync.rejected", message="2 rows were rejected", rows=2)
    first, second = lines(capsys)
    assert list(first) == ALWAYS
    assert first["message"] == "warehouse.opened"
    assert first["job_id"] is None
    assert list(second) == [*ALWAYS, "rows"]
    assert (second["job_id"], second["source"], second["stage"]) == ("j1", "customers", "sync")
    assert (second["level"], second["rows"]) == ("warning", 2)
    assert str(second["timestamp"]).endswith("Z")


def test_context_ends_with_its_block(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    with logging.context(job_id="j1"):
        pass
    logging.get_logger().info("later")
    assert lines(capsys)[0]["job_id"] is None


def test_the_level_is_kept(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings.model_copy(update={"log_level": "ERROR"}))
    logging.get_logger().warning("quiet")
    logging.get_logger().error("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_secrets_and_data_stay_out(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    scrub.register("pl4nted-secret")
    log = logging.get_logger()
    ada = "Ada Lovelace"
    try:
        raise ValueError(f"cannot cast {ada} with pl4nted-secret")
    except ValueError:
        log.exception("sync.failed", message="password=pl4nted-secret", value=ada, path="/x?token=pl4nted-secret")
    text = capsys.readouterr().err
    assert "pl4nted" not in text
    assert ada not in text
    line = json.loads(text)
    assert line["error_type"] == "ValueError"
    assert line["value"] == scrub.WITHHELD
    assert any("test_secrets_and_data_stay_out" in place for place in line["where"])


def test_other_libraries_are_heard_without_their_data(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    ada = "Ada Lovelace"
    stdlib_logging.getLogger("sqlalchemy.engine").warning("parameters %s", ada)
    stdlib_logging.getLogger("somebody").warning(f"bad value {ada}")
    stdlib_logging.getLogger("dagster").error("Execution of step %s failed", "raw", exc_info=ValueError(ada))
    stdlib_logging.getLogger("dagster").error(f"STEP_FAILURE\nduckdb.ConversionException: {ada}")
    stdlib_logging.getLogger("httpx").info("HTTP Request: GET %s", "https://x/?token=pl4nted")
    text = capsys.readouterr().err
    assert ada not in text
    assert "pl4nted" not in text
    found = [json.loads(line) for line in text.splitlines()]
    assert [(line["logger"], line["level"]) for line in found] == [
        ("sqlalchemy.engine", "warning"),
        ("somebody", "warning"),
        ("dagster", "error"),
        ("dagster", "error"),
    ]
    assert found[2]["message"] == "Execution of step %s failed"
    assert found[2]["error_type"] == "ValueError"
    assert found[3]["message"] == "STEP_FAILURE"


def test_people_get_one_readable_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings.model_copy(update={"log_format": "text"}))
    with logging.context(source="customers", stage="sync"):
        logging.get_logger().info("sync.done", message="3 rows committed", rows=3, seconds=0.12345)
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.rstrip().endswith("INFO     customers/sync 3 rows committed rows=3 seconds=0.123")


def test_a_terminal_gets_colour_and_text_by_default(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    logging.configure(settings)
    logging.get_logger().error("no", message="nothing was loaded")
    text = capsys.readouterr().err
    assert "\x1b[31mERROR" in text
    assert "nothing was loaded" in text


def test_configuring_twice_does_not_double_lines(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(settings)
    logging.configure(settings)
    logging.get_logger().info("once")
    stdlib_logging.getLogger("dagster").error("also once")
    assert len(lines(capsys)) == 2


def test_no_field_of_ours_is_withheld() -> None:
    """A field that the list does not name is logged as (withheld), and nobody notices."""
    unknown = {
        (str(file.relative_to(PACKAGE)), field.arg)
        for file in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith(("get_logger().", "logging.get_logger()."))
        for field in call.keywords
        if field.arg not in scrub.LOG_FIELDS | {"exc_info"}
    }
    assert unknown == set()
