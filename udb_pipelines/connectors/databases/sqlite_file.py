"""A table, view or query of an SQLite file.

SQLite types values, not columns: a column declared as integer may hold text. One pass finds which kinds each column
holds; then every value is asked for as text that keeps all of it (seventeen digits for a real number) and turned into
the type that all values of the column have. Columns of mixed kinds become text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.cursors import later
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import Rows, Task
from udb_pipelines.detection.database import derived
from udb_pipelines.engine import extension_file, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError

ALIAS = "udb_source"
EXACT = 2**53
"""Whole numbers beyond it are not exact as double precision."""
ALL_ROWS = "TRUE"
DATES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")


@dataclass(frozen=True)
class _Column:
    name: str
    kinds: frozenset[str]
    """Storage classes of its values: ``integer``, ``real``, ``text``, ``blob``."""
    large: bool
    """It holds whole numbers that double precision cannot."""

    @property
    def asked(self) -> str:
        """SQLite's SQL of the value as text."""
        column = quote_identifier(self.name)
        real = f"format('%!.17g', {column})"
        if self.kinds == {"blob"}:
            return f"CASE WHEN {column} IS NOT NULL THEN hex({column}) END"
        if self.kinds == {"integer", "real"} and not self.large:
            return f"CASE WHEN {column} IS NOT NULL THEN {real} END"
        if not self.kinds & {"real", "blob"}:
            return f"CAST({column} AS TEXT)"
        return (
            f"CASE typeof({column}) WHEN 'real' THEN {real} WHEN 'blob' THEN 'x''' || hex({column}) || '''' "
            f"ELSE CAST({column} AS TEXT) END"
        )

    def stored(self, name: str, null_markers: tuple[str, ...]) -> casting.TextColumn:
        """How the text becomes a value of the warehouse."""
        text = quote_identifier(name)
        if self.kinds == {"blob"}:
            return casting.TextColumn(name, source=f"unhex({text})", allowed=())
        if self.kinds == {"integer"}:
            return casting.TextColumn(name, source=f"CAST({text} AS BIGINT)", allowed=())
        if "real" in self.kinds and self.kinds <= {"integer", "real"} and not self.large:
            return casting.TextColumn(name, source=f"CAST({text} AS DOUBLE)", allowed=())
        return casting.TextColumn(name, null_markers, allowed=DATES if self.kinds == {"text"} else ())


def read(task: Task) -> Rows:
    """Read one table or view.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_VANISHED`` when rows came or went meanwhile, and what the disk raises.
    """
    file = Path(task.stream.detected.files[0])
    condition, state = _since(task, file)
    columns, counted = _survey(task, file, condition)
    with told(base_name(file)):
        _attach(task)
        staged = _write(task, columns, condition, task.target, counted)
        if task.wants_keys:
            every, count = _survey(task, file, ALL_ROWS)
            keys = [column for column in every if _name(task, column) in task.stream.primary_key]
            _write(task, keys, ALL_ROWS, task.keys, count)
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    if staged != counted:
        raise UdbError("E_VANISHED", f"{base_name(file)} changed while it was read")
    keys_file = task.keys if task.wants_keys else None
    return Rows((task.target,), stored, counted, staged, state=state, keys=keys_file)


def _write(task: Task, columns: list[_Column], condition: str, target: Path, rows: int) -> int:
    source = _asked(task, columns, condition)
    relation = casting.TextRelation(
        sql=source,
        sample_sql=f"{source} LIMIT {casting.SAMPLE_ROWS}",
        columns=tuple(column.stored(_name(task, column), task.options.null_markers) for column in columns),
    )
    return casting.write_typed(task.duck, relation, target, what=task.what, rows=rows)


def _since(task: Task, file: Path) -> tuple[str, dict[str, Any] | None]:
    """SQLite's condition of the rows to read, and the state once every row that is there now is read."""
    if task.stream.cursor is None:
        return ALL_ROWS, None
    originals = {column.name: column.original_name or column.name for column in task.stream.detected.columns}
    name = quote_identifier(originals.get(task.stream.cursor, task.stream.cursor))
    query = (
        f"SELECT typeof(max({name})), CASE typeof(max({name})) WHEN 'real' THEN format('%!.17g', max({name})) "
        f"ELSE CAST(max({name}) AS TEXT) END FROM {_relation(task)}"
    )
    with _opened(file) as connection:
        kind, value = connection.execute(query).fetchone()
    # To SQLite every text is greater than every number, whatever it looks like.
    literal = str if kind in ("integer", "real") else quote_literal
    return task.window.condition(name, literal), later(task.state, task.stream.cursor, value)


def relation_of(task: Task) -> str:
    """Attach the file; SQL of the table's rows as text."""
    columns, _ = _survey(task, Path(task.stream.detected.files[0]), ALL_ROWS)
    _attach(task)
    return _asked(task, columns, ALL_ROWS)


def _attach(task: Task) -> None:
    task.duck.load_extension(str(extension_file("sqlite_scanner")))
    file = quote_literal(task.stream.detected.files[0])
    task.duck.execute(f"ATTACH {file} AS {ALIAS} (TYPE sqlite, READ_ONLY)")


def _asked(task: Task, columns: list[_Column], condition: str) -> str:
    asked = ", ".join(f"{column.asked} AS {quote_identifier(_name(task, column))}" for column in columns)
    query = quote_literal(f"SELECT {asked} FROM {_relation(task)} WHERE {condition}")
    return f"FROM sqlite_query('{ALIAS}', {query})"


def _table(task: Task) -> str:
    return (task.stream.detected.member or task.stream.detected.name).removeprefix("main.")


def _relation(task: Task) -> str:
    """SQLite's SQL of all rows of the stream."""
    query = task.stream.detected.query
    return derived(query) if query else quote_identifier(_table(task))


def _name(task: Task, column: _Column) -> str:
    """The column's name in the warehouse."""
    known = {item.original_name or item.name: item.name for item in task.stream.detected.columns}
    return known.get(column.name, column.name)


def _survey(task: Task, file: Path, condition: str) -> tuple[list[_Column], int]:
    """The columns of a stream, the kinds of their values in the rows of ``condition``, and the number of those."""
    relation = _relation(task)
    with _opened(file) as connection:
        if task.stream.detected.query:
            columns = [column[0] for column in connection.execute(f"SELECT * FROM {relation} LIMIT 0").description]
        else:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({relation})")]
        asked = ", ".join(
            f"group_concat(DISTINCT typeof({c})), max(typeof({c}) = 'integer' AND abs({c} / 2) >= {EXACT // 2})"
            for c in map(quote_identifier, columns)
        )
        count, *found = connection.execute(f"SELECT count(*), {asked} FROM {relation} WHERE {condition}").fetchone()
    kinds = [frozenset((text or "").split(",")) - {"null", ""} for text in found[::2]]
    return [
        _Column(column, seen, bool(large)) for column, seen, large in zip(columns, kinds, found[1::2], strict=True)
    ], int(count)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, to read; what SQLite says of it in our words."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        locked = "lock" in str(error)
        code, what = ("E_UNREADABLE", "is locked") if locked else ("E_CORRUPT", "cannot be read to its end")
        raise UdbError(code, f"{base_name(file)} {what}") from None
    except sqlite3.DatabaseError:
        raise UdbError("E_CORRUPT", f"{base_name(file)} cannot be read to its end") from None
