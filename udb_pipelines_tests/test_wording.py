"""Figures with their units never round into a form that nobody would write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines import wording


@given(st.integers(0, 10**18))
def test_sizes_have_three_digits_and_are_right_to_them(count):
    figure, unit = wording.size(count).split(" ")
    assert re.fullmatch(r"\d{1,3}(\.\d{1,2})?", figure) or (unit == "TB" and re.fullmatch(r"[\d,]+", figure))
    exact = count / 1000 ** ("B", "kB", "MB", "GB", "TB").index(unit)
    assert float(figure.replace(",", "")) == pytest.approx(exact, rel=0.006)


@given(st.floats(0, 10**7))
def test_no_part_of_a_duration_reaches_the_next_unit(seconds):
    parts = re.findall(r"([\d.]+) (ms|s|min|h)", wording.duration(seconds))
    limits = {"ms": 1000, "s": 60, "min": 60}
    assert all(float(figure) < limits.get(unit, float("inf")) for figure, unit in parts)


@pytest.mark.parametrize(
    ("noun", "many"), [("row", "2 rows"), ("query", "2 queries"), ("day", "2 days"), ("index entry", "2 index entries")]
)
def test_nouns_in_the_plural(noun, many):
    assert wording.counted(2, noun) == many
