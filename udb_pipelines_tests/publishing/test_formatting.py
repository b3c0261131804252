"""Figures must not lie by rounding, and foreign text must not act."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.publishing.formatting import anchor, number, percent, short_number, shown


@given(st.floats(min_value=0, max_value=100, exclude_min=True, exclude_max=True))
def test_a_share_that_is_neither_nothing_nor_all_never_reads_so(value):
    assert percent(value) not in {"0 %", "100 %"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_figure_reads_back_to_six_digits(value):
    read = float(number(value).replace("−", "-").replace(",", ""))
    assert math.isclose(read, value, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "–"), (None, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (0.0, "0"), (-0.5, "−0.5")]
)
def test_figures_that_are_no_numbers(value, text):
    assert number(value) == text


@given(st.floats())
def test_axis_labels_are_short_for_every_float(value):
    assert len(short_number(value)) <= 9


@given(st.text())
def test_shown_text_cannot_steer_the_reader(text):
    visible = shown(text)
    assert not any(ord(character) < 0x20 or ord(character) == 0x7F for character in visible)
    assert not set(visible) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
    )


def test_long_text_is_cut_and_says_so():
    assert shown("y" * 5_000) == "y" * 160 + "… (5,000 characters)"


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=30))
def test_every_column_has_its_own_legal_anchor(names):
    anchors = [anchor(name, position) for position, name in enumerate(names, start=1)]
    assert len(set(anchors)) == len(names)
    assert not any(character.isspace() for identifier in anchors for character in identifier)


def test_an_ordinary_name_is_its_own_anchor():
    assert anchor("customer_id", 7) == "col-customer_id"
