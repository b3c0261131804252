"""Delimited text of one or several files into one typed Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.delimited import careful, fast
from udb_pipelines.connectors.delimited.below import names_follow
from udb_pipelines.connectors.delimited.explaining import explain
from udb_pipelines.connectors.delimited.scan import Scan, scan
from udb_pipelines.connectors.delimited.text import PlainText, located, transcoded
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.reading import FILE_COLUMN, Rows, Task, finding, relative_names
from udb_pipelines.connectors.rejects import Reject
from udb_pipelines.connectors.staging import stage_parts
from udb_pipelines.connectors.stitching import UnevenPartsError
from udb_pipelines.connectors.textual import WIDE
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Dialect, Finding

NULL = r"\N"
"""As databases write NULL into text."""
SAMPLE_CHUNKS = 24
SAMPLE_BYTES = 64 << 10
"""Bytes per chunk; all chunks together hold some thousand rows of usual width."""


@dataclass
class _File:
    """One file on its way: ``parquet`` once the careful reader has staged it, a file for each part of the columns."""

    text: PlainText
    found: Scan
    columns: tuple[str, ...]
    """Warehouse names of its columns, in its order."""
    lineage: str | None
    parquet: tuple[Path, ...] = ()
    tally: careful.Tally | None = None
    hollow: int = 0
    """Lines that hold delimiters and nothing else; they are no records."""

    @property
    def records(self) -> int:
        """Records that the file holds."""
        return self.tally.read if self.tally else self.found.records - self.hollow


def read(task: Task) -> Rows:
    """Read a delimited stream.

    Raises:
        UdbError: ``E_UTF8_INVALID``, ``E_COUNT_MISMATCH``, and what unpacking and the disk raise.
    """
    detected = task.stream.detected
    dialect = detected.dialect
    if dialect is None or not detected.columns:
        raise UdbError("E_DIALECT", f"{task.stream.dataset}: no dialect is known; detect the source first")
    files = _prepare(task, dialect)
    try:
        return _load(task, dialect, files)
    except fast.NotRegularError:
        task.rejects.clear()
        for file in files:
            _stage_carefully(task, dialect, file)
        return _load(task, dialect, files)


def _prepare(task: Task, dialect: Dialect) -> list[_File]:
    """Bring every file to plain UTF-8, count its records, and stage those that DuckDB would misread."""
    detected = task.stream.detected
    names = relative_names(detected.files)
    limit = int(task.settings.max_expanded_gb * 10**9)
    files = []
    for path, name in zip(map(Path, detected.files), names, strict=True):
        with told(base_name(path)):
            copy, exact = transcoded(
                path, detected, task.folder, replace=task.options.encoding_errors == "replace", limit_bytes=limit
            )
            text = located(copy, dialect, exact=exact)
            columns = _columns_of(task, dialect, text)
            file = _File(text, scan(text, dialect), columns, name if len(names) > 1 else None)
        if (
            not fast.usable(file.text, file.found, dialect)
            or text.repeats_header(dialect, len(columns))
            or _is_broad(file)
        ):
            _stage_carefully(task, dialect, file)
        else:
            file.hollow = fast.hollow_lines(task.duck, file.text, file.found, dialect, file.columns)
        files.append(file)
    return files


def _is_broad(file: _File) -> bool:
    """Whether it is cheaper to take the file apart once than to have DuckDB take up its columns for every part."""
    return len(file.columns) > max(WIDE, file.found.records)


def _parts(task: Task) -> list[tuple[str, ...]]:
    """Names of the columns, as many together as are looked at together."""
    names = [column.name for column in task.stream.detected.columns]
    return [tuple(names[start : start + WIDE]) for start in range(0, len(names), WIDE)]


def _columns_of(task: Task, dialect: Dialect, text: PlainText) -> tuple[str, ...]:
    """The warehouse names of one file's columns; files of one stream may have them in different order."""
    columns = task.stream.detected.columns
    everything = tuple(column.name for column in columns)
    if len(task.stream.detected.files) == 1 or dialect.header_rows != 1:
        return everything
    waiting: dict[str, list[str]] = {}
    for column in columns:
        name = column.name if column.original_name is None else column.original_name
        waiting.setdefault(name.strip(), []).append(column.name)
    try:
        header = careful.FieldSplitter(dialect).split(text.header.strip("\r\n"))
        named = [(name or "").strip() for name in header]
        named = named[1:] if named[0].startswith("#") and len(named) == len(columns) + 1 else named
        # The first name may have stood in a comment, whose mark detection took away.
        named[0] = named[0] if named[0] in waiting else named[0].lstrip("#").strip()
        return tuple(waiting[name].pop(0) for name in named)
    except (KeyError, IndexError, ValueError):
        raise UdbError(
            "E_SCHEMA_CHANGE",
            f"{base_name(text.path)}: its header has columns that detection did not see",
            remedy="run again, or load the files as separate sources",
        ) from None


def _stage_carefully(task: Task, dialect: Dialect, file: _File) -> None:
    """Read ``file`` record by record into text Parquet.

    Raises:
        UdbError: ``E_COUNT_MISMATCH`` when its lines are not all accounted for.
    """
    label = f"{file.lineage}: " if file.lineage else ""
    reader = careful.CarefulReader(file.text, dialect, len(file.columns), task.rejects, label)
    parts = _parts(task)
    stem = f"{file.text.path.name}.{file.text.start}"
    file.parquet = tuple(task.folder / f"{stem}.{number}.text.parquet" for number in range(len(parts)))
    with told(base_name(file.text.path)):
        stage_parts(file.parquet, file.columns, parts, reader.batches())
    file.tally = reader.tally
    file.hollow = reader.tally.hollow
    if reader.tally.lines + reader.tally.comments != file.found.lines:
        raise mismatch(task, file.found.lines, reader.tally.lines + reader.tally.comments, "lines")


def mismatch(task: Task, counted: int, accounted: int, what: str) -> UdbError:
    """The failure for a file whose rows do not add up."""
    return UdbError(
        "E_COUNT_MISMATCH",
        f"{task.stream.dataset}: {counted} {what} were counted, {accounted} were loaded or rejected",
    )


def _load(task: Task, dialect: Dialect, files: list[_File]) -> Rows:
    """Cast and write all files in one statement, and account for every record.

    Raises:
        NotRegularError: DuckDB did not read what the scan had counted.
        UdbError: what the disk raises.
    """
    fast.forget_rejects(task.duck)
    records = sum(file.records for file in files)
    nameless = _nameless(task, dialect, files)
    relations = [
        _relation(task, dialect, files, part, kept)
        for part, names in enumerate(_parts(task))
        if (kept := tuple(name for name in names if name not in nameless))
    ]
    if len(files) > 1:
        last = relations.pop()
        relations.append(replace(last, columns=(*last.columns, casting.as_stored(FILE_COLUMN))))
    try:
        with told(task.stream.dataset):
            staged = casting.write_parts(task.duck, relations, task.target, what=task.what, rows=records)
    except UnevenPartsError:
        raise fast.NotRegularError from None
    rejected = sum(file.tally.rejected if file.tally else _take_rejects(task, dialect, file) for file in files)
    if records != staged + rejected:
        if all(file.tally for file in files):
            raise mismatch(task, records, staged + rejected, "rows")
        raise fast.NotRegularError
    stored = casting.stored_columns(task.duck, task.target, task.originals)
    if rejected:
        task.rejects.flush()
        types = {column.name: column for column in stored}
        explain(task.duck, dialect, [types.get(column.name, column) for column in task.stream.detected.columns])
    for file in files:
        task.rejects.extend(Reject(0, None, "W_FOOTER", "after the data", line) for line in file.text.footer)
    return Rows(
        parquet=(task.target,),
        columns=stored,
        read=records,
        staged=staged,
        findings=(*_findings(files), *_left_out(task, nameless), *_further_tables(files, dialect)),
    )


def _nameless(task: Task, dialect: Dialect, files: list[_File]) -> frozenset[str]:
    """Columns that have neither a name nor a value in any row: a delimiter at the end of lines makes one of nothing."""
    waiting = {column.name for column in task.stream.detected.columns if column.original_name == ""}
    found: set[str] = set()
    if not dialect.header_rows or len(waiting) == len(task.stream.detected.columns):
        return frozenset()
    for part, names in enumerate(_parts(task)):
        if asked := [name for name in names if name in waiting]:
            counts = ", ".join(f"count(nullif({quote_identifier(name)}, ''))" for name in asked)
            query = f"SELECT {counts} FROM ({_relation(task, dialect, files, part, tuple(asked)).sql})"
            values = task.duck.execute(query).fetchall()[0]
            found |= {name for name, count in zip(asked, values, strict=True) if not count}
    fast.forget_rejects(task.duck)
    return frozenset(found)


def _left_out(task: Task, nameless: frozenset[str]) -> Iterator[Finding]:
    places = [place for place, column in enumerate(task.stream.detected.columns, start=1) if column.name in nameless]
    if places:
        shown = ", ".join(map(str, places[:20]))
        message = f"columns without a name and without any value were left out: {shown}"
        yield finding("W_COLUMN_LEFT_OUT", message, count=len(places))


def _relation(
    task: Task, dialect: Dialect, files: list[_File], part: int, names: tuple[str, ...]
) -> casting.TextRelation:
    """The columns of one part, of all files."""
    sql, sample = (
        _union([_select(task, dialect, file, index, part, names, sample=sample) for index, file in enumerate(files)])
        for sample in (False, True)
    )
    markers = task.options.null_markers
    if any(file.found.nulls for file in files) and not dialect.dump:
        markers = tuple(dict.fromkeys((*markers, NULL)))
    size = sum(file.text.end - file.text.start for file in files)
    return casting.TextRelation(
        row_bytes=size / max(sum(file.records for file in files), 1),
        sql=sql,
        sample_sql=f"FROM ({sample}) LIMIT {casting.SAMPLE_ROWS}",
        columns=tuple(casting.TextColumn(name, markers) for name in names),
    )


def _union(selects: list[str]) -> str:
    return " UNION ALL ".join(f"({select})" for select in selects)


def _select(
    task: Task, dialect: Dialect, file: _File, index: int, part: int, names: tuple[str, ...], *, sample: bool
) -> str:
    present = {*file.columns} if not file.parquet else {*names}
    wanted = ", ".join(("" if name in present else "NULL::VARCHAR AS ") + quote_identifier(name) for name in names)
    if file.lineage is not None:
        wanted += f", {quote_literal(file.lineage)} AS {quote_identifier(FILE_COLUMN)}"
    if file.parquet:
        return f"SELECT {wanted} FROM read_parquet({quote_literal(file.parquet[part])})"
    text = file.text
    if sample:
        text = fast.sample(text, task.folder / f"sample-{index}", SAMPLE_CHUNKS, SAMPLE_BYTES)
    return f"SELECT {wanted} FROM ({fast.relation(text, file.found, dialect, file.columns, sample=sample)})"


def _take_rejects(task: Task, dialect: Dialect, file: _File) -> int:
    label = f"{file.lineage}: " if file.lineage else ""
    found = fast.rejected(task.duck, file.text, dialect, len(file.columns), label)
    task.rejects.extend(found)
    return len(found)


def _further_tables(files: list[_File], dialect: Dialect) -> Iterator[Finding]:
    """Tables below the first, beyond what detection looked at: their names were read as a row."""
    for file in files:
        at = file.found.first_blank
        if at is not None and dialect.delimiter and names_follow(file.text.path, at, dialect, file.text.header):
            message = "another table seems to begin after blank lines; it was read as rows of the first"
            yield finding("W_SEVERAL_TABLES", message, count=2, byte_offset=at)


def _findings(files: list[_File]) -> list[Finding]:
    findings = []
    blank = sum(file.found.blank + file.hollow for file in files)
    records = sum(file.records for file in files)
    if blank:
        first = next((file.found.first_blank for file in files if file.found.blank), None)
        findings.append(
            finding(
                "E_ROW_EMPTY",
                f"{blank} lines inside the data hold no value",
                count=blank,
                rows=records,
                byte_offset=first,
            )
        )
    headers = sum(file.tally.headers for file in files if file.tally)
    if headers:
        message = f"the header comes again {headers} times inside the data; those lines were set aside"
        findings.append(finding("W_HEADER_REPEATED", message, count=headers, rows=records))
    nul = sum(file.found.nul for file in files)
    if nul:
        findings.append(finding("W_NUL", f"{nul} characters U+0000 in the text; they were kept", count=nul))
    return findings
