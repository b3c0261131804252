"""``udb restore``: the warehouse as it was, beside what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.display import working
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_line, print_table
from udb_pipelines.cli.query import parse_as_of
from udb_pipelines.errors import Exit, UdbError
from udb_pipelines.wording import counted, duration, size

if TYPE_CHECKING:
    from datetime import datetime

    from udb_pipelines.warehouse.restore import Restored, RestorePlan, SnapshotPlan

app = typer.Typer(
    help="Get the warehouse back: to a time, from a snapshot, or one table. What there is now stays as a timeline.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

When = Annotated[
    str, typer.Argument(metavar="TIME|VERSION", help="A version number, or a time such as 2026-01-31T18:00.")
]
Timeline = Annotated[
    int | None, typer.Option("--timeline", min=1, help="The timeline to look in; the current one when absent.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and its size. Change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command("list")
def list_points(
    timeline: Timeline = None,
    most: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most versions to print, newest first.")] = 30,
    as_json: Json = False,
) -> None:
    """List the timelines, and the versions that one of them can be restored to.

    [bold]Examples[/bold]

      udb restore list
      udb restore list --timeline 1
    """
    from udb_pipelines.warehouse.restore import points

    lake = session.lake()
    register = lake.register()
    chosen = register.find(timeline or register.current)
    held = points(lake.at(chosen.number))
    if as_json:
        print_json({
            "current": register.current,
            "timelines": [item.model_dump(mode="json") for item in register.timelines],
            "timeline": chosen.number,
            "versions": [point.model_dump(mode="json") for point in held],
        })  # fmt: skip
        return
    print_table(
        (Column("timeline", "right"), Column("begun"), Column("from version", "right"), Column("comes from")),
        [
            (
                f"{item.number} (current)" if item.number == register.current else str(item.number),
                moment(item.made_at),
                str(item.first_version) if item.first_version else "",
                item.origin,
            )
            for item in register.timelines
        ],
    )
    print_line()
    if not held:
        note(f"Timeline {chosen.number} holds nothing yet.")
        return
    print_table(
        (Column("version", "right"), Column("committed"), Column("what", wrap=True)),
        [(str(point.version), moment(point.committed_at), point.what) for point in reversed(held[-most:])],
    )
    if len(held) > most:
        note(f"There are {number(len(held) - most)} older versions. Use --limit.")


@app.command("to")
def to(
    when: When,
    timeline: Timeline = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="If files are damaged, restore the tables that are whole.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a version of the past the newest one, for everybody, at one instant.

    Every file it needs is compared with its checksum first. What was committed since stays reachable as the old
    timeline: udb sql --timeline N. A version number of another timeline takes the warehouse there.

    [bold]Examples[/bold]

      udb restore to 2026-01-31T18:00 --dry-run
      udb restore to 41
    """
    from udb_pipelines.warehouse.restore import plan, restore_to

    lake, wanted = session.lake(), _when(when)
    if dry_run:
        _show_plan(plan(lake, wanted, timeline), as_json)
        return
    with working("restore"):
        done = restore_to(lake, wanted, timeline, salvage=salvage)
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    _tell(done)


def _tell(done: Restored) -> None:
    note(
        f"The warehouse is {done.origin} again, as version {done.version} on timeline {done.timeline}: "
        f"{counted(len(done.tables), 'table')}, {counted(sum(table.rows_total for table in done.tables), 'row')}."
    )
    if done.previous is not None:
        note(
            f"{counted(done.left_behind, 'version')} left behind; "
            f"timeline {done.previous} keeps everything: udb sql --timeline {done.previous}"
        )
    if done.lost:
        note(f"Not restored, because damaged: {', '.join(done.lost)}")
    for source in done.run_again:
        note(f"Load it again: udb run {source}")
    if done.loaded_again:
        note(
            f"That run loads {', '.join(done.loaded_again)} too, which came back. If the source appends, their rows "
            "would be there twice: drop them first, with udb sources remove NAME --with-data, and add the source anew."
        )


@app.command("from")
def from_snapshot(
    snapshot: Annotated[
        str, typer.Argument(metavar="SNAPSHOT", help="Its id, as udb snapshot list shows it; or newest.")
    ],
    target: Annotated[
        str | None,
        typer.Option("--target", help="Folder or address of the snapshots; UDB_SNAPSHOT_TARGET otherwise."),
    ] = None,
    to_folder: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Another home, instead of UDB_HOME.")
    ] = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="If files are damaged, restore the tables that are whole.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Sources, secrets and contracts of the snapshot replace those of today.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bring a snapshot back: over nothing, beside a damaged warehouse, or into a folder of its own.

    Only what the warehouse does not have is fetched, and every file is compared with its checksum. Killed on the
    way, the next attempt goes on. On an empty machine, the target alone is enough: sources, secrets (as stored, so
    they need the same UDB_SECRET_KEY), legal holds, contracts and the history of KPIs come back too, where there
    are none of that name.

    [bold]Examples[/bold]

      udb restore from newest --dry-run
      udb restore from 20260131T020000_1a2b3c4d --target s3://backups/udb
      udb restore from newest --to /mnt/look     then: UDB_HOME=/mnt/look udb sql "SHOW TABLES"
    """
    from udb_pipelines.control.belongings import PutBack, put_back
    from udb_pipelines.warehouse import snapshots
    from udb_pipelines.warehouse.restore import into_folder, plan_from, restore_from
    from udb_pipelines.warehouse.targets import open_target

    settings = session.settings()
    opened = open_target(target or settings.snapshots, settings)
    lake = into_folder(session.lake(), to_folder.expanduser().absolute()) if to_folder else session.lake()
    found = snapshots.newest(opened) if snapshot == "newest" else snapshots.find(opened, snapshot)
    if found is None:
        raise UdbError("E_SNAPSHOT", f"there is no snapshot in {opened.address}", remedy="name another --target")
    if found.lacks and not as_json:
        note(found.lacks)
    if dry_run:
        _show_snapshot_plan(plan_from(lake, opened, found.id), as_json)
        return
    with working("restore"):
        done = restore_from(lake, opened, found.id, salvage=salvage)
        content = snapshots.fetch_home(opened, found)
        belongings = put_back(lake.settings, content, force=force) if content else PutBack(put=(), kept=())
    if as_json:
        print_json({**done.model_dump(mode="json"), "belongings": belongings.model_dump(mode="json")})
        return
    _tell(done)
    if belongings.put:
        note(f"Put back: {', '.join(belongings.put)}")
    if belongings.kept:
        note(f"Kept as they are here, other than in the snapshot (--force replaces them): {', '.join(belongings.kept)}")
    if to_folder:
        note(f"It is in {lake.settings.home}: UDB_HOME={lake.settings.home} udb sql 'SHOW TABLES'")


@app.command("table")
def table(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="A table that the warehouse had.")],
    when: Annotated[str, typer.Option("--to", metavar="TIME|VERSION", help="When it was as it shall be.")],
    timeline: Timeline = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give one table the rows and columns it had, as one more commit. Everything else stays as it is.

    [bold]Examples[/bold]

      udb restore table orders --to 41
      udb restore table orders --to 2026-01-31T18:00 --dry-run
    """
    from udb_pipelines.warehouse.restore import plan_table, restore_table

    lake, wanted = session.lake(), _when(when)
    with working("restore"):
        done = (plan_table if dry_run else restore_table)(lake, name, wanted, timeline)
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    before = "does not exist now" if done.rows_before is None else f"has {counted(done.rows_before, 'row')} now"
    there = f"version {done.point.version} of {moment(done.point.committed_at)}"
    if dry_run:
        print_line(f"{name} {before}; it would get the {number(done.rows)} rows of {there}")
        return
    note(f"{name} has the {number(done.rows)} rows of {there} again, as version {done.version}.")


@app.command("verify")
def verify(
    when: Annotated[
        str | None, typer.Argument(metavar="[TIME|VERSION]", help="Only what this version needs; everything otherwise.")
    ] = None,
    timeline: Timeline = None,
    as_json: Json = False,
) -> int:
    """Read every file that history needs and compare it with its checksum. Ends with 5 if something is damaged.

    [bold]Examples[/bold]

      udb restore verify              every version
      udb restore verify 41           can version 41 be restored?
    """
    from udb_pipelines.warehouse.restore import aim, examine

    lake = session.lake()
    wanted = parse_as_of(when)
    point = aim(lake, wanted, timeline).point if wanted is not None else None
    chosen = lake.at(point.timeline if point else timeline or lake.register().current)
    with working("restore"):
        found = examine(chosen, point.version if point else None)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        for damage in found.damages:
            print_line(str(damage))
        what = f"version {point.version}" if point else "every version"
        state = f"{len(found.damages)} of them damaged" if found.damages else "all as their commits recorded"
        print_line(f"{what}: {counted(found.files, 'file')}, {size(found.bytes)}, {state}")
        if found.damages and found.newest_whole:
            note(f"The newest version that is whole: udb restore to {found.newest_whole}")
    return int(Exit.ENVIRONMENT if found.damages else Exit.OK)


@app.command("drill")
def drill(
    target: Annotated[
        str | None,
        typer.Option("--target", help="Folder or address of the snapshots; UDB_SNAPSHOT_TARGET otherwise."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Prove that a restore works: the newest snapshot into a scratch folder, compared row by row, then removed.

    A schedule does the same every Sunday. Ends with 5 if anything did not come back as it was.

    [bold]Example[/bold]

      udb restore drill --target s3://backups/udb
    """
    from udb_pipelines.warehouse.restore.drill import drill as work
    from udb_pipelines.warehouse.targets import open_target

    settings = session.settings()
    with working("restore drill"):
        done = work(session.lake(), open_target(target or settings.snapshots, settings))
    if as_json:
        print_json({**done.model_dump(mode="json"), "passed": done.passed})
    else:
        for problem in done.problems:
            print_line(problem)
        state = "came back as recorded" if done.passed else "did not come back as recorded"
        print_line(
            f"snapshot {done.snapshot}: {counted(done.tables, 'table')}, {counted(done.rows, 'row')}, "
            f"{size(done.bytes)} {state} in {duration(done.seconds)}; {done.compared} compared by checksum"
        )
    return int(Exit.OK if done.passed else Exit.ENVIRONMENT)


@app.command("drop-timeline")
def drop_timeline(
    timeline: Annotated[int, typer.Argument(metavar="N", help="The number of the timeline.")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give up a timeline that is not the current one: its versions, and the files that only it needs.

    [bold]Example[/bold]

      udb restore drop-timeline 1 --dry-run
    """
    from datetime import UTC, datetime

    from udb_pipelines.control.holds import rules_of
    from udb_pipelines.warehouse.restore import drop, plan_drop

    lake = session.lake()
    done = (
        plan_drop(lake, timeline) if dry_run else drop(lake, timeline, rules_of(lake.settings).held(datetime.now(UTC)))
    )
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    verb = "would go" if dry_run else "are gone"
    print_line(
        f"{counted(len(done.versions), 'version')} and {counted(len(done.files), 'file')} "
        f"that only timeline {timeline} has {verb}: {size(done.bytes)}"
    )
    if done.damaged:
        note("Its catalog is damaged. Files that only it needed are found and removed by: udb doctor --mend")


def _show_plan(planned: RestorePlan, as_json: bool) -> None:
    if as_json:
        print_json(planned.model_dump(mode="json"))
        return
    point = planned.point
    print_line(f"version {point.version} of {moment(point.committed_at)}: {point.what}")
    print_line(f"becomes timeline {planned.timeline}; {counted(planned.left_behind, 'version')} of timeline "
               f"{planned.current} would be left behind, and stay readable there")  # fmt: skip
    print_line(f"{counted(planned.files, 'file')}, {size(planned.bytes)}, to be verified; shared, so nothing is copied")
    print_table(
        (Column("table"), Column("rows", "right"), Column("committed as", "right")),
        [(table.dataset, number(table.rows_total), str(table.version)) for table in planned.tables],
    )


def _show_snapshot_plan(planned: SnapshotPlan, as_json: bool) -> None:
    if as_json:
        print_json(planned.model_dump(mode="json"))
        return
    print_line(f"snapshot {planned.snapshot} of {moment(planned.made_at)}, version {planned.version} of "
               f"{moment(planned.committed_at)}")  # fmt: skip
    print_line(f"{counted(planned.tables, 'table')}, {counted(planned.rows, 'row')}, {counted(planned.files, 'file')}, "
               f"{size(planned.bytes)}; to be fetched: {counted(planned.missing_files, 'file')}, "
               f"{size(planned.missing_bytes)}")  # fmt: skip
    print_line(f"into {planned.into}")
    if planned.current is not None:
        print_line(f"timeline {planned.current} stays there; {counted(planned.left_behind, 'version')} would be left "
                   "behind on it")  # fmt: skip


def _when(text: str) -> datetime | int:
    wanted = parse_as_of(text)
    if wanted is None:
        raise UdbError("E_VERSION", "neither a version nor a time was given", remedy="udb restore list shows them")
    return wanted
