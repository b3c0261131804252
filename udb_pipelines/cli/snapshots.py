"""``udb snapshot``: verified copies of the whole warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_line, print_table, size
from udb_pipelines.errors import Exit, UdbError

app = typer.Typer(
    help="Verified copies of the warehouse: create, list, verify.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Target = Annotated[
    Path | None, typer.Option("--target", help="Folder of the snapshots; UDB_SNAPSHOT_TARGET otherwise.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command("create")
def create(target: Target = None, as_json: Json = False) -> None:
    """Copy the warehouse as it is now; files that the target already has are not copied again.

    [bold]Example[/bold]

      udb snapshot create --target /mnt/backup
    """
    from udb_pipelines.warehouse import snapshots

    folder = _folder(target)
    made = snapshots.create(session.lake(), folder)
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    note(f"Version {made.version}: {len(made.tables)} tables, {len(made.files)} files, {size(made.bytes)}")
    print_line(str(folder / made.id))


@app.command("list")
def list_snapshots(target: Target = None, as_json: Json = False) -> None:
    """List the complete snapshots, newest first."""
    from udb_pipelines.warehouse import snapshots

    found = snapshots.list_snapshots(_folder(target))
    if as_json:
        print_json([snapshot.model_dump(mode="json") for snapshot in found])
        return
    if not found:
        note("No snapshot yet. Make one with: udb snapshot create")
        return
    print_table(
        (
            Column("snapshot"),
            Column("made"),
            Column("version", "right"),
            Column("tables", "right"),
            Column("rows", "right"),
            Column("size", "right"),
        ),
        [
            (
                snapshot.id,
                moment(snapshot.created_at),
                str(snapshot.version),
                number(len(snapshot.tables)),
                number(sum(table.rows for table in snapshot.tables)),
                size(snapshot.bytes),
            )
            for snapshot in found
        ],
    )


@app.command("verify")
def verify(
    snapshot: Annotated[str | None, typer.Argument(metavar="[SNAPSHOT]", help="The newest when absent.")] = None,
    target: Target = None,
    as_json: Json = False,
) -> int:
    """Compare every file of a snapshot with its recorded checksum. Ends with 5 if it is damaged.

    [bold]Example[/bold]

      udb snapshot verify --target /mnt/backup
    """
    from udb_pipelines.warehouse import snapshots

    folder = _folder(target)
    chosen = snapshot or next((item.id for item in snapshots.list_snapshots(folder)), None)
    if chosen is None:
        raise UdbError("E_NOT_FOUND", f"there is no snapshot in {folder}", remedy="udb snapshot create")
    problems = snapshots.verify(folder, chosen)
    if as_json:
        print_json({"snapshot": chosen, "problems": problems})
    for problem in () if as_json else problems:
        print_line(problem)
    if not problems and not as_json:
        print_line(f"{chosen} is whole")
    return int(Exit.ENVIRONMENT if problems else Exit.OK)


def _folder(target: Path | None) -> Path:
    return target.expanduser().absolute() if target else Path(session.settings().snapshots)
