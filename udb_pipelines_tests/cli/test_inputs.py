"""What is pinned, and how figures are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.cli.options import pinned
from udb_pipelines.cli.present import Column, plain_table, width
from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions


def test_only_what_is_given_changes_what_was_pinned() -> None:
    base = SourceOptions(delimiter=";", header=2, max_reject_pct=5)
    given_now = {"delimiter": r"\t", "header": "none", "quote": "", "max_reject_pct": None, "tables": []}
    merged = pinned(given_now, base)
    assert (merged.delimiter, merged.header, merged.quote, merged.max_reject_pct) == ("\t", "none", "", 5)
    assert pinned({"max_reject_pct": 0.0}, base).max_reject_pct == 0


@pytest.mark.parametrize(
    ("given_now", "option"),
    [
        ({"format": "cvs"}, "--format"),
        ({"header": "yes"}, "--header"),
        ({"sync_mode": "x"}, "--sync-mode"),
        ({"schedule": "daily"}, "--schedule"),
    ],
)
def test_a_wrong_option_is_named(given_now: dict[str, str], option: str) -> None:
    with pytest.raises(UdbError) as caught:
        pinned(given_now)
    assert caught.value.code == "E_OPTION"
    assert option in caught.value.message


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=5))
def test_plain_tables_keep_one_line_per_row(rows: list[tuple[str, str]]) -> None:
    lines = plain_table((Column("a"), Column("b", "right")), rows)
    assert len(lines) == len(rows) + 1
    assert all("\n" not in line and "\x1b" not in line for line in lines)


def test_wide_letters_are_counted_as_terminals_do() -> None:
    assert (width("abc"), width("名前"), width("e\u0301")) == (3, 4, 1)
