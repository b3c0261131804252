"""Charts: well-formed SVG that draws what the figures say, for any figures."""

from __future__ import annotations

import base64
import itertools
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.models import Bin, ValueCount
from udb_pipelines.publishing import charts
from udb_pipelines_tests.publishing import samples

SVG = "{http://www.w3.org/2000/svg}"
COUNTS = st.lists(st.integers(min_value=0, max_value=10**15), max_size=40)


def drawn(svg: str) -> list[ElementTree.Element]:
    return [rect for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect") if rect.get("class") == "c-bar"]


def test_a_histogram_draws_bars_in_proportion():
    bins = [Bin(low=i, high=i + 1, count=count) for i, count in enumerate((10, 40, 20))]
    heights = [float(rect.get("height")) for rect in drawn(charts.histogram(bins))]
    assert heights == pytest.approx([heights[1] / 4, heights[1], heights[1] / 2], abs=0.2)


def test_a_histogram_labels_its_first_and_last_edge():
    bins = [Bin(low=-50 + 10 * i, high=-40 + 10 * i, count=1) for i in range(10)]
    texts = [text.text for text in ElementTree.fromstring(charts.histogram(bins)).iter(f"{SVG}text")]
    assert "−50" in texts
    assert "50" in texts


@given(COUNTS)
def test_any_counts_make_charts_that_parse_and_stay_inside(counts):
    bins = [Bin(low=i, high=i + 1, count=count) for i, count in enumerate(counts)]
    values = [ValueCount(value=f"v{i}", count=count) for i, count in enumerate(counts)]
    total = sum(counts)
    for svg in (
        charts.histogram(bins),
        charts.timeline(values),
        charts.bars(values, total),
        charts.spark(counts),
        charts.concentration(counts, total),
    ):
        root = ElementTree.fromstring(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        for rect in root.iter(f"{SVG}rect"):
            x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            assert x >= -0.5 and y >= -0.5 and w >= 0 and h >= 0
            assert x + w <= width * 1.01 + 1.5
            assert y + h <= height + 0.5


@given(st.integers(min_value=0, max_value=10**18))
def test_the_axis_covers_the_counts_with_few_round_ticks(most):
    ticks = charts.ticks(most)
    assert ticks[0] == 0
    assert ticks[-1] >= most
    assert 2 <= len(ticks) <= 6
    assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_completeness_shows_whatever_exists(valid, invalid, nulls):
    kinds = {rect.get("class") for rect in ElementTree.fromstring(charts.completeness(valid, invalid, nulls))}
    assert ("c-bar" in kinds) == (valid > 0)
    assert ("c-bad" in kinds) == (invalid > 0)


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_labels_are_escaped(text):
    values = [ValueCount(value=text, count=3)]
    for svg in (charts.bars(values, 3, label=charts.shown(text)), charts.timeline(values, label=charts.shown(text))):
        tags = {element.tag for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {f"{SVG}{tag}" for tag in ("svg", "rect", "text", "path", "title")}


def test_years_without_rows_are_gaps():
    years = samples.counts(("2019", 5), ("2022", 7))
    assert [(p.value, p.count) for p in charts.with_missing_years(years)] == [
        ("2019", 5), ("2020", 0), ("2021", 0), ("2022", 7),
    ]  # fmt: skip


@pytest.mark.parametrize("points", [(("0001", 1), ("9999", 2)), (("Mon", 1), ("Tue", 2)), (("01", 3), ("12", 4)), ()])
def test_other_periods_stay_as_they_are(points):
    assert charts.with_missing_years(samples.counts(*points)) == samples.counts(*points)


def test_a_constant_has_no_quantile_strip():
    stats = samples.numeric(0, 1, (1,))
    assert charts.quantile_strip(stats.model_copy(update={"max": 0.0})) is None
    assert charts.quantile_strip(stats.model_copy(update={"min": None})) is None
    assert ElementTree.fromstring(charts.quantile_strip(stats)).get("role") == "img"


def test_a_data_uri_holds_the_chart_itself():
    svg = charts.spark([1, 2, 3], "three")
    kind, content = charts.svg_data_uri(svg).split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).decode() == svg


@given(COUNTS.map(lambda counts: counts * 30))
def test_folding_keeps_every_row_and_bounds_the_bars(counts):
    points = [ValueCount(value=str(index), count=count) for index, count in enumerate(counts)]
    folded = charts.folded(points)
    assert len(folded) <= 120
    assert sum(point.count for point in folded) == sum(counts)
    assert len(counts) > 120 or folded == tuple(points)
