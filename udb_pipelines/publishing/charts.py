"""Small charts as SVG text: no scripts, no fonts, no network.

Pure functions over counts. Each chart stands alone (colours that read on light and on dark ground) and
takes the colours of a page through its classes. Charts carry a text alternative; every label is escaped.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from udb_pipelines.models import Bin, NumericStats, ValueCount
from udb_pipelines.publishing.formatting import integer, number, percent, share, short_number, shown

WIDTH, HEIGHT = 340, 165
LEFT, RIGHT, TOP, BOTTOM = 38, 12, 8, 24
BAR_ROW = 24
MAX_AXIS_LABELS = 6
MAX_TICKS = 4
CHARACTER = 6.0
"""Width of a digit at the charts' font size."""
LABEL_CHARACTERS = 20


def svg_data_uri(svg: str) -> str:
    """An SVG as a ``data:`` URI, for Markdown images."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def histogram(bins: Sequence[Bin], label: str = "Histogram") -> Markup:
    """Counts per bin over a numeric axis whose ticks are the bins' own edges."""
    edges = [short_number(entry.low) for entry in bins] + [short_number(bins[-1].high)] if bins else []
    titles = [f"{number(entry.low)} to {number(entry.high)}: {integer(entry.count)}" for entry in bins]
    return _columns([entry.count for entry in bins], titles, edges, label, gap=1)


def timeline(points: Sequence[ValueCount], label: str = "Rows over time") -> Markup:
    """Counts per period, in the order given; missing years are drawn as the gaps they are."""
    filled = with_missing_years(points)
    names = [shown(point.value, LABEL_CHARACTERS) for point in filled]
    titles = [f"{name}: {integer(point.count)}" for name, point in zip(names, filled, strict=True)]
    return _columns([point.count for point in filled], titles, names, label, gap=2)


def bars(values: Sequence[ValueCount], total: int, label: str = "Most frequent values") -> Markup:
    """Horizontal bars with the value, its count and its share of ``total``."""
    labels_to, counts_from = 132, WIDTH - 104
    most = max((value.count for value in values), default=0) or 1
    height = BAR_ROW * len(values) + 4
    parts = [_open("bars", WIDTH, height, label)]
    for index, value in enumerate(values):
        middle = index * BAR_ROW + BAR_ROW / 2 + 2
        length = max((counts_from - labels_to - 10) * value.count / most, 1.0)
        parts.append(_text(labels_to - 8, middle + 4, shown(value.value, LABEL_CHARACTERS), "end"))
        parts.append(_rect(labels_to, middle - 7, length, 14))
        figures = f"{integer(value.count)} · {percent(share(value.count, total))}"
        parts.append(_text(WIDTH, middle + 4, figures, "end"))
    return _close(parts)


def spark(counts: Sequence[int], label: str = "") -> Markup:
    """A word-sized histogram without axes, for a table cell."""
    width, height = 96.0, 22.0
    most = max(counts, default=0) or 1
    step = width / max(len(counts), 1)
    parts = [_open("spark", width, height, label)]
    parts += [
        _rect(
            index * step, height - _visible(height * count / most), max(step - 1, 0.5), _visible(height * count / most)
        )
        for index, count in enumerate(counts)
        if count
    ]
    return _close(parts)


def concentration(counts: Sequence[int], total: int, label: str = "") -> Markup:
    """How much of ``total`` the most frequent values take: segments that grow paler, then the rest."""
    width, height = 96.0, 10.0
    parts = [_open("concentration", width, height, label), _rect(0, 0, width, height, "c-rest", "#8b95a1", 0.25)]
    start = 0.0
    for rank, count in enumerate(counts):
        length = width * count / total if total else 0.0
        parts.append(_rect(start, 0, max(length - 0.8, 0.4), height, opacity=max(0.9 - 0.16 * rank, 0.25)))
        start += length
    return _close(parts)


def meter(part: float, whole: float, kind: str = "c-bar", width: float = 64.0) -> Markup:
    """A bar filled to ``part`` of ``whole``, for a line of a table.

    The page gives it its colours, and there are thousands of them: it is as short as can be. Hidden from
    screen readers, for the figure stands beside it.
    """
    filled = max(width * min(part / whole, 1.0), 1.0) if part and whole else 0.0
    return Markup(
        '<svg class="meter" width="{}" height="6" aria-hidden="true"><rect class="{}" width="{}" height="6"/></svg>'
    ).format(_n(width), kind, _n(filled))


def completeness(valid: int, invalid: int, nulls: int) -> Markup:
    """One bar: valid, invalid and missing values of a column; what exists is at least visible."""
    total = valid + invalid + nulls
    label = (
        f"{percent(share(valid, total))} valid, {percent(share(invalid, total))} invalid, "
        f"{percent(share(nulls, total))} empty"
    )
    parts = [_open("completeness", WIDTH, 8, label, stretch=True), _rect(0, 0, WIDTH, 8, "c-rest", "#8b95a1", 0.25)]
    start = 0.0
    for count, kind, colour in ((valid, "c-bar", "#5588b5"), (invalid, "c-bad", "#c2564b")):
        if not count:
            continue
        length = max(WIDTH * count / total, 2.0)
        parts.append(_rect(min(start, WIDTH - length), 0, length, 8, kind, colour))
        start += length
    return _close(parts)


def quantile_strip(stats: NumericStats) -> Markup | None:
    """Range, 1-99 %, 5-95 %, quartiles, median and mean on one axis; None where there is no range to draw."""
    low, high, quantiles = stats.min, stats.max, stats.quantiles
    needed = ("p1", "p5", "p25", "p50", "p75", "p95", "p99")
    if low is None or high is None or not low < high or not math.isfinite(high - low):
        return None
    if not all(name in quantiles for name in needed):
        return None
    inner, middle = WIDTH - 16, 24.0

    def at(value: float) -> float:
        return 8 + inner * min(max((value - low) / (high - low), 0.0), 1.0)

    label = (
        f"From {number(low)} to {number(high)}; half of the values between {number(quantiles['p25'])} "
        f"and {number(quantiles['p75'])}, median {number(quantiles['p50'])}"
    )
    parts = [_open("quantiles", WIDTH, 56, label), _line(at(low), middle, at(high), middle, "c-axis")]
    for first, last, thick, opacity in (("p1", "p99", 6, 0.28), ("p5", "p95", 12, 0.4), ("p25", "p75", 20, 0.75)):
        length = max(at(quantiles[last]) - at(quantiles[first]), 1.0)
        title = f"{first[1:]} % to {last[1:]} %: {number(quantiles[first])} to {number(quantiles[last])}"
        parts.append(_rect(at(quantiles[first]), middle - thick / 2, length, thick, opacity=opacity, title=title))
    median = at(quantiles["p50"])
    parts.append(_line(median, middle - 13, median, middle + 13, "c-mark", "#1f2933", 2))
    if stats.mean is not None:
        parts.append(_dot(at(stats.mean), middle, f"mean {number(stats.mean)}"))
    parts.append(_text(8, 52, short_number(low), "start"))
    parts.append(_text(WIDTH - 8, 52, short_number(high), "end"))
    if 70 < median < WIDTH - 70:
        parts.append(_text(median, 52, short_number(quantiles["p50"]), "middle"))
    return _close(parts)


def heat(names: Sequence[str], values: Mapping[tuple[str, str], float]) -> Markup:
    """Coefficients from -1 to 1 as a matrix below its diagonal: the stronger the darker, negative ones in red."""
    cell, left = 22.0, 150.0
    height = cell * len(names)
    parts = [_open("heat", left + height, height, f"Correlations of {len(names)} numeric columns; the figures follow")]
    for row, name in enumerate(names):
        middle = row * cell + cell / 2 + 4
        parts.append(_text(left - 8, middle, f"{shown(name, LABEL_CHARACTERS)} {row + 1}", "end"))
        for column, other in enumerate(names[:row]):
            value = values.get((other, name), values.get((name, other)))
            if value is None:
                continue
            kind, colour = ("c-bad", "#c2564b") if value < 0 else ("c-bar", "#5588b5")
            title = f"{shown(other, 40)} and {shown(name, 40)}: {number(round(value, 3))}"
            place = (left + column * cell, row * cell)
            parts.append(_rect(*place, cell - 2, cell - 2, kind, colour, max(abs(value), 0.06), title))
        parts.append(_text(left + row * cell + 2, middle, str(row + 1), "start"))
    return _close(parts)


def with_missing_years(points: Sequence[ValueCount], limit: int = 150) -> tuple[ValueCount, ...]:
    """Years with the ones between that have no rows; anything else, or a span over ``limit``, as it is."""
    years = [int(point.value) for point in points if point.value.isascii() and point.value.isdigit()]
    if len(years) != len(points) or len(years) < 2 or not 0 < years[-1] - years[0] < limit or len(points[0].value) != 4:
        return tuple(points)
    counts = dict(zip(years, (point.count for point in points), strict=True))
    return tuple(ValueCount(value=f"{y:04d}", count=counts.get(y, 0)) for y in range(years[0], years[-1] + 1))


def folded(points: Sequence[ValueCount], limit: int = 120) -> tuple[ValueCount, ...]:
    """At most ``limit`` periods: where there are more, neighbours are added up under ``first–last``."""
    run = math.ceil(len(points) / limit)
    if run <= 1:
        return tuple(points)
    groups = [points[start : start + run] for start in range(0, len(points), run)]
    return tuple(
        ValueCount(value=f"{group[0].value}–{group[-1].value}", count=sum(point.count for point in group))
        for group in groups
    )


def ticks(most: int) -> list[int]:
    """Round counts for a vertical axis, from 0 to the first one that covers ``most``.

    >>> ticks(340), ticks(3), ticks(0)
    ([0, 100, 200, 300, 400], [0, 1, 2, 3], [0, 1])
    """
    raw = max(most, 1) / MAX_TICKS
    power = 10 ** math.floor(math.log10(raw)) if raw >= 1 else 1
    step = next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= raw)
    # In whole numbers: a double would round a count above 2^53 down.
    return list(range(0, step * -(-max(most, 1) // step) + 1, step))


def _columns(counts: Sequence[int], titles: Sequence[str], names: Sequence[str], label: str, gap: float) -> Markup:
    """Vertical bars. One name more than counts labels the edges between bars; as many label their middles."""
    scale = ticks(max(counts, default=0))
    bottom, inner, top = HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT, scale[-1]
    step = inner / max(len(counts), 1)
    parts = [_open("uprights", WIDTH, HEIGHT, label)]
    for tick in scale:
        y = bottom - (bottom - TOP) * tick / top
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "c-axis" if tick == 0 else "c-grid"))
        parts.append(_text(LEFT - 6, y + 4, short_number(tick), "end"))
    for index, count in enumerate(counts):
        tall = _visible((bottom - TOP) * count / top) if count else 0.0
        spacing = min(gap, step / 4)
        x = LEFT + index * step + spacing / 2
        if tall:
            parts.append(_rect(x, bottom - tall, step - spacing, tall, title=titles[index]))
    offset = 0.0 if len(names) > len(counts) else step / 2
    parts += _axis_labels(names, [LEFT + offset + index * step for index in range(len(names))], bottom + 17)
    return _close(parts)


def _axis_labels(names: Sequence[str], positions: Sequence[float], y: float) -> Iterable[Markup]:
    """As many labels as fit side by side, evenly chosen, the first always among them."""
    if not names:
        return
    widest = max(len(name) for name in names) * CHARACTER + 10
    room = max(1, int((WIDTH - LEFT - RIGHT) / widest))
    every = max(1, math.ceil((len(names) - 1) / max(1, min(room, 12 if len(names) <= 12 else MAX_AXIS_LABELS))))
    for name, x in list(zip(names, positions, strict=True))[::every]:
        half = len(name) * CHARACTER / 2
        yield _text(min(max(x, half), WIDTH - half), y, name, "middle")


def _visible(length: float) -> float:
    return max(length, 1.5)


def _open(kind: str, width: float, height: float, label: str, *, stretch: bool = False) -> Markup:
    aspect = Markup(' preserveAspectRatio="none"') if stretch else Markup("")
    alternative = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart {}" width="{}" height="{}" viewBox="0 0 {} {}"{} {} '
        'font-family="system-ui,sans-serif" font-size="10.5" fill="#5588b5">'
    ).format(kind, _n(width), _n(height), _n(width), _n(height), aspect, alternative)


def _close(parts: Iterable[Markup]) -> Markup:
    return Markup("").join([*parts, Markup("</svg>")])


def _rect(
    x: float,
    y: float,
    width: float,
    height: float,
    kind: str = "c-bar",
    colour: str = "",
    opacity: float = 1.0,
    title: str = "",
) -> Markup:
    attributes = Markup(' fill="{}"').format(colour) if colour else Markup("")
    if opacity < 1:
        attributes += Markup(' opacity="{}"').format(f"{opacity:.2g}")
    end = Markup("><title>{}</title></rect>").format(title) if title else Markup("/>")
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}{}').format(
        kind, _n(x), _n(y), _n(width), _n(height), attributes, end
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str, colour: str = "#8b95a1", width: float = 1.0) -> Markup:
    opacity = Markup(' stroke-opacity=".35"') if kind == "c-grid" else Markup("")
    return Markup('<path class="{}" d="M{} {}L{} {}" stroke="{}" stroke-width="{}"{}/>').format(
        kind, _n(x1), _n(y1), _n(x2), _n(y2), colour, _n(width), opacity
    )


def _dot(x: float, y: float, title: str) -> Markup:
    return Markup(
        '<circle class="c-dot" cx="{}" cy="{}" r="3.5" fill="#fff" stroke="#1f2933" stroke-width="1.5">'
        "<title>{}</title></circle>"
    ).format(_n(x), _n(y), title)


def _text(x: float, y: float, text: str, place: str) -> Markup:
    return Markup('<text class="c-text" x="{}" y="{}" text-anchor="{}" fill="#75808c">{}</text>').format(
        _n(x), _n(y), place, text
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
