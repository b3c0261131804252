"""Texts: JSON, delimited, of fixed width, or a log; whatever explains the lines best.

What does not look like the others is asked of each reading, and the readings compete by score; the one that loses
closely is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from udb_pipelines.config import Settings
from udb_pipelines.detection.delimited import Delimited, detect_delimited
from udb_pipelines.detection.dialect import COMMON
from udb_pipelines.detection.encoding import Encoding, find_encoding
from udb_pipelines.detection.evidence import CLOSE
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.fixedwidth import ACCEPTED_SCORE, FixedWidth, find_fixed_width, read_as, spans_of
from udb_pipelines.detection.jsontext import JsonTable, detect_json
from udb_pipelines.detection.lead import lead_of
from udb_pipelines.detection.linetables import Text, fixed_table, log_table
from udb_pipelines.detection.localfile import JSON_SUFFIXES, FileTables, LocalFile, certain
from udb_pipelines.detection.loglines import find_log
from udb_pipelines.detection.naming import name_columns
from udb_pipelines.detection.parts import cut_out, rows_of, whole_text
from udb_pipelines.detection.refusals import are_pages, refuse_documents, refuse_pages, refuse_programs
from udb_pipelines.detection.sample import Sample, read_sample
from udb_pipelines.detection.stacked import Stack, find_stack
from udb_pipelines.errors import UdbError
from udb_pipelines.models import (
    DetectedStream,
    Dialect,
    Finding,
    SourceOptions,
    slug,
)

DBT = re.compile(
    rb'"dbt_schema_version"\s*:\s*"https://schemas\.getdbt\.com/dbt/(manifest|catalog|run-results|sources)/'
)
"""Stands at the beginning of the files that dbt writes about a project."""
DBT_BYTES = 4096
LISTS = Dialect(delimiter="", quote="", escape="", newline="\n", header_rows=0)
"""Of JSON whose records are lists: how many of them are names."""


def detect_text(file: LocalFile, sample: Sample, options: SourceOptions, settings: Settings) -> FileTables:
    """The tables of a text.

    Raises:
        UdbError: what :func:`detect_json` and :func:`detect_delimited` raise.
    """
    if options.format in ("json", "ndjson"):
        return json_tables(file, sample, options, settings)
    if options.format is None and file.suffix in JSON_SUFFIXES:
        return _said_to_be_json(file, sample, options, settings)
    return _by_lines(file, sample, options, settings)


def json_tables(file: LocalFile, sample: Sample, options: SourceOptions, settings: Settings) -> FileTables:
    """The table of a text that begins like JSON.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_UTF8_INVALID``, and what other readings of it raise.
    """
    encoding = find_encoding(sample, options.encoding)
    limit = int(settings.max_expanded_gb * 1e9)
    described = DBT.search(sample.head[:DBT_BYTES])
    if described and options.format is None:
        what = described.group(1).decode()
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{file.name} is the {what} of a dbt project: it describes tables and holds none",
            remedy="load the warehouse it describes, or this file as it is with --format json",
        )
    try:
        table = detect_json(file.path, file.name, file.compression, encoding.name, limit)
    except UdbError:
        # A text may begin with a bracket without being JSON; its extension then decides who tells what is wrong.
        if file.suffix in JSON_SUFFIXES or options.format:
            raise
        return _by_lines(file, sample, options, settings)
    return FileTables((DetectedStream(
        name=slug(file.stem), format=table.format, files=(str(file.path),), records=table.records,
        compression=file.compression, encoding=encoding.name, encoding_confidence=encoding.confidence,
        columns=table.columns, row_estimate=table.row_estimate,
        candidates=certain(table.format, "the text is valid JSON"),
        dialect=None if table.header_rows is None else LISTS.model_copy(update={"header_rows": table.header_rows}),
        findings=(*encoding.findings, *_json_findings(file, table)),
    ),))  # fmt: skip


def _json_findings(file: LocalFile, table: JsonTable) -> Iterator[Finding]:
    if table.row_estimate == 0:
        yield told("W_NO_ROWS", f"{file.name} holds no records")
    if table.doubt:
        remedy = "reshape it into an array of records if it is a table"
        yield told("W_DIALECT_AMBIGUOUS", f"{file.name} was read as one record; {table.doubt} ({remedy})")
    if table.header_rows == 0 and not table.named_beside:
        yield told("W_HEADER_GUESSED", "the lists have no names; columns are named by position")
    if table.beside is None:
        yield told("W_STREAM_SKIPPED", f"what stands beside {table.records} in {file.name} is left out")
    elif table.beside:
        message = f"{table.beside} values of {file.name} stand beside its records ({table.records}) and are left out"
        yield told("W_STREAM_SKIPPED", message, count=table.beside)


def _said_to_be_json(file: LocalFile, sample: Sample, options: SourceOptions, settings: Settings) -> FileTables:
    """A text that does not begin like JSON: a number or a string all the same, or an undoubted table, or broken."""
    try:
        return json_tables(file, sample, options, settings)
    except UdbError as error:
        with suppress(UdbError):
            found = _by_lines(file, sample, options, settings)
            if len(found.streams[0].columns) > 1 and found.streams[0].row_estimate:
                return found
        raise error from None


# --- readings that compete --------------------------------------------------------------------------------


def _by_lines(file: LocalFile, sample: Sample, options: SourceOptions, settings: Settings) -> FileTables:
    """The reading that explains the lines best, or the refusal of the delimited one."""
    text = Text(file, sample, find_encoding(sample, options.encoding), options, settings)
    lines = text.head.splitlines()
    lead = lead_of(lines) if _may_be_several(options) and not options.widths else None
    if lead is None:
        return _competing(text, lines)
    known = {"skip_rows": lead.lines, "header": "none" if lead.widths else 1, "widths": lead.widths}
    found = _competing(replace(text, options=options.model_copy(update=known)), lines)
    message = f"{lead.lines} lines above the table read like a text and were left out"
    streams = tuple(_named(stream, lead.names) for stream in found.streams) if lead.names else found.streams
    return FileTables(streams, (*found.findings, told("W_PREAMBLE", message, count=lead.lines)))


def _named(stream: DetectedStream, names: tuple[str, ...]) -> DetectedStream:
    """``stream`` with the names of its columns, which stand where its reader skips them."""
    findings = tuple(item for item in stream.findings if item.code not in ("W_HEADER_GUESSED", "W_PREAMBLE"))
    return stream.model_copy(update={"columns": name_columns(names), "findings": findings})


def _competing(text: Text, lines: list[str]) -> FileTables:
    file, sample, options, settings = text.file, text.sample, text.options, text.settings
    pinned = options.format or ("fixed_width" if options.widths else "delimited" if options.delimiter else None)
    body = lines[options.skip_rows or 0 :]
    if pinned is None:
        refuse_programs(file, body, None)
    # A log has no pages: a form feed begins one of a printout, however its lines begin.
    log = find_log(body) if pinned == "log" or (pinned is None and "\f" not in text.head) else None
    fixed = _fixed_width(lines, options, whole=sample.whole) if pinned in (None, "fixed_width") else None
    if pinned == "log" or (log is not None and pinned is None):
        return log_table(text, log)
    if pinned == "fixed_width":
        return fixed_table(text, fixed, None)
    paged = pinned is None and are_pages(text.head)
    try:
        delimited = detect_delimited(file.path, file.name, sample, text.encoding, options, settings)
    except UdbError:
        if fixed is None:
            raise
        refuse_pages(file, paged=paged)
        return fixed_table(text, fixed, None)
    if pinned is None:
        refuse_programs(file, body, delimited)
    stack = find_stack(rows_of(text.head, delimited.dialect)) if _may_be_several(options) else None
    if stack is not None and stack.clear and (several := _tables(text, delimited.dialect)):
        return several
    by_columns = fixed is not None and fixed.score > delimited.score
    refuse_pages(file, paged=paged and (by_columns or delimited.dialect.delimiter not in COMMON))
    if fixed is not None and by_columns:
        return fixed_table(text, fixed, delimited)
    if pinned is None:
        refuse_documents(file, body, delimited)
    return text.stream(
        format="delimited", dialect=delimited.dialect, columns=delimited.columns, row_estimate=delimited.row_estimate,
        candidates=delimited.candidates,
        findings=(*delimited.findings, *_close(fixed, delimited), *_unclear(file, stack)),
    )  # fmt: skip


# --- several tables ---------------------------------------------------------------------------------------


def _may_be_several(options: SourceOptions) -> bool:
    """Whether the user left it open where the table begins."""
    return options.skip_rows is None and options.header == "auto" and not options.comment


def _tables(text: Text, dialect: Dialect) -> FileTables | None:
    """Each table of the text as a stream of its own; None when that is not clear for all of it."""
    file, encoding = text.file, text.encoding.name
    whole = whole_text(file, encoding, int(text.settings.max_expanded_gb * 1e9))
    stack = find_stack(rows_of(whole, dialect)) if whole is not None else None
    if whole is None or stack is None or not stack.clear:
        return None
    streams: list[DetectedStream] = []
    for number, (path, area) in enumerate(cut_out(file, whole, encoding, stack.blocks, text.settings.cache), start=1):
        part = LocalFile(path, f"{file.name}, table {number}")
        sample = read_sample(path, "none", 1 << 62)
        utf8 = Encoding("utf-8", text.encoding.confidence)
        try:
            found = detect_delimited(path, part.name, sample, utf8, text.options, text.settings)
        except UdbError:
            return None
        streams.append(DetectedStream(
            name=f"table_{number}", format="delimited", files=(str(path),), member=f"table {number}", area=area,
            encoding_confidence=utf8.confidence, dialect=found.dialect, columns=found.columns,
            row_estimate=found.row_estimate, candidates=found.candidates,
            findings=(*text.encoding.findings, *found.findings),
        ))  # fmt: skip
    return FileTables(tuple(streams), (_told_apart(file, whole, stack),))


def _told_apart(file: LocalFile, whole: str, stack: Stack) -> Finding:
    """Where the tables are, and how many lines are in none of them."""
    places = ", ".join(f"{block.first + 1} to {block.end}" for block in stack.blocks)
    lines = len(whole.splitlines())
    outside = lines - sum(block.end - block.first for block in stack.blocks)
    message = (
        f"{file.name} holds {len(stack.blocks)} tables, in lines {places}; {outside} of {lines} lines stand outside"
    )
    return told("W_TABLES_SPLIT", message, count=len(stack.blocks))


def _unclear(file: LocalFile, stack: Stack | None) -> tuple[Finding, ...]:
    if stack is None:
        return ()
    places = ", ".join(str(block.first + 1) for block in stack.blocks[:20])
    message = f"{file.name} may hold {len(stack.blocks)} tables, which begin in lines {places}; it was read as one"
    return (told("W_SEVERAL_TABLES", message, count=len(stack.blocks)),)


def _close(fixed: FixedWidth | None, delimited: Delimited) -> tuple[Finding, ...]:
    if fixed is None or fixed.score < CLOSE * delimited.score:
        return ()
    return (told("W_DIALECT_AMBIGUOUS", "columns of fixed width explain almost as much (--format fixed_width)"),)


def _fixed_width(lines: list[str], options: SourceOptions, *, whole: bool) -> FixedWidth | None:
    header = {"auto": None, "none": 0}.get(str(options.header), options.header)
    rows = header if isinstance(header, int) else None
    if options.widths:
        return read_as(lines, spans_of(options.widths), header_rows=rows, skip_rows=options.skip_rows or 0)
    found = find_fixed_width(lines, header_rows=rows, skip_rows=options.skip_rows, whole=whole)
    return found if options.format or (found and found.score >= ACCEPTED_SCORE and found.share >= 0.9) else None
