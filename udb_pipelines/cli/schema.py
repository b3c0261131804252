"""``udb schema``: what a dataset's columns are, what became of them, and whether that breaks anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, note, print_json, print_line, print_table
from udb_pipelines.errors import Exit, UdbError

if TYPE_CHECKING:
    from udb_pipelines.warehouse.baselines import Baseline
    from udb_pipelines.warehouse.schema import Change

app = typer.Typer(
    help="Columns of a dataset: show them, compare versions, check a baseline.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A table of the warehouse.")]


@app.command("show")
def show(
    dataset: Dataset,
    version: Annotated[
        int | None, typer.Option("--version", help="As of this version; the newest when absent.")
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Also list the values of text columns that have few.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Write a baseline: .json, .yaml.")] = None,
    as_json: Json = False,
) -> None:
    """Show columns, types and key of a dataset; --to keeps them as a baseline to check against.

    [bold]Examples[/bold]

      udb schema show orders
      udb schema show orders --values --to orders.schema.yaml
    """
    from udb_pipelines.warehouse import baselines

    taken = baselines.take(session.lake(), dataset, _key_of(dataset), version, with_values=values)
    if to is not None:
        if to.suffix.lower() not in {".json", ".yaml", ".yml"}:
            raise UdbError("E_OPTION", "--to: a baseline is a .json, .yaml or .yml file")
        baselines.write(taken, to)
        note(f"Wrote {to}. Check later versions with: udb schema check {dataset} --baseline {to}")
        return
    if as_json:
        print_line(baselines.dump(taken, as_yaml=False).rstrip())
        return
    columns = (Column("column", wrap=True), Column("type"), Column("key"), Column("values", wrap=True))
    rows = [
        (item.name, item.type, "key" if item.name in taken.key else "", ", ".join(item.values or ()))
        for item in taken.columns
    ]
    note(f"version {taken.version}")
    print_table(columns if values else columns[:-1], [row if values else row[:-1] for row in rows])


@app.command("diff")
def diff(
    dataset: Dataset,
    before: Annotated[
        int | None, typer.Option("--from", metavar="VERSION", help="The commit before --to when absent.")
    ] = None,
    after: Annotated[int | None, typer.Option("--to", metavar="VERSION", help="The newest when absent.")] = None,
    as_json: Json = False,
) -> None:
    """Show what became of a dataset's columns between two versions, and what of it is breaking.

    [bold]Examples[/bold]

      udb schema diff orders
      udb schema diff orders --from 4 --to 9
    """
    from udb_pipelines.warehouse import baselines

    lake, key = session.lake(), _key_of(dataset)
    new = baselines.take(lake, dataset, key, after)
    old = baselines.take(lake, dataset, key, before if before is not None else _before(dataset, after))
    _show(baselines.differences(old, new), f"versions {old.version} and {new.version}", as_json)


@app.command("check")
def check(
    dataset: Dataset,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="FILE|VERSION", help="A file of udb schema show --to, or a version.")
    ],
    version: Annotated[int | None, typer.Option("--version", help="What to check; the newest when absent.")] = None,
    as_json: Json = False,
) -> int:
    """Compare a dataset with what was agreed. Ends with 4 if something breaks.

    Breaking are: a column removed, a type narrowed or changed, another key, a value required that was optional,
    NULLs where the baseline promises none, a value of an enumeration gone. All else is safe.

    [bold]Examples[/bold]

      udb schema check orders --baseline orders.schema.yaml
      udb schema check orders --baseline 4
    """
    from udb_pipelines.warehouse import baselines

    agreed = _baseline(dataset, baseline)
    with_values = any(column.values is not None for column in agreed.columns)
    lake = session.lake()
    found = baselines.take(lake, dataset, _key_of(dataset), version, with_values=with_values)
    changes = (*baselines.differences(_promised(agreed, found), found), *baselines.unkept(lake, agreed, version))
    _show(changes, f"the baseline and version {found.version}", as_json)
    return int(Exit.DATA if any(change.breaking for change in changes) else Exit.OK)


def _promised(agreed: Baseline, found: Baseline) -> Baseline:
    """The baseline without its promises of no NULL: those are looked up in the data, not compared."""
    present = {column.name: column for column in found.columns}
    columns = [
        column.model_copy(update={"nullable": present[column.name].nullable})
        if column.name in present and not column.nullable
        else column
        for column in agreed.columns
    ]
    return agreed.model_copy(update={"columns": tuple(columns)})


def _baseline(dataset: str, text: str) -> Baseline:
    from udb_pipelines.warehouse import baselines

    if text.isdigit() and not Path(text).exists():
        return baselines.take(session.lake(), dataset, _key_of(dataset), int(text))
    agreed = baselines.read(Path(text))
    if agreed.dataset != dataset:
        raise UdbError("E_OPTION", f"--baseline: {text} is a baseline of {agreed.dataset}, not of {dataset}")
    return agreed


def _key_of(dataset: str) -> tuple[str, ...]:
    """The primary key that the dataset's source has; none for a frame of somebody's own."""
    sources = {source.name: source.options.primary_key for source in session.registry().list()}
    return sources.get(dataset.partition("__")[0], ())


def _before(dataset: str, after: int | None) -> int:
    from udb_pipelines import warehouse

    entries = [entry for entry in warehouse.history(session.lake(), dataset) if not entry.dropped]
    older = [entry.version for entry in entries if after is None or entry.version <= after][1:]
    if not older:
        raise UdbError(
            "E_VERSION", f"{dataset} has no earlier version to compare with", remedy=f"udb history {dataset}"
        )
    return older[0]


def _show(changes: tuple[Change, ...], between: str, as_json: bool) -> None:
    breaking = sum(change.breaking for change in changes)
    if as_json:
        print_json({"breaking": breaking, "changes": [change.model_dump() for change in changes]})
        return
    if not changes:
        note(f"No difference between {between}.")
        return
    styles = {"breaking": "red", "safe": "green"}
    columns = (Column("", styles=styles), Column("column", wrap=True), Column("change", wrap=True))
    print_table(columns, [("breaking" if item.breaking else "safe", item.column or "", item.text) for item in changes])
    note(f"{breaking} breaking of {len(changes)} changes between {between}.")
