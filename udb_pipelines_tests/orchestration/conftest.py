"""A small source with something to reject, and instances to run it on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.models import Source, SourceOptions
from udb_pipelines.orchestration.build import build_defs
from udb_pipelines.orchestration.partitions import register

GOOD = "id,name,amount\n1,Ann,10.50\n2,Bob,20.00\n3,Cid,30.25\n"
JAGGED = GOOD + "4,Dan,1.00,surplus\n"


@pytest.fixture
def people(settings: Settings, tmp_path: Path) -> Path:
    """The file behind the registered source ``people``; tests rewrite it."""
    path = tmp_path / "people.csv"
    path.write_text(GOOD)
    add_source(settings, "people", path)
    return path


def add_source(settings: Settings, name: str, path: Path, **options: object) -> Source:
    source = Source(
        name=name, uri=str(path), options=SourceOptions.model_validate(options), created_at=datetime.now(UTC)
    )
    return SourceRegistry(settings).add(source, replace=True)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def run_job(settings: Settings, instance: dg.DagsterInstance, source: str) -> dg.ExecuteInProcessResult:
    register(instance, [source])
    job = build_defs(settings).resolve_job_def("udb_job")
    return job.execute_in_process(instance=instance, partition_key=source, raise_on_error=False)
