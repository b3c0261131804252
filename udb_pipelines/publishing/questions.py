"""What the report says of KPIs: value, threshold, chart, and the first rows of an answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from udb_pipelines.publishing import plots
from udb_pipelines.publishing.formatting import integer, number, shown

if TYPE_CHECKING:
    from udb_pipelines.kpis.definitions import KpiResult, KpiSet

ROWS_SHOWN = 10


@dataclass(frozen=True)
class KpiView:
    """One KPI as it is shown."""

    name: str
    description: str
    value: str
    verdict: str
    """Empty without a threshold."""
    threshold: str
    unit: str
    """Of a chart's values."""
    error: str
    chart: Markup | None
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def kpi_views(kpis: KpiSet | None, dataset: str) -> tuple[KpiView, ...]:
    """The KPIs that read a dataset, failures first."""
    results = [result for result in kpis.results if _concerns(result, dataset)] if kpis else []
    return tuple(_view(result) for result in sorted(results, key=lambda r: ("FAIL", "WARN", "PASS").index(r.verdict)))


def _concerns(result: KpiResult, dataset: str) -> bool:
    """Also one that reads no table that is known: somebody should see that."""
    return dataset in result.datasets or not result.datasets


def _view(result: KpiResult) -> KpiView:
    tabular = result.chart == "table" and not result.error
    return KpiView(
        name=result.name.replace("_", " "),
        description=result.description,
        value=with_unit(result) if result.chart == "number" and not result.error else "",
        verdict=result.verdict if result.threshold or result.error else "",
        threshold=threshold_words(result),
        unit=result.unit if result.chart != "number" else "",
        error=result.error or "",
        chart=chart_of(result),
        header=result.columns if tabular else (),
        rows=tuple(tuple(_cell(cell) for cell in row) for row in result.rows[:ROWS_SHOWN]) if tabular else (),
        note=_note(result),
    )


def with_unit(result: KpiResult) -> str:
    """The value with its unit; ``no value`` where there is none."""
    if result.value is None:
        return "no value"
    text = integer(int(result.value)) if result.value == int(result.value) else number(result.value)
    return f"{text} {result.unit}".rstrip()


def threshold_words(result: KpiResult) -> str:
    """The threshold in words: ``warn above 5; fail below 1``."""
    if result.threshold is None:
        return ""
    sides = [
        (f"{word} {side}", limit)
        for word, bounds in (("warn", result.threshold.warn), ("fail", result.threshold.fail))
        if bounds is not None
        for side, limit in (("above", bounds.above), ("below", bounds.below))
    ]
    return "; ".join(f"{side} {number(limit)}" for side, limit in sides if limit is not None)


def chart_of(result: KpiResult) -> Markup | None:
    """The answer drawn: its last column over its first one; of a number, its history."""
    if result.error:
        return None
    if result.chart == "number":
        points = [(f"v{p.version} {p.at:%Y-%m-%d}", p.value) for p in result.history if p.value is not None]
        return plots.line(points, f"{result.name} over time") if len(points) > 1 else None
    if result.chart == "table":
        return None
    drawn = _points(result.rows)
    if not drawn:
        return None
    return (plots.line if result.chart == "line" else plots.bars)(drawn, result.name)


def _points(rows: Sequence[Sequence[object]]) -> list[plots.Point]:
    return [(_cell(row[0]), float(row[-1])) for row in rows if isinstance(row[-1], int | float)]


def _note(result: KpiResult) -> str:
    parts = []
    if result.chart == "table" and len(result.rows) > ROWS_SHOWN:
        parts.append(f"The first {ROWS_SHOWN} of {'more than ' if result.truncated else ''}{integer(len(result.rows))} "
                     "rows; kpis.json has them.")  # fmt: skip
    elif result.truncated:
        parts.append(f"Only the first {integer(len(result.rows))} rows.")
    if result.masked:
        parts.append(f"Masked, because personal: {', '.join(shown(name, 80) for name in result.masked)}.")
    return " ".join(parts)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return number(value)
    return integer(value) if isinstance(value, int) and not isinstance(value, bool) else shown(str(value), 120)
