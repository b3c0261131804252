"""Columns of fixed width into typed Parquet, cut apart in SQL.

Every physical line ends in the table, in the rejects, or is counted as one that is no record: preamble, header, footer,
blank, ruler. A line is rejected where a boundary cuts through its text, or where it is longer than its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import told
from udb_pipelines.connectors.lines import Lines, stage_lines
from udb_pipelines.connectors.reading import FILE_COLUMN, Rows, Task, finding, relative_names
from udb_pipelines.connectors.rejects import Reject
from udb_pipelines.detection.fixedwidth import GAP, RULER, Span
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Dialect, Finding

REJECTED = {
    "E_BOUNDARY": "text crosses the boundary of a column",
    "E_LINE_TOO_LONG": "the line is longer than its columns",
}
ASIDE = {"W_FOOTER": "after the data", "W_HEADER_REPEATED": "the header again"}
MEANINGS = REJECTED | ASIDE


@dataclass(frozen=True)
class _File:
    """One file, its lines sorted by what they are in the table ``name``."""

    name: str
    lineage: str | None
    counts: dict[str, int]


def read(task: Task) -> Rows:
    """Read a stream of fixed-width text.

    Raises:
        UdbError: ``E_UTF8_INVALID``, ``E_COUNT_MISMATCH``, and what unpacking and the disk raise.
    """
    detected = task.stream.detected
    dialect = detected.dialect
    if dialect is None or len(dialect.spans) != len(detected.columns):
        raise UdbError("E_DIALECT", f"{task.stream.dataset}: no columns are known; detect the source first")
    names = relative_names(detected.files)
    with told(task.stream.dataset):
        files = [
            _sorted(task, dialect, index, name if len(names) > 1 else None, stage_lines(task, index, dialect.newline))
            for index, name in enumerate(names)
        ]
        relation = _relation(task, files, dialect.spans)
        rows = sum(file.counts.get("row", 0) for file in files)
        staged = casting.write_typed(task.duck, relation, task.target, what=task.what, rows=rows)
        stored = casting.stored_columns(task.duck, task.target, task.originals)
    for file in files:
        _keep_rejects(task, file)
    rejected = sum(file.counts.get(code, 0) for file in files for code in REJECTED)
    return Rows((task.target,), stored, rows + rejected, staged, tuple(_findings(files, rows)))


def first_rows(task: Task, rows: int) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """Names and first records of the first file; rejected lines are not shown."""
    dialect = task.stream.detected.dialect or Dialect(delimiter="")
    file = _sorted(task, dialect, 0, None, stage_lines(task, 0, dialect.newline))
    relation = _relation(task, [file], dialect.spans)
    found = task.duck.execute(f"FROM ({relation.sql}) LIMIT {rows}").fetchall()
    return [column.name for column in relation.columns], list(found)


def _sorted(task: Task, dialect: Dialect, index: int, lineage: str | None, lines: Lines) -> _File:
    """Say of every line what it is, and account for all of them.

    Raises:
        UdbError: ``E_COUNT_MISMATCH``.
    """
    name = f"udb_lines_{index}"
    offset = "byte_offset" if lines.exact else "NULL::BIGINT"
    task.duck.execute(
        f"""CREATE OR REPLACE TEMP VIEW {name}_raw AS
            SELECT n, {offset} AS byte_offset, rtrim(line, ' ') AS line, {_is_text("line")} AS is_text
            FROM read_parquet({quote_literal(lines.parquet)})"""
    )
    header = _texts(task, name, f"n > {dialect.skip_rows}", "n", dialect.header_rows)
    footer = _texts(task, name, "true", "n DESC", dialect.footer_rows)
    again = f"line = {quote_literal(header[0][1])}" if len(header) == 1 else "false"
    task.duck.execute(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT n, byte_offset, line, CASE
                WHEN n <= {dialect.skip_rows} THEN 'preamble'
                WHEN line = '' THEN 'blank'
                WHEN NOT is_text THEN 'ruler'
                WHEN n <= {header[-1][0] if header else 0} THEN 'header'
                {f"WHEN n >= {footer[-1][0]} THEN 'W_FOOTER'" if footer else ""}
                WHEN {again} THEN 'W_HEADER_REPEATED'
                {_rules(dialect.spans)}
                ELSE 'row' END AS kind
            FROM {name}_raw"""
    )
    counts = dict(task.duck.execute(f"SELECT kind, count(*) FROM {name} GROUP BY kind").fetchall())
    if sum(counts.values()) != lines.count:
        raise UdbError(
            "E_COUNT_MISMATCH", f"{task.stream.dataset}: {lines.count} lines were counted, {sum(counts.values())} read"
        )
    return _File(name, lineage, counts)


def _texts(task: Task, name: str, condition: str, order: str, count: int) -> list[tuple[int, str]]:
    """Number and text of the first ``count`` lines that are neither blank nor rulers."""
    query = f"SELECT n, line FROM {name}_raw WHERE is_text AND {condition} ORDER BY {order} LIMIT {count}"
    return task.duck.execute(query).fetchall() if count else []


def _is_text(line: str) -> str:
    """SQL: neither blank nor a ruler."""
    return f"(trim({line}, ' ') <> '' AND NOT regexp_full_match({line}, {quote_literal(RULER.pattern)}))"


def _rules(spans: Sequence[Span]) -> str:
    """SQL of the cases in which a line is rejected."""
    gaps = [
        f"(length(line) > {start} AND NOT regexp_full_match({_part(end, start)}, {quote_literal(GAP.pattern)}))"
        for (_, end), (start, _) in pairwise(spans)
        if end is not None and start > end
    ]
    rules = f"WHEN {' OR '.join(gaps)} THEN 'E_BOUNDARY' " if gaps else ""
    last = spans[-1][1]
    return rules + (f"WHEN length(line) > {last} THEN 'E_LINE_TOO_LONG'" if last is not None else "")


def _part(start: int, end: int | None) -> str:
    return f"substring(line, {start + 1}{f', {end - start}' if end is not None else ''})"


def _relation(task: Task, files: Sequence[_File], spans: tuple[Span, ...]) -> casting.TextRelation:
    columns = task.stream.detected.columns
    cells = ", ".join(
        f"{_cell(spans, index)} AS {quote_identifier(column.name)}" for index, column in enumerate(columns)
    )
    lineage = [
        f", {quote_literal(file.lineage)} AS {quote_identifier(FILE_COLUMN)}" if file.lineage else "" for file in files
    ]
    sql = " UNION ALL ".join(
        f"(SELECT {cells}{label} FROM {file.name} WHERE kind = 'row' ORDER BY n)"
        for file, label in zip(files, lineage, strict=True)
    )
    texts = tuple(casting.TextColumn(column.name, task.options.null_markers) for column in columns)
    return casting.TextRelation(
        sql=sql,
        sample_sql=f"FROM ({sql}) USING SAMPLE {casting.SAMPLE_ROWS} ROWS (reservoir, 1)",
        columns=(*texts, casting.as_stored(FILE_COLUMN)) if len(files) > 1 else texts,
    )


def _cell(spans: tuple[Span, ...], index: int) -> str:
    """SQL of one cell: its columns, with what stands in the gaps beside it and touches it; NULL when blank."""
    start, end = spans[index]
    parts = [_part(start, end)]
    if index and (before := spans[index - 1][1]) is not None and before < start:
        parts.insert(0, f"regexp_extract({_part(before, start)}, '[^ ]*$')")
    if index + 1 < len(spans) and end is not None and end < spans[index + 1][0]:
        parts.append(f"regexp_extract({_part(end, spans[index + 1][0])}, '^[^ ]*')")
    return f"nullif(trim({' || '.join(parts)}, ' '), '')"


def _keep_rejects(task: Task, file: _File) -> None:
    label = f"{file.lineage}: " if file.lineage else ""
    found = task.duck.execute(
        f"""SELECT record, byte_offset, kind, line FROM (
                SELECT *, row_number() OVER (ORDER BY n) AS record FROM {file.name}
                WHERE kind IN {("row", *MEANINGS)})
            WHERE kind <> 'row' ORDER BY n"""
    ).fetchall()
    task.rejects.extend(Reject(row, offset, kind, label + MEANINGS[kind], line) for row, offset, kind, line in found)


def _findings(files: Sequence[_File], rows: int) -> list[Finding]:
    findings = []
    headers = sum(file.counts.get("W_HEADER_REPEATED", 0) for file in files)
    if headers:
        message = f"the header comes again {headers} times inside the data; those lines were set aside"
        findings.append(finding("W_HEADER_REPEATED", message, count=headers, rows=rows))
    return findings
