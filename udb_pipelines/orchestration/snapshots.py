"""The snapshot as an asset: every tenant's warehouse copied, what was copied read again, and what is old removed.

A sensor copies what changes in between. The asset takes no slot of a pool: it does not write the warehouse, and
others must not wait for an upload. Annotations decide what Dagster hands over, so this module does without
postponed evaluation.
Docs: https://docs.dagster.io/guides/build/assets
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from udb_pipelines.config import DEFAULT_TENANT, Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.orchestration import checks
from udb_pipelines.orchestration.assets import GROUP, RAW
from udb_pipelines.orchestration.metadata import Metadata, markdown_table
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.tenants import of_each_tenant

if TYPE_CHECKING:
    from udb_pipelines.warehouse.snapshots import Made, Pruned

UdbParam = dg.ResourceParam[Udb]


COPIES = "warehouse_copy"
"""The asset whose materializations are the copies between snapshots."""

SHORTEST_INTERVAL = 10
"""Seconds between two looks, however small the setting is."""

BUDGET_SECONDS = 35.0
"""A look begins no further file after this: Dagster gives up on a sensor after 60."""


@dataclass(frozen=True)
class Outcome:
    """What was done for one tenant."""

    tenant: str
    target: str
    made: "Made"
    problems: tuple[str, ...]
    pruned: "Pruned | None"
    """None when others were at work in the target, or nobody can tell what is held; the next day's snapshot prunes."""


def snapshot_asset() -> dg.AssetsDefinition:
    """A consistent copy of every warehouse, verified when it is made."""
    return dg.asset(
        name="snapshot",
        group_name=GROUP,
        kinds={"ducklake"},
        deps=[dg.AssetDep(RAW, partition_mapping=dg.AllPartitionMapping())],
        description="A consistent copy of the lake catalog and its files, compared with its manifest.",
        check_specs=[checks.VERIFIED],
    )(_snapshot)


def _snapshot(context: dg.AssetExecutionContext, udb: UdbParam) -> Iterator[Any]:
    done, failure = of_each_tenant(udb, "snapshot", context.run.run_id, _of)
    outcomes = [outcome for _, outcome in done if outcome is not None]
    problems = tuple(problem for outcome in outcomes for problem in outcome.problems)
    if failure is not None:
        yield checks.verified((*problems, failure.description or "not made"))
        raise failure
    yield dg.MaterializeResult(metadata=_described(outcomes), check_results=[checks.verified(problems)])


def _of(own: Udb) -> Outcome | None:
    """Snapshot, verification and pruning for one tenant; None when it has committed nothing yet."""
    from udb_pipelines.control.database import UNREACHABLE
    from udb_pipelines.control.holds import needed_of
    from udb_pipelines.warehouse import snapshots
    from udb_pipelines.warehouse.targets import open_target

    target = open_target(own.settings.snapshots, own.settings)
    if own.lake.current_version() == 0:
        return None
    made = snapshots.create(own.lake, target)
    snapshots.remember(own.settings, made, target.address)
    problems = snapshots.verify(target, made.snapshot.id)
    pruned = None
    try:
        pruned = snapshots.prune(target, own.settings.snapshot_keep_days, needed_of(own.lake))
    except UdbError as error:
        if error.code not in {"E_LOCK_TIMEOUT", *UNREACHABLE}:
            raise
    return Outcome(own.settings.tenant, target.address, made, problems, pruned)


def copying_sensor(settings: Settings) -> dg.SensorDefinition:
    """Copies what has changed to the target, as often as ``settings`` say; a target that is down fails nothing."""

    @dg.sensor(
        minimum_interval_seconds=max(settings.snapshot_copy_seconds, SHORTEST_INTERVAL),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Between snapshots, copies what has changed in the warehouse to the snapshot target.",
    )
    def copy_sensor(context: dg.SensorEvaluationContext, udb: UdbParam) -> dg.SensorResult:
        return _keep_copied(udb)

    return copy_sensor


def _keep_copied(udb: Udb) -> dg.SensorResult:
    from udb_pipelines.warehouse import snapshots

    deadline = time.monotonic() + BUDGET_SECONDS
    events, said = [], []
    for own in udb.tenants():
        outcome = snapshots.copy_if_due(own.lake, max(0.0, deadline - time.monotonic()))
        tenant = own.settings.tenant
        said.append(outcome.detail if tenant == DEFAULT_TENANT else f"{tenant}: {outcome.detail}")
        if outcome.status == "copied":
            facts: Metadata = {"id": outcome.snapshot, "bytes": outcome.bytes, "files": outcome.files, "tenant": tenant}
            events.append(dg.AssetMaterialization(COPIES, metadata=facts, description=outcome.detail))
    return dg.SensorResult(asset_events=events, skip_reason="; ".join(said))


def _described(outcomes: list[Outcome]) -> Metadata:
    if not outcomes:
        return {"id": "", "note": "nothing was committed yet, so there is nothing to copy"}
    rows = [
        (_qualified(outcome, table.dataset), table.version, table.rows, table.checksum)
        for outcome in outcomes
        for table in outcome.made.snapshot.tables
    ]
    held = sum(len(outcome.made.snapshot.files) for outcome in outcomes)
    copied = sum(outcome.made.copied_files for outcome in outcomes)
    return {
        "id": ", ".join(outcome.made.snapshot.id for outcome in outcomes),
        "target": ", ".join(outcome.target for outcome in outcomes),
        "version": max(outcome.made.snapshot.version for outcome in outcomes),
        "bytes": sum(outcome.made.snapshot.bytes for outcome in outcomes),
        "bytes_copied": sum(outcome.made.copied_bytes for outcome in outcomes),
        "files": held,
        "files_copied": copied,
        "files_shared": held - copied,
        "snapshots_pruned": sum(len(outcome.pruned.snapshots) for outcome in outcomes if outcome.pruned),
        "dagster/row_count": sum(outcome.made.snapshot.rows for outcome in outcomes),
        "lacks": "; ".join(outcome.made.snapshot.lacks for outcome in outcomes if outcome.made.snapshot.lacks),
        "tables": dg.MetadataValue.md(markdown_table(["table", "version", "rows", "checksum"], rows)),
    }


def _qualified(outcome: Outcome, dataset: str) -> str:
    return dataset if outcome.tenant == DEFAULT_TENANT else f"{outcome.tenant}: {dataset}"
