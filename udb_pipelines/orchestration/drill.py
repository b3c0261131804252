"""The weekly restore drill as an asset: the newest snapshot of every tenant restored into a scratch folder.

Its check says whether everything came back as it was; another, hourly, whether the last time is too long ago.
Annotations decide what Dagster hands over, so this module does without postponed evaluation.
Docs: https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from udb_pipelines.config import DEFAULT_TENANT
from udb_pipelines.orchestration.assets import GROUP
from udb_pipelines.orchestration.metadata import Metadata, markdown_table
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.tenants import of_each_tenant

if TYPE_CHECKING:
    from udb_pipelines.warehouse.restore.drill import Drill

UdbParam = dg.ResourceParam[Udb]

NAME = "restore_drill"

RESTORED = dg.AssetCheckSpec("restored", asset=NAME, description="The newest snapshot came back, row by row.")


def drill_asset() -> dg.AssetsDefinition:
    """The newest snapshot, restored and compared."""
    return dg.asset(
        name=NAME,
        group_name=GROUP,
        kinds={"ducklake"},
        deps=["snapshot"],
        description="The newest snapshot restored into a scratch folder and compared row by row, then removed.",
        check_specs=[RESTORED],
    )(_drill)


def _drill(context: dg.AssetExecutionContext, udb: UdbParam) -> Iterator[Any]:
    outcomes, failure = of_each_tenant(udb, "drill", context.run.run_id, _of)
    done = [(tenant, drill) for tenant, drill in outcomes if drill is not None]
    if failure is not None:
        yield _restored(done, failure.description)
        raise failure
    if not done:
        raise dg.Failure("the warehouse holds nothing yet: run a job first", allow_retries=False)
    yield dg.MaterializeResult(metadata=_described(udb, done), check_results=[_restored(done)])


def _restored(done: "list[tuple[str, Drill]]", failed: str | None = None) -> dg.AssetCheckResult:
    """The check's result: what came back otherwise, and why some did not come back at all."""
    problems = [problem for _, drill in done for problem in drill.problems] + ([failed] if failed else [])
    return dg.AssetCheckResult(
        check_name="restored",
        asset_key=NAME,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems[:5]) or "everything came back as it was",
        metadata={"problems": len(problems)},
    )


def _of(own: Udb) -> "Drill | None":
    """The drill of one tenant; None when it has committed nothing yet."""
    from udb_pipelines.warehouse.restore.drill import drill
    from udb_pipelines.warehouse.targets import open_target

    if own.lake.current_version() == 0:
        return None
    return drill(own.lake, open_target(own.settings.snapshots, own.settings))


def _described(udb: Udb, done: "list[tuple[str, Drill]]") -> Metadata:
    from udb_pipelines.warehouse.restore.drill import METRIC, last_drills

    rows = [
        (tenant, drill.snapshot, drill.tables, drill.compared, drill.rows, drill.bytes, drill.seconds, drill.passed)
        for tenant, drill in done
    ]
    stamps = [last_drills(udb.of(tenant).settings).timestamp for tenant, _ in done]
    facts: Metadata = {
        "drills": dg.MetadataValue.md(
            markdown_table(["tenant", "snapshot", "tables", "compared", "rows", "bytes", "seconds", "passed"], rows)
        ),
        "seconds": sum(drill.seconds for _, drill in done),
        "dagster/row_count": sum(drill.rows for _, drill in done),
    }
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps):
        # The oldest of the tenants': that is what may be claimed of all.
        facts[METRIC] = min(known)
        facts["last verified restore"] = dg.MetadataValue.timestamp(min(known))
    return facts


@dg.asset_check(asset=NAME, name="recent", description="A restore was verified within the last eight days.")
def recent(udb: UdbParam) -> dg.AssetCheckResult:
    """Look at every tenant that holds anything."""
    return recency(udb, datetime.now(UTC))


def recency(udb: Udb, now: datetime) -> dg.AssetCheckResult:
    """The result of :func:`recent` at a given time."""
    from udb_pipelines.warehouse.restore.drill import LATE_DAYS, last_drills

    rows = []
    for own in udb.tenants():
        if own.lake.current_version() == 0:
            continue
        age = last_drills(own.settings).age_days(now)
        state = "never" if age is None else "late" if age > LATE_DAYS else "recent"
        rows.append((own.settings.tenant, "" if age is None else round(age, 2), state))
    late = [tenant for tenant, _, state in rows if state != "recent"]
    shown = ", ".join("the warehouse" if tenant == DEFAULT_TENANT else tenant for tenant in late)
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"no restore verified within {LATE_DAYS} days: {shown}" if late else "verified recently",
        metadata={
            "late": len(late),
            "drills": dg.MetadataValue.md(markdown_table(["tenant", "days since", "state"], rows)),
        },
    )
