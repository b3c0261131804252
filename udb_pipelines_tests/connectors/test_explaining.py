"""Rejected rows say what is wrong with them, and never more than the evidence shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.models import StagedDataset
from udb_pipelines_tests.connectors.sources import read_text, rejects, rows

NAMES = ["id", "note", "place", "day"]
GOOD = [f"{number},text {number},Bonn,2024-01-{number:02d}" for number in range(1, 10)]


def read(settings: Settings, tmp_path: Path, *bad: str) -> tuple[StagedDataset, bytes]:
    """Good rows, with ``bad`` lines after the third of them."""
    lines = [",".join(NAMES), *GOOD[:3], *bad, *GOOD[3:]]
    data = ("\n".join(lines) + "\n").encode()
    return read_text(settings, tmp_path, data, NAMES, max_reject_pct=100), data


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("10,Miller, Sons and Co,Bonn,2024-02-01", "E_UNQUOTED_DELIM"),
        ("10,one,two,Bonn,2024-02-01", "E_JAGGED_ROW"),
        ("10,note", "E_JAGGED_ROW"),
        ("10,note,Bonn,2024-02-01,extra,more", "E_JAGGED_ROW"),
        ('10,"a "b" c",Bonn,2024-02-01', "E_QUOTE_RULE"),
        ('10,"never closed,Bonn,2024-02-01', "E_QUOTE_RULE"),
        ('10,"closed" too early,Bonn,2024-02-01', "E_QUOTE_RULE"),
    ],
)
def test_one_bad_row_is_rejected_alone_with_its_place_and_reason(
    settings: Settings, tmp_path: Path, bad: str, code: str
) -> None:
    found, data = read(settings, tmp_path, bad)
    assert [row[0] for row in rows(found)] == list(range(1, 10))
    assert rejects(found.rejects) == [(4, data.index(b"10,"), code, bad)]
    assert [item.code for item in found.findings] == [code]


def test_a_record_cut_by_a_line_end_is_explained_by_both_its_rows(settings: Settings, tmp_path: Path) -> None:
    found, data = read(settings, tmp_path, "10,first part", "second part,Bonn,2024-02-01")
    assert [row[0] for row in rows(found)] == list(range(1, 10))
    assert rejects(found.rejects) == [
        (4, data.index(b"10,first"), "E_UNQUOTED_NEWLINE", "10,first part"),
        (5, data.index(b"second"), "E_UNQUOTED_NEWLINE", "second part,Bonn,2024-02-01"),
    ]


def test_two_rows_that_each_lack_fields_are_not_taken_for_one(settings: Settings, tmp_path: Path) -> None:
    found, _ = read(settings, tmp_path, "10,first", "11,second,Bonn")
    assert [code for *_, code, _ in rejects(found.rejects)] == ["E_JAGGED_ROW", "E_JAGGED_ROW"]


def test_several_unclosed_quotes_cost_their_own_rows(settings: Settings, tmp_path: Path) -> None:
    found, data = read(settings, tmp_path, '10,"open,Bonn,2024-02-01', '11,"open too,Bonn,2024-02-01')
    assert len(rows(found)) + found.rows_rejected == found.rows_read == 11
    assert {code for *_, code, _ in rejects(found.rejects)} == {"E_QUOTE_RULE"}
    assert [offset for _, offset, *_ in rejects(found.rejects)] == [data.index(b"10,"), data.index(b"11,")]
