"""Contracts held against data: a committed version, a sync that is about to be committed, the newest as time passes.

Reads through its own pinned reader; the answers become findings and the verdict of a profile.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings
from udb_pipelines.contracts import store
from udb_pipelines.contracts.evaluate import Table, check, verdict
from udb_pipelines.contracts.freshness import Limit, limits
from udb_pipelines.contracts.promises import blocks, object_of, rules_of
from udb_pipelines.contracts.store import Pin
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import CODES, Severity, UdbError
from udb_pipelines.models import (
    ColumnSchema,
    ContractCheck,
    ContractResult,
    Finding,
    Profile,
    ProfileSet,
    StagedDataset,
    StagedSync,
    worst,
)
from udb_pipelines.operations.progress import report as report_progress
from udb_pipelines.wording import counted

if TYPE_CHECKING:
    import duckdb

    from udb_pipelines.warehouse import Lake

_CANDIDATE = "udb_contract_candidate"
MOST_TOLD = 5


# --- a committed version --------------------------------------------------------------------------------


def check_version(
    lake: Lake, pin: Pin, version: int | datetime | None = None, columns: Sequence[ColumnSchema] = ()
) -> ContractResult:
    """Hold a version of a dataset against a contract.

    Args:
        lake: the warehouse.
        pin: the contract and the dataset.
        version: a version or a time; the newest when absent.
        columns: as the sync recorded them, for the names in the source; those of the table when absent.

    Raises:
        UdbError: ``E_CONTRACT``; ``E_VERSION`` when there is no such version, or it does not hold the dataset.
    """
    with lake.reader(version, threads=lake.settings.threads) as connection:
        name = f"lake.main.{quote_identifier(pin.dataset)}"
        stored = _columns(connection, name, pin.dataset)
        return _result(lake, pin, connection, name, _named(stored, columns))


def _result(
    lake: Lake, pin: Pin, connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[ColumnSchema]
) -> ContractResult:
    rules = rules_of(pin.document, pin.dataset, columns)
    report_progress("contract", 0, len(rules), "rules")
    checks = check(Table(connection, name, lambda: _lock(lake, connection)), rules)
    report_progress("contract", len(rules), len(rules), "rules")
    return ContractResult(
        contract_id=str(pin.document.content.get("id")),
        contract_version=str(pin.document.content.get("version")),
        sha256=pin.sha256,
        blocks=blocks(object_of(pin.document, pin.dataset)),
        verdict=verdict(checks),
        checks=checks,
    )


def _columns(connection: duckdb.DuckDBPyConnection, name: str, dataset: str) -> tuple[ColumnSchema, ...]:
    import duckdb

    try:
        described = connection.execute(f"DESCRIBE FROM {name}").fetchall()
    except duckdb.CatalogException:
        raise UdbError(
            "E_VERSION", f"the warehouse holds no dataset {dataset} there", remedy=f"udb history {dataset}"
        ) from None
    return tuple(ColumnSchema(name=column, type=kind) for column, kind, *_ in described)


def _named(stored: Sequence[ColumnSchema], known: Sequence[ColumnSchema]) -> tuple[ColumnSchema, ...]:
    originals = {column.name: column.original_name for column in known}
    return tuple(column.model_copy(update={"original_name": originals.get(column.name)}) for column in stored)


def _lock(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """Leave the connection nothing to read but the lake's files and what is staged."""
    if connection.execute("SELECT current_setting('lock_configuration')").fetchall()[0][0]:
        return
    folders = (lake.catalog.files, lake.settings.spill, lake.settings.staging)
    allowed = ", ".join(quote_literal(f"{folder}/") for folder in folders)
    connection.execute(
        f"SET allowed_directories = [{allowed}]; SET enable_external_access = false; SET lock_configuration = true"
    )


# --- the profiles of a job ------------------------------------------------------------------------------


def applied(
    profiles: ProfileSet, settings: Settings, lake: Lake, columns: Mapping[str, Sequence[ColumnSchema]] | None = None
) -> ProfileSet:
    """The profiles with what their contracts say: findings, and the verdict changed by them.

    A profile that was held against the same bytes before is left as it is.

    Args:
        profiles: of one job.
        settings: where the pinned contracts are.
        lake: the versions that were profiled.
        columns: of each dataset, as the sync recorded them.

    Raises:
        UdbError: ``E_CONTRACT``: a pinned contract was edited in place and is none any more.
    """
    held = tuple(
        _applied(profile, settings, lake, (columns or {}).get(profile.dataset, ())) for profile in profiles.profiles
    )
    return profiles.model_copy(update={"profiles": held})


def _applied(profile: Profile, settings: Settings, lake: Lake, columns: Sequence[ColumnSchema]) -> Profile:
    pin = store.pinned(settings, profile.dataset)
    known = profile.contract
    if (known.sha256 if known else None) == (pin.sha256 if pin else None):
        return profile
    result = check_version(lake, pin, profile.version, columns) if pin else None
    return with_contract(profile, result, settings)


def with_contract(profile: Profile, result: ContractResult | None, settings: Settings) -> Profile:
    """The profile with another contract's result, or with none."""
    from udb_pipelines.profiling.verdict import verdict as verdict_of

    others = tuple(finding for finding in profile.findings if not _of_contract(finding))
    of_data = verdict_of(others, rows_rejected=profile.rows_rejected, type_threshold=settings.type_threshold)
    findings = findings_of(result, profile.dataset) if result else ()
    return profile.model_copy(
        update={
            "contract": result,
            "findings": (*findings, *others),
            "verdict": worst((of_data, result.verdict)) if result else of_data,
        }
    )


def findings_of(result: ContractResult, dataset: str) -> tuple[Finding, ...]:
    """One finding for every broken promise; column, counts and rows, never a threshold or a value."""
    return tuple(_finding(check, dataset) for check in result.checks if check.status == "broken")


def _finding(check: ContractCheck, dataset: str) -> Finding:
    letter = "E" if check.severity is Severity.ERROR else "W"
    code = f"{letter}_CONTRACT_{check.kind.upper()}"
    about = f": {check.found}" if check.count else ""
    return Finding(
        code=code,
        severity=check.severity,
        message=f"{CODES[code].meaning}: {check.rule}{about}",
        remedy=CODES[code].remedy,
        column=check.column,
        count=check.count,
        pct=check.pct,
        row=check.rows[0] if check.rows else None,
        dataset=dataset,
    )


def _of_contract(finding: Finding) -> bool:
    return finding.code[1:].startswith("_CONTRACT_")


# --- before a commit ------------------------------------------------------------------------------------


def gate(staged: StagedSync, settings: Settings, lake: Lake) -> dict[str, ContractResult]:
    """Hold what is about to be committed against the contracts that block.

    Returns:
        The result of each dataset whose contract blocks. Whether one of them is FAIL is for the caller to act on,
        with :func:`refusal`.
    """
    found = {}
    for dataset in staged.datasets:
        pin = store.pinned(settings, dataset.dataset)
        if pin is not None and blocks(object_of(pin.document, dataset.dataset)):
            found[dataset.dataset] = _check_staged(lake, pin, dataset, staged)
    return found


def refusal(results: Mapping[str, ContractResult], source: str) -> UdbError | None:
    """The error to raise when a contract forbids the commit."""
    failed = {dataset: result for dataset, result in results.items() if result.verdict == "FAIL"}
    if not failed:
        return None
    said = "; ".join(_told(dataset, result) for dataset, result in failed.items())
    return UdbError("E_CONTRACT_BLOCKED", said, source=source, stage="sync", kept="the last committed version")


def _told(dataset: str, result: ContractResult) -> str:
    broken = [check for check in result.checks if check.status == "broken" and check.severity is Severity.ERROR]
    told = "; ".join(check.rule + _where(check) for check in broken[:MOST_TOLD])
    more = f"; and {len(broken) - MOST_TOLD} more" if len(broken) > MOST_TOLD else ""
    return f"{dataset} breaks {len(broken)} of {len(result.checks)} promises: {told}{more}"


def _where(check: ContractCheck) -> str:
    if not check.count:
        return ""
    rows = f", first row {check.rows[0]}" if check.rows else ""
    return f" ({counted(check.count, 'row')}{rows})"


def _check_staged(lake: Lake, pin: Pin, dataset: StagedDataset, staged: StagedSync) -> ContractResult:
    from udb_pipelines.warehouse.preview import preview

    lake.settings.spill.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=lake.settings.spill, prefix="contract-") as folder,
        lake.reader(threads=lake.settings.threads) as connection,
    ):
        connection.execute(f"CREATE TEMP VIEW {_CANDIDATE} AS {preview(connection, dataset, staged, Path(folder))}")
        name = f"temp.main.{_CANDIDATE}"
        stored = _columns(connection, name, dataset.dataset)
        return _result(lake, pin, connection, name, _named(stored, dataset.columns))


# --- as time passes -------------------------------------------------------------------------------------


def check_freshness(
    lake: Lake, pin: Pin, committed_at: datetime | None, now: datetime, as_of: int | datetime | None = None
) -> tuple[ContractCheck, ...]:
    """The contract's promises about time, at the moment ``now``.

    Args:
        lake: the warehouse.
        pin: the contract and the dataset.
        committed_at: when the dataset was last committed; None when it never was.
        now: with a time zone.
        as_of: the version to look at; the newest when absent.
    """
    wanted = limits(pin.document, object_of(pin.document, pin.dataset), lambda name: name)
    if not wanted:
        return ()
    with lake.reader(as_of) as connection:
        name = f"lake.main.{quote_identifier(pin.dataset)}"
        types = {column.name.casefold(): column for column in _columns(connection, name, pin.dataset)}
        return tuple(
            _timely(limit, _newest(connection, name, types, limit) if limit.column else committed_at, now)
            for limit in wanted
        )


def _newest(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, ColumnSchema], limit: Limit
) -> datetime | None:
    column = columns.get(str(limit.column).casefold())
    if column is None:
        return None
    quoted = quote_identifier(column.name)
    found = connection.execute(f"SELECT max(TRY_CAST({quoted} AS TIMESTAMP))::VARCHAR FROM {name}").fetchall()[0][0]
    try:
        return datetime.fromisoformat(found).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None  # infinity, or a year that Python does not know


def _timely(limit: Limit, newest: datetime | None, now: datetime) -> ContractCheck:
    age: timedelta | None = now - newest if newest else None
    late = age is None or age > limit.most
    return ContractCheck(
        rule=limit.name,
        kind="freshness",
        promise=limit.promise,
        severity=Severity.WARNING,
        status="broken" if late else "kept",
        found="there is none" if age is None else f"{age.total_seconds() / 3600:,.1f} hours old",
        column=limit.column,
        line=limit.line,
    )
