"""Tables of thousands of columns: loaded in bounded memory, cell for cell."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors import textual
from udb_pipelines.connectors.delimited import reader
from udb_pipelines.connectors.textual import WIDE
from udb_pipelines_tests.connectors.sources import read_detected, rejects, texts, types


def table(columns: int, rows: int) -> list[tuple[str, ...]]:
    """A column of words, then numbers, then numbers with a fraction, and so on."""
    return [
        tuple((f"w{row}", str(row * column), f"{row}.{column % 10}0")[column % 3] for column in range(columns))
        for row in range(rows)
    ]


def write(file: Path, cells: list[tuple[str, ...]]) -> Path:
    lines = [",".join(f"c{index}" for index in range(len(cells[0]))), *map(",".join, cells)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_columns_written_in_parts_are_put_together_as_they_were(settings: Settings, tmp_path: Path) -> None:
    columns = 2 * WIDE + 7
    cells = table(columns, 20)
    (found,) = read_detected(settings, write(tmp_path / "wide.csv", cells)).datasets
    assert found.rows_staged == 20
    assert texts(found) == cells
    assert [types(found)[f"c{index}"] for index in range(3)] == ["VARCHAR", "BIGINT", "DECIMAL(18,2)"]


def test_damaged_rows_of_a_wide_table_are_rejected_once(settings: Settings, tmp_path: Path) -> None:
    cells = table(WIDE + 5, 30)
    file = write(tmp_path / "wide.csv", [*cells[:10], cells[10][:-1], *cells[11:]])
    (found,) = read_detected(settings, file, max_reject_pct=100).datasets
    assert (found.rows_staged, found.rows_rejected) == (29, 1)
    assert [(row, code) for row, _, code, _ in rejects(found.rejects)] == [(11, "E_JAGGED_ROW")]
    assert texts(found) == cells[:10] + cells[11:]


class Listening:
    """A connection that knows how much SQL it was given."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.characters = 0

    def execute(self, sql: str, *more: Any) -> duckdb.DuckDBPyConnection:
        self.characters += len(sql)
        return self._connection.execute(sql, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def listening(monkeypatch: pytest.MonkeyPatch) -> list[Listening]:
    heard: list[Listening] = []
    connect: Callable[..., duckdb.DuckDBPyConnection] = engine.connect

    def connected(*args: Any, **more: Any) -> Listening:
        heard.append(Listening(connect(*args, **more)))
        return heard[-1]

    monkeypatch.setattr(engine, "connect", connected)
    return heard


def test_no_query_takes_up_the_columns_of_all_parts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB is told grows with the columns: with each part told of all of them, it grew with their square."""
    monkeypatch.setattr(textual, "WIDE", 20)
    monkeypatch.setattr(reader, "WIDE", 20)
    heard = listening(monkeypatch)
    told = {}
    for columns in (60, 480):
        heard.clear()
        cells = table(columns, 12)
        (found,) = read_detected(settings, write(tmp_path / f"{columns}.csv", cells), job=str(columns)).datasets
        assert texts(found) == cells
        told[columns] = sum(connection.characters for connection in heard)
    assert told[60] > 10_000
    assert told[480] < 8 * told[60] * 1.25


def test_columns_that_a_file_leaves_out_stay_empty_in_every_part(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    wide = table(WIDE + 10, 5)
    write(folder / "a.csv", wide)
    write(folder / "b.csv", [row[:-1] for row in wide])
    (found,) = read_detected(settings, folder).datasets
    loaded = texts(found)
    assert [row[:-1] for row in loaded] == [*wide, *((*row[:-1], None) for row in wide)]
    assert [row[-1] for row in loaded] == ["a.csv"] * 5 + ["b.csv"] * 5


@pytest.mark.slow
def test_ten_thousand_columns_fit_into_memory(settings: Settings, tmp_path: Path) -> None:
    cells = table(10_000, 50)
    (found,) = read_detected(settings, write(tmp_path / "wide.csv", cells)).datasets
    assert (found.rows_staged, len(found.columns)) == (50, 10_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000, "kB"
