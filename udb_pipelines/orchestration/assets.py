"""The path as assets: ``detection → connection → raw → profile → publication``.

Each asset of the path calls one stage function and describes what came of it. Annotations decide what the IO
managers load, so this module does without postponed evaluation.
Docs: https://docs.dagster.io/guides/build/assets
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from udb_pipelines.models import Connection, Detection, Manifest, ProfileSet, StagedSync, SyncResult
from udb_pipelines.orchestration import checks, metadata, pools
from udb_pipelines.orchestration.failures import T, in_stage
from udb_pipelines.orchestration.ledger import stage_seconds
from udb_pipelines.orchestration.partitions import SOURCES
from udb_pipelines.orchestration.requests import request_of
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.stage_io import read_stage

GROUP = "udb"
RAW = "raw"
PATH = ("detection", "connection", "raw", "profile", "publication")
"""The assets of the path, in order."""

UdbParam = dg.ResourceParam[Udb]


def _in_stage(context: dg.AssetExecutionContext, name: str, work: Callable[[], T]) -> T:
    return in_stage(
        name, job_id=context.run.run_id, source=context.partition_key, work=work, attempt=context.retry_number
    )


def _detection(context: dg.AssetExecutionContext, udb: UdbParam) -> Detection:
    from udb_pipelines.detection import detect

    def work() -> Detection:
        own, source = udb.at(context.partition_key)
        return detect(own.registry.get(source), own.settings)

    found = _in_stage(context, "detect", work)
    context.add_output_metadata(metadata.detection_metadata(found))
    return found


def _connection(context: dg.AssetExecutionContext, udb: UdbParam, detection: Detection) -> Connection:
    from udb_pipelines.connectors import provision
    from udb_pipelines.connectors.datasets import last_connection

    def work() -> Connection:
        own, source = udb.at(context.partition_key)
        return provision(own.registry.get(source), detection, last_connection(own.settings, source))

    provided = _in_stage(context, "provision", work)
    context.add_output_metadata(metadata.connection_metadata(provided))
    return provided


def _raw(context: dg.AssetExecutionContext, udb: UdbParam, connection: Connection) -> Iterator[Any]:
    from udb_pipelines import warehouse
    from udb_pipelines.connectors import extract

    def work() -> StagedSync:
        own, source = udb.at(context.partition_key)
        incremental = any(stream.cursor for stream in connection.streams)
        # Before the state is read: a restore in between is noticed then, whichever state was read.
        timeline = own.lake.register().current if incremental else None
        last = warehouse.last_sync(own.lake, source)
        request = request_of(context.run.tags, warehouse.last_state(own.lake, source) if incremental else {})
        found = extract(connection, own.settings, context.run.run_id, last.fingerprint if last else None, request)
        return found.model_copy(update={"timeline": timeline})

    staged = _in_stage(context, "sync", work)
    yield from checks.before_commit(staged, udb.at(context.partition_key)[0], context.run.run_id)
    yield dg.Output(staged)
    # The IO manager has committed and recorded what it committed; the checks look at that, not at the plan.
    own, source = udb.at(context.partition_key)
    committed = read_stage(own.settings, source, RAW, SyncResult)
    yield from checks.after_commit(committed, own.lake)


def _profile(
    context: dg.AssetExecutionContext, udb: UdbParam, detection: Detection, connection: Connection, raw: SyncResult
) -> Iterator[Any]:
    from udb_pipelines import contracts
    from udb_pipelines.profiling import analyze
    from udb_pipelines.profiling.analyze import detected_findings, keys_of, streams_of
    from udb_pipelines.publishing import keys_of_others, latest_profiles

    def work() -> ProfileSet:
        own, _ = udb.at(context.partition_key)
        previous = latest_profiles(own.settings, raw.source)
        found = detected_findings(detection, connection)
        others = keys_of_others(own.settings, raw.source)
        keys, streams = keys_of(connection), streams_of(connection)
        profiles = analyze(raw, found, own.settings, own.lake, previous, keys, others, streams)
        columns = {dataset.dataset: dataset.columns for dataset in raw.datasets}
        return contracts.applied(profiles, own.settings, own.lake, columns)

    profiles = _in_stage(context, "analyze", work)
    yield dg.Output(profiles, metadata=metadata.profile_metadata(profiles))
    yield checks.verdict(profiles)
    yield checks.contract(profiles)
    yield checks.drift(profiles)


def _publication(
    context: dg.AssetExecutionContext,
    udb: UdbParam,
    detection: Detection,
    connection: Connection,
    raw: SyncResult,
    profile: ProfileSet,
) -> Iterator[Any]:
    from udb_pipelines.kpis import KpiSet, after_sync
    from udb_pipelines.publishing import publish

    seconds = stage_seconds(context.instance, context.run.run_id)

    def work() -> tuple[Manifest, KpiSet | None]:
        own, _ = udb.at(context.partition_key)
        asked = after_sync(raw, profile, own.settings, own.lake)
        return publish(profile, raw, connection, detection, own.settings, seconds, asked), asked

    manifest, asked = _in_stage(context, "publish", work)
    yield dg.Output(manifest, metadata={**metadata.publication_metadata(manifest), **metadata.kpi_metadata(asked)})
    yield checks.kpis(asked)


def path_assets(*, pooled: bool, partitions: dg.PartitionsDefinition[str] = SOURCES) -> list[dg.AssetsDefinition]:
    """The five assets.

    Args:
        pooled: whether steps queue in Dagster's pools. A job that runs inside a command does not: a step that
            waits for a slot there keeps a core busy and does not hear SIGTERM, and one that is killed leaves
            the slot behind. The warehouse's lock queues it instead.
        partitions: the sources. Dagster asks the instance for a dynamic partition some 70 times per run, which
            a job that knows its only source can spare itself.
    """
    common: dict[str, Any] = {"group_name": GROUP, "partitions_def": partitions}
    stages: dict[str, Any] = {**common, "io_manager_key": "stages"}
    return [
        dg.asset(
            name="detection",
            kinds={"python"},
            description="What the source is: format, encoding, dialect, tables, with the evidence for each.",
            **stages,
        )(_detection),
        dg.asset(
            name="connection",
            kinds={"python"},
            description="How the source is read: streams, sync mode, keys, destination tables.",
            **stages,
        )(_connection),
        dg.asset(
            name=RAW,
            kinds={"duckdb", "ducklake"},
            description="The source's tables in the warehouse: one commit per job, every version kept.",
            io_manager_key="warehouse",
            metadata=metadata.HOLDS_SOURCES,
            check_specs=checks.RAW_CHECKS,
            pool=pools.WRITER if pooled else None,
            **common,
        )(_raw),
        dg.asset(
            name="profile",
            kinds={"duckdb"},
            description="Types, statistics, keys and findings of every column, and the verdict.",
            check_specs=checks.PROFILE_CHECKS,
            pool=pools.ANALYSIS if pooled else None,
            **stages,
        )(_profile),
        dg.asset(
            name="publication",
            kinds={"html", "json"},
            description="Report, profile, metrics and audit log of the job, with checksums; the project's KPIs.",
            check_specs=[checks.KPIS],
            **stages,
        )(_publication),
    ]
