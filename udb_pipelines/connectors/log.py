"""Plain text logs into typed Parquet: the parts of every entry as columns, the entry itself beside them.

Nothing is rejected: a line that does not have the layout belongs to the entry above it (a stack trace), or becomes a
row that has only its text, and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import told
from udb_pipelines.connectors.lines import Lines, stage_lines
from udb_pipelines.connectors.reading import FILE_COLUMN, Rows, Task, finding, relative_names
from udb_pipelines.detection.loglines import BY_NAME, DETAILS, LINE, LOGFMT, PAIR, Layout
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Finding

MAX_KEYS = 500
MAX_DETAILS = 1_000
"""Lines that one entry may have after its first; what follows is no part of it any more."""
ZONED = "(Z|UTC|GMT|[-+][0-9]{2}:?[0-9]{2})$"


@dataclass(frozen=True)
class _File:
    """One file, its lines sorted in the table ``name``: ``n``, ``line``, ``kind`` and the ``head`` they belong to."""

    name: str
    lineage: str | None
    counts: dict[str, int]
    first_other: tuple[int, int | None] | None
    """Number and byte offset of the first line without the layout."""

    @property
    def rows(self) -> int:
        """Rows that the file makes."""
        return self.counts.get("entry", 0) + self.counts.get("other", 0)


def read(task: Task) -> Rows:
    """Read a stream of log files.

    Raises:
        UdbError: ``E_UTF8_INVALID``, ``E_COUNT_MISMATCH``, ``E_UNSUPPORTED`` for too many keys, and what unpacking and
            the disk raise.
    """
    layout = _layout(task)
    names = relative_names(task.stream.detected.files)
    with told(task.stream.dataset):
        files = [_sorted(task, layout, index, name if len(names) > 1 else None) for index, name in enumerate(names)]
        columns = _columns(task, layout, files)
        rows = sum(file.rows for file in files)
        relation = _relation(task, layout, files, columns)
        staged = casting.write_typed(task.duck, relation, task.target, what=task.what, rows=rows)
        stored = casting.stored_columns(task.duck, task.target, {name: key for key, name in columns if key != name})
    return Rows((task.target,), stored, rows, staged, tuple(_findings(files, rows)))


def first_rows(task: Task, rows: int) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """Names and first records of the first file."""
    layout = _layout(task)
    file = _sorted(task, layout, 0, None)
    relation = _relation(task, layout, [file], _columns(task, layout, [file]))
    found = task.duck.execute(f"FROM ({relation.sql}) LIMIT {rows}").fetchall()
    return [column.name for column in relation.columns], list(found)


def _layout(task: Task) -> Layout:
    layout = BY_NAME.get(task.stream.detected.records or "")
    if layout is None:
        raise UdbError("E_DIALECT", f"{task.stream.dataset}: no layout is known; detect the source first")
    return layout


def _sorted(task: Task, layout: Layout, index: int, lineage: str | None) -> _File:
    """Say of every line what it is, and account for all of them.

    Raises:
        UdbError: ``E_COUNT_MISMATCH``.
    """
    dialect = task.stream.detected.dialect
    lines = stage_lines(task, index, dialect.newline if dialect else "\n")
    name = f"udb_log_{index}"
    task.duck.execute(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS
            SELECT n, byte_offset, line, head, CASE WHEN trim(line) = '' THEN 'blank' WHEN begins THEN 'entry'
                {f"WHEN head IS NOT NULL AND n - head <= {MAX_DETAILS} THEN 'more'" if layout.continued else ""}
                ELSE 'other' END AS kind
            FROM ({_headed(lines, layout)})"""
    )
    counts = dict(task.duck.execute(f"SELECT kind, count(*) FROM {name} GROUP BY kind").fetchall())
    if sum(counts.values()) != lines.count:
        raise UdbError(
            "E_COUNT_MISMATCH", f"{task.stream.dataset}: {lines.count} lines were counted, {sum(counts.values())} read"
        )
    other = task.duck.execute(f"SELECT n, byte_offset FROM {name} WHERE kind = 'other' ORDER BY n LIMIT 1").fetchall()
    return _File(name, lineage, counts, other[0] if other else None)


def _headed(lines: Lines, layout: Layout) -> str:
    """SQL of the lines, which of them begin an entry, and the number of the last that did."""
    offset = "byte_offset" if lines.exact else "NULL::BIGINT AS byte_offset"
    begins = f"regexp_matches(line, {quote_literal(layout.pattern)})"
    head = "max(CASE WHEN begins THEN n END) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING)"
    return f"""SELECT *, {head if layout.continued else "n"} AS head
        FROM (SELECT n, {offset}, line, {begins} AS begins FROM read_parquet({quote_literal(lines.parquet)}))"""


Named = tuple[str, str]
"""What the layout calls a column, and its name in the warehouse."""


def _columns(task: Task, layout: Layout, files: Sequence[_File]) -> tuple[Named, ...]:
    """The columns of the layout; for keys and values, all keys of the files, those that detection saw first."""
    if layout.name != LOGFMT:
        return tuple((name, name) for name in layout.columns)
    union = " UNION ALL ".join(f"SELECT line FROM {file.name} WHERE kind = 'entry'" for file in files)
    keys = f"SELECT DISTINCT unnest(regexp_extract_all(line, {quote_literal(PAIR)}, 1)) AS key FROM ({union})"
    found = {key for (key,) in task.duck.execute(keys).fetchall()}
    if len(found) > MAX_KEYS:
        raise UdbError("E_UNSUPPORTED", f"{task.stream.dataset}: its lines have more than {MAX_KEYS} different keys")
    known = [column.original_name or column.name for column in task.stream.detected.columns]
    ordered = [key for key in known if key in found] + sorted(found - set(known))
    return tuple(zip((*ordered, LINE), (column.name for column in name_columns((*ordered, LINE))), strict=True))


def _relation(task: Task, layout: Layout, files: Sequence[_File], columns: Sequence[Named]) -> casting.TextRelation:
    sql = " UNION ALL ".join(f"({_select(layout, file, columns)})" for file in files)
    texts = tuple(casting.TextColumn(name, task.options.null_markers) for _, name in columns)
    return casting.TextRelation(
        sql=sql,
        sample_sql=f"FROM ({sql}) USING SAMPLE {casting.SAMPLE_ROWS} ROWS (reservoir, 1)",
        columns=(*texts, casting.as_stored(FILE_COLUMN)) if len(files) > 1 else texts,
    )


def _select(layout: Layout, file: _File, columns: Sequence[Named]) -> str:
    """SQL of the rows of one file, in order."""
    parts = ", ".join(f"{_value(layout, key)} AS {quote_identifier(name)}" for key, name in columns)
    lineage = f", {quote_literal(file.lineage)} AS {quote_identifier(FILE_COLUMN)}" if file.lineage else ""
    if layout.name == LOGFMT:
        pair = quote_literal(PAIR)
        taken = f"regexp_extract_all(line, {pair}, 1) AS keys, regexp_extract_all(line, {pair}, 2) AS texts"
    else:
        groups = ", ".join(quote_literal(key) for key, _ in columns if key not in (DETAILS, LINE))
        taken = f"regexp_extract(line, {quote_literal(layout.pattern)}, [{groups}]) AS part"
    details = f"""LEFT JOIN (SELECT head, string_agg(line, chr(10) ORDER BY n) AS details FROM {file.name}
                             WHERE kind = 'more' GROUP BY head) AS more ON more.head = own.n"""
    return f"""SELECT {parts}{lineage} FROM (
            SELECT own.n, kind, line, {"more.details" if layout.continued else "NULL"} AS details, {taken}
            FROM (FROM {file.name} WHERE kind IN ('entry', 'other')) AS own {details if layout.continued else ""})
        ORDER BY n"""


def _value(layout: Layout, key: str) -> str:
    """SQL of one column's text; NULL where the entry has nothing there."""
    if key == LINE:
        return "CASE WHEN details IS NULL THEN line ELSE line || chr(10) || details END"
    if key == DETAILS:
        return "details"
    if layout.name == LOGFMT:
        text = f"CASE WHEN kind = 'entry' THEN texts[list_position(keys, {quote_literal(key)})] END"
        bare = f"replace(replace(substring({text}, 2, length({text}) - 2), '\\\"', '\"'), '\\\\', '\\')"
        return f"CASE WHEN starts_with({text}, '\"') THEN {bare} ELSE nullif({text}, '') END"
    text = f"nullif(part.{quote_identifier(key)}, '')"
    text = f"nullif({text}, '-')" if layout.dashes else text
    return _iso(text, layout.stamps) if key == "timestamp" else text


def _iso(text: str, stamps: Sequence[str]) -> str:
    """SQL of a moment as ISO 8601, in UTC where it has a zone; the text as it is when it is no full moment."""
    dated = f"replace(replace({text}, '/', '-'), ',', '.')"
    zoned = f"strftime(try_cast({dated} AS TIMESTAMPTZ), '%Y-%m-%dT%H:%M:%S.%fZ')"
    local = f"strftime(try_cast({dated} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')"
    found = f"CASE WHEN regexp_matches({text}, '{ZONED}') THEN {zoned} ELSE {local} END"
    if stamps and stamps[0].endswith("%z"):
        found = f"strftime(try_strptime({text}, {quote_literal(stamps[0])}), '%Y-%m-%dT%H:%M:%SZ')"
    elif stamps:
        formats = ", ".join(map(quote_literal, stamps))
        found = f"coalesce({found}, strftime(try_strptime({text}, [{formats}]), '%Y-%m-%d %H:%M:%S.%f'))"
    return f"coalesce({found}, {text})"


def _findings(files: Sequence[_File], rows: int) -> list[Finding]:
    other = sum(file.counts.get("other", 0) for file in files)
    if not other:
        return []
    row, offset = next(file.first_other for file in files if file.first_other is not None)
    message = f"{other} lines do not have the layout of the log; they are rows that have only their text"
    return [finding("W_LOG_LINE", message, count=other, rows=rows, row=row, byte_offset=offset)]
