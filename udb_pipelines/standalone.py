"""A source profiled where it stands: found out, read and profiled as in a job, but loaded nowhere.

Everything happens in a folder of its own among the temporary files, which is removed at the end; what stays are
the artifacts, in a folder that the caller names. No register, no warehouse, no orchestrator.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import (
    Connection,
    DatasetVersion,
    DetectedStream,
    Detection,
    Finding,
    Manifest,
    Profile,
    ProfileSet,
    Source,
    StagedDataset,
    SyncResult,
)
from udb_pipelines.operations.stages import stage

T = TypeVar("T")

KEPT = "nothing was loaded, nothing was written"
ALL_REJECTS_PCT = 100.0
"""A profile tells of rejected rows; it does not refuse to look at the others."""


@dataclass(frozen=True)
class Measured:
    """What was found out about a source: everything that publishing needs."""

    detection: Detection
    connection: Connection
    sync: SyncResult
    """As a commit would have recorded it, version 0."""
    profiles: ProfileSet
    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def workshop(settings: Settings) -> Iterator[Settings]:
    """The same settings on a home of its own below the temporary files, which is removed with all it holds."""
    folders = [folder for folder in (settings.spill, settings.home) if not folder.exists()]
    home = settings.spill / f"profile-{uuid.uuid4().hex}"
    home.mkdir(parents=True)
    try:
        yield Settings(**{**settings.model_dump(), "home": home})
    finally:
        shutil.rmtree(home, ignore_errors=True)
        for folder in folders:
            with suppress(OSError):  # somebody else uses it by now
                folder.rmdir()


def measure(source: Source, shop: Settings) -> Measured:
    """Detect, read and profile ``source`` in a :func:`workshop`.

    Raises:
        UdbError: whatever the stages raise, located; nothing is left behind.
    """
    from udb_pipelines.connectors import extract, provision
    from udb_pipelines.detection import detect
    from udb_pipelines.profiling.analyze import detected_findings, keys_of, streams_of

    source = _tolerant(source)
    job_id = str(uuid.uuid4())
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        started = perf_counter()
        with stage(name, job_id=job_id, source=source.name):
            done = work()
        seconds[name] = round(perf_counter() - started, 6)
        return done

    try:
        detection = timed("detect", lambda: detect(source, shop))
        connection = timed("provision", lambda: provision(source, detection))
        staged = timed("sync", lambda: extract(connection, shop, job_id, None))
        sync = _as_committed(job_id, source.name, detection.fingerprint, staged.datasets)
        findings, keys, streams = detected_findings(detection, connection), keys_of(connection), streams_of(connection)
        profiles = timed(
            "analyze",
            lambda: tuple(
                _profile(item, sync, findings, shop, keys.get(item.dataset, ()), streams.get(item.dataset))
                for item in staged.datasets
            ),
        )
    except UdbError as error:
        error.kept = KEPT
        raise
    profiles = _related(profiles, staged.datasets, shop) if len(profiles) > 1 else profiles
    found = ProfileSet(job_id=job_id, source=source.name, version=0, profiles=profiles)
    return Measured(detection, connection, sync, found, seconds)


def write(measured: Measured, shop: Settings, folder: Path) -> Manifest:
    """Write the artifacts to ``folder``, all of them or none; artifacts that it held are replaced.

    Raises:
        UdbError: ``E_OPTION``, see :func:`check_folder`.
        OSError: the disk refused.
    """
    from udb_pipelines.publishing import publish
    from udb_pipelines.publishing.folder import PARTIAL, pending_folder
    from udb_pipelines.publishing.manifests import MANIFEST

    check_folder(folder)
    with stage("publish", job_id=measured.sync.job_id, source=measured.sync.source):
        manifest = publish(
            measured.profiles, measured.sync, measured.connection, measured.detection, shop, measured.seconds
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Of an earlier attempt that was killed.
        shutil.rmtree(folder.with_name(f".{folder.name}{PARTIAL}"), ignore_errors=True)
        with pending_folder(folder) as pending:
            for path in (*(artifact.path for artifact in manifest.artifacts), MANIFEST):
                pending.copy(path, manifest.folder / path)
    return manifest.model_copy(update={"folder": folder.absolute()})


def check_folder(folder: Path) -> None:
    """Whether artifacts may be written to ``folder``: it does not exist, is empty, or holds artifacts.

    Raises:
        UdbError: ``E_OPTION``: it holds something else, which would be lost.
    """
    from udb_pipelines.publishing.manifests import MANIFEST

    if not folder.exists() or (folder.is_dir() and ((folder / MANIFEST).is_file() or not any(folder.iterdir()))):
        return
    raise UdbError(
        "E_OPTION",
        f"--out: {folder} exists and holds something else than a profile",
        kept=KEPT,
        remedy="name another folder with --out",
    )


def _tolerant(source: Source) -> Source:
    if source.options.max_reject_pct is not None:
        return source
    options = source.options.model_copy(update={"max_reject_pct": ALL_REJECTS_PCT})
    return source.model_copy(update={"options": options})


def _as_committed(job_id: str, source: str, fingerprint: str, staged: tuple[StagedDataset, ...]) -> SyncResult:
    return SyncResult(
        job_id=job_id,
        source=source,
        version=0,
        committed_at=datetime.now(UTC),
        fingerprint=fingerprint,
        datasets=tuple(
            DatasetVersion(
                dataset=item.dataset,
                version=0,
                columns=item.columns,
                rows_read=item.rows_read,
                rows_committed=item.rows_staged,
                rows_rejected=item.rows_rejected,
                rows_total=item.rows_staged,
                rejects=item.rejects,
                findings=item.findings,
            )
            for item in staged
        ),
    )


def _related(profiles: tuple[Profile, ...], staged: tuple[StagedDataset, ...], shop: Settings) -> tuple[Profile, ...]:
    """The profiles of a source of several tables, each with its references to the others."""
    from udb_pipelines.profiling.analyze import with_inclusions

    tables = {item.dataset: _rows_of(item) for item in staged}
    connection = connect(shop)
    try:
        return tuple(with_inclusions(connection, profile, profiles, tables) for profile in profiles)
    finally:
        connection.close()


def _rows_of(item: StagedDataset) -> str:
    """SQL that may stand after FROM."""
    files = ", ".join(map(quote_literal, item.parquet))
    names = ", ".join(quote_identifier(column.name) for column in item.columns)
    return f"(SELECT {names} FROM read_parquet([{files}]))"


def _profile(
    item: StagedDataset,
    sync: SyncResult,
    detected: tuple[Finding, ...],
    shop: Settings,
    key: tuple[str, ...],
    stream: DetectedStream | None,
) -> Profile:
    from udb_pipelines.profiling.analyze import profile_dataset

    (dataset,) = (version for version in sync.datasets if version.dataset == item.dataset)
    connection = connect(shop)
    try:
        return profile_dataset(connection, _rows_of(item), dataset, sync, detected, shop, key, stream)
    finally:
        connection.close()
