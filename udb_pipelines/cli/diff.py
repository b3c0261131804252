"""``udb diff``: what changed in a table between two versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.display import working
from udb_pipelines.cli.present import Column, note, number, print_json, print_line, print_table
from udb_pipelines.cli.query import parse_as_of
from udb_pipelines.errors import UdbError
from udb_pipelines.wording import counted

if TYPE_CHECKING:
    from udb_pipelines.warehouse.compare import Key, TableDiff

STYLES = {"added": "green", "removed": "red", "changed": "yellow"}


def diff(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the warehouse.")],
    before: Annotated[str, typer.Option("--from", metavar="TIME|VERSION", help="The earlier version.")],
    after: Annotated[
        str | None, typer.Option("--to", metavar="TIME|VERSION", help="The later version; the newest when absent.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Match rows by this column. Repeatable for several.")
    ] = None,
    timeline: Annotated[
        int | None, typer.Option("--timeline", min=1, help="The timeline to look in; the current one when absent.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Most rows to print.")] = 20,
    out: Annotated[Path | None, typer.Option("--out", help="Write every row that differs: .parquet or .csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Show the rows added, removed and changed between two versions, and the columns that changed.

    Rows are matched by --key, else by the table's confirmed key, its primary key or a key its profile found; where
    none identifies them, equal rows are matched, and a changed row is one removed and one added. Values are shown
    as udb sql shows them.

    [bold]Examples[/bold]

      udb diff orders --from 3
      udb diff orders --from 2026-01-31T18:00 --to 2026-02-01 --key order_id
      udb diff orders --from 3 --out changes.parquet
    """
    from udb_pipelines.warehouse.compare import compare

    lake = session.lake() if timeline is None else session.lake().at(timeline)
    start = parse_as_of(before)
    if start is None:
        raise UdbError("E_VERSION", "neither a version nor a time was given", remedy=f"udb history {table}")
    chosen = tuple(key or ())
    known = () if chosen else _known_keys(table)
    with (
        working("diff"),
        compare(lake, table, start, parse_as_of(after), key=chosen, known_keys=known) as difference,
    ):
        if out is not None:
            difference.write(out.expanduser().absolute())
        rows = difference.rows(limit)
    summary = difference.summary
    if as_json:
        print_json({**summary.model_dump(mode="json"), "rows": [_row(*row) for row in rows]})
        return
    _show(summary, rows)
    total = summary.added + summary.removed + summary.changed
    if out is not None:
        note(f"All {number(total)} rows are in {out}")
    elif total > limit:
        note(f"There are {number(total - limit)} more. Use --limit, or --out changes.parquet.")


def _known_keys(table: str) -> tuple[Key, ...]:
    """What may identify the rows, best first: confirmed by a person, declared, found by the profile."""
    from udb_pipelines import warehouse
    from udb_pipelines.publishing import latest_profiles

    settings = session.settings()
    infos = warehouse.datasets(session.lake())
    owner = next((info.source for info in infos if info.dataset == table), None)
    if owner is None:
        return ()
    found: list[Key] = []
    try:
        options = session.registry().get(owner).options
        found += [options.keys.get(table, ()), options.primary_key]
    except UdbError as error:
        if error.code != "E_SOURCE_UNKNOWN":
            raise
    profile = latest_profiles(settings, owner).get(table)
    found += [candidate.columns for candidate in profile.keys] if profile else []
    return tuple(key for key in found if key)


def _show(summary: TableDiff, rows: list[Any]) -> None:
    print_line(
        f"{summary.table}, version {summary.from_version} to {summary.to_version}: {number(summary.added)} added, "
        f"{number(summary.removed)} removed, {number(summary.changed)} changed; "
        f"{counted(summary.rows_before, 'row')} before, {number(summary.rows_after)} after"
    )
    how = f"by {', '.join(summary.key)}" if summary.key else "as whole rows, for no key identifies them"
    note(f"Rows were matched {how}.")
    for change in summary.schema_changes:
        kinds = " became ".join(kind for kind in (change.before, change.after) if kind)
        print_line(f"column {change.column} {change.change}: {kinds}")
    for name, count in summary.changed_columns.items():
        print_line(f"column {name} changed in {counted(count, 'row')}")
    if rows:
        print_line()
        print_table(
            (Column("change", styles=STYLES), Column("row", wrap=True), Column("what changed", wrap=True)),
            [(change, _named(summary, before, after), _changes(columns, before, after))
             for change, columns, before, after in rows],
        )  # fmt: skip


def _named(summary: TableDiff, before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """The row by its key; all of it where there is none, or where it came or went."""
    row = after or before or {}
    shown = summary.key if before and after else tuple(row)
    return ", ".join(f"{name}={_text(row[name])}" for name in shown)


def _changes(columns: tuple[str, ...], before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    if not before or not after:
        return ""
    return ", ".join(f"{name}: {_text(before[name])} → {_text(after[name])}" for name in columns)


def _text(value: object) -> str:
    return "NULL" if value is None else str(value)


def _row(change: str, columns: tuple[str, ...], before: Any, after: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    return {"change": change, "changed_columns": columns, "before": before, "after": after}
