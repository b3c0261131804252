"""Tables of thousands of columns: loaded in bounded memory, cell for cell."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors.casting import WIDE
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


@pytest.mark.slow
def test_ten_thousand_columns_fit_into_memory(settings: Settings, tmp_path: Path) -> None:
    cells = table(10_000, 50)
    (found,) = read_detected(settings, write(tmp_path / "wide.csv", cells)).datasets
    assert (found.rows_staged, len(found.columns)) == (50, 10_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000, "kB"
