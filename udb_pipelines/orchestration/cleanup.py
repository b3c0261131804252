"""The clean-up job. The only thing that deletes, and it deletes what ``warehouse.retention`` has planned.

Dagster reads the annotation of ``context`` itself, so this module does without postponed evaluation.
"""

import dagster as dg

from udb_pipelines.orchestration import jobs
from udb_pipelines.orchestration.metadata import Metadata, markdown_table
from udb_pipelines.orchestration.resources import Udb
from udb_pipelines.orchestration.tenants import of_each_tenant
from udb_pipelines.warehouse.retention import Removed


@dg.op(description="Remove what retention plans to remove, merge small files, thin the history; say what it was.")
def clean_up(context: dg.OpExecutionContext, udb: dg.ResourceParam[Udb]) -> None:
    """Plan anew and apply, for every tenant: what was planned when the run was requested may be needed by now."""
    done, failure = of_each_tenant(udb, "retention", context.run.run_id, _cleaned)
    told = _described(done)
    if failure is not None:
        raise dg.Failure(failure.description, metadata={**failure.metadata, **told}, allow_retries=False)
    context.add_output_metadata(told)


def _described(done: list[tuple[str, Removed]]) -> Metadata:
    rows = [(tenant, item.reason, item.path, item.bytes) for tenant, removed in done for item in removed.items]
    return {
        "removed": len(rows),
        "bytes": sum(removed.bytes for _, removed in done),
        "versions": sum(len(removed.versions) for _, removed in done),
        "delayed": sum(len(removed.delayed) for _, removed in done),
        "problem": "; ".join(removed.problem for _, removed in done if removed.problem),
        "merged_files": sum(sum(removed.merged.values()) for _, removed in done),
        "files": dg.MetadataValue.md(markdown_table(["tenant", "reason", "path", "bytes"], rows[:100])),
    }


def _cleaned(own: Udb) -> Removed:
    from udb_pipelines.control.holds import rules_of
    from udb_pipelines.warehouse import retention

    return retention.apply(own.lake, retention.plan(own.settings, own.lake, rules_of(own.settings)))


@dg.job(
    name=jobs.CLEANUP_JOB,
    executor_def=dg.in_process_executor,
    description="Deletes artifacts and rejects of old jobs and what dead jobs left, merges small files, thins history",
)
def cleanup_job() -> None:
    """Apply retention."""
    clean_up()
