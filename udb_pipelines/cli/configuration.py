"""``udb config``: the effective settings and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, print_json, print_table

if TYPE_CHECKING:
    from udb_pipelines.config import Settings


def config(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """Print every setting: its value (secrets hidden), where it comes from, what it means.

    [bold]Example[/bold]

      UDB_MEMORY_LIMIT=4GB udb config
    """
    settings = session.settings()
    rows = [_row(settings, name) for name in type(settings).model_fields]
    if as_json:
        names = ("variable", "value", "from", "description")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    styles = {"environment": "green", "default": "dim"}
    columns = (
        Column("variable"),
        Column("value", wrap=True),
        Column("from", styles=styles),
        Column("meaning", wrap=True),
    )
    print_table(columns, rows)


def _row(settings: Settings, name: str) -> tuple[str, str, str, str]:
    from udb_pipelines.config import variable_of
    from udb_pipelines.operations import scrub

    # Where the default depends on UDB_HOME, what it comes to is more use than that it is a default.
    derived = {"landing": settings.landing_folder, "snapshot_target": settings.snapshots}
    value = derived.get(name, getattr(settings, name))
    number = f"{value:g}" if isinstance(value, float) else value
    shown = "" if value is None else str(scrub.value(number))
    origin = "environment" if name in settings.model_fields_set else "default"
    return variable_of(name), shown, origin, type(settings).model_fields[name].description or ""
