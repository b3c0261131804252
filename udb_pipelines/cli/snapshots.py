"""``udb snapshot``: verified copies of the whole warehouse, in a folder or an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.display import working
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_line, print_table
from udb_pipelines.errors import Exit, UdbError
from udb_pipelines.wording import counted, size

if TYPE_CHECKING:
    from udb_pipelines.warehouse.snapshots import Made, Pruned, Snapshot
    from udb_pipelines.warehouse.targets import Target as Opened

app = typer.Typer(
    help="Verified copies of the warehouse: create, copy, list, verify, prune.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="FOLDER|URI",
        help="A folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix. "
        "UDB_SNAPSHOT_TARGET otherwise.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command("create")
def create(
    target: Target = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read what the target has already, and replace what was altered there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the warehouse as it is now; files that the target already has are not copied again.

    Others go on reading and writing meanwhile. S3 credentials come from AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, the address of a store that is not Amazon's from AWS_ENDPOINT_URL.

    [bold]Examples[/bold]

      udb snapshot create
      udb snapshot create --target /mnt/backup
      udb snapshot create --target s3://backups/udb
      udb snapshot create --deep      after udb snapshot verify has found altered files
    """
    from udb_pipelines.warehouse import snapshots

    opened = _open(target)
    with working("snapshot"):
        made = snapshots.create(session.lake(), opened, deep=deep)
    _tell(made, opened, as_json)


@app.command("copy")
def copy(target: Target = None, as_json: Json = False) -> None:
    """Bring the target up to date between snapshots: the catalog and the files that are new.

    The daemon does so by itself whenever the warehouse has changed; see UDB_SNAPSHOT_COPY_SECONDS.

    [bold]Example[/bold]

      udb snapshot copy
    """
    from udb_pipelines.warehouse import snapshots

    opened = _open(target)
    with working("copy"):
        made = snapshots.copy(session.lake(), opened)
    _tell(made, opened, as_json)


@app.command("list")
def list_snapshots(
    target: Target = None,
    copies: Annotated[bool, typer.Option("--copies", help="Also the copies made between snapshots.")] = False,
    as_json: Json = False,
) -> None:
    """List the complete snapshots, newest first.

    [bold]Example[/bold]

      udb snapshot list --target s3://backups/udb
    """
    from udb_pipelines.warehouse import snapshots

    found = snapshots.list_snapshots(_open(target), ("snapshot", "copy") if copies else ("snapshot",))
    if as_json:
        print_json([snapshot.model_dump(mode="json") for snapshot in found])
        return
    if not found:
        note("No snapshot yet. Make one with: udb snapshot create")
        return
    columns = (
        Column("snapshot"),
        Column("kind"),
        Column("made"),
        Column("version", "right"),
        Column("tables", "right"),
        Column("rows", "right"),
        Column("size", "right"),
    )
    print_table(columns, [_row(snapshot) for snapshot in found])


@app.command("verify")
def verify(
    snapshot: Annotated[str | None, typer.Argument(metavar="[SNAPSHOT]", help="The newest when absent.")] = None,
    target: Target = None,
    quick: Annotated[bool, typer.Option("--quick", help="Look at names and sizes only; read nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Read every file of a snapshot again and compare it with its recorded checksum. Ends with 5 if it is damaged.

    [bold]Examples[/bold]

      udb snapshot verify
      udb snapshot verify --quick --target s3://backups/udb
    """
    from udb_pipelines.warehouse import snapshots

    opened = _open(target)
    chosen = snapshot or _newest(opened)
    with working("verify"):
        problems = snapshots.verify(opened, chosen, quick=quick)
    if as_json:
        print_json({"snapshot": chosen, "problems": problems})
    for problem in () if as_json else problems:
        print_line(problem)
    if not problems and not as_json:
        print_line(f"{chosen} is whole{', by names and sizes' if quick else ''}")
    return int(Exit.ENVIRONMENT if problems else Exit.OK)


@app.command("prune")
def prune(
    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", min=1, help="Younger snapshots stay. UDB_SNAPSHOT_KEEP_DAYS otherwise."),
    ] = None,
    target: Target = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old snapshots, and files that no snapshot needs any more. The newest snapshot always stays.

    So do those that a legal hold (udb retention hold) needs, and the newest of each timeline of the warehouse.

    [bold]Examples[/bold]

      udb snapshot prune --dry-run
      udb snapshot prune --keep-days 7
    """
    from udb_pipelines.control.holds import needed_of
    from udb_pipelines.warehouse import snapshots

    settings = session.settings()
    days = keep_days or settings.snapshot_keep_days
    with working("prune"):
        pruned = snapshots.prune(
            _open(target),
            days,
            needed_of(session.lake()),
            wait_seconds=settings.lock_timeout_seconds,
            dry_run=dry_run,
        )
    if as_json:
        print_json({"dry_run": dry_run, **pruned.model_dump(mode="json")})
        return
    _tell_pruned(pruned, "would be removed" if dry_run else "removed")


def _open(target: str | None) -> Opened:
    from udb_pipelines.warehouse.targets import open_target

    settings = session.settings()
    return open_target(target or settings.snapshots, settings)


def _newest(target: Opened) -> str:
    from udb_pipelines.warehouse import snapshots

    found = snapshots.list_snapshots(target)
    if not found:
        raise UdbError("E_SNAPSHOT", f"there is no snapshot in {target.address}", remedy="udb snapshot create")
    return found[0].id


def _tell(made: Made, target: Opened, as_json: bool) -> None:
    from udb_pipelines.warehouse import snapshots

    snapshots.remember(session.settings(), made, target.address)
    snapshot = made.snapshot
    if as_json:
        facts = {"copied_files": made.copied_files, "copied_bytes": made.copied_bytes, "target": target.address}
        print_json({**facts, **snapshot.model_dump(mode="json")})
        return
    note(
        f"Version {snapshot.version}: {counted(len(snapshot.tables), 'table')}, {counted(snapshot.rows, 'row')}, "
        f"{counted(len(snapshot.files), 'file')}, {size(snapshot.bytes)}; "
        f"copied {counted(made.copied_files, 'file')}, {size(made.copied_bytes)}, to {target.address}"
    )
    if snapshot.lacks:
        note(snapshot.lacks)
    print_line(snapshot.id)


def _row(snapshot: Snapshot) -> tuple[str, ...]:
    return (
        snapshot.id,
        snapshot.kind,
        moment(snapshot.created_at),
        str(snapshot.version),
        number(len(snapshot.tables)),
        number(snapshot.rows),
        size(snapshot.bytes),
    )


def _tell_pruned(pruned: Pruned, what: str) -> None:
    for name in pruned.snapshots:
        print_line(name)
    note(
        f"{counted(len(pruned.snapshots), 'snapshot')}, {counted(len(pruned.copies), 'copy')} and "
        f"{counted(pruned.files, 'file')}, {size(pruned.bytes)}, {what}"
    )
    if pruned.kept:
        note(f"Old, but needed for a legal hold or a timeline: {', '.join(pruned.kept)}")
    if pruned.unreadable:
        note(
            f"No file was removed: {counted(len(pruned.unreadable), 'manifest')} cannot be read, such as "
            f"{pruned.unreadable[0]}, and nobody knows what they need"
        )
