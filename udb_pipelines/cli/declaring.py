"""``udb sources apply`` and ``export``: the register and ``sources.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli.present import Column, note, print_json, print_line, print_table

if TYPE_CHECKING:
    from udb_pipelines.control.sources_file import Plan

DEFAULT = Path("sources.yaml")


RELOAD = "Where the UI runs already, its schedule is taken over by: Deployment, udb_pipelines.definitions, Reload."


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; sources.yaml when not given.")] = DEFAULT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also forget sources that the file does not name. Their data stays.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Register the sources of a file: new ones are added, others changed to what the file says.

    The file is checked as a whole first; a mistake in it, told with its line, changes nothing.

    [bold]Example[/bold]

      udb sources apply --dry-run
      udb sources apply

    with a sources.yaml such as

      version: 1
      sources:
        orders:
          uri: postgresql://ann:${secret:shop}@db/shop
          tables: [public.orders]
          sync_mode: incremental_upsert
          primary_key: [id]
          cursor: updated_at
          schedule: "0 6 * * *"
    """
    from udb_pipelines.cli import session
    from udb_pipelines.control import sources_file

    wanted = sources_file.load(file)
    registry = session.registry()
    if dry_run:
        decided = sources_file.plan(wanted, registry.list())
    else:
        decided = sources_file.apply(registry, wanted, prune=prune)
    rows = _rows(decided, prune)
    if as_json:
        print_json({"applied": not dry_run, "sources": {name: what for name, what, _ in rows}})
        return
    print_table((Column("source", wrap=True), Column("change"), Column("address", wrap=True)), rows)
    if dry_run:
        note("Nothing was changed. Apply it with: udb sources apply")
    elif any(source.options.schedule for source in (*decided.added, *decided.changed)):
        note(RELOAD)


def _rows(decided: Plan, prune: bool) -> list[tuple[str, str, str]]:
    groups = (
        ("added", decided.added),
        ("changed", decided.changed),
        ("same", decided.same),
        ("removed" if prune else "not in the file, kept", decided.missing),
    )
    return [(source.name, what, source.uri) for what, sources in groups for source in sources]


def export(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of stdout; it must not exist.")
    ] = None,
) -> None:
    """Write the registered sources as a sources.yaml.

    [bold]Example[/bold]

      udb sources export --out sources.yaml
    """
    from udb_pipelines.cli import session
    from udb_pipelines.control import sources_file
    from udb_pipelines.errors import UdbError

    text = sources_file.written(session.registry().list())
    if out is None:
        print_line(text.rstrip("\n"))
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UdbError("E_OPTION", f"{out} exists already", remedy="name another file, or remove it") from None
    note(f"Wrote {out}.")
