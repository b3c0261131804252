"""``udb keys``: which columns identify a row, and which of them somebody has confirmed."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, note, number, print_json, print_line, print_table
from udb_pipelines.cli.query import unknown_dataset
from udb_pipelines.errors import Exit, UdbError
from udb_pipelines.wording import counted

if TYPE_CHECKING:
    from udb_pipelines.models import KeyCheck, Profile, Source

app = typer.Typer(
    help="Keys: the candidates that were found, and the one that every later sync is checked against.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A table of the warehouse.")]


@app.command("list")
def list_keys(dataset: Dataset, as_json: Json = False) -> None:
    """List the candidate keys that the last profile found, and the confirmed one.

    A score of 1 means that the columns identify every row: no value twice, none missing, none invalid.

    [bold]Example[/bold]

      udb keys list orders
    """
    source = _source_of(dataset)
    profile = _profile_of(source.name, dataset)
    confirmed = source.options.keys.get(dataset)
    if as_json:
        check = profile.key_check.model_dump(mode="json") if profile.key_check else None
        candidates = [key.model_dump(mode="json") for key in profile.keys]
        print_json({"dataset": dataset, "confirmed": confirmed, "candidates": candidates, "key_check": check})
        return
    if profile.keys:
        columns = (
            Column("columns", wrap=True),
            Column("score", "right"),
            Column("distinct %", "right"),
            Column("empty %", "right"),
            Column("invalid %", "right"),
            Column("confirmed"),
        )
        rows = [
            (
                " + ".join(key.columns),
                f"{key.score:.4f}",
                f"{100 * key.distinct_ratio:.2f}",
                f"{100 * key.null_ratio:.2f}",
                f"{100 * key.invalid_ratio:.2f}",
                "yes" if key.columns == confirmed else "",
            )
            for key in profile.keys
        ]
        print_table(columns, rows)
    else:
        note("No column, and no combination of two or three, identifies a row.")
    if confirmed and confirmed not in [key.columns for key in profile.keys]:
        print_line(f"confirmed: {' + '.join(confirmed)}, which the last profile did not find to be a key")
    if profile.keys and not confirmed:
        note(f"None is confirmed. For example: udb keys confirm {dataset} {' '.join(profile.keys[0].columns)}")


@app.command("confirm")
def confirm(
    dataset: Dataset,
    columns: Annotated[list[str], typer.Argument(metavar="COLUMN...", help="The columns that identify a row.")],
    as_json: Json = False,
) -> int:
    """Confirm a key: look for duplicates in the newest version, and check every later sync against it.

    A key that does not hold is stored all the same, for it says what ought to be: exit code 4 tells. Later syncs
    count what breaks it as E_KEY_DUPLICATE in the profile, and go on. Values of personal columns are shown masked.

    [bold]Examples[/bold]

      udb keys confirm orders id
      udb keys confirm order_lines order_id line
    """
    source = _source_of(dataset)
    key = _columns_of(dataset, columns)
    check = _check(source.name, dataset, key)
    _store(source, {**source.options.keys, dataset: key})
    holds = not check.duplicate_rows and not check.empty_rows
    if as_json:
        print_json({"dataset": dataset, "holds": holds, **check.model_dump(mode="json")})
    else:
        _show(dataset, check)
    return int(Exit.OK if holds else Exit.DATA)


@app.command("forget")
def forget(dataset: Dataset) -> None:
    """Forget the confirmed key of a dataset; later syncs are not checked against it.

    [bold]Example[/bold]

      udb keys forget orders
    """
    source = _source_of(dataset)
    if dataset not in source.options.keys:
        raise UdbError("E_OPTION", f"{dataset} has no confirmed key", remedy=f"see: udb keys list {dataset}")
    _store(source, {name: key for name, key in source.options.keys.items() if name != dataset})
    note(f"The key of {dataset} is forgotten.")


@app.command("foreign")
def foreign(dataset: Dataset, as_json: Json = False) -> None:
    """List the columns whose values are keys of another table, now: foreign keys, as far as data can tell.

    Coverage is the share of the different values that are there as keys; missing ones are counted. Profiles hold the
    same, as it was when they were made.

    [bold]Example[/bold]

      udb keys foreign orders
    """
    from udb_pipelines import publishing
    from udb_pipelines.profiling.analyze import in_lake

    source = _source_of(dataset)
    profile = _profile_of(source.name, dataset)
    lake, settings = session.lake(), session.settings()
    siblings = publishing.latest_profiles(settings, source.name).values()
    others = [*siblings, *publishing.keys_of_others(settings, source.name)]
    found = in_lake(profile.model_copy(update={"version": lake.current_version()}), others, lake)
    if as_json:
        references = [item.model_dump(mode="json") for item in found.inclusions]
        print_json({"dataset": dataset, "references": references, "notes": found.inclusion_notes})
        return
    for said in found.inclusion_notes:
        note(said)
    if not found.inclusions:
        note(f"No column of {dataset} holds keys of another table.")
        return
    columns = (
        Column("column", wrap=True),
        Column("refers to", wrap=True),
        Column("coverage %", "right"),
        Column("values", "right"),
        Column("missing", "right"),
        Column("rows missing", "right"),
    )
    rows = [
        (
            item.column,
            f"{item.dataset}.{item.key}",
            f"{100 * item.coverage:.2f}",
            number(item.values),
            number(item.missing_values),
            number(item.missing_rows),
        )
        for item in found.inclusions
    ]
    print_table(columns, rows)


def _show(dataset: str, check: KeyCheck) -> None:
    name = " + ".join(check.columns)
    if not check.duplicate_rows and not check.empty_rows:
        print_line(f"{name} identifies each of the {number(check.rows)} rows of {dataset}.")
    else:
        print_line(f"{name} does not identify every row of {dataset} ({counted(check.rows, 'row')}):")
    if check.duplicate_rows:
        print_line(
            f"  {counted(check.duplicate_groups, 'group')} of rows with the same values, "
            f"{counted(check.duplicate_rows, 'row')} too many"
        )
    if check.empty_rows:
        print_line(f"  {counted(check.empty_rows, 'row')} without a value, the first is row {check.first_empty_row}")
    if check.first_groups:
        rows = [
            (" · ".join(group.values), number(group.count), ", ".join(map(str, group.rows)))
            for group in check.first_groups
        ]
        print_table((Column("values", wrap=True), Column("rows", "right"), Column("first rows", wrap=True)), rows)
    note("Confirmed: every later sync is checked against it.")


def _source_of(dataset: str) -> Source:
    """The registered source of a dataset.

    Raises:
        UdbError: ``E_SQL`` for an unknown dataset, ``E_SOURCE_UNKNOWN`` for one that no source loads.
    """
    from udb_pipelines import warehouse

    known = warehouse.datasets(session.lake())
    for info in known:
        if info.dataset == dataset:
            if info.source is None:
                raise UdbError(
                    "E_SOURCE_UNKNOWN", f"{dataset} was stored by code of somebody's own, not loaded from a source"
                )
            return session.registry().get(info.source)
    raise unknown_dataset(dataset, [info.dataset for info in known])


def _profile_of(source: str, dataset: str) -> Profile:
    from udb_pipelines import publishing

    found = publishing.latest_profiles(session.settings(), source).get(dataset)
    if found is None:
        raise UdbError("E_NO_REPORT", f"nothing is published of {dataset} yet", remedy=f"udb run {source}")
    return found


def _columns_of(dataset: str, typed: list[str]) -> tuple[str, ...]:
    """The columns as they are called in the warehouse.

    Raises:
        UdbError: ``E_OPTION`` for one that is not there, or stands twice.
    """
    with session.lake().reader() as connection:
        from udb_pipelines.engine import quote_identifier

        described = connection.execute(f"DESCRIBE FROM lake.main.{quote_identifier(dataset)}").fetchall()
    names = [name for name, *_ in described]
    for name in typed:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=2)
            remedy = f"did you mean {' or '.join(close)}?" if close else f"it has: {', '.join(names[:20])}"
            raise UdbError("E_OPTION", f"{dataset} has no column {name}", remedy=remedy)
    if len(set(typed)) < len(typed):
        raise UdbError("E_OPTION", "a column stands twice in the key", remedy="name each column once")
    return tuple(typed)


def _check(source: str, dataset: str, key: tuple[str, ...]) -> KeyCheck:
    from udb_pipelines import publishing
    from udb_pipelines.engine import quote_identifier
    from udb_pipelines.profiling.analyze import personal_columns
    from udb_pipelines.profiling.confirmed import check_key

    settings = session.settings()
    profile = publishing.latest_profiles(settings, source).get(dataset)
    # What was never profiled may be personal.
    personal = personal_columns(profile, settings) if profile else frozenset(key if settings.mask_pii else ())
    with session.lake().reader(threads=settings.threads) as connection:
        return check_key(connection, f"lake.main.{quote_identifier(dataset)}", key, personal)


def _store(source: Source, keys: dict[str, tuple[str, ...]]) -> None:
    changed = source.model_copy(update={"options": source.options.model_copy(update={"keys": keys})})
    session.registry().add(changed, replace=True)
