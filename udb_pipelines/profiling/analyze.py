"""The analyze stage: every dataset of a commit, read at exactly the version the commit made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import (
    Connection,
    DatasetVersion,
    DetectedStream,
    Detection,
    Finding,
    Profile,
    ProfileSet,
    SyncResult,
)
from udb_pipelines.profiling import listing
from udb_pipelines.profiling.confirmed import check_key, key_findings, missing_columns, missing_finding
from udb_pipelines.profiling.drift import compare
from udb_pipelines.profiling.inclusion import find_inclusions, may_refer
from udb_pipelines.profiling.memory import limited
from udb_pipelines.profiling.source_rows import with_offsets, with_source_rows
from udb_pipelines.profiling.table import Origin, parameters, profile_table
from udb_pipelines.profiling.verdict import verdict

if TYPE_CHECKING:
    from udb_pipelines.warehouse import Lake


def analyze(
    sync: SyncResult,
    detection_findings: tuple[Finding, ...],
    settings: Settings,
    lake: Lake,
    previous: Mapping[str, Profile] | None = None,
    keys: Mapping[str, tuple[str, ...]] | None = None,
    others: Sequence[Profile] = (),
    streams: Mapping[str, DetectedStream] | None = None,
) -> ProfileSet:
    """Profile each dataset of ``sync``. What was profiled before, with the same settings, is not read again.

    Args:
        sync: the commit; its datasets are read at their own versions, whatever is written meanwhile.
        detection_findings: what detection has to say; those of no particular dataset belong to each.
        settings: thresholds and limits.
        lake: the warehouse to read from.
        previous: the last profile of each dataset, by name, to compare with; such as those last published.
        keys: the key of each dataset that has a confirmed one, see :func:`keys_of`.
        others: profiles of datasets of other sources, whose keys columns may refer to.
        streams: what each dataset was loaded from, by its name, see :func:`streams_of`: so that rows have offsets.

    Raises:
        UdbError: ``E_WAREHOUSE`` when the version cannot be read.
    """
    known = previous or {}
    profiles = [
        _analyzed(
            dataset, sync, detection_findings, settings, lake, known.get(dataset.dataset), keys or {}, streams or {}
        )
        for dataset in sync.datasets
    ]
    return ProfileSet(
        job_id=sync.job_id,
        source=sync.source,
        version=sync.version,
        profiles=tuple(
            # One that was reused is what it was.
            profile if profile is known.get(profile.dataset) else in_lake(profile, [*profiles, *others], lake)
            for profile in profiles
        ),
        unchanged=sync.unchanged,
    )


def in_lake(profile: Profile, others: Sequence[Profile], lake: Lake) -> Profile:
    """The profile with the columns that refer to keys of other datasets, all as they were in its version."""
    if not may_refer(profile, others):
        return profile
    with lake.reader(as_of=profile.version, threads=lake.settings.threads) as connection:
        there = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'").fetchall()
        tables = {name: f"lake.main.{quote_identifier(name)}" for (name,) in there}
        return with_inclusions(connection, profile, others, tables)


def with_inclusions(
    connection: duckdb.DuckDBPyConnection, profile: Profile, others: Sequence[Profile], tables: Mapping[str, str]
) -> Profile:
    """The profile with the columns that refer to keys of other datasets, which ``tables`` says how to read."""
    found = find_inclusions(connection, profile, others, tables)
    return profile.model_copy(update={"inclusions": found.found, "inclusion_notes": found.notes})


def _analyzed(
    dataset: DatasetVersion,
    sync: SyncResult,
    detected: tuple[Finding, ...],
    settings: Settings,
    lake: Lake,
    previous: Profile | None,
    keys: Mapping[str, tuple[str, ...]],
    streams: Mapping[str, DetectedStream],
) -> Profile:
    key = keys.get(dataset.dataset, ())
    if (
        previous is not None
        and sync.unchanged
        and previous.version == dataset.version
        and previous.parameters == parameters(settings) | _key_parameter(key)
    ):
        return previous
    with lake.reader(as_of=dataset.version) as connection:
        table = f"lake.main.{quote_identifier(dataset.dataset)}"
        stream = streams.get(dataset.dataset)
        profile = profile_dataset(connection, table, dataset, sync, detected, settings, key, stream)
        return _with_drift(profile, previous)


def profile_dataset(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    dataset: DatasetVersion,
    sync: SyncResult,
    detected: tuple[Finding, ...],
    settings: Settings,
    key: tuple[str, ...] = (),
    stream: DetectedStream | None = None,
) -> Profile:
    """Profile the rows of a dataset, which ``table`` (SQL that may stand after FROM) gives, and check its key.

    Values against their column's type are listed in :func:`.listing.values_file`. With the ``stream`` that was loaded,
    rows are told with the byte where they begin.
    """
    origin = origin_of(dataset, sync, detected)
    already = len(origin.findings)
    with listing.collecting(connection):
        profile = profile_table(connection, table, settings, origin, lists=True)
        if key:
            profile = _with_key(connection, table, profile, settings, key)
        profile = with_source_rows(connection, profile, dataset, already=already)
        listed = listing.listed_rows(connection, dataset)
        profile, offsets = with_offsets(profile, stream, dataset, listed, already=already)
        listing.write(connection, listing.values_file(settings, sync, dataset.dataset), dataset, offsets)
    return profile


def _with_key(
    connection: duckdb.DuckDBPyConnection, table: str, profile: Profile, settings: Settings, key: tuple[str, ...]
) -> Profile:
    missing = missing_columns(key, [column.name for column in profile.columns])
    with limited(connection, settings.memory_limit):
        check = None if missing else check_key(connection, table, key, personal_columns(profile, settings))
    found = key_findings(check, profile.dataset) if check else (missing_finding(key, missing, profile.dataset),)
    findings = (*profile.findings, *found)
    return profile.model_copy(
        update={
            "key_check": check,
            "findings": findings,
            "verdict": verdict(findings, rows_rejected=profile.rows_rejected, type_threshold=settings.type_threshold),
            "parameters": profile.parameters | _key_parameter(key),
        }
    )


def _key_parameter(key: tuple[str, ...]) -> dict[str, str]:
    """A key decides about a profile as a setting does; without one there is nothing to say."""
    return {"key": ", ".join(key)} if key else {}


def personal_columns(profile: Profile, settings: Settings) -> frozenset[str]:
    """Columns whose values may not be shown."""
    return frozenset(c.name for c in profile.columns if c.pii_severity and settings.mask_pii)


def keys_of(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Keys by dataset: the confirmed one, else the primary key by which the dataset is loaded."""
    declared = {stream.dataset: stream.primary_key for stream in connection.streams if stream.primary_key}
    return declared | connection.options.keys


def streams_of(connection: Connection) -> dict[str, DetectedStream]:
    """What each dataset is loaded from."""
    return {stream.dataset: stream.detected for stream in connection.streams}


def _with_drift(profile: Profile, previous: Profile | None) -> Profile:
    """The profile with what changed; the same version once more differs from what that version differed from."""
    if previous is None:
        return profile
    same_version = previous.version == profile.version
    return profile.model_copy(update={"drift": previous.drift if same_version else compare(previous, profile)})


def origin_of(dataset: DatasetVersion, sync: SyncResult, detected: tuple[Finding, ...]) -> Origin:
    """Where a dataset's rows come from; ``detected`` are findings of detection, of this dataset and of others."""
    relevant = tuple(finding for finding in detected if finding.dataset in (None, dataset.dataset))
    return Origin(
        dataset=dataset.dataset,
        source=sync.source,
        version=dataset.version,
        job_id=sync.job_id,
        rows_read=dataset.rows_read,
        rows_rejected=dataset.rows_rejected,
        findings=(*relevant, *dataset.findings),
    )


def detected_findings(detection: Detection, connection: Connection) -> tuple[Finding, ...]:
    """Every finding of detection; those about a stream say which table it became."""
    per_stream = (
        finding.model_copy(update={"dataset": stream.dataset})
        for stream in connection.streams
        for finding in stream.detected.findings
    )
    return (*detection.findings, *per_stream)
