"""The analyze stage: every dataset of a commit, read at exactly the version the commit made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings
from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import Connection, DatasetVersion, Detection, Finding, Profile, ProfileSet, SyncResult
from udb_pipelines.profiling.drift import compare
from udb_pipelines.profiling.table import Origin, parameters, profile_table

if TYPE_CHECKING:
    from udb_pipelines.warehouse import Lake


def analyze(
    sync: SyncResult,
    detection_findings: tuple[Finding, ...],
    settings: Settings,
    lake: Lake,
    previous: Mapping[str, Profile] | None = None,
) -> ProfileSet:
    """Profile each dataset of ``sync``. What was profiled before, with the same settings, is not read again.

    Args:
        sync: the commit; its datasets are read at their own versions, whatever is written meanwhile.
        detection_findings: what detection has to say; those of no particular dataset belong to each.
        settings: thresholds and limits.
        lake: the warehouse to read from.
        previous: the last profile of each dataset, by name, to compare with; such as those last published.

    Raises:
        UdbError: ``E_WAREHOUSE`` when the version cannot be read.
    """
    return ProfileSet(
        job_id=sync.job_id,
        source=sync.source,
        version=sync.version,
        profiles=tuple(
            _analyzed(dataset, sync, detection_findings, settings, lake, (previous or {}).get(dataset.dataset))
            for dataset in sync.datasets
        ),
        unchanged=sync.unchanged,
    )


def _analyzed(
    dataset: DatasetVersion,
    sync: SyncResult,
    detected: tuple[Finding, ...],
    settings: Settings,
    lake: Lake,
    previous: Profile | None,
) -> Profile:
    if (
        previous is not None
        and sync.unchanged
        and previous.version == dataset.version
        and previous.parameters == parameters(settings)
    ):
        return previous
    return _with_drift(_analyze(dataset, sync, detected, settings, lake), previous)


def _with_drift(profile: Profile, previous: Profile | None) -> Profile:
    """The profile with what changed; the same version once more differs from what that version differed from."""
    if previous is None:
        return profile
    same_version = previous.version == profile.version
    return profile.model_copy(update={"drift": previous.drift if same_version else compare(previous, profile)})


def _analyze(
    dataset: DatasetVersion, sync: SyncResult, detected: tuple[Finding, ...], settings: Settings, lake: Lake
) -> Profile:
    with lake.reader(as_of=dataset.version) as connection:
        table = f"lake.main.{quote_identifier(dataset.dataset)}"
        return profile_table(connection, table, settings, origin_of(dataset, sync, detected))


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
