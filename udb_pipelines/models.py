"""What the stages hand to each other: frozen, versioned, stored as JSON.

    Source -> Detection -> Connection -> StagedSync -> SyncResult -> ProfileSet -> Manifest

A model is the record of a stage: it is written to disk, shown in the UI and compared in tests, so a field
is added with a default and never changes its meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from udb_pipelines.errors import Severity

NAME_PATTERN = r"^[a-z](?:_?[a-z0-9]){0,62}$"
"""Names of sources, datasets and streams. No double underscore: it joins source and stream, and no two
names can become the same table, file or partition."""

LOOKBACK_PATTERN = r"^\d+[smhd]?$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
DatasetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,127}$")]

Format = Literal[
    "delimited", "fixed_width", "json", "ndjson", "parquet", "arrow", "avro", "orc", "spreadsheet",
    "sqlite", "duckdb", "xml", "log", "database", "airbyte", "airbyte_server",
]  # fmt: skip
Compression = Literal["none", "gzip", "bz2", "xz", "zstd", "zip", "tar"]
SyncMode = Literal["full_refresh_overwrite", "full_refresh_append", "incremental_append", "incremental_upsert"]
OnSchemaChange = Literal["evolve", "freeze", "fail"]
ProfileType = Literal["numeric", "money", "date", "code", "alpha", "varchar", "mixed", "unknown"]
Verdict = Literal["PASS", "WARN", "FAIL"]
PiiSeverity = Literal["critical", "high", "medium", "low"]
"""How much harm a disclosed value does: a card number, an email address, a location, an age."""


def slug(text: str) -> str:
    """Turn any text into a legal :data:`Name`: lower case, letters, digits and single underscores.

    >>> slug("Órders 2024 (final).csv")
    'orders_2024_final_csv'
    >>> slug("2024")
    's_2024'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "source"
    return (cleaned if cleaned[0].isalpha() else f"s_{cleaned}")[:60].rstrip("_")


class Model(BaseModel):
    """Immutable, and strict about unknown fields, so that a typing error in YAML or JSON is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Model):
    """Something a person should know about the data. Never carries a value from it."""

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    column: str | None = None
    count: int = 0
    pct: float = 0.0
    """Share of the rows, 0 to 100."""
    row: int | None = None
    """First record concerned, counted from 1 after the header."""
    byte_offset: int | None = None
    """Where that record starts in the (unpacked) file, where known."""
    dataset: str | None = None


# --- the source -----------------------------------------------------------------------------------------


class SourceOptions(Model):
    """What the user has pinned. Everything else is detected."""

    format: Format | None = None
    encoding: str | None = None
    encoding_errors: Literal["strict", "replace"] = "strict"
    delimiter: str | None = None
    quote: str | None = None
    """One character, or the empty string for none."""
    escape: str | None = None
    header: Literal["auto", "none"] | int = "auto"
    """``none``, or the number of header rows."""
    skip_rows: int | None = None
    widths: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(description="characters per column")] = ()
    """Fixed width: characters of each column, from the first on."""
    comment: str | None = None
    null_markers: tuple[str, ...] = ()
    max_reject_pct: float | None = None
    """Share of rejected rows, 0 to 100, above which a sync fails; the setting of that name when absent."""
    allow_empty: bool = False
    """A table without rows is a warning when true, a failure when it had rows before and false."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    lookback: str | None = Field(default=None, pattern=LOOKBACK_PATTERN)
    """How far behind the last cursor an incremental sync begins again, for rows that arrive late: ``90s``, ``15m``,
    ``2h``, ``3d``, or a number for a cursor that counts."""
    tombstone: str | None = None
    """Upsert: a column that marks a row as deleted, by being true or not 0, or by holding anything if it is
    neither boolean nor whole number."""
    delete_missing: bool = False
    """Upsert from a database: rows whose key the source no longer holds are deleted."""
    on_schema_change: OnSchemaChange = "evolve"
    tables: tuple[str, ...] = ()
    """Only these tables, sheets or archive members; all when empty."""
    queries: dict[Name, str] = {}
    """Databases: SELECT statements in the database's own SQL, by the name of the table each becomes; then of the
    tables themselves only those named in ``tables``."""
    config: dict[str, Any] = {}
    """What a connector needs to know; secrets as references."""
    schedule: str | None = None
    """Cron expression in UTC."""
    freshness_hours: float | None = None
    """Older than this since the last commit, and the freshness check warns."""
    keep_days: int | None = Field(default=None, ge=1)
    """Days that profiles and rejects of old jobs are kept; the setting ``retention_days`` when absent."""
    keep_jobs: int | None = Field(default=None, ge=1)
    """Jobs whose artifacts are kept; the setting ``retention_jobs`` when absent."""
    keys: dict[DatasetName, tuple[str, ...]] = {}
    """Confirmed keys by dataset (``udb keys confirm``): checked in every profile, whatever the sync mode."""


class Source(Model):
    """A registered source: a name, where it is, and what the user pinned."""

    name: Name
    uri: str
    """Path, glob, folder, URL or DSN. Secrets only as references: ``${ENV}``, ``${secret:name}``."""
    options: SourceOptions = SourceOptions()
    created_at: datetime


class Hold(Model):
    """A legal hold on a source or a dataset: nothing of it is deleted before ``until``; for ever when absent."""

    name: DatasetName
    until: datetime | None = None
    reason: str = ""
    created_at: datetime


# --- detect ---------------------------------------------------------------------------------------------


class Evidence(Model):
    """One reason for a decision, in words a person can check, with the weight it had (0 to 1)."""

    what: str
    weight: float = Field(ge=0, le=1)


class Dialect(Model):
    """How a delimited text is written."""

    delimiter: str
    quote: str = '"'
    """One character; empty for none."""
    escape: str = '"'
    """The quote itself when inner quotes are doubled; another character; empty for none."""
    newline: Literal["\n", "\r\n", "\r", "mixed"] = "\n"
    header_rows: int = 1
    skip_rows: int = 0
    """Physical lines before the header: preamble."""
    comment: str = ""
    footer_rows: int = 0
    short_rows: bool = False
    """Rows may leave out empty fields at their end."""
    padded: bool = False
    """Blanks beside delimiters set values apart; they are no part of them."""
    bordered: bool = False
    """A delimiter stands before the first field of every record and after its last."""
    spans: tuple[tuple[int, int | None], ...] = ()
    """Fixed width: where each column begins and ends, in characters from 0; None for the end of the line. What
    stands between two columns belongs to the one it touches."""


class Candidate(Model):
    """One thing the source may be. Candidates are ranked; the first is taken."""

    format: Format
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    dialect: Dialect | None = None


class ColumnSchema(Model):
    """A column as it will be, or is, stored."""

    name: str
    """Safe, unique name in the warehouse."""
    type: str
    """DuckDB type; ``VARCHAR`` until the whole column has been seen."""
    original_name: str | None = None
    """The name in the source, where it differs."""


class Area(Model):
    """The part of a file or sheet that holds a table, where it holds several. Counted from 0, ends not included."""

    first_row: int
    """Physical lines of a text; rows of the used area of a sheet."""
    end_row: int
    first_column: int = 0
    end_column: int | None = None
    """Sheets only."""
    byte_offset: int = 0
    """Where the first line begins in the unpacked text."""


class DetectedStream(Model):
    """One table found in the source: a file, a set of files with one schema, a sheet, a database table."""

    name: Name
    format: Format
    files: tuple[str, ...]
    """Local paths (unpacked archive members have their own), or one DSN for a database."""
    member: str | None = None
    """Sheet, archive member or qualified database table."""
    query: str | None = None
    """The SELECT whose rows it is, in the database's own SQL."""
    records: str | None = None
    """Where the records are inside a document: dotted keys of the array for JSON (``data.items``; None when the
    document itself is the array, the object or the scalar), the element's name for XML, the name of the layout for a
    log."""
    area: Area | None = None
    """Set when it is one of several tables of a file or sheet."""
    primary_key: tuple[str, ...] = ()
    """As the source itself declares it; what the user names comes first."""
    cursor: str | None = None
    """As the source itself declares it."""
    resumable: bool = False
    """A connector can go on with it from a state."""
    compression: Compression = "none"
    encoding: str = "utf-8"
    encoding_confidence: float = 1.0
    dialect: Dialect | None = None
    columns: tuple[ColumnSchema, ...] = ()
    row_estimate: int | None = None
    candidates: tuple[Candidate, ...] = ()
    findings: tuple[Finding, ...] = ()


class InputFile(Model):
    """A file as detection saw it, to notice when it is another one."""

    path: str
    bytes: int
    modified_ns: int
    sha256: str


class Detection(Model):
    """What the source is. ``fingerprint`` changes exactly when its content or its options do."""

    schema_version: Literal[1] = 1
    source: Name
    uri: str
    """As given, secrets left as references or masked."""
    connector: str
    """``file``, ``http``, ``sqlite``, ``duckdb``, ``postgres`` ..."""
    streams: tuple[DetectedStream, ...]
    bytes: int
    fingerprint: str
    inputs: tuple[InputFile, ...] = ()
    """The local files that the fingerprint stands for."""
    findings: tuple[Finding, ...] = ()
    settings_needed: tuple[str, ...] = ()
    """Names of options that detection could not find out and the user must give."""
    seconds: float = 0.0


# --- provision ------------------------------------------------------------------------------------------


class Stream(Model):
    """One table to read, and where it goes."""

    detected: DetectedStream
    dataset: DatasetName
    """Table in the warehouse: the source's name, or ``source__stream`` when the source has several."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    tombstone: str | None = None


class Connection(Model):
    """How to read the source. Nothing in it is secret."""

    schema_version: Literal[1] = 1
    source: Name
    connector: str
    uri: str
    fingerprint: str
    streams: tuple[Stream, ...]
    options: SourceOptions = SourceOptions()
    inputs: tuple[InputFile, ...] = ()
    """The local files that the fingerprint stands for."""


# --- sync -----------------------------------------------------------------------------------------------


class StagedDataset(Model):
    """Rows of one dataset, read, cast and written as Parquet, waiting for their commit."""

    dataset: DatasetName
    parquet: tuple[Path, ...]
    """Files to become the dataset's next version; in the staging folder of the job."""
    columns: tuple[ColumnSchema, ...]
    rows_read: int
    """By a count that does not depend on the parser that loaded them, where the format allows one."""
    rows_staged: int
    rows_rejected: int
    rejects: Path | None = None
    """Parquet: row BIGINT, byte_offset BIGINT, code, column (of rows: null), message and raw, all VARCHAR."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    """Upsert: of several rows with one key the greatest cursor wins; the last row read when there is none.
    Append: rows that the dataset holds already (same key and cursor; without a key, the same row) are not added."""
    tombstone: str | None = None
    """Upsert: the column that marks a row as deleted."""
    keys: Path | None = None
    """Upsert: Parquet with every key the source holds; rows of the dataset with another one are deleted."""
    findings: tuple[Finding, ...] = ()


class StagedSync(Model):
    """Everything one commit will contain."""

    schema_version: Literal[1] = 1
    job_id: str
    source: Name
    fingerprint: str
    """Equal to the last committed one: there is nothing to do, and ``datasets`` is empty."""
    datasets: tuple[StagedDataset, ...]
    state: dict[str, Any] = {}
    """Sync state (cursors), committed in the same transaction as the rows."""
    timeline: int | None = None
    """The warehouse's timeline whose state the job went on from. After a restore in between, rows would be missing,
    so the commit is refused. None: everything was read, whatever was there before."""
    options: SourceOptions = SourceOptions()


class SchemaChange(Model):
    """A difference between two versions of a dataset's columns."""

    column: str
    change: Literal["added", "removed", "retyped"]
    before: str | None = None
    after: str | None = None


class DatasetVersion(Model):
    """What one commit did to one dataset."""

    dataset: DatasetName
    version: int
    """Snapshot id in the lake: ``SELECT ... FROM dataset AT (VERSION => n)``."""
    columns: tuple[ColumnSchema, ...]
    rows_read: int
    rows_committed: int
    rows_rejected: int
    rows_superseded: int = 0
    """Upsert: committed rows that another row of the same commit, with the same key, replaced at once."""
    rows_known: int = 0
    """Incremental append: committed rows that the dataset held already, so that they were not added again."""
    rows_deleted: int = 0
    """Upsert: rows that left the dataset because the source marked them as deleted, or holds them no longer."""
    rows_total: int
    """Rows in the table after the commit."""
    rejects: Path | None = None
    schema_changes: tuple[SchemaChange, ...] = ()
    findings: tuple[Finding, ...] = ()


class SyncResult(Model):
    """One acknowledged commit, or the last one when nothing had changed."""

    schema_version: Literal[1] = 1
    job_id: str
    """The job that made the commit; another one than the running job when ``unchanged``."""
    source: Name
    version: int
    committed_at: datetime
    fingerprint: str
    unchanged: bool = False
    datasets: tuple[DatasetVersion, ...]


# --- analyze --------------------------------------------------------------------------------------------


class ValueCount(Model):
    """A value, as text, and how many rows have it."""

    value: str
    count: int


class Bin(Model):
    """A histogram bin: ``low <= x < high``; the last one includes ``high``."""

    low: float
    high: float
    count: int


class NumericStats(Model):
    """Moments and order statistics of the values that match the type. None where undefined."""

    min: float | None
    max: float | None
    sum: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    """Sample standard deviation (n - 1)."""
    variance: float | None
    skewness: float | None
    """Fisher-Pearson coefficient g1, as ``scipy.stats.skew`` (biased)."""
    kurtosis: float | None
    """Excess kurtosis g2, as ``scipy.stats.kurtosis`` (biased)."""
    quantiles: dict[str, float]
    """``p1`` to ``p99``, exact, linear interpolation (NumPy's default)."""
    iqr: float | None
    zeros: int
    negatives: int
    integers_pct: float
    outliers: int
    """Beyond the Tukey fences: 1.5 IQR outside the quartiles."""
    histogram: tuple[Bin, ...]
    normality_test: str | None = None
    normality_statistic: float | None = None
    normality_p_value: float | None = None
    mode: float | None = None
    """Most frequent number, the smallest of several; None when no number repeats."""
    mad: float | None = None
    """Median absolute deviation from the median."""
    cv: float | None = None
    """Coefficient of variation: stddev / mean."""
    log_histogram: tuple[Bin, ...] = ()
    """Bins of equal width on a logarithmic axis, for positive numbers of which few are very large."""


class MoneyStats(Model):
    """What money has beside :class:`NumericStats`."""

    two_decimal_ok: bool
    violations: int
    symbols: tuple[ValueCount, ...] = ()
    """Characters that an amount may not have, such as a currency's, each with the rows that have it."""


class DateStats(Model):
    """Dates and timestamps, as ISO text."""

    format: str
    min: str | None
    max: str | None
    span_days: int | None
    by_year: tuple[ValueCount, ...]
    by_month: tuple[ValueCount, ...]
    """Twelve entries or fewer, ``01`` to ``12``."""
    by_weekday: tuple[ValueCount, ...]
    """``Mon`` to ``Sun``."""
    out_of_range: int
    ambiguous: bool = False
    """No value decides whether the day or the month comes first."""
    cadence: str | None = None
    """``daily``, ``weekly``, ``monthly``, ``quarterly``, ``yearly``, when most neighbouring days are so far apart."""
    gaps: int | None = None
    """Neighbouring days further apart than the cadence allows."""
    longest_gap_days: int | None = None


class TextStats(Model):
    """Text columns of any kind."""

    entropy: float | None
    """Shannon entropy of the values, in bits."""
    patterns: tuple[ValueCount, ...]
    """Most frequent shapes: A for a letter, 9 for a digit."""
    upper: int
    lower: int
    mixed: int
    scripts: tuple[ValueCount, ...] = ()
    """Unicode scripts, each with the rows that have a letter of it among the first 200 characters."""
    classes: tuple[ValueCount, ...] = ()
    """Rows with a ``letter``, ``digit``, ``space``, ``punctuation``, another ASCII ``control`` character, or one that
    is ``other``, among the first 200 characters."""


class ColumnProfile(Model):
    """Everything known about one column."""

    name: str
    position: int
    storage_type: str
    type: ProfileType
    type_share: float
    """Share of the non-null values that match ``type``, 0 to 1."""
    runner_up: ProfileType | None = None
    runner_up_share: float | None = None
    semantic_type: str | None = None
    rows: int
    nulls: int
    null_pct: float
    distinct: int
    duplicates: int
    """Non-null rows beyond the first of each value."""
    uniqueness: float
    """distinct / non-null, 0 to 1."""
    constant: bool
    invalid: int
    """Non-null values that do not match ``type``, or are dates in another format than the column's: left out of the
    statistics of the type."""
    min_length: int | None = None
    max_length: int | None = None
    avg_length: float | None = None
    leading_trailing_space: int = 0
    top_values: tuple[ValueCount, ...] = ()
    bottom_values: tuple[ValueCount, ...] = ()
    format_hint: str | None = None
    format_hint_share: float | None = None
    numeric: NumericStats | None = None
    money: MoneyStats | None = None
    date: DateStats | None = None
    text: TextStats | None = None
    findings: tuple[Finding, ...] = ()
    approximate: tuple[str, ...] = ()
    """Names of the figures above that are not exact, with the method."""
    shortest_value: str | None = None
    longest_value: str | None = None
    """The first of them in order, cut as other values are."""
    semantic_share: float | None = None
    """Share of the non-null rows that are of ``semantic_type``, 0 to 1."""
    semantic_evidence: tuple[Evidence, ...] = ()
    pii_severity: PiiSeverity | None = None
    """Set for personal data."""
    masked: bool = False
    """The values shown stand for personal data: letters became ``A``, digits ``9``."""


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
    """Values of a column that are keys of another dataset, or of the same: it may be a foreign key. Exact."""

    column: str
    dataset: DatasetName
    """Whose keys they are, as it was in the version that was profiled."""
    key: str
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
    parameters: dict[str, str] = {}
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


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of any number of verdicts; ``PASS`` of none."""
    order: tuple[Verdict, ...] = ("PASS", "WARN", "FAIL")
    return max(verdicts, key=order.index, default="PASS")


# --- publish --------------------------------------------------------------------------------------------


class Artifact(Model):
    """A published file. ``path`` is relative to the folder that holds the manifest."""

    path: str
    dataset: str | None
    bytes: int
    sha256: str
    media_type: str


class Manifest(Model):
    """What a job published. Written last: a folder without it is not published."""

    schema_version: Literal[1] = 1
    job_id: str
    source: Name
    version: int
    published_at: datetime
    verdict: Verdict
    folder: Path
    artifacts: tuple[Artifact, ...]
    seconds: dict[str, float] = {}
    """Wall seconds per stage."""
    unchanged: bool = False
