"""``udb sql`` and ``udb history``: questions to the warehouse, today's and yesterday's."""

from __future__ import annotations

import csv
import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, moment, note, number, print_json, print_table
from udb_pipelines.errors import UdbError

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
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Most rows to print.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask the warehouse. Reading only; the version that was read is told on stderr.

    [bold]Examples[/bold]

      udb sql "SELECT country, count(*) FROM customers GROUP BY ALL ORDER BY 2 DESC"
      udb sql "FROM orders" --format csv > orders.csv
      udb sql "SELECT count(*) FROM orders" --as-of 3
      udb sql "SELECT count(*) FROM orders" --as-of 2026-01-31T18:00
      udb sql "SHOW TABLES"
    """
    from udb_pipelines.warehouse import stream

    shape = OutputFormat.JSON if as_json else format_
    most = limit or (TABLE_ROWS if shape is OutputFormat.TABLE else None)
    text = sys.stdin.read() if statement == "-" else statement
    with stream(session.lake(), text, parse_as_of(as_of)) as answer:
        note(f"version {answer.version}")
        rows = _Limited(answer.rows(), most)
        _WRITERS[shape](answer.columns, answer.types, rows)
    if rows.more:
        note(f"There is more: only the first {number(most or 0)} rows are shown. Use --limit or --format csv.")


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
        raise _unknown_dataset(dataset, known)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    columns = (
        Column("version", "right"),
        Column("committed"),
        Column("rows", "right"),
        Column("rejected", "right"),
        Column("columns", "right"),
        Column("source"),
        Column("job"),
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


def _unknown_dataset(name: str, known: list[str]) -> UdbError:
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


class _Limited:
    """The first rows of an answer; ``more`` tells afterwards whether any were left."""

    def __init__(self, rows: Iterator[tuple[Any, ...]], most: int | None) -> None:
        self._rows = rows
        self._most = most
        self.more = False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        yield from islice(self._rows, self._most)
        if self._most is not None:
            self.more = next(self._rows, None) is not None


def _write_table(columns: Sequence[str], types: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    numeric = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "HUGEINT", "FLOAT", "SMALLINT", "TINYINT", "UBIGINT")
    shown = [
        Column(name, "right" if kind.upper().startswith(numeric) else "left", wrap=True)
        for name, kind in zip(columns, types, strict=True)
    ]
    print_table(shown, [[_cell(value) for value in row] for row in rows])


def _write_csv(columns: Sequence[str], _: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)


def _write_json(columns: Sequence[str], _: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    separator = "[\n"
    for row in rows:
        sys.stdout.write(separator + _json_row(columns, row))
        separator = ",\n"
    sys.stdout.write("\n]\n" if separator != "[\n" else "[]\n")


def _write_jsonl(columns: Sequence[str], _: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        sys.stdout.write(_json_row(columns, row) + "\n")


_WRITERS = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.CSV: _write_csv,
    OutputFormat.JSON: _write_json,
    OutputFormat.JSONL: _write_jsonl,
}


def _json_row(columns: Sequence[str], row: tuple[Any, ...]) -> str:
    return json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=_for_json)


def _for_json(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return str(value)


def _text(value: object) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=_for_json)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return value


def _cell(value: object) -> str:
    return "NULL" if value is None else str(_text(value))
