"""What watches: the landing folder, the disk, failed runs, and the house itself.

Every sensor is edge-triggered: it asks once per change, never once per look. One condition that asked per look
made another team 368,000 failed runs in a fortnight.
Docs: https://docs.dagster.io/guides/automate/sensors
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from udb_pipelines.control.naming import free_name
from udb_pipelines.models import Source
from udb_pipelines.operations import logging
from udb_pipelines.orchestration import jobs, landing, pools
from udb_pipelines.orchestration.ledger import PARTITION_TAG, error_of
from udb_pipelines.orchestration.partitions import SOURCES, key_of, registered
from udb_pipelines.orchestration.resources import Udb

if TYPE_CHECKING:
    from pathlib import Path

    from udb_pipelines.config import Settings

LOOK_SECONDS = 5
"""Between looks at the landing folder."""

READ_SECONDS = 20
"""A look stops reading content after this; Dagster gives up on a sensor after 60."""

UdbParam = dg.ResourceParam[Udb]
Result = dg.SensorResult | dg.SkipReason


@dg.sensor(
    job_name=jobs.PATH_JOB,
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A new or changed file or folder in the landing folder becomes a source, a partition and a run.",
)
def landing_sensor(context: dg.SensorEvaluationContext, udb: UdbParam) -> Result:
    """Look once into every tenant's folder; what is still being written waits for the next look."""
    memory = landing.recall(context.cursor)
    deadline = time.monotonic() + READ_SECONDS
    remembered: dict[str, landing.Memory] = {}
    requests: list[dg.RunRequest] = []
    for own in udb.tenants():
        tenant = own.settings.tenant
        remembered[tenant], found = landing.arrivals(
            _landing_folder(own.settings),
            memory.tenants.get(tenant, landing.Memory()),
            own.settings.landing_quiet_seconds,
            time.time(),
            lambda: time.monotonic() < deadline,
        )
        requests += [_landed(key_of(tenant, _source_of(own, arrival)), arrival) for arrival in found]
    keys = [str(request.partition_key) for request in requests]
    entries = sum(len(seen.entries) for seen in remembered.values())
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[SOURCES.build_add_request(keys)] if keys else [],
        cursor=landing.Memories(tenants=remembered).model_dump_json(),
        skip_reason=None if keys else f"nothing new has settled among {entries} entries of {len(remembered)} folders",
    )


def _landing_folder(settings: Settings) -> Path:
    folder = settings.landing_folder
    if folder != settings.landing:
        folder.mkdir(parents=True, exist_ok=True)  # so that people find it; a folder of theirs is not ours to make
    return folder


def _landed(key: str, arrival: landing.Arrival) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"{key}-{arrival.key}", partition_key=key, tags={"udb/trigger": "landing"})


def _source_of(udb: Udb, arrival: landing.Arrival) -> str:
    """The source that reads the entry, registered now if there is none."""
    known = udb.registry.list()
    name = landing.source_for(arrival.path, known)
    if name is not None:
        return name
    name = free_name(str(arrival.path), [source.name for source in known])
    stored = udb.registry.add(Source(name=name, uri=str(arrival.path), created_at=datetime.now(UTC)))
    logging.get_logger().info("landing.registered", message="a landed file became a source", source=stored.name)
    return stored.name


@dg.sensor(
    job_name=jobs.CLEANUP_JOB,
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a clean-up when retention has something to remove, or the disk is over its mark.",
)
def retention_sensor(context: dg.SensorEvaluationContext, udb: UdbParam) -> Result:
    """Ask once a day for the same plan; more often only while the disk is too full and the plan changes."""
    from udb_pipelines.control.holds import rules_of
    from udb_pipelines.warehouse import retention

    plans = [retention.plan(own.settings, own.lake, rules_of(own.settings)) for own in udb.tenants()]
    used = retention.disk_used_pct(udb.settings)
    if all(planned.is_empty for planned in plans):
        return dg.SkipReason(f"nothing to remove; the disk is {used:.0f} % full")
    items = [item for planned in plans for item in (*planned.items, *planned.files)]
    what = hashlib.sha256("\n".join(str(item.path) for item in items).encode()).hexdigest()[:16]
    key = what if used > udb.settings.disk_high_pct else f"{plans[0].made_at:%Y-%m-%d}"
    size = sum(planned.bytes for planned in plans)
    tags = {"udb/trigger": "retention", "udb/items": str(len(items)), "udb/bytes": str(size)}
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"cleanup-{key}", tags=tags)])


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Frees pool slots of dead runs, and keeps the partitions in step with the registered sources.",
)
def housekeeping_sensor(context: dg.SensorEvaluationContext, udb: UdbParam) -> Result:
    """Sources added or removed with ``udb sources`` appear in, or leave, the UI."""
    freed = pools.reap(context.instance)
    tenants = udb.tenants()
    pools.let_tenants_write(context.instance, len(tenants))
    names = {key_of(own.settings.tenant, source.name) for own in tenants for source in own.registry.list()}
    partitions = registered(context.instance)
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if names - partitions:
        requests.append(SOURCES.build_add_request(sorted(names - partitions)))
    if partitions - names:
        requests.append(SOURCES.build_delete_request(sorted(partitions - names)))
    return dg.SensorResult(
        dynamic_partitions_requests=requests,
        skip_reason=f"{len(freed)} dead runs held slots; {len(requests)} changes of partitions",
    )


@dg.run_failure_sensor(
    monitor_all_code_locations=True,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="One alert per failed run: a log event, and a line in alerts.jsonl under UDB's home.",
)
def failure_sensor(context: dg.RunFailureSensorContext, udb: UdbParam) -> None:
    """Tell code, stage, source and remedy; never a value, never an exception's text."""
    run = context.instance.get_run_by_id(context.dagster_run.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.CANCELED:
        return  # a command that somebody stopped: Dagster had noted a failure first
    alert(context.instance, context.dagster_run, udb.settings)


def alert(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> None:
    """Log a failed run and append it to ``alerts.jsonl``; one line, one write."""
    facts = error_of(instance, run.run_id) or {
        "code": "E_INTERNAL",
        "message": "the run ended without a failed step: its process died, or it never started",
        "remedy": "open the run in the Dagster UI",
    }
    entry = {
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "event": "job.failed",
        "job_id": run.run_id,
        "job": run.job_name,
        **facts,
        "source": facts.get("source") or run.tags.get(PARTITION_TAG),
    }
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "alerts.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    logging.get_logger().error(
        "job.failed", message=str(entry["message"]), job_id=run.run_id, source=entry["source"],
        stage=facts.get("stage"), code=facts.get("code"), remedy=facts.get("remedy"),
    )  # fmt: skip


SENSORS = [landing_sensor, retention_sensor, housekeeping_sensor, failure_sensor]
