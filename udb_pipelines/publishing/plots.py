"""Charts of any numbers, negative ones too: a line over points in order, and bars with names. Pure, SVG out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from udb_pipelines.publishing.formatting import number, short_number, shown

WIDTH, HEIGHT = 460.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 10.0, 24.0
_BAR_ROW = 22.0
_LABEL = 20
MOST_BARS = 30

Point = tuple[str, float]
"""A name, such as a day, and its value."""


def line(points: Sequence[Point], label: str) -> Markup:
    """Values in the order given, from the lowest to the highest; zero is drawn where it is between them."""
    values = [value for _, value in points]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = (high - low) or abs(high) or 1.0
    low, high = (low, high) if high > low else (low - span / 2, high + span / 2)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)

    def at(index: int, value: float) -> tuple[float, float]:
        return _LEFT + index * step, _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [_open(HEIGHT, label)]
    for value in sorted({low, high, *([0.0] if low < 0 < high else [])}):
        y = at(0, value)[1]
        kind = "c-axis" if value in (0.0, low) else "c-grid"
        parts.append(_stroke(f"M{_LEFT:.1f} {y:.1f}H{WIDTH - _RIGHT:.1f}", kind, "#8b95a1", 1))
        parts.append(_text(_LEFT - 6, y + 4, short_number(value), "end"))
    places = [at(index, value) for index, value in enumerate(values)]
    if len(places) > 1:
        parts.append(_stroke("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places), "c-line", "#5588b5", 2))
    if len(places) <= 60:
        for (x, y), (name, value) in zip(places, points, strict=True):
            parts.append(
                Markup(
                    '<circle class="c-dot" cx="{}" cy="{}" r="2.6" fill="#5588b5"><title>{}</title></circle>'
                ).format(f"{x:.1f}", f"{y:.1f}", f"{name}: {number(value)}")
            )
    if points:
        parts.append(_text(_LEFT, HEIGHT - 6, shown(points[0][0], _LABEL), "start"))
    if len(points) > 1:
        parts.append(_text(WIDTH - _RIGHT, HEIGHT - 6, shown(points[-1][0], _LABEL), "end"))
    return Markup("").join([*parts, Markup("</svg>")])


def bars(points: Sequence[Point], label: str) -> Markup:
    """Horizontal bars from zero, at most :data:`MOST_BARS`; negative ones to the left."""
    points = points[:MOST_BARS]
    low = min([0.0, *(value for _, value in points)])
    high = max([0.0, *(value for _, value in points)])
    left, right = 140.0, WIDTH - 70
    scale = (right - left) / ((high - low) or 1.0)
    zero = left - low * scale
    parts = [_open(_BAR_ROW * len(points) + 4, label)]
    for index, (name, value) in enumerate(points):
        middle = index * _BAR_ROW + _BAR_ROW / 2 + 2
        wide = max(abs(value) * scale, 1.0)
        x = zero if value >= 0 else zero - wide
        parts.append(_text(132, middle + 4, shown(name, _LABEL), "end"))
        parts.append(
            Markup('<rect class="c-bar" x="{}" y="{}" width="{}" height="14"/>').format(
                f"{x:.1f}", f"{middle - 7:.1f}", f"{wide:.1f}"
            )
        )
        parts.append(_text(WIDTH, middle + 4, number(value), "end"))
    return Markup("").join([*parts, Markup("</svg>")])


def _open(height: float, label: str) -> Markup:
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{}" height="{}" viewBox="0 0 {} {}" role="img" '
        'aria-label="{}" font-family="system-ui,sans-serif" font-size="10.5" fill="#5588b5">'
    ).format(f"{WIDTH:g}", f"{height:g}", f"{WIDTH:g}", f"{height:g}", label)


def _stroke(path: str, kind: str, colour: str, width: float) -> Markup:
    opacity = Markup(' stroke-opacity=".35"') if kind == "c-grid" else Markup("")
    return Markup('<path class="{}" d="{}" fill="none" stroke="{}" stroke-width="{}"{}/>').format(
        kind, path, colour, f"{width:g}", opacity
    )


def _text(x: float, y: float, text: str, place: str) -> Markup:
    return Markup('<text class="c-text" x="{}" y="{}" text-anchor="{}" fill="#75808c">{}</text>').format(
        f"{x:.1f}", f"{y:.1f}", place, text
    )
