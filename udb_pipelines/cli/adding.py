"""``udb sources add`` without an address: a talk that asks only what cannot be found out; and ``udb sources test``."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import mending
from udb_pipelines.cli.present import Column, note, number, print_json, print_table
from udb_pipelines.errors import UdbError
from udb_pipelines.wording import counted, duration, sentence

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.models import ColumnSchema, Detection, Source, SourceOptions

_PASSWORD = re.compile(r"(?P<before>://[^/@:]*:)(?P<password>[^@$]+)(?P<after>@)")


def talk(name: str | None, options: SourceOptions) -> Source:
    """Ask for a source until it can be read, register it, and offer to write it into ``sources.yaml``.

    Raises:
        UdbError: ``E_NAME``, or what the register refuses.
    """
    from udb_pipelines.cli import session
    from udb_pipelines.cli.inputs import legal_name
    from udb_pipelines.control.naming import derive_name

    settings, passwords = session.settings(), mending.Passwords()
    while True:
        uri = _without_password(_ask("Where is it (path, pattern, URL or DSN)"), settings, passwords)
        draft = _source(name or derive_name(uri), uri, options)
        if looked := _until_read(draft, settings, passwords):
            break
    options, found, taken = looked
    note(f"It can be read: {found.connector}, {counted(len(found.streams), 'table')}, in {duration(taken)}.")
    _show(found)
    chosen = name or legal_name(_ask("Name", default=draft.name))
    if len(found.streams) > 1:
        tables = _ask("Which tables (names with commas between; empty for all)", default="")
        wanted = tuple(table.strip() for table in tables.split(",") if table.strip())
        options = options.model_copy(update={"tables": wanted})
    schedule = options.schedule or _ask("Load it by itself: cron expression in UTC (empty for not)", default="")
    options = options.model_copy(update={"schedule": _checked(schedule)})
    stored = session.registry().add(_source(chosen, uri, options))
    _write(stored)
    return stored


def _until_read(
    draft: Source, settings: Settings, passwords: mending.Passwords
) -> tuple[SourceOptions, Detection, float] | None:
    """What is found, after asking for what is missing; None when only another address can help."""
    while True:
        try:
            return draft.options, *_look(draft, settings)
        except UdbError as error:
            note(f"{error.message}. {sentence(error.remedy)}.")
            answered = mending.asked(draft, error, settings, passwords)
        if answered is None:
            return None
        draft = draft.model_copy(update={"options": answered})


def test(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Sources to test; all when none is named.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> int:
    """Connect to sources and read their first rows. Loads nothing; tells how tables differ from what is stored.

    [bold]Example[/bold]

      udb sources test orders
    """
    from udb_pipelines.cli import session

    registry, settings = session.registry(), session.settings()
    sources = [registry.get(name) for name in names] if names else list(registry.list())
    results = [_tested(source, settings) for source in sources]
    if as_json:
        print_json([asdict(result) for result in results])
    elif not results:
        note("No source yet. Add one with: udb sources add")
    else:
        print_table(
            (
                Column("source", wrap=True),
                Column("result", styles={"ok": "green", "failed": "red"}),
                Column("tables", "right"),
                Column("took", "right"),
                Column("what", wrap=True),
            ),
            [(r.source, r.result, number(r.tables), duration(r.seconds), r.what) for r in results],
        )
    return max((result.exit_code for result in results), default=0)


@dataclass(frozen=True)
class _Tested:
    source: str
    result: str
    tables: int
    seconds: float
    what: str
    exit_code: int


def _tested(source: Source, settings: Settings) -> _Tested:
    from udb_pipelines.operations import scrub
    from udb_pipelines.operations.stages import translate

    try:
        found, taken = _look(source, settings)
        what = "; ".join(_differences(source, found, settings)) or "as it is stored"
    except Exception as error:
        # Of whatever kind: the other sources are to be tested, too.
        failure = translate(error)
        told = scrub.text(f"{failure.code}: {failure.message}. {sentence(failure.remedy)}")
        return _Tested(source.name, "failed", 0, 0.0, told, int(failure.exit_code))
    return _Tested(source.name, "ok", len(found.streams), taken, what, 0)


def _look(source: Source, settings: Settings) -> tuple[Detection, float]:
    """Detect, and read one row of every table that would be loaded."""
    from udb_pipelines.connectors import preview, provision
    from udb_pipelines.detection import detect

    started = time.perf_counter()
    found = detect(source, settings)
    for stream in provision(source, found).streams:
        preview(source, found, settings, rows=1, stream=stream.detected.name)
    return found, time.perf_counter() - started


def _differences(source: Source, found: Detection, settings: Settings) -> list[str]:
    """What the next sync would find changed, by table, and what it would do about it."""
    from udb_pipelines import warehouse
    from udb_pipelines.connectors import provision
    from udb_pipelines.connectors.datasets import last_connection

    last = warehouse.last_sync(warehouse.Lake(settings), source.name)
    if last is None:
        return ["never loaded"]
    stored = {dataset.dataset: dataset.columns for dataset in last.datasets}
    previous = last_connection(settings, source.name)
    seen = {
        stream.dataset: {column.name: column.type for column in stream.detected.columns}
        for stream in (previous.streams if previous else ())
    }
    told = []
    for stream in provision(source, found, previous).streams:
        now, before = stream.detected.columns, stored.get(stream.dataset)
        if before is None:
            told.append(f"{stream.dataset} is new")
        elif now:
            changes = _changes(now, before, seen.get(stream.dataset, {}))
            told += [f"{stream.dataset}: {', '.join(changes)}"] if changes else []
    policy = source.options.on_schema_change
    return [*told, f"on_schema_change is {policy}"] if any(": " in line for line in told) else told


def _changes(now: Sequence[ColumnSchema], stored: Sequence[ColumnSchema], seen: Mapping[str, str]) -> list[str]:
    """Columns that come and go, and those whose type the source declares otherwise than at the last sync.

    What a column is stored as says less: where a source declares no exact type, its rows decide.
    """
    names, before = {column.name for column in now}, {column.name for column in stored}
    came = [f"+{column.name} {column.type}" for column in now if column.name not in before]
    went = [f"-{name}" for name in sorted(before - names - {"_udb_file"})]
    other = [
        f"{column.name} {seen[column.name]} → {column.type}"
        for column in now
        if column.name in before and seen.get(column.name, column.type) != column.type
    ]
    return came + went + other


def _show(found: Detection) -> None:
    print_table(
        (Column("table", wrap=True), Column("format"), Column("columns", "right"), Column("rows, about", "right")),
        [
            (
                stream.name,
                stream.format,
                number(len(stream.columns)),
                number(stream.row_estimate) if stream.row_estimate is not None else "",
            )
            for stream in found.streams
        ],
    )


def _without_password(uri: str, settings: Settings, passwords: mending.Passwords) -> str:
    """``uri`` with a password that was typed into it moved to the encrypted store."""
    match = _PASSWORD.search(uri)
    if match is None:
        return uri
    if settings.secret_key is None:
        note("A password in an address is not kept. Put it into a variable and write ${NAME} in its place,")
        note("or set UDB_SECRET_KEY (udb secrets key makes one), and it goes into the encrypted store.")
        return _without_password(_ask("The address again"), settings, passwords)
    from udb_pipelines.control.naming import derive_name

    reference = passwords.keep(derive_name(uri), match["password"])
    return uri.replace(match[0], f"{match['before']}{reference}{match['after']}")


def _write(source: Source) -> None:
    from udb_pipelines.control import sources_file

    path = sources_file.DEFAULT
    if not typer.confirm(f"Write it into {path}", default=True, err=True):
        return
    if not path.exists():
        path.write_text(sources_file.written([source]), encoding="utf-8")
        note(f"Wrote {path}.")
        return
    longer = sources_file.with_source(path.read_text(encoding="utf-8"), source, Path.cwd())
    if longer is None:
        note(f"{path} cannot be continued at its end; udb sources export shows what belongs into it.")
        return
    path.write_text(longer, encoding="utf-8")
    note(f"Added to {path}.")


def _ask(question: str, default: str | None = None) -> str:
    return str(typer.prompt(question, default=default, err=True, show_default=bool(default))).strip()


def _checked(schedule: str) -> str | None:
    from udb_pipelines.cli.options import pinned

    return pinned({"schedule": schedule}).schedule if schedule else None


def _source(name: str, uri: str, options: SourceOptions) -> Source:
    from udb_pipelines.models import Source

    return Source(name=name, uri=uri, options=options, created_at=datetime.now(UTC))
