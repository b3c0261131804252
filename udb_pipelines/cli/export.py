"""``udb export``: the warehouse as one plain DuckDB file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.display import working
from udb_pipelines.cli.present import note, print_json, print_line
from udb_pipelines.cli.query import parse_as_of
from udb_pipelines.wording import counted, size


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.duckdb", help="The file to make.")],
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", "-d", metavar="NAME", help="Only this dataset; may be repeated.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="VERSION|TIME", help="The warehouse as it was then.")
    ] = None,
    timeline: Annotated[
        int | None, typer.Option("--timeline", min=1, help="What a restore has left; udb restore list shows it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Write the warehouse into one plain DuckDB file, which needs neither UDB nor the warehouse.

    Every table is counted against what its commit recorded before the file appears.

    [bold]Examples[/bold]

      udb export shop.duckdb
      udb export orders.duckdb --dataset orders --as-of 2026-01-31T18:00
    """
    from udb_pipelines.warehouse.export import export as write

    lake = session.lake() if timeline is None else session.lake().at(timeline)
    with working("export"):
        made = write(
            lake,
            file.expanduser().absolute(),
            as_of=parse_as_of(as_of),
            names=tuple(dataset or ()),
            replace=force,
        )
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    rows = sum(table.rows for table in made.tables)
    note(f"Version {made.version}: {counted(len(made.tables), 'table')}, {counted(rows, 'row')}, {size(made.bytes)}")
    print_line(str(file))
