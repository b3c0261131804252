"""Asset checks: what must hold after a commit, and what a person wants to be told.

``row_count`` and ``verdict`` and their like run inside the step that made the data, because a step of its own
costs a process with the multiprocess executor. ``fresh`` is about time passing, so it runs on its own, by schedule.
Docs: https://docs.dagster.io/guides/test/asset-checks
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines.models import ContractResult, ProfileSet, StagedSync, SyncResult
from udb_pipelines.orchestration.failures import failure, in_part
from udb_pipelines.orchestration.metadata import markdown_table
from udb_pipelines.orchestration.partitions import key_of
from udb_pipelines.orchestration.resources import Udb

if TYPE_CHECKING:
    from udb_pipelines.kpis import KpiSet
    from udb_pipelines.warehouse import Lake

MOST_SHOWN = 50
"""Lines of a table in the event log; the report has all of them."""

RAW_CHECKS = [
    dg.AssetCheckSpec(
        "row_count",
        asset="raw",
        blocking=True,
        description="Rows read are rows committed plus rows rejected, and the lake holds what the commit recorded.",
    ),
    dg.AssetCheckSpec("rejects", asset="raw", description="No row was rejected."),
    dg.AssetCheckSpec("not_empty", asset="raw", description="Every table has rows."),
    dg.AssetCheckSpec(
        "contract", asset="raw", description="What is committed breaks no pinned contract that blocks (udbEnforce)."
    ),
]
VERDICT = dg.AssetCheckSpec("verdict", asset="profile", description="The profile's verdict is PASS.")
CONTRACT = dg.AssetCheckSpec("contract", asset="profile", description="The pinned contracts are kept.")
DRIFT = dg.AssetCheckSpec("drift", asset="profile", description="The data is like that of the previous version.")
PROFILE_CHECKS = [VERDICT, CONTRACT, DRIFT]

KPIS = dg.AssetCheckSpec("kpis", asset="publication", description="Every KPI that was asked keeps its threshold.")

VERIFIED = dg.AssetCheckSpec(
    "verified", asset="snapshot", description="Every file of the copy is as its manifest says."
)


def kpis(asked: KpiSet | None) -> dg.AssetCheckResult:
    """The thresholds of the KPIs that followed this sync; passed when there were none."""
    results = asked.results if asked else ()
    verdict = asked.verdict if asked else "PASS"
    broken = [f"{result.name}: {result.verdict}" for result in results if result.verdict != "PASS"]
    problem = asked.problem if asked else None
    return dg.AssetCheckResult(
        check_name="kpis",
        asset_key="publication",
        passed=verdict == "PASS",
        severity=dg.AssetCheckSeverity.ERROR if verdict == "FAIL" else dg.AssetCheckSeverity.WARN,
        description=problem or "; ".join(broken) or f"{len(results)} KPIs asked, none beyond its threshold",
        metadata={"asked": len(results), "beyond": len(broken)},
    )


def verified(problems: tuple[str, ...]) -> dg.AssetCheckResult:
    """What a snapshot's verification found wrong."""
    return dg.AssetCheckResult(
        check_name="verified",
        asset_key="snapshot",
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems[:5]) or "catalog and files are as the manifest says",
        metadata={"problems": len(problems)},
    )


def before_commit(staged: StagedSync, own: Udb, job_id: str) -> Iterator[dg.AssetCheckResult]:
    """The check ``contract`` of the asset ``raw``: whether a contract forbids the commit.

    Raises:
        dagster.Failure: ``E_CONTRACT_BLOCKED`` after the check that lists what is broken; nothing is committed then.
    """
    from udb_pipelines import contracts

    def work() -> dict[str, ContractResult]:
        return contracts.gate(staged, own.settings, own.lake)

    results = in_part("contract", "sync", job_id=job_id, source=staged.source, work=work)
    yield _contract_result("raw", results)
    problem = contracts.refusal(results, staged.source)
    if problem is not None:
        shutil.rmtree(own.settings.staging / staged.job_id, ignore_errors=True)
        raise failure(problem)


def contract(profiles: ProfileSet) -> dg.AssetCheckResult:
    """Whether the committed data keeps its contracts. Blocks nothing: what must not be committed was not."""
    held = {profile.dataset: profile.contract for profile in profiles.profiles if profile.contract}
    return _contract_result("profile", held)


def _contract_result(asset: str, results: Mapping[str, ContractResult]) -> dg.AssetCheckResult:
    """Counts, columns and first rows of every broken promise, never a value."""
    checked = [(dataset, check) for dataset, result in results.items() for check in result.checks]
    broken = [(dataset, check) for dataset, check in checked if check.status == "broken"]
    errors = sum(check.severity is Severity.ERROR for _, check in broken)
    rows = [
        (dataset, check.rule, check.severity.value, check.count or None, check.found, ", ".join(map(str, check.rows)))
        for dataset, check in broken[:MOST_SHOWN]
    ]
    table = markdown_table(["table", "promise", "severity", "rows", "found", "first rows"], rows)
    said = f"{len(broken)} of {len(checked)} promises are broken" if broken else f"{len(checked)} promises are kept"
    return dg.AssetCheckResult(
        check_name="contract",
        asset_key=asset,
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        description=said if results else "no contract is pinned" if asset == "profile" else "no contract blocks",
        metadata={
            "broken": len(broken),
            "promises": len(checked),
            "not_run": sum(check.status == "not_run" for _, check in checked),
            **({"violations": dg.MetadataValue.md(table)} if broken else {}),
        },
    )


def drift(profiles: ProfileSet) -> dg.AssetCheckResult:
    """Warns when a column is not as it was: in type, gaps, variety or distribution."""
    compared = {profile.dataset: profile.drift for profile in profiles.profiles if profile.drift}
    moved = [
        (dataset, column.column, column.verdict, "; ".join(column.reasons))
        for dataset, found in compared.items()
        for column in found.columns
        if column.verdict != "stable"
    ]
    table = markdown_table(["table", "column", "verdict", "what"], moved[:MOST_SHOWN])
    worst = next((word for word in ("changed", "moved") if any(row[2] == word for row in moved)), "stable")
    return dg.AssetCheckResult(
        check_name="drift",
        asset_key="profile",
        passed=not moved,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{worst}: {len(moved)} columns differ" if moved else "stable" if compared else "nothing before it",
        metadata={"columns": len(moved), **({"differences": dg.MetadataValue.md(table)} if moved else {})},
    )


def after_commit(result: SyncResult, lake: Lake) -> Iterator[dg.AssetCheckResult]:
    """The checks of :data:`RAW_CHECKS`.

    Raises:
        dagster.Failure: ``E_COUNT_MISMATCH`` after the check that shows the difference; nothing is analysed
            or published then.
    """
    counted = count_rows(result, lake)
    yield rejects(result)
    yield not_empty(result)
    reconciled = row_count(result, counted)
    yield reconciled
    if not reconciled.passed:
        raise failure(
            UdbError(
                "E_COUNT_MISMATCH",
                "the rows of the commit do not add up; the check row_count shows the difference",
                source=result.source,
                stage="sync",
                kept="the previous report, and every version in the lake",
            )
        )


def count_rows(result: SyncResult, lake: Lake) -> dict[str, int]:
    """Rows per table, counted in the lake at the version of the commit."""
    counts = {}
    with lake.reader(result.version) as connection:
        for dataset in result.datasets:
            row = connection.execute(f"SELECT count(*) FROM {quote_identifier(dataset.dataset)}").fetchone()
            counts[dataset.dataset] = int(row[0]) if row else 0
    return counts


def row_count(result: SyncResult, counted: dict[str, int]) -> dg.AssetCheckResult:
    """Read = committed + rejected, and what the lake holds is what the commit recorded; exact, per table."""
    rows = [
        (
            dataset.dataset,
            dataset.rows_read,
            dataset.rows_committed,
            dataset.rows_rejected,
            dataset.rows_read - dataset.rows_committed - dataset.rows_rejected,
            dataset.rows_total,
            counted[dataset.dataset],
        )
        for dataset in result.datasets
    ]
    unaccounted = sum(abs(row[4]) for row in rows)
    difference = sum(abs(row[5] - row[6]) for row in rows)
    table = markdown_table(["table", "read", "committed", "rejected", "unaccounted", "recorded", "counted"], rows)
    return dg.AssetCheckResult(
        check_name="row_count",
        asset_key="raw",
        passed=unaccounted == 0 and difference == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{unaccounted} rows unaccounted for, {difference} differ from the lake",
        metadata={"unaccounted": unaccounted, "difference": difference, "tables": dg.MetadataValue.md(table)},
    )


def rejects(result: SyncResult) -> dg.AssetCheckResult:
    """Warns of rejected rows: more than the source allows have already failed the job."""
    rejected = sum(dataset.rows_rejected for dataset in result.datasets)
    read = sum(dataset.rows_read for dataset in result.datasets)
    paths = {dataset.dataset: dg.MetadataValue.path(dataset.rejects) for dataset in result.datasets if dataset.rejects}
    return dg.AssetCheckResult(
        check_name="rejects",
        asset_key="raw",
        passed=rejected == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{rejected} of {read} rows rejected",
        metadata={"rejected": rejected, "read": read, **paths},
    )


def not_empty(result: SyncResult) -> dg.AssetCheckResult:
    """Warns of tables without rows: whether that is an error has been decided by the source's ``allow_empty``."""
    empty = [dataset.dataset for dataset in result.datasets if dataset.rows_total == 0]
    return dg.AssetCheckResult(
        check_name="not_empty",
        asset_key="raw",
        passed=not empty,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"without rows: {', '.join(empty)}" if empty else "every table has rows",
        metadata={"empty": len(empty), "tables": len(result.datasets)},
    )


def verdict(profiles: ProfileSet) -> dg.AssetCheckResult:
    """The verdict as a check: FAIL is an error, WARN a warning. It blocks nothing: reports are for bad data too."""
    codes = sorted({finding.code for profile in profiles.profiles for finding in profile.findings})
    failed = profiles.verdict == "FAIL"
    return dg.AssetCheckResult(
        check_name="verdict",
        asset_key="profile",
        passed=profiles.verdict == "PASS",
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"{profiles.verdict}: {', '.join(codes)}" if codes else profiles.verdict,
        metadata={"verdict": profiles.verdict, "codes": len(codes)},
    )


@dg.asset_check(
    asset="raw",
    name="fresh",
    description="Sources that say how fresh they must be (freshness_hours) had a commit within that time.",
)
def fresh(udb: dg.ResourceParam[Udb]) -> dg.AssetCheckResult:
    """Look at every source at once.

    A ``FreshnessPolicy`` would hold for all partitions alike; each source has a limit of its own.
    """
    return freshness(udb, datetime.now(UTC))


def freshness(udb: Udb, now: datetime) -> dg.AssetCheckResult:
    """The result of :func:`fresh` at a given time."""
    from udb_pipelines import warehouse

    rows: list[tuple[str, object, object, str]] = []
    for own in udb.tenants():
        for source in own.registry.list():
            limit = source.options.freshness_hours
            if limit is None:
                continue
            last = warehouse.last_sync(own.lake, source.name)
            age = (now - (last.committed_at if last else source.created_at)).total_seconds() / 3600
            name = key_of(own.settings.tenant, source.name)
            rows.append((name, round(age, 2), limit, "late" if age > limit else "fresh"))
        rows.extend(_promised(own, now))
    late = [row[0] for row in rows if row[3] == "late"]
    table = markdown_table(["source or table", "hours old", "limit", "state"], rows)
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"late: {', '.join(late)}" if late else f"{len(rows)} sources and promises are fresh",
        metadata={"late": len(late), "sources": dg.MetadataValue.md(table)},
    )


def _promised(own: Udb, now: datetime) -> Iterator[tuple[str, object, object, str]]:
    """What the pinned contracts promise about time (``slaProperties``), for one tenant."""
    from udb_pipelines import contracts, warehouse

    names = contracts.pinned_names(own.settings)
    if not names:
        return
    for info in warehouse.datasets(own.lake):
        pin = contracts.pinned(own.settings, info.dataset) if info.dataset in names else None
        for check in contracts.check_freshness(own.lake, pin, info.committed_at, now) if pin else ():
            state = "fresh" if check.status == "kept" else "late"
            yield key_of(own.settings.tenant, info.dataset), check.found, check.promise, state
