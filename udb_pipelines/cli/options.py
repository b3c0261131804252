"""What a user may pin about a source on the command line, and how it becomes :class:`SourceOptions`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.models import SourceOptions

R = TypeVar("R")

PANEL = "What to pin (everything else is detected)"

FORMATS = "delimited, fixed_width, json, ndjson, parquet, arrow, avro, orc, spreadsheet, sqlite, duckdb, xml, log"


def _pin(*names: str, **settings: Any) -> Any:  # noqa: ANN401
    return typer.Option(*names, rich_help_panel=PANEL, show_default=False, **settings)


Format = Annotated[str | None, _pin("--format", help=f"One of: {FORMATS}.", metavar="FORMAT")]
Encoding = Annotated[str | None, _pin("--encoding", help="Character encoding, e.g. cp1252.")]
EncodingErrors = Annotated[
    str | None, _pin("--encoding-errors", help="strict, or replace: accept bytes that fit no letter.")
]
Delimiter = Annotated[str | None, _pin("--delimiter", help=r"Between the fields, e.g. ';' or '\t'.")]
Quote = Annotated[str | None, _pin("--quote", help="Quote character; '' for none.")]
Escape = Annotated[str | None, _pin("--escape", help="Escape character, where quotes are not doubled.")]
Header = Annotated[str | None, _pin("--header", help="auto, none, or the number of header rows.", metavar="HEADER")]
SkipRows = Annotated[int | None, _pin("--skip-rows", help="Lines before the header.", min=0)]
Widths = Annotated[
    str | None, _pin("--widths", help="Fixed width: characters of each column, e.g. 10,8,12.", metavar="N,N,...")
]
Comment = Annotated[str | None, _pin("--comment", help="Lines that begin with this are skipped.")]
NullMarker = Annotated[list[str] | None, _pin("--null-marker", help="A word that means 'no value'. Repeatable.")]
MaxRejectPct = Annotated[
    float | None, _pin("--max-reject-pct", help="Share of rejected rows to accept, in percent.", min=0, max=100)
]
AllowEmpty = Annotated[bool | None, _pin("--allow-empty/--no-allow-empty", help="Whether no rows at all is fine.")]
Table = Annotated[list[str] | None, _pin("--table", help="Only this table, sheet or archive member. Repeatable.")]
Query = Annotated[
    list[str] | None,
    _pin(
        "--query", help="Databases: read the rows of a query, as NAME='SELECT ...'. Repeatable.", metavar="NAME=SELECT"
    ),
]
SyncModeOption = Annotated[
    str | None,
    _pin(
        "--sync-mode",
        help="full_refresh_overwrite, full_refresh_append, incremental_append or incremental_upsert.",
        metavar="MODE",
    ),
]
Key = Annotated[list[str] | None, _pin("--key", help="A column of the primary key. Repeatable.")]
Cursor = Annotated[str | None, _pin("--cursor", help="The column that says what is new.")]
Lookback = Annotated[
    str | None, _pin("--lookback", help="Begin this far behind the cursor: 90s, 15m, 2h, 3d, or a number.")
]
Tombstone = Annotated[str | None, _pin("--tombstone", help="The column that marks a row as deleted (upsert).")]
DeleteMissing = Annotated[
    bool | None,
    _pin("--delete-missing/--no-delete-missing", help="Delete rows whose key the database no longer holds (upsert)."),
]
SchemaChangeOption = Annotated[str | None, _pin("--on-schema-change", help="evolve, freeze or fail.", metavar="POLICY")]
Config = Annotated[
    list[str] | None,
    _pin("--config", help="What a connector needs: NAME=VALUE, or a JSON or YAML file. Repeatable.", metavar="SETTING"),
]
Schedule = Annotated[str | None, _pin("--schedule", help="Run by itself: a cron expression in UTC.")]
FreshnessHours = Annotated[float | None, _pin("--freshness-hours", help="Warn when the data is older.", min=0)]
KeepDays = Annotated[int | None, _pin("--keep-days", help="Days that profiles and rejects of old jobs stay.", min=1)]
KeepJobs = Annotated[int | None, _pin("--keep-jobs", help="How many jobs' artifacts stay.", min=1)]

READING: dict[str, Any] = {
    "format": Format, "encoding": Encoding, "encoding_errors": EncodingErrors, "delimiter": Delimiter, "quote": Quote,
    "escape": Escape, "header": Header, "skip_rows": SkipRows, "widths": Widths, "comment": Comment,
    "null_markers": NullMarker, "max_reject_pct": MaxRejectPct, "tables": Table, "queries": Query,
    "primary_key": Key,
}  # fmt: skip
"""What decides how a source is read and judged, by the field of :class:`SourceOptions` it sets."""
EVERY: dict[str, Any] = READING | {
    "allow_empty": AllowEmpty, "sync_mode": SyncModeOption, "cursor": Cursor, "lookback": Lookback,
    "tombstone": Tombstone, "delete_missing": DeleteMissing, "on_schema_change": SchemaChangeOption,
    "config": Config, "schedule": Schedule, "freshness_hours": FreshnessHours, "keep_days": KeepDays,
    "keep_jobs": KeepJobs,
}  # fmt: skip
"""Also what decides how it is loaded, and when."""

GIVEN = "given"
"""The parameter of a command that receives the options."""


def pinning(options: dict[str, Any]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command these options in the place of its parameter ``given``, which receives them as one dictionary.

    Typer makes a command's options from its signature; so that a dozen of them need not be repeated in every
    command that has them, they are written into the signature here.
    """

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(command)
        def called(**arguments: Any) -> R:  # noqa: ANN401 - whatever the options are
            given = {name: arguments.pop(name) for name in options}
            return command(**arguments, **{GIVEN: given})

        own = inspect.signature(command, eval_str=True)
        with_signature: Any = called
        with_signature.__signature__ = own.replace(parameters=list(_written_out(own.parameters.values(), options)))
        return called

    return decorate


def _written_out(own: Iterable[inspect.Parameter], options: dict[str, Any]) -> Iterable[inspect.Parameter]:
    for parameter in own:
        if parameter.name != GIVEN:
            yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        for name, annotation in options.items():
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def pinned(given: dict[str, Any], base: SourceOptions | None = None) -> SourceOptions:
    """``base`` with every option that was given on the command line; None and () mean 'not given'.

    Raises:
        UdbError: ``E_OPTION`` naming the option and what it accepts.
    """
    from pydantic import ValidationError

    from udb_pipelines.models import SourceOptions

    changes = {name: _converted(name, value) for name, value in given.items() if value not in (None, [], ())}
    known = (base or SourceOptions()).model_dump()
    if "schedule" in changes:
        _check_cron(changes["schedule"])
    try:
        return SourceOptions.model_validate({**known, **changes})
    except ValidationError as error:
        problems = "; ".join(f"{_option_name(str(item['loc'][0]))}: {item['msg']}" for item in error.errors())
        raise UdbError("E_OPTION", problems) from None


def _check_cron(expression: str) -> None:
    # By the one who will have to understand it.
    from udb_pipelines.orchestration.schedules import understands

    if not understands(expression):
        raise UdbError("E_OPTION", "--schedule: not a cron expression", remedy="for example --schedule '0 6 * * *'")


def _converted(name: str, value: Any) -> Any:  # noqa: ANN401
    if name == "delimiter":
        return {r"\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}.get(value, value)
    if name == "header" and str(value).isdigit():
        return int(value)
    if name == "config":
        return _configuration(value)
    if name == "queries":
        return _queries(value)
    if name == "widths":
        return tuple(part.strip() for part in value.split(","))
    return tuple(value) if isinstance(value, list) else value


def _queries(given: list[str]) -> dict[str, str]:
    """Queries by name, from ``name=SELECT ...``."""
    named = {name.strip(): query.strip() for name, _, query in (text.partition("=") for text in given)}
    for name, query in named.items():
        if not query or " " in name:
            raise UdbError("E_OPTION", "--query: a query needs a name", remedy="--query recent='SELECT * FROM orders'")
    return named


def _configuration(given: list[str]) -> dict[str, Any]:
    """Settings given as ``name=value``, values in YAML's notation, or as files."""
    from pathlib import Path

    import yaml

    settings: dict[str, Any] = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        try:
            read = {name: yaml.safe_load(value)} if equals else yaml.safe_load(Path(setting).read_text("utf-8"))
        except OSError:
            raise UdbError("E_OPTION", f"--config: {setting} is neither NAME=VALUE nor a file") from None
        except yaml.YAMLError:
            raise UdbError("E_OPTION", f"--config: {name} is no YAML") from None
        if not isinstance(read, dict):
            raise UdbError("E_OPTION", f"--config: {setting} does not name its settings")
        settings.update(read)
    return settings


def _option_name(field: str) -> str:
    renamed = {"null_markers": "--null-marker", "primary_key": "--key", "tables": "--table", "queries": "--query"}
    return renamed.get(field, "--" + field.replace("_", "-"))
