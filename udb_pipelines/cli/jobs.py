"""``udb jobs``: what ran, whoever started it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import KEY_LETTERS, Column, moment, note, print_json, print_table
from udb_pipelines.wording import duration

if TYPE_CHECKING:
    from udb_pipelines.config import Settings

SEARCHED = 1000
"""How many of the newest jobs the first letters of an id are looked up in."""

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
        Column("source", wrap=True),
        Column("status", styles=STATUS_STYLES),
        Column("took", "right"),
        Column("error", wrap=True),
        Column("job", key=True),
    )
    print_table(
        columns,
        [
            (
                moment(record.started_at or record.created_at),
                record.source or record.job,
                record.status,
                duration(record.seconds) if record.seconds is not None else "",
                (record.error or {}).get("code") or "",
                record.job_id,
            )
            for record in records
        ],
    )


def whole_id(text: str, settings: Settings) -> str:
    """The id of the only recent job that begins with ``text``; ``text`` itself when there is none or several."""
    from udb_pipelines.orchestration.runner import jobs as newest

    if len(text) < KEY_LETTERS:
        return text
    found = [record.job_id for record in newest(settings, SEARCHED) if record.job_id.startswith(text)]
    return found[0] if len(found) == 1 else text
