"""``udb state``: where an incremental source goes on from."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any

import typer

from udb_pipelines.cli.present import Column, note, print_json, print_table
from udb_pipelines.errors import UdbError

app = typer.Typer(
    help="Where incremental syncs go on from: show, set, reset.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Name of a source.")]
Dataset = Annotated[
    str | None, typer.Option("--dataset", metavar="NAME", help="Only this dataset of a source that has several.")
]


@app.command("show")
def show(
    source: SourceArgument, as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False
) -> None:
    """Show the cursor of every dataset: the greatest value read, from which the next sync goes on.

    [bold]Example[/bold]

      udb state show orders
    """
    state = _state(source)
    if as_json:
        print_json(state)
    elif not state:
        note(f"{source} has no state: every sync reads all of it.")
    else:
        print_table(
            (Column("dataset", wrap=True), Column("cursor"), Column("last value", wrap=True), Column("read at")),
            [(name, *_told(entry)) for name, entry in sorted(state.items()) if isinstance(entry, dict)],
        )


def _told(entry: dict[str, Any]) -> tuple[str, str, str]:
    """Cursor, value and moment; the state of a connector is its own, and told as it is."""
    if "cursor" in entry:
        return str(entry.get("column", "")), str(entry["cursor"]), str(entry.get("read_at", ""))
    return "(connector)", json.dumps(entry), ""


@app.command("set")
def set_state(
    source: SourceArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The cursor, as the source writes it.")],
    dataset: Dataset = None,
) -> None:
    """Let the next sync go on from VALUE. What is stored stays.

    [bold]Example[/bold]

      udb state set orders '2026-11-01 00:00:00+00'
    """
    from udb_pipelines import warehouse
    from udb_pipelines.cli import session
    from udb_pipelines.connectors.cursors import check_like

    state = _state(source)
    for name in _chosen(source, state, dataset):
        if "cursor" not in state[name]:
            raise UdbError(
                "E_OPTION", f"the state of {name} belongs to its connector", remedy=f"udb state reset {source}"
            )
        check_like(value, str(state[name]["cursor"]))
        state[name] = {**state[name], "cursor": value}
    warehouse.set_state(session.lake(), source, state, str(uuid.uuid4()))
    note(f"{source} goes on from {value}. Read it with: udb run {source}")


@app.command("reset")
def reset(source: SourceArgument, dataset: Dataset = None) -> None:
    """Forget the cursor: the next sync reads everything, and recognises the rows that are stored.

    To replace what is stored instead, run: udb run SOURCE --full

    [bold]Example[/bold]

      udb state reset orders
    """
    from udb_pipelines import warehouse
    from udb_pipelines.cli import session

    state = _state(source)
    for name in _chosen(source, state, dataset):
        del state[name]
    warehouse.set_state(session.lake(), source, state, str(uuid.uuid4()))
    note(f"{source} reads everything at the next sync: udb run {source}")


def _state(source: str) -> dict[str, Any]:
    from udb_pipelines import warehouse
    from udb_pipelines.cli import session

    session.registry().get(source)
    return dict(warehouse.last_state(session.lake(), source))


def _chosen(source: str, state: dict[str, Any], dataset: str | None) -> list[str]:
    """The datasets meant.

    Raises:
        UdbError: ``E_STAGE`` when there is no state, ``E_NOT_FOUND`` when there is none of that dataset.
    """
    if not state:
        raise UdbError(
            "E_STAGE",
            f"{source} has no state to change",
            remedy="run it with --sync-mode incremental_upsert or incremental_append and a --cursor first",
        )
    if dataset is not None and dataset not in state:
        raise UdbError("E_NOT_FOUND", f"{source} has no state of {dataset}; it has: {', '.join(sorted(state))}")
    return [dataset] if dataset else list(state)
