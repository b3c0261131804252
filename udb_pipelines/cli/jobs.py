"""``udb jobs``: what ran, whoever started it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, moment, note, print_json, print_table, seconds

STATUS_STYLES = {"success": "green", "failure": "red", "canceled": "yellow", "running": "cyan", "queued": "dim"}


def jobs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """List the newest jobs: of the command line, the UI, sensors, schedules and backfills.

    [bold]Example[/bold]

      udb jobs --limit 5
    """
    from udb_pipelines.orchestration.runner import jobs as newest

    records = newest(session.settings(), limit)
    if as_json:
        print_json([asdict(record) for record in records])
        return
    if not records:
        note("No job yet. Start one with: udb run FILE")
        return
    columns = (
        Column("started"),
        Column("source"),
        Column("status", styles=STATUS_STYLES),
        Column("took", "right"),
        Column("error"),
        Column("job"),
    )
    print_table(
        columns,
        [
            (
                moment(record.started_at or record.created_at),
                record.source or record.job,
                record.status,
                seconds(record.seconds) if record.seconds is not None else "",
                (record.error or {}).get("code") or "",
                record.job_id,
            )
            for record in records
        ],
    )
