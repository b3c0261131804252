"""Models as the earlier stages would hand them over: a small order table, with dirt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.errors import CODES
from udb_pipelines.models import (
    Bin,
    Candidate,
    ColumnProfile,
    ColumnSchema,
    Connection,
    DatasetVersion,
    DateStats,
    DetectedStream,
    Detection,
    Dialect,
    Evidence,
    Finding,
    KeyCandidate,
    MoneyStats,
    NumericStats,
    Profile,
    ProfileSet,
    SchemaChange,
    Stream,
    SyncResult,
    TextStats,
    ValueCount,
)

TIME = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
JOB = "0b5c7a5e-7b6f-4c69-9b0e-6f0f4b1d2c3a"
ROWS = 31_204
HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    '"><img src=x onerror=alert(2)>',
    "]]>--><!--</style></title>",
    "\u202egnp.exe",
    "שלום עולם",
    "مرحبا بالعالم",
    "👩‍👩‍👧‍👦🇺🇦",
    "tab\there\nand\x00null\x1b[31m",
    "&amp;&lt; &#x27;",
    "x" * 5_000,
    " ",
    "",
    '=HYPERLINK("http://evil.example")',
    "Ω≈ç√∫˜µ≤≥÷ zalgo T̸̢͝o̷",
)


def counts(*pairs: tuple[str, int]) -> tuple[ValueCount, ...]:
    return tuple(ValueCount(value=value, count=count) for value, count in pairs)


def finding(code: str, column: str | None = None, count: int = 0, row: int | None = None, message: str = "") -> Finding:
    return Finding(
        code=code,
        severity=CODES[code].severity,
        message=message or CODES[code].meaning,
        remedy=CODES[code].remedy,
        column=column,
        count=count,
        pct=100 * count / ROWS,
        row=row,
        byte_offset=row * 87 if row else None,
    )


def column(name: str, position: int, **fields: object) -> ColumnProfile:
    base: dict[str, object] = {
        "storage_type": "VARCHAR",
        "type": "varchar",
        "type_share": 1.0,
        "rows": ROWS,
        "nulls": 0,
        "null_pct": 0.0,
        "distinct": ROWS,
        "duplicates": 0,
        "uniqueness": 1.0,
        "constant": False,
        "invalid": 0,
        "min_length": 3,
        "max_length": 24,
        "avg_length": 11.42,
    }
    return ColumnProfile.model_validate({"name": name, "position": position, **base, **fields})


def numeric(low: float, high: float, weights: tuple[int, ...], **fields: object) -> NumericStats:
    step = (high - low) / len(weights)
    bins = tuple(Bin(low=low + i * step, high=low + (i + 1) * step, count=weight) for i, weight in enumerate(weights))
    span = high - low
    at = {"p1": 0.004, "p5": 0.02, "p25": 0.08, "p50": 0.17, "p75": 0.31, "p95": 0.58, "p99": 0.8}
    base: dict[str, object] = {
        "min": low,
        "max": high,
        "sum": 2_734_881.17,
        "mean": low + 0.22 * span,
        "median": low + 0.17 * span,
        "stddev": span / 6.1,
        "variance": (span / 6.1) ** 2,
        "skewness": 1.482291,
        "kurtosis": 2.71173,
        "quantiles": {name: low + share * span for name, share in at.items()},
        "iqr": 0.23 * span,
        "zeros": 12,
        "negatives": 3,
        "integers_pct": 4.25,
        "outliers": 811,
        "histogram": bins,
        "normality_test": "dagostino",
        "normality_statistic": 8123.991,
        "normality_p_value": 0.0,
    }
    return NumericStats.model_validate({**base, **fields})


def columns() -> tuple[ColumnProfile, ...]:
    text = TextStats(
        entropy=13.82,
        patterns=counts(("AAAA.AAAA@AAAAAA.AAA", 20_114), ("AAA9@AAAA.AA", 9_871), ("AAAA", 12)),
        upper=4,
        lower=30_100,
        mixed=1_093,
    )
    codes = TextStats(
        entropy=1.62, patterns=counts(("AAAAAAAAA", 24_000), ("AAAAAAA", 7_204)), upper=0, lower=ROWS, mixed=0
    )
    return (
        column(
            "order_id",
            1,
            storage_type="BIGINT",
            type="numeric",
            numeric=numeric(
                10_000,
                41_204,
                (3121,) * 9 + (3115,),
                skewness=0.0,
                zeros=0,
                negatives=0,
                integers_pct=100.0,
                outliers=0,
            ),
            runner_up="code",
            runner_up_share=0.0,
        ),
        column(
            "ordered_at",
            2,
            storage_type="TIMESTAMP",
            type="date",
            distinct=31_188,
            duplicates=16,
            uniqueness=31_188 / ROWS,
            invalid=9,
            findings=(
                finding(
                    "E_DATE_INVALID", "ordered_at", 9, 811, "9 values are not dates in the format %Y-%m-%d %H:%M:%S"
                ),
                finding("W_DATE_RANGE", "ordered_at", 2, 12_000),
            ),
            date=DateStats(
                format="%Y-%m-%d %H:%M:%S",
                min="2019-01-02T08:11:00",
                max="2027-12-30T22:01:00",
                span_days=3285,
                by_year=counts(
                    ("2019", 2104),
                    ("2020", 3190),
                    ("2021", 4012),
                    ("2022", 5107),
                    ("2024", 7833),
                    ("2025", 8500),
                    ("2026", 447),
                    ("2027", 2),
                ),
                by_month=counts(*((f"{m:02d}", 2000 + 170 * m) for m in range(1, 13))),
                by_weekday=counts(
                    ("Mon", 5120),
                    ("Tue", 5011),
                    ("Wed", 4933),
                    ("Thu", 5004),
                    ("Fri", 5821),
                    ("Sat", 3300),
                    ("Sun", 2006),
                ),
                out_of_range=2,
            ),
        ),
        column(
            "customer_email",
            3,
            nulls=1204,
            null_pct=100 * 1204 / ROWS,
            distinct=21_007,
            duplicates=8993,
            uniqueness=21_007 / 30_000,
            semantic_type="email",
            text=text,
            leading_trailing_space=41,
            top_values=counts(
                ("maria.rossi@example.com", 88),
                ("j.smith@example.org", 71),
                ("", 44),
                ("  padded@example.com ", 12),
                ("o'brien+orders@sub.domain.example.co.uk", 9),
            ),
            findings=(
                finding("W_NULL_MARKER", "customer_email", 44, 90, "44 values are 'N/A', which often means no value"),
            ),
        ),
        column(
            "status",
            4,
            type="code",
            distinct=5,
            duplicates=ROWS - 5,
            uniqueness=5 / ROWS,
            text=codes,
            min_length=4,
            max_length=9,
            top_values=counts(
                ("delivered", 24_000), ("shipped", 4_800), ("pending", 1_900), ("returned", 500), ("lost", 4)
            ),
        ),
        column(
            "amount",
            5,
            storage_type="VARCHAR",
            type="money",
            type_share=0.9982,
            invalid=57,
            runner_up="numeric",
            runner_up_share=0.9984,
            distinct=8121,
            duplicates=23_083,
            uniqueness=0.26,
            money=MoneyStats(two_decimal_ok=False, violations=57),
            numeric=numeric(-120.5, 4999.99, (9120, 8111, 5502, 3600, 2100, 1300, 700, 420, 210, 84)),
            format_hint="1.234,50",
            format_hint_share=0.9,
            top_values=counts(("19.99", 911), ("9.99", 804), ("49.00", 410), ("0.00", 12)),
            findings=(finding("E_MONEY_FORMAT", "amount", 57, 203, "57 values are not amounts with two decimals"),),
        ),
        column(
            "ship_country",
            6,
            type="code",
            nulls=3,
            null_pct=100 * 3 / ROWS,
            distinct=41,
            uniqueness=41 / ROWS,
            duplicates=ROWS - 44,
            min_length=2,
            max_length=2,
            text=TextStats(entropy=3.1, patterns=counts(("AA", ROWS - 3)), upper=ROWS - 3, lower=0, mixed=0),
            top_values=counts(
                *(
                    (c, n)
                    for c, n in zip(
                        ("DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT", "CZ", "PT"),
                        (9000, 6200, 4100, 3000, 2100, 1500, 900, 700, 500, 300),
                        strict=True,
                    )
                )
            ),
        ),
        column(
            "weight_kg",
            7,
            storage_type="DOUBLE",
            type="numeric",
            nulls=15_700,
            null_pct=100 * 15_700 / ROWS,
            distinct=912,
            uniqueness=0.058,
            numeric=numeric(0.05, 30.0, (8100, 4000, 2100, 800, 300, 120, 50, 20, 10, 4), mean=2.91),
            approximate=("distinct (HyperLogLog)",),
        ),
        column(
            "note",
            8,
            type="mixed",
            type_share=0.61,
            runner_up="numeric",
            runner_up_share=0.33,
            nulls=28_000,
            null_pct=100 * 28_000 / ROWS,
            distinct=811,
            uniqueness=0.25,
            findings=(finding("E_MIXED_TYPE", "note", 3204, 5),),
            top_values=counts(("call first", 90), ("12", 41)),
        ),
        column(
            "legacy_flag",
            9,
            type="unknown",
            type_share=0.0,
            nulls=ROWS,
            null_pct=100.0,
            distinct=0,
            uniqueness=0.0,
            constant=True,
            min_length=None,
            max_length=None,
            avg_length=None,
        ),
    )


def profile(dataset: str = "orders", found: tuple[ColumnProfile, ...] | None = None, **fields: object) -> Profile:
    found = columns() if found is None else found
    findings = (
        finding(
            "E_JAGGED_ROW", count=12, row=1406, message="12 rows have another number of fields than the header's 9"
        ),
        finding("W_BOM"),
        *(entry for each in found for entry in each.findings),
    )
    base: dict[str, object] = {
        "dataset": dataset,
        "source": "shop",
        "version": 14,
        "job_id": JOB,
        "profiled_at": TIME,
        "rows": ROWS,
        "columns": found,
        "findings": findings,
        "rows_read": ROWS + 12,
        "rows_rejected": 12,
        "verdict": "FAIL",
        "keys": (
            KeyCandidate(columns=("order_id",), distinct_ratio=1.0, null_ratio=0.0, invalid_ratio=0.0, score=1.0),
            KeyCandidate(
                columns=("customer_email", "ordered_at"),
                distinct_ratio=0.99996,
                null_ratio=0.0386,
                invalid_ratio=0.0003,
                score=0.9611,
            ),
        ),
        "seconds": 1.83,
    }
    return Profile.model_validate({**base, **fields})


def profile_set(*profiles: Profile, **fields: object) -> ProfileSet:
    chosen = profiles or (profile(),)
    base = {"job_id": chosen[0].job_id, "source": "shop", "version": chosen[0].version, "profiles": chosen}
    return ProfileSet.model_validate({**base, **fields})


def stream(dataset: str = "orders") -> Stream:
    detected = DetectedStream(
        name="orders",
        format="delimited",
        files=("/data/shop/orders.csv",),
        encoding="cp1252",
        encoding_confidence=0.93,
        dialect=Dialect(delimiter=";", newline="\r\n", skip_rows=2, footer_rows=1),
        candidates=(
            Candidate(
                format="delimited",
                confidence=0.98,
                dialect=Dialect(delimiter=";"),
                evidence=(
                    Evidence(what="every one of 2,000 sampled records has 9 fields", weight=0.7),
                    Evidence(what="7 of 9 columns have one type throughout", weight=0.3),
                ),
            ),
            Candidate(
                format="delimited",
                confidence=0.21,
                dialect=Dialect(delimiter=","),
                evidence=(Evidence(what="83 % of the sampled records have 2 fields", weight=0.7),),
            ),
        ),
    )
    return Stream(detected=detected, dataset=dataset)


def detection() -> Detection:
    return Detection(
        source="shop",
        uri="/data/shop/orders.csv",
        connector="file",
        streams=(stream().detected,),
        bytes=2_714_880,
        fingerprint="5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
    )


def connection(*datasets: str) -> Connection:
    streams = tuple(stream(dataset) for dataset in datasets or ("orders",))
    found = detection()
    return Connection(source="shop", connector="file", uri=found.uri, fingerprint=found.fingerprint, streams=streams)


def sync(*datasets: str, rejects: Path | None = None, rejected: int = 12) -> SyncResult:
    versions = tuple(
        DatasetVersion(
            dataset=dataset,
            version=14,
            rows_read=ROWS + rejected,
            rows_committed=ROWS,
            rows_rejected=rejected,
            rows_total=ROWS,
            rejects=rejects,
            columns=(ColumnSchema(name="customer_email", type="VARCHAR", original_name="Customer E-Mail"),),
            schema_changes=(
                SchemaChange(column="weight_kg", change="added", after="DOUBLE"),
                SchemaChange(column="amount", change="retyped", before="DECIMAL(18,2)", after="VARCHAR"),
                SchemaChange(column="fax", change="removed", before="VARCHAR"),
            ),
        )
        for dataset in datasets or ("orders",)
    )
    return SyncResult(
        job_id=JOB, source="shop", version=14, committed_at=TIME, fingerprint=detection().fingerprint, datasets=versions
    )


SECONDS = {"detect": 0.213, "provision": 0.004, "sync": 1.52, "analyze": 1.83}


def hostile_profile() -> Profile:
    """Every hostile text as the name of a column, as values, as a pattern, a message and a hint."""
    found = tuple(
        column(
            text or "(none)",
            position,
            text=TextStats(entropy=1.0, patterns=counts((text, 3)), upper=0, lower=0, mixed=0),
            top_values=counts(*((other, 5) for other in HOSTILE)),
            bottom_values=counts((text, 1)),
            uniqueness=0.5,
            distinct=99,
            format_hint=text,
            semantic_type=text,
            storage_type=text,
            findings=(finding("E_MIXED_TYPE", text, 7, 3, message=f"about {text}"),),
        )
        for position, text in enumerate(HOSTILE, start=1)
    )
    keys = (KeyCandidate(columns=HOSTILE[:3], distinct_ratio=1, null_ratio=0, invalid_ratio=0, score=1),)
    return profile(found=found, keys=keys)


def wide_profile(number: int) -> Profile:
    """As many columns as asked for, each with everything a column can have."""
    kinds = columns()
    findings = (finding("W_TYPE_AMBIGUOUS", "x", 5, 6),)
    top = counts(*((f"value number {rank} of the column", 9_000 - 700 * rank) for rank in range(10)))
    found = tuple(
        kinds[index % 8].model_copy(
            update={"name": f"column_{index:03d}", "position": index + 1, "findings": findings, "top_values": top}
        )
        for index in range(number)
    )
    return profile(found=found)


def wordy_profile(number: int) -> Profile:
    """Columns of long texts, with as many values kept as a setting allows."""
    long = counts(*((f"{rank} " + "lorem ipsum " * 90, 40 - rank) for rank in range(40)))
    text = TextStats(entropy=9.1, patterns=long, upper=1, lower=2, mixed=3)
    found = tuple(
        column(f"text_{i}", i + 1, text=text, top_values=long, bottom_values=long, uniqueness=0.5, distinct=15_000)
        for i in range(number)
    )
    return profile(found=found)
