"""The count without a parser: the same whatever the windows, and right against Python's csv module."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from udb_pipelines.connectors.delimited import scan as module
from udb_pipelines.connectors.delimited.scan import Scan, scan, starts
from udb_pipelines.connectors.delimited.text import PlainText
from udb_pipelines.models import Dialect

PIECES = st.lists(st.sampled_from(['"', ",", "\n", "\r\n", "\r", "é", "x", "\\", "\x00"]), max_size=30).map("".join)


def scanned(data: bytes, newline: str, offsets: tuple[int, ...] = ()) -> Scan:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        dialect = Dialect(delimiter=",", newline=newline)
        return scan(PlainText(Path(file.name), 0, len(data), 0), dialect, offsets)


@given(text=PIECES, window=st.sampled_from([1, 2, 3, 7]), newline=st.sampled_from(["\n", "\r", "mixed"]))
@hypothesis_settings(max_examples=200, deadline=None)
def test_windows_make_no_difference(text: str, window: int, newline: str) -> None:
    data = text.encode()
    whole = scanned(data, newline)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW", window)
        pieces = scanned(data, newline)

    assert pieces == whole


@given(
    lines=st.lists(st.sampled_from([",,", ",,,", ",", ",,x", "x,,", "", '"', "\r,,"]), max_size=8),
    window=st.sampled_from([1, 2, 5, 1 << 19]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
)
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_line_of_delimiters_alone_is_seen_wherever_it_lies(lines: list[str], window: int, newline: str) -> None:
    data = newline.join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW", window)
        seen = scanned(data, newline).hollow
    ends = "[\r\n]" if newline == "\r" else "\n"
    assert seen == any(re.fullmatch(",,+", line.removesuffix("\r")) for line in re.split(ends, data.decode()))


@given(st.lists(st.lists(st.text(alphabet='",\n\rxé', max_size=4), min_size=2, max_size=3), max_size=6))
@hypothesis_settings(max_examples=100, deadline=None)
def test_records_of_regular_text_are_those_of_csv(table: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    data = out.getvalue().encode()
    found = scanned(data, "\n")
    assert found.regular
    assert found.records == len(table)


def test_offsets_are_answered_with_record_numbers() -> None:
    data = b'a,b\n"x\ny",1\n\nc,d\ne'
    assert scanned(data, "\n", (0, 4, data.index(b"c,"), data.index(b"e"))).ordinals == [1, 2, 3, 4]


@given(text=PIECES, window=st.sampled_from([1, 3, 1 << 19]), newline=st.sampled_from(["\n", "\r", "mixed"]))
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_record_begins_where_its_number_is_asked_for(text: str, window: int, newline: str) -> None:
    """The two questions answer each other: offsets of all numbers are numbered in that order."""
    data = text.encode()
    with tempfile.NamedTemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW", window)
        file.write(data)
        file.flush()
        plain, dialect = PlainText(Path(file.name), 0, len(data), 0), Dialect(delimiter=",", newline=newline)
        records = scan(plain, dialect).records
        offsets, seen = starts(plain, dialect, range(1, records + 2))
        assert seen == scan(plain, dialect)
        assert len(offsets) == records
        assert scan(plain, dialect, tuple(offsets)).ordinals == list(range(1, records + 1))
