"""The clean-up job. The only thing that deletes, and it deletes what ``warehouse.retention`` has planned.

Dagster reads the annotation of ``context`` itself, so this module does without postponed evaluation.
"""

import dagster as dg

from udb_pipelines.orchestration import jobs
from udb_pipelines.orchestration.failures import in_stage
from udb_pipelines.orchestration.metadata import markdown_table
from udb_pipelines.orchestration.resources import Udb


@dg.op(description="Remove what retention plans to remove, and say what it was.")
def clean_up(context: dg.OpExecutionContext, udb: dg.ResourceParam[Udb]) -> None:
    """Plan anew and apply: what was planned when the run was requested may be needed by now."""
    from udb_pipelines.warehouse import retention

    removed = in_stage(
        "retention",
        job_id=context.run.run_id,
        source="warehouse",
        work=lambda: retention.apply(retention.plan(udb.settings, udb.lake)),
    )
    context.add_output_metadata(
        {
            "removed": len(removed),
            "bytes": sum(item.bytes for item in removed),
            "files": dg.MetadataValue.md(
                markdown_table(
                    ["reason", "path", "bytes"], [(item.reason, item.path, item.bytes) for item in removed[:100]]
                )
            ),
        }
    )


@dg.job(
    name=jobs.CLEANUP_JOB,
    executor_def=dg.in_process_executor,
    description="Deletes artifacts and rejects of old jobs and what dead jobs left; asked for by the retention sensor",
)
def cleanup_job() -> None:
    """Apply retention."""
    clean_up()
