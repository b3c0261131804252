"""Publish a job: decide whether there is anything new, write everything, let it appear at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.config import Settings
from udb_pipelines.models import (
    Artifact,
    Connection,
    Detection,
    Manifest,
    ProfileSet,
    SyncResult,
)
from udb_pipelines.operations.progress import report as report_progress
from udb_pipelines.publishing import rejected
from udb_pipelines.publishing.documents import audit_json, profile_json, same_profile, software_versions
from udb_pipelines.publishing.folder import PendingFolder, Written, pending_folder, sole_writer
from udb_pipelines.publishing.manifests import MANIFEST, dump_manifest, latest, verify
from udb_pipelines.publishing.metrics import metrics_csv

if TYPE_CHECKING:
    from udb_pipelines.kpis import KpiSet

KPI_FILE = "kpis.json"
"""The answers of the project's KPIs, beside the manifest."""
MEDIA_TYPES = {
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".csv": "text/csv; charset=utf-8; header=present",
    ".html": "text/html; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
}


def publish(
    profiles: ProfileSet,
    sync: SyncResult,
    connection: Connection,
    detection: Detection,
    settings: Settings,
    seconds: dict[str, float],
    kpis: KpiSet | None = None,
) -> Manifest:
    """Write the artifacts of one job and return their manifest.

    Args:
        profiles: what to publish; its ``job_id`` names the folder.
        sync: the commit that was profiled, for rejects, schema changes and names in the source.
        connection: how the source was read.
        detection: what it was found to be.
        settings: where artifacts go.
        seconds: wall seconds of the stages before this one; ``publish`` is added.
        kpis: answers of the project's KPIs after this sync.

    Returns:
        The manifest. When the profiles are unchanged and what is published of them is whole, it is that
        earlier manifest with ``unchanged`` set, and nothing is written; when files of it are missing or
        altered, or other settings led to other profiles, everything is published again.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT`` when another process publishes this source for too long.
        OSError: the disk refused; what was published before is untouched.
    """
    started = time.monotonic()
    source_folder = settings.artifacts / profiles.source
    with sole_writer(source_folder, settings.lock_timeout_seconds):
        published = _still_valid(profiles, settings, kpis) if profiles.unchanged else None
        if published:
            return published.model_copy(update={"unchanged": True})
        folder = source_folder / profiles.job_id
        with pending_folder(folder) as pending:
            artifacts = tuple(_artifacts(pending, profiles, sync, connection, detection, settings, seconds, kpis))
            manifest = Manifest(
                job_id=profiles.job_id,
                source=profiles.source,
                version=profiles.version,
                published_at=datetime.now(UTC),
                verdict=profiles.verdict,
                folder=folder,
                artifacts=artifacts,
                seconds={**seconds, "publish": round(time.monotonic() - started, 6)},
            )
            pending.write(MANIFEST, dump_manifest(manifest))
    return manifest


def _still_valid(profiles: ProfileSet, settings: Settings, kpis: KpiSet | None) -> Manifest | None:
    """The newest manifest, if every file of it is whole, and its profiles and KPIs say what these say."""
    manifest = latest(settings, profiles.source)
    if manifest is None or manifest.version != profiles.version or verify(manifest):
        return None
    published = {artifact.dataset for artifact in manifest.artifacts if artifact.dataset}
    if published != {profile.dataset for profile in profiles.profiles} or _kpis_of(manifest) != _kpi_json(kpis):
        return None
    same = (
        same_profile(profile_json(profile), (manifest.folder / profile.dataset / "profile.json").read_text("utf-8"))
        for profile in profiles.profiles
    )
    return manifest if all(same) else None


def _artifacts(
    pending: PendingFolder,
    profiles: ProfileSet,
    sync: SyncResult,
    connection: Connection,
    detection: Detection,
    settings: Settings,
    seconds: dict[str, float],
    kpis: KpiSet | None,
) -> Iterator[Artifact]:
    # Rendering needs Jinja; a job that publishes nothing does not pay for importing it.
    from udb_pipelines.contracts.infer import FILE_NAME, contract_yaml
    from udb_pipelines.publishing.report import index_html, report_html

    versions = software_versions()
    streams = {stream.dataset: stream for stream in connection.streams}
    commits = {dataset.dataset: dataset for dataset in sync.datasets}
    total = len(profiles.profiles)
    for done, profile in enumerate(profiles.profiles):
        report_progress("Publish", done, total, "datasets")
        stream, commit = streams.get(profile.dataset), commits.get(profile.dataset)
        rejects = rejected.put(pending, profile.dataset, commit, sync, settings)
        texts = {
            "profile.json": profile_json(profile),
            "metrics.csv": metrics_csv(profile),
            FILE_NAME: contract_yaml(profile, commit, connection.options.freshness_hours),
            "audit.log.json": audit_json(
                profile, sync, detection, stream.detected if stream else None, seconds, versions
            ),
            "report.html": report_html(
                profile, commit, stream, detection, seconds, kpis, has_rejects=bool(rejects), has_index=total > 1
            ),
        }
        for name, text in texts.items():
            yield _artifact(pending.write(f"{profile.dataset}/{name}", text), profile.dataset)
        if rejects:
            yield _artifact(rejects, profile.dataset)
    if answers := _kpi_json(kpis):
        yield _artifact(pending.write(KPI_FILE, answers), None)
    if total > 1:
        yield _artifact(pending.write("index.html", index_html(profiles, detection)), None)
    report_progress("Publish", total, total, "datasets")


def _kpi_json(kpis: KpiSet | None) -> str:
    return kpis.model_dump_json(indent=2) + "\n" if kpis else ""


def _kpis_of(manifest: Manifest) -> str:
    """The answers published; empty without any."""
    file = manifest.folder / KPI_FILE
    return file.read_text("utf-8") if file.is_file() else ""


def _artifact(written: Written, dataset: str | None) -> Artifact:
    return Artifact(
        path=written.path,
        dataset=dataset,
        bytes=written.bytes,
        sha256=written.sha256,
        media_type=MEDIA_TYPES[Path(written.path).suffix],
    )
