"""What the report says of the table as a whole, beside its columns. Pure, as ``view``, which says the rest.

Personal data, what changed since the previous version, how columns go together, and how far the data goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from udb_pipelines.models import ColumnDrift, ColumnProfile, PairStat, Profile, Sufficiency
from udb_pipelines.publishing import charts
from udb_pipelines.publishing.formatting import anchor, integer, number, percent, shown
from udb_pipelines.wording import counted

PAIRS_SHOWN = 12
LEAST_SHOWN = 0.1
"""A weaker relation is no news."""
HEAT_COLUMNS = 16
DEPENDENCIES_SHOWN = 20
DRIFT_SHOWN = 60
SEVERITIES = ("critical", "high", "medium", "low")
METHODS = {
    "pearson": "Numbers: Pearson's coefficient",
    "spearman": "Numbers: Spearman's rank coefficient",
    "cramers_v": "Codes: Cramer's V",
    "nullity": "Empty together (positive) or in turn (negative)",
}


@dataclass(frozen=True)
class Link:
    """A column's name and where its card is."""

    name: str
    anchor: str


@dataclass(frozen=True)
class Personal:
    """A column of personal data and why it is taken for it."""

    column: Link
    severity: str
    kind: str
    share: str
    evidence: str


@dataclass(frozen=True)
class Relation:
    """Two columns and how strongly they go together."""

    left: Link
    right: Link
    value: str
    meter: Markup
    rows: str


@dataclass(frozen=True)
class Relations:
    """The strongest pairs of one method."""

    title: str
    rows: tuple[Relation, ...]
    more: int


@dataclass(frozen=True)
class Change:
    """One column against the previous profile; figures that do not apply are empty."""

    column: Link
    verdict: str
    what: str
    nulls: str
    distinct: str
    psi: str
    distance: str


@dataclass(frozen=True)
class Part:
    """One part of the sufficiency score."""

    label: str
    value: str
    meter: Markup
    note: str


def links(profile: Profile) -> dict[str, Link]:
    """Every column with its anchor."""
    return {c.name: Link(shown(c.name, 80), anchor(c.name, c.position)) for c in profile.columns}


def kind_name(column: ColumnProfile) -> str:
    """A semantic type in words: ``credit card``."""
    return (column.semantic_type or "").replace("_", " ")


def personal(profile: Profile) -> tuple[Personal, ...]:
    """Columns of personal data, the most severe first."""
    linked = links(profile)
    found = [
        Personal(
            linked[column.name],
            column.pii_severity,
            kind_name(column),
            percent(100 * (column.semantic_share or 0)),
            "; ".join(shown(evidence.what, 200) for evidence in column.semantic_evidence),
        )
        for column in profile.columns
        if column.pii_severity
    ]
    return tuple(sorted(found, key=lambda entry: SEVERITIES.index(entry.severity)))


def relations(profile: Profile) -> tuple[Relations, ...]:
    """The strongest pairs of each method that has any worth showing."""
    linked = links(profile)
    found = []
    for method, title in METHODS.items():
        strong = [pair for pair in profile.pairs if pair.method == method and abs(pair.value) >= LEAST_SHOWN]
        rows = tuple(_relation(pair, linked) for pair in strong[:PAIRS_SHOWN])
        if rows:
            found.append(Relations(title, rows, len(strong) - len(rows)))
    return tuple(found)


def _relation(pair: PairStat, linked: dict[str, Link]) -> Relation:
    kind = "c-bad" if pair.value < 0 else "c-bar"
    return Relation(
        linked[pair.left],
        linked[pair.right],
        f"{pair.value:+.3f}".replace("-", "−") if pair.method != "cramers_v" else f"{pair.value:.3f}",
        charts.meter(abs(pair.value), 1.0, kind),
        integer(pair.rows),
    )


def heat(profile: Profile) -> Markup | None:
    """Pearson's coefficients of the numeric columns as a matrix; None where there are not three columns."""
    values = {(pair.left, pair.right): pair.value for pair in profile.pairs if pair.method == "pearson"}
    inside = {name for pair in values for name in pair}
    names = [column.name for column in profile.columns if column.name in inside][:HEAT_COLUMNS]
    return charts.heat(names, values) if len(names) > 2 else None


def changes(profile: Profile) -> tuple[Change, ...]:
    """Columns that differ from the previous profile, what changed most first."""
    linked = links(profile)
    moved = [drift for drift in profile.drift.columns if drift.verdict != "stable"] if profile.drift else []
    return tuple(_change(drift, linked) for drift in moved)


def _change(drift: ColumnDrift, linked: dict[str, Link]) -> Change:
    return Change(
        linked.get(drift.column) or Link(shown(drift.column, 80), ""),
        drift.verdict,
        "; ".join(drift.reasons),
        _step(_percent(drift.null_pct_before), _percent(drift.null_pct_after)),
        _step(_count(drift.distinct_before), _count(drift.distinct_after)),
        f"{drift.psi:.3f}" if drift.psi is not None else "",
        _distance(drift),
    )


def _distance(drift: ColumnDrift) -> str:
    if drift.ks is not None:
        return f"KS ≥ {drift.ks:.3f}"
    return f"χ² {number(drift.chi_squared)}" if drift.chi_squared is not None else ""


def _percent(value: float | None) -> str:
    return "" if value is None else percent(value)


def _count(value: int | None) -> str:
    return "" if value is None else integer(value)


def _step(before: str, after: str) -> str:
    return after if before == after else f"{before or '–'} → {after or '–'}"


def drift_headline(profile: Profile) -> str:
    """What changed since the previous profile, in one sentence."""
    if profile.drift is None:
        return ""
    moved = sum(column.verdict != "stable" for column in profile.drift.columns)
    differing = "differs" if moved == 1 else "differ"
    said = f"{counted(moved, 'column')} of {len(profile.drift.columns)} {differing}" if moved else "No column differs"
    rows = _step(integer(profile.drift.rows_before), integer(profile.drift.rows_after))
    return f"{said} from version {profile.drift.previous_version}; rows: {rows}."


def score_parts(sufficiency: Sufficiency) -> tuple[Part, ...]:
    """The parts of the score with their weights."""
    parts = (
        ("Volume", sufficiency.volume, "0.3"),
        ("Cleanliness", sufficiency.cleanliness, "0.3"),
        ("Joinability", sufficiency.joinability, "0.2"),
        ("Freshness", sufficiency.freshness, "0.2"),
    )
    return tuple(
        Part(label, f"{value:.2f}", charts.meter(value, 1.0), f"weight {weight}") for label, value, weight in parts
    )


def dependency_rows(profile: Profile) -> Sequence[tuple[Link, Link, str]]:
    """Dependencies, most telling first: left, right, and how often it shows."""
    linked = links(profile)
    return [
        (linked[d.left], linked[d.right], f"{integer(d.groups)} values, {number(d.rows_per_group)} rows each")
        for d in profile.dependencies[:DEPENDENCIES_SHOWN]
    ]
