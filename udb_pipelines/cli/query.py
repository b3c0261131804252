"""``udb sql`` and ``udb history``: questions to the warehouse, today's and yesterday's."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_table
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.warehouse import QueryStream

T = TypeVar("T")

TABLE_ROWS = 1000
"""Rows shown as a table unless --limit says otherwise; the other formats print all."""


class OutputFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


def sql(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One reading statement; '-' reads it from stdin.")],
    format_: Annotated[
        OutputFormat, typer.Option("--format", "-f", help="How to print the rows.")
    ] = OutputFormat.TABLE,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="VERSION|TIME", help="Read the warehouse as it was then.")
    ] = None,
    timeline: Annotated[
        int | None, typer.Option("--timeline", min=1, help="Read what a restore has left; udb restore list shows it.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Most rows to print.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask the warehouse. Reading only; the version that was read is told on stderr.

    [bold]Examples[/bold]

      udb sql "SELECT country, count(*) FROM customers GROUP BY ALL"
      udb sql "FROM orders" --format csv > orders.csv
      udb sql "SELECT count(*) FROM orders" --as-of 3
      udb sql "SELECT count(*) FROM orders" --as-of 2026-01-31T18:00
      udb sql "SHOW TABLES"
    """
    from udb_pipelines.warehouse import stream

    shape = OutputFormat.JSON if as_json else format_
    most = limit or (TABLE_ROWS if shape is OutputFormat.TABLE else None)
    text = sys.stdin.read() if statement == "-" else statement
    lake = session.lake() if timeline is None else session.lake().at(timeline)
    with stream(lake, text, parse_as_of(as_of), views=_views()) as answer:
        note(f"version {answer.version}")
        more = _WRITERS[shape](answer, most)
    if more:
        note(f"There is more: only the first {number(most or 0)} rows are shown. Use --limit or --format csv.")


def _views() -> dict[str, str]:
    """The project's views; none without a file of KPIs."""
    from udb_pipelines.kpis import load, project_file

    file = project_file(session.settings())
    return load(file).view_sql if file else {}


def history(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A table of the warehouse.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Show every version of a dataset, newest first.

    [bold]Example[/bold]

      udb history orders        then: udb sql "FROM orders" --as-of VERSION
    """
    from udb_pipelines import warehouse

    entries = warehouse.history(session.lake(), dataset)
    if not entries:
        known = [info.dataset for info in warehouse.datasets(session.lake())]
        raise unknown_dataset(dataset, known)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    columns = (
        Column("version", "right"),
        Column("committed"),
        Column("rows", "right"),
        Column("rejected", "right"),
        Column("columns", "right"),
        Column("source", wrap=True),
        Column("job", key=True),
    )
    rows = [
        (
            f"{entry.version} (dropped)" if entry.dropped else str(entry.version),
            moment(entry.committed_at),
            number(entry.rows_total),
            number(entry.rows_rejected),
            number(entry.columns),
            entry.source or "",
            entry.job_id,
        )
        for entry in entries
    ]
    print_table(columns, rows)


def unknown_dataset(name: str, known: list[str]) -> UdbError:
    """``E_SQL``, with the datasets whose names come close."""
    close = difflib.get_close_matches(name, known, n=2)
    remedy = f"did you mean {' or '.join(close)}?" if close else 'udb sql "SHOW TABLES" lists them'
    return UdbError("E_SQL", f"the warehouse holds no dataset {name}", remedy=remedy)


def parse_as_of(text: str | None) -> datetime | int | None:
    """A version number or a time; a time without a zone is the reader's own.

    >>> parse_as_of("12"), parse_as_of("2026-01-31T18:00Z")
    (12, datetime.datetime(2026, 1, 31, 18, 0, tzinfo=datetime.timezone.utc))

    Raises:
        UdbError: ``E_VERSION`` when it is neither.
    """
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise UdbError(
            "E_VERSION", f"{text} is neither a version nor a time", remedy="for example --as-of 3 or 2026-01-31T18:00"
        ) from None


class _Limited(Generic[T]):
    """The first of ``items``; ``more`` tells afterwards whether any were left."""

    def __init__(self, items: Iterator[T], most: int | None) -> None:
        self._items = items
        self._most = most
        self.more = False

    def __iter__(self) -> Iterator[T]:
        yield from islice(self._items, self._most)
        if self._most is not None:
            self.more = next(self._items, None) is not None


def _write_table(answer: QueryStream, most: int | None) -> bool:
    numeric = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "HUGEINT", "FLOAT", "SMALLINT", "TINYINT", "UBIGINT")
    shown = [
        Column(name, "right" if kind.upper().startswith(numeric) else "left", wrap=True)
        for name, kind in zip(answer.columns, answer.types, strict=True)
    ]
    rows = _Limited(answer.rows(), most)
    print_table(shown, [[_cell(value) for value in row] for row in rows])
    return rows.more


def _write_csv(answer: QueryStream, most: int | None) -> bool:
    from udb_pipelines.cli.rendering import csv_header, csv_line

    lines = _Limited(answer.each(csv_line(answer.types)), most)
    sys.stdout.write(csv_header(answer.columns) + "\n")
    sys.stdout.writelines(line + "\n" for line in lines)
    return lines.more


def _write_jsonl(answer: QueryStream, most: int | None) -> bool:
    from udb_pipelines.cli.rendering import json_line

    lines = _Limited(answer.each(json_line(answer.columns, answer.types)), most)
    sys.stdout.writelines(line + "\n" for line in lines)
    return lines.more


def _write_json(answer: QueryStream, most: int | None) -> bool:
    from udb_pipelines.cli.rendering import json_line

    lines = _Limited(answer.each(json_line(answer.columns, answer.types)), most)
    separator = "[\n"
    for line in lines:
        sys.stdout.write(separator + line)
        separator = ",\n"
    sys.stdout.write("\n]\n" if separator != "[\n" else "[]\n")
    return lines.more


_WRITERS: dict[OutputFormat, Callable[[QueryStream, int | None], bool]] = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.CSV: _write_csv,
    OutputFormat.JSON: _write_json,
    OutputFormat.JSONL: _write_jsonl,
}
"""Each prints at most so many rows of an answer and says whether there are more."""


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)
