"""At the end of a job: the KPIs that the commit may have changed, asked at its version and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from udb_pipelines.errors import UdbError
from udb_pipelines.kpis.definitions import Kpi, KpiSet, Project
from udb_pipelines.kpis.document import load, project_file
from udb_pipelines.operations.progress import report

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.models import ProfileSet, SyncResult
    from udb_pipelines.warehouse import Lake


def after_sync(sync: SyncResult, profiles: ProfileSet, settings: Settings, lake: Lake) -> KpiSet | None:
    """Ask what follows this source; None without a file of KPIs, or without such KPIs.

    When neither the data nor what is asked has changed, the answers published before stand. A mistake in the file or in
    a question fails no job: it is in what is returned.
    """
    file = project_file(settings)
    if file is None:
        return None
    empty = KpiSet(source=sync.source, job_id=sync.job_id, version=sync.version)
    try:
        project = load(file)
    except UdbError as error:
        return empty.model_copy(update={"problem": str(error)})
    changed = {dataset.dataset for dataset in sync.datasets}
    wanted = [kpi for kpi in project.kpis if follows(kpi, project, sync.source, changed)]
    if not wanted:
        return None
    empty = empty.model_copy(update={"definition": _digest(wanted, project)})
    if sync.unchanged and (before := _published(settings, sync)) and before.definition == empty.definition:
        return before
    from udb_pipelines.kpis.compute import compute
    from udb_pipelines.kpis.history import record
    from udb_pipelines.publishing import profiles_of_others

    known = (*profiles.profiles, *profiles_of_others(settings, sync.source))
    results = []
    for done, kpi in enumerate(wanted):
        report("publish", done, len(wanted), "KPIs")
        results.append(record(settings, compute(kpi, project, lake, known, sync.version)))
    return empty.model_copy(update={"results": tuple(results)})


def _digest(wanted: Sequence[Kpi], project: Project) -> str:
    """The same for the same questions over the same views."""
    asked = project.model_copy(update={"kpis": tuple(wanted)})
    return hashlib.sha256(asked.model_dump_json().encode()).hexdigest()


def _published(settings: Settings, sync: SyncResult) -> KpiSet | None:
    """The answers published of this very version; None when there are none, or they cannot be read."""
    from udb_pipelines.publishing import latest
    from udb_pipelines.publishing.publisher import KPI_FILE

    manifest = latest(settings, sync.source)
    if manifest is None or manifest.version != sync.version:
        return None
    try:
        return KpiSet.model_validate_json((manifest.folder / KPI_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def follows(kpi: Kpi, project: Project, source: str, changed: set[str]) -> bool:
    """Whether a commit of ``source`` to the tables ``changed`` may change the answer.

    A question that cannot be understood follows everything, so that somebody is told.
    """
    from udb_pipelines.kpis.compute import datasets_of

    if kpi.sources:
        return source in kpi.sources
    datasets = datasets_of(kpi.sql, project.view_sql)
    return not datasets or bool(changed.intersection(datasets))
