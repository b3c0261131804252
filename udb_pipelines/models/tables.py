"""What ``analyze`` found in a table, between its columns and between tables; what changed, and what was promised."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from udb_pipelines.errors import Severity
from udb_pipelines.models.base import DatasetName, Finding, Model, Name, Verdict, worst
from udb_pipelines.models.columns import ColumnProfile


class KeyCandidate(Model):
    """Columns that may identify a row."""

    columns: tuple[str, ...]
    distinct_ratio: float
    null_ratio: float
    invalid_ratio: float
    score: float
    """distinct_ratio x (1 - null_ratio) / (1 + invalid_ratio)."""


class DuplicateGroup(Model):
    """Rows with the same values in the columns of a key."""

    rows: tuple[int, ...]
    """Numbers of the first ten."""
    count: int
    values: tuple[str, ...]
    """As text; those of personal columns as shapes (``AAA 999``)."""


class KeyCheck(Model):
    """A confirmed key against all rows."""

    columns: tuple[str, ...]
    rows: int
    empty_rows: int
    """Rows that lack a value in a column of the key; they are not compared with each other."""
    distinct: int
    duplicate_groups: int
    duplicate_rows: int
    """Rows beyond the first of their group."""
    first_empty_row: int | None = None
    first_groups: tuple[DuplicateGroup, ...] = ()
    """The first ten, by their first row."""


class PairStat(Model):
    """How two columns go together. Rows where either has no value are left out, but for ``nullity``."""

    left: str
    right: str
    method: Literal["pearson", "spearman", "cramers_v", "nullity"]
    """``nullity``: Pearson's coefficient of the two columns' being empty."""
    value: float
    """-1 to 1; Cramer's V, not bias-corrected, 0 to 1."""
    rows: int


class Inclusion(Model):
    """Values of columns that are keys of another dataset, or of the same: they may be a foreign key. Exact.

    Of a compound key the values are combinations; a row that lacks one of them has none.
    """

    column: str
    """Of several columns their names with a plus between, as ``key``."""
    dataset: DatasetName
    """Whose keys they are, as it was in the version that was profiled."""
    key: str
    columns: tuple[str, ...] = ()
    key_columns: tuple[str, ...] = ()
    """The columns one by one, each with the one it refers to in its place."""
    coverage: float
    """Share of the distinct values that are there as keys, 0 to 1."""
    values: int
    missing_values: int
    rows: int
    """Rows with a value; of those, ``missing_rows`` have one that is no key."""
    missing_rows: int
    name_evidence: float
    """How much the names speak for it, 0 to 1."""


class Dependency(Model):
    """Equal values of ``left`` always come with equal values of ``right``, an empty value counting as one."""

    left: str
    right: str
    groups: int
    """Distinct values of ``left``, each of which says what ``right`` is."""
    rows_per_group: float


class Sufficiency(Model):
    """How far the data goes, 0 to 1: a weighted sum of four parts, each 0 to 1."""

    score: float
    volume: float
    """Weight 0.3: log10(rows + 10) / 5, at most 1."""
    cleanliness: float
    """Weight 0.3: share of the cells that are neither empty nor invalid."""
    joinability: float
    """Weight 0.2: mean distinct ratio of the key candidates."""
    freshness: float
    """Weight 0.2: halves every 72 hours since the newest event; 0.5 when that is unknown."""
    missing: tuple[str, ...] = ()
    """What would raise the score, in words."""


class ColumnDrift(Model):
    """How a column differs from the previous profile. None where a figure does not apply."""

    column: str
    change: Literal["same", "added", "removed", "retyped"]
    type_before: str | None = None
    type_after: str | None = None
    null_pct_before: float | None = None
    null_pct_after: float | None = None
    distinct_before: int | None = None
    distinct_after: int | None = None
    quantile_shift: float | None = None
    """Greatest move of a quantile from p5 to p95, in interquartile ranges of the previous profile."""
    psi: float | None = None
    """Population stability index; below 0.1 nothing happened, above 0.25 much did."""
    ks: float | None = None
    """Kolmogorov-Smirnov: greatest distance between the two distributions, 0 to 1."""
    chi_squared: float | None = None
    chi_squared_p_value: float | None = None
    verdict: Literal["stable", "moved", "changed"]
    reasons: tuple[str, ...] = ()
    approximate: tuple[str, ...] = ()
    """Figures that are not exact, with the method."""


class Drift(Model):
    """A profile against the previous one of the same dataset."""

    previous_version: int
    previous_job_id: str
    previous_profiled_at: datetime
    rows_before: int
    rows_after: int
    columns: tuple[ColumnDrift, ...]
    """What changed most first; columns without any difference included."""
    verdict: Literal["stable", "moved", "changed"]


class ContractCheck(Model):
    """One promise of a contract, and whether the data keeps it. Never carries a value from the data."""

    rule: str
    """``amount.maximum``, ``amount.quality[1]``, ``orders.rowCount``: where it stands in the contract."""
    kind: Literal["schema", "values", "key", "quality", "freshness"]
    promise: str
    """In words, thresholds included: they are the contract's."""
    severity: Severity
    status: Literal["kept", "broken", "not_run"]
    found: str = ""
    """What was found instead, or why it was not run."""
    column: str | None = None
    count: int = 0
    """Rows that break it, where it is about rows."""
    pct: float = 0.0
    """Share of the rows, 0 to 100."""
    rows: tuple[int, ...] = ()
    """The first of them, counted from 1 in the order they are stored."""
    line: int | None = None
    """In the contract."""


class ContractResult(Model):
    """A dataset version against its pinned contract."""

    contract_id: str
    contract_version: str
    sha256: str
    """Of the contract's bytes."""
    blocks: bool = False
    """Data that breaks it is not committed."""
    verdict: Verdict
    checks: tuple[ContractCheck, ...]


class Profile(Model):
    """One dataset version, profiled. Stored as ``profile.json``."""

    schema_version: Literal[1] = 1
    dataset: DatasetName
    source: Name
    version: int
    job_id: str
    profiled_at: datetime
    rows: int
    columns: tuple[ColumnProfile, ...]
    keys: tuple[KeyCandidate, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Every finding of detection, sync and analysis, roll-up per column included."""
    rows_read: int
    rows_rejected: int
    verdict: Verdict
    seconds: float = 0.0
    pairs: tuple[PairStat, ...] = ()
    """Strongest first within a method, at most 500 of each."""
    pair_notes: tuple[str, ...] = ()
    """Which pairs were left out, and why."""
    dependencies: tuple[Dependency, ...] = ()
    """Of one column on another, most telling first; what a key determines is left out."""
    sufficiency: Sufficiency | None = None
    drift: Drift | None = None
    """None for the first profile of a dataset."""
    contract: ContractResult | None = None
    """None where no contract is pinned."""
    inclusions: tuple[Inclusion, ...] = ()
    """Columns that may refer to keys of other datasets, as those were published when this was made."""
    inclusion_notes: tuple[str, ...] = ()
    """What was not compared, and why."""
    key_check: KeyCheck | None = None
    """None when no key is confirmed."""
    parameters: dict[str, str] = Field(default={})
    """What decided beside the data: settings, and UDB's version. The same again: the same profile again."""

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from udb_pipelines.profiling.notebook import as_html

        return as_html(self)


class ProfileSet(Model):
    """The profiles of all datasets of one job."""

    schema_version: Literal[1] = 1
    job_id: str
    source: Name
    version: int
    profiles: tuple[Profile, ...]
    unchanged: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the datasets."""
        return worst(profile.verdict for profile in self.profiles)
