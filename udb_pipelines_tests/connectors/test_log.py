"""Logs into Parquet: nothing lost, whatever a line looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.connectors import preview
from udb_pipelines.detection import detect
from udb_pipelines.models import StagedDataset
from udb_pipelines_tests.connectors.sources import read_detected, source_of, types

APP = """2024-01-01 12:00:00,123 INFO com.foo.Bar - started
2024-01-01 12:00:01,123 ERROR com.foo.Bar - failed
java.lang.IllegalStateException: no
\tat com.foo.Bar.x(Bar.java:1)

Caused by: nothing
2024-01-01 12:00:02,123 WARN com.foo.Baz - hm
"""
ACCESS = """127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08"
10.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "POST /a?b=c HTTP/1.1" 404 - "-" "curl"
garbage
10.0.0.1 - - [10/Oct/2000:13:55:38 -0700] "GET / HTTP/1.1" 200 12 "-" "-"
10.0.0.1 - - [10/Oct/2000:13:55:39 -0700] "GET / HTTP/1.1" 200 12 "-" "-"
10.0.0.1 - - [10/Oct/2000:13:55:40 -0700] "GET / HTTP/1.1" 200 12 "-" "-"
"""


def load(settings: Settings, folder: Path, text: str) -> StagedDataset:
    path = folder / "app.log"
    path.write_bytes(text.encode())
    return read_detected(settings, path).datasets[0]


def records(dataset: StagedDataset) -> list[dict[str, object]]:
    found = duckdb.connect().execute("FROM read_parquet(?)", [[str(path) for path in dataset.parquet]])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_stack_trace_belongs_to_its_entry(settings: Settings, tmp_path: Path) -> None:
    dataset = load(settings, tmp_path, APP)
    found = records(dataset)
    assert [row["level"] for row in found] == ["INFO", "ERROR", "WARN"]
    assert found[0]["timestamp"] == datetime(2024, 1, 1, 12, 0, 0, 123000)  # noqa: DTZ001
    assert found[1]["message"] == "failed"
    assert str(found[1]["details"]).splitlines()[-1] == "Caused by: nothing"
    assert str(found[1]["line"]).startswith("2024-01-01 12:00:01,123 ERROR")
    assert "\tat com.foo.Bar.x" in str(found[1]["line"])
    assert (dataset.rows_read, dataset.rows_rejected, dataset.findings) == (3, 0, ())


def test_an_access_log(settings: Settings, tmp_path: Path) -> None:
    dataset = load(settings, tmp_path, ACCESS)
    found = records(dataset)
    assert types(dataset)["timestamp"] == "TIMESTAMP WITH TIME ZONE"
    assert types(dataset)["status"] == types(dataset)["bytes"] == "BIGINT"
    assert found[0]["timestamp"] == datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC)
    assert (found[1]["method"], found[1]["path"], found[1]["bytes"], found[1]["user"]) == ("POST", "/a?b=c", None, None)


def test_a_line_without_the_layout_is_kept_and_told(settings: Settings, tmp_path: Path) -> None:
    dataset = load(settings, tmp_path, ACCESS)
    odd = records(dataset)[2]
    assert {name: value for name, value in odd.items() if value is not None} == {"line": "garbage"}
    told = next(item for item in dataset.findings if item.code == "W_LOG_LINE")
    assert (told.count, told.row, told.byte_offset) == (1, 3, ACCESS.index("garbage"))


def test_keys_that_come_later_are_columns_too(settings: Settings, tmp_path: Path) -> None:
    text = 'ts=2024-01-01T00:00:00Z level=info msg="say \\"hi\\"" n=1\n' * 20_000
    found = records(load(settings, tmp_path, text + "ts=2024-01-02T00:00:00Z level=warn user=ann\n"))
    assert len(found) == 20_001
    assert (found[0]["msg"], found[0]["n"], found[0]["user"]) == ('say "hi"', 1, None)
    assert (found[-1]["user"], found[-1]["level"]) == ("ann", "warn")


def test_an_entry_does_not_swallow_the_rest_of_the_file(settings: Settings, tmp_path: Path) -> None:
    text = "".join(f"2024-01-01 12:00:00 INFO nr {i}\n" for i in range(20_000)) + "no stamp here\n" * 5_000
    dataset = load(settings, tmp_path, text)
    assert dataset.rows_staged == 20_000 + 4_000
    assert next(item for item in dataset.findings if item.code == "W_LOG_LINE").count == 4_000


def test_preview_shows_the_parts(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(APP)
    source = source_of(path)
    shown = preview(source, detect(source, settings), settings, rows=2).to_pylist()
    assert [(row["level"], row["logger"], row["message"]) for row in shown] == [
        ("INFO", "com.foo.Bar", "started"), ("ERROR", "com.foo.Bar", "failed"),
    ]  # fmt: skip
