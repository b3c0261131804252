"""``udb sources``: what is registered."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from udb_pipelines.cli import adding, declaring, options
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_line, print_table

app = typer.Typer(
    help="The registered sources: list, show, add, test, remove; sources.yaml: apply, export.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of a source.")]


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the sources and when each was last loaded."""
    from udb_pipelines import warehouse
    from udb_pipelines.cli import session

    lake = session.lake()
    known = session.registry().list()
    syncs = {source.name: warehouse.last_sync(lake, source.name) for source in known}
    if as_json:
        print_json(
            [
                {
                    **source.model_dump(mode="json"),
                    "version": sync.version if (sync := syncs[source.name]) else None,
                    "last_sync": sync.committed_at.isoformat() if sync else None,
                }
                for source in known
            ]
        )
        return
    if not known:
        note("No source yet. Load one with: udb run FILE")
        return
    print_table(
        (
            Column("source", wrap=True),
            Column("tables", "right"),
            Column("rows", "right"),
            Column("last sync"),
            Column("schedule"),
            Column("address", wrap=True),
        ),
        [
            (
                source.name,
                number(len(sync.datasets)) if (sync := syncs[source.name]) else "",
                number(sum(dataset.rows_total for dataset in sync.datasets)) if sync else "",
                moment(sync.committed_at) if sync else "never",
                source.options.schedule or "",
                source.uri,
            )
            for source in known
        ],
    )


@app.command("show")
def show(name: NameArgument, as_json: Json = False) -> None:
    """Show one source: its address, what is pinned, its tables.

    [bold]Example[/bold]

      udb sources show customers
    """
    from udb_pipelines import publishing, warehouse
    from udb_pipelines.cli import session

    source = session.registry().get(name)
    sync = warehouse.last_sync(session.lake(), name)
    manifest = publishing.latest(session.settings(), name)
    report = manifest.folder if manifest else None
    if as_json:
        last = sync.model_dump(mode="json") if sync else None
        print_json({**source.model_dump(mode="json"), "last_sync": last, "artifacts": str(report) if report else None})
        return
    print_line(f"{source.name}: {source.uri}")
    print_line(f"  registered  {moment(source.created_at)}")
    print_line(f"  artifacts   {report or 'none yet'}")
    for option, value in source.options.model_dump(exclude_defaults=True, mode="json").items():
        print_line(f"  {option} = {value!r}")
    if sync is None:
        print_line("  never loaded")
        return
    print_line(f"  last sync   {moment(sync.committed_at)}, version {sync.version}, job {sync.job_id}")
    print_table(
        (
            Column("dataset", wrap=True),
            Column("rows", "right"),
            Column("rejected", "right"),
            Column("columns", "right"),
        ),
        [
            (item.dataset, number(item.rows_total), number(item.rows_rejected), number(len(item.columns)))
            for item in sync.datasets
        ],
    )


@app.command("add")
@options.pinning(options.EVERY)
def add(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name of the source.")] = None,
    uri: Annotated[str | None, typer.Argument(metavar="[PATH_OR_URI]", help="Where it is; asked for without.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite address and options of a known source.")
    ] = False,
    *,
    given: dict[str, Any],
) -> None:
    """Register a source without loading it; the UI, schedules and sensors can then run it.

    Without an address it asks for one, tests it, shows the tables, and asks what could not be found out.

    [bold]Examples[/bold]

      udb sources add
      udb sources add orders /data/orders.csv --schedule '0 6 * * *'
      udb sources add orders /data/orders.csv --replace    forget what was pinned
    """
    from udb_pipelines.cli import session
    from udb_pipelines.cli.adding import talk
    from udb_pipelines.cli.inputs import legal_name
    from udb_pipelines.models import Source

    if name is None or uri is None:
        stored = talk(legal_name(name) if name else None, options.pinned(given))
    else:
        source = Source(name=legal_name(name), uri=uri, options=options.pinned(given), created_at=datetime.now(UTC))
        stored = session.registry().add(source, replace=replace)
    note(f"{stored.name} reads {stored.uri}. Load it with: udb run {stored.name}")
    if stored.options.schedule:
        note(declaring.RELOAD)


app.command("test")(adding.test)
app.command("apply")(declaring.apply)
app.command("export")(declaring.export)


@app.command("remove")
def remove(
    name: NameArgument,
    with_data: Annotated[bool, typer.Option("--with-data", help="Also drop its tables from the warehouse.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a source. Its tables stay unless --with-data is given; history and reports always stay.

    [bold]Example[/bold]

      udb sources remove orders --with-data
    """
    from udb_pipelines import warehouse
    from udb_pipelines.cli import session

    registry = session.registry()
    registry.get(name)
    what = f"the source {name} and its tables" if with_data else f"the source {name} (its tables stay)"
    if not yes:
        typer.confirm(f"Remove {what}?", abort=True, err=True)
    if with_data:
        warehouse.drop_source(session.lake(), name, str(uuid.uuid4()))
    registry.remove(name)
    note(f"Removed {what}.")
