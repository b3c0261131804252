"""One local file: what it is, by its content, and which tables are in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from udb_pipelines.config import Settings
from udb_pipelines.detection.columnar import describe_columnar
from udb_pipelines.detection.database import duckdb_tables, sqlite_tables
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.localfile import SUFFIXES, FileTables, LocalFile, certain
from udb_pipelines.detection.location import UNFINISHED
from udb_pipelines.detection.magic import WRAPPERS, Kind, kind_of
from udb_pipelines.detection.sample import Sample, read_sample
from udb_pipelines.detection.texts import detect_text, json_tables
from udb_pipelines.detection.unpack import tar_members, unpack_to, zip_members
from udb_pipelines.detection.xmltable import detect_xml
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Compression, DetectedStream, Finding, Format, SourceOptions, slug

PACKED: tuple[Compression, ...] = ("gzip", "bz2", "xz", "zstd")
RANDOM_ACCESS: tuple[Kind, ...] = ("parquet", "arrow", "avro", "orc", "ole", "sqlite", "duckdb", "zip")
COLUMNAR: tuple[Kind, ...] = ("parquet", "arrow", "avro", "orc")

TEXTUAL: dict[Format, Kind] = {
    "delimited": "text", "fixed_width": "text", "log": "text", "json": "json", "ndjson": "json", "xml": "xml",
}  # fmt: skip
BINARY: dict[Format, tuple[Kind, ...]] = {
    "parquet": ("parquet",), "arrow": ("arrow",), "avro": ("avro",), "orc": ("orc",), "sqlite": ("sqlite",),
    "duckdb": ("duckdb",), "spreadsheet": ("ole", "zip"),
}  # fmt: skip
"""Kinds of content that each format may have."""


def detect_file(file: LocalFile, options: SourceOptions, settings: Settings, depth: int = 2) -> FileTables:
    """Find out what ``file`` is. Archives are unpacked into the cache, ``depth`` levels deep.

    Raises:
        UdbError: ``E_EMPTY``, ``E_NOT_A_TABLE``, ``E_CORRUPT``, ``E_ENCRYPTED``, ``E_TOO_LARGE`` ...
    """
    limit = int(settings.max_expanded_gb * 1e9)
    sample = read_sample(file.path, file.compression, limit)
    kind, words = kind_of(sample.head[:4096])
    if kind in PACKED and file.compression == "none":
        return _compressed(file, cast(Compression, kind), options, settings, depth)
    if kind in WRAPPERS and depth > 0 and not (kind == "zip" and _is_workbook(file.path)):
        return _archive(file, WRAPPERS[kind], options, settings, depth)
    if kind == "empty":
        raise UdbError("E_EMPTY", f"{file.name} holds no data")
    if options.format:
        kind = _as_pinned(file, kind, words, options.format)
    if kind in ("refused", "html", "binary"):
        what = words if kind != "html" else "a web page"
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{file.name} is {what}, not a table; the closest formats by its name are {_closest(file)}",
            remedy="export the table it shows as CSV, Excel or Parquet, or name the format with --format",
        )
    tables = _reader(kind)(file, sample, kind, options, settings)
    mislabelled = _mislabelled(file, tables)
    return replace(tables, findings=tables.findings + mislabelled)


def _as_pinned(file: LocalFile, kind: Kind, words: str, format_: Format) -> Kind:
    """The kind whose reader reads what the user says it is.

    Raises:
        UdbError: ``E_NOT_A_TABLE`` when the content contradicts.
    """
    if format_ in TEXTUAL and kind not in RANDOM_ACCESS:
        return TEXTUAL[format_]
    if kind in BINARY.get(format_, ()):
        return kind
    raise UdbError("E_NOT_A_TABLE", f"{file.name} is {words}, not {format_}", remedy="leave the format to be detected")


def _compressed(
    file: LocalFile, compression: Compression, options: SourceOptions, settings: Settings, depth: int
) -> FileTables:
    """Text stays compressed and is streamed; what needs random access, or is packed again, is unpacked."""
    limit = int(settings.max_expanded_gb * 1e9)
    inner = replace(file, compression=compression)
    kind, _ = kind_of(read_sample(file.path, compression, limit, 4096).head)
    if kind == "tar":
        return _archive(file, "tar", options, settings, depth)
    if kind in RANDOM_ACCESS or kind in PACKED:
        if depth == 0:
            raise UdbError("E_TOO_LARGE", f"{file.name} is packed too many times")
        unpacked = _unpacked(file, compression, None, settings)
        return detect_file(LocalFile(unpacked, file.name), options, settings, depth - 1)
    return detect_file(inner, options, settings, depth)


def _archive(
    file: LocalFile, compression: Compression, options: SourceOptions, settings: Settings, depth: int
) -> FileTables:
    members = zip_members(file.path) if compression == "zip" else tar_members(file.path)
    wanted = [member for member in members if _is_data(member) and (not options.tables or member in options.tables)]
    if not wanted:
        raise UdbError("E_NO_DATA_FILES", f"{file.name} holds no file that could be data")
    found = [LocalFile(_unpacked(file, compression, member, settings), f"{file.name}/{member}") for member in wanted]
    return detect_files(
        found, options if not options.tables else options.model_copy(update={"tables": ()}), settings, depth - 1
    )


def detect_files(files: list[LocalFile], options: SourceOptions, settings: Settings, depth: int = 2) -> FileTables:
    """The tables of several files. Those that hold none are skipped with a finding, unless all do.

    Raises:
        UdbError: that of the file, when there is one; ``E_NO_DATA_FILES`` when none of several holds a table.
    """
    streams: list[DetectedStream] = []
    findings: list[Finding] = []
    for file in files:
        try:
            found = detect_file(file, options, settings, depth)
        except UdbError as error:
            if len(files) == 1:
                raise
            findings.append(told("W_STREAM_SKIPPED", f"{file.name} was left out ({error.code}): {error.message}"))
            continue
        # Tables of one file are called by number; where there are more files, by its name too.
        streams += found.streams if len(files) == 1 else [_called_after(file, stream) for stream in found.streams]
        findings += found.findings
    if not streams:
        raise UdbError("E_NO_DATA_FILES", f"none of the {len(files)} files holds a table")
    return FileTables(tuple(streams), tuple(findings))


def _called_after(file: LocalFile, stream: DetectedStream) -> DetectedStream:
    if stream.area is None or stream.format == "spreadsheet":
        return stream
    return stream.model_copy(update={"name": slug(f"{file.stem}_{stream.name}")})


def _is_data(member: str) -> bool:
    path = Path(member)
    hidden = any(part.startswith((".", "__MACOSX", "~$")) for part in path.parts)
    return not hidden and path.suffix.lower() not in UNFINISHED


def _unpacked(file: LocalFile, compression: Compression, member: str | None, settings: Settings) -> Path:
    """The member's bytes as a file of their own in the cache, under the content's hash; made once."""
    with file.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    part = hashlib.sha256((member or "").encode()).hexdigest()[:16]
    leaf = Path(member).name if member else file.stem
    target = settings.cache / "unpacked" / digest / part / (leaf or "member")
    if not target.is_file():
        unpack_to(file.path, compression, member, target, int(settings.max_expanded_gb * 1e9))
    return target


def _is_workbook(path: Path) -> bool:
    members = set(zip_members(path))
    return bool(members & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}) or "[Content_Types].xml" in members


def _closest(file: LocalFile) -> str:
    return " or ".join(SUFFIXES.get(file.suffix, ("delimited", "json")))


def _mislabelled(file: LocalFile, tables: FileTables) -> tuple[Finding, ...]:
    expected = SUFFIXES.get(file.suffix)
    formats = {stream.format for stream in tables.streams}
    if not expected or formats & set(expected):
        return ()
    found = ", ".join(sorted(formats))
    return (told("W_EXTENSION_MISMATCH", f"{file.name} holds {found}, not what its extension says"),)


# --- one reader per kind ----------------------------------------------------------------------------------

Reader = Callable[[LocalFile, Sample, Kind, SourceOptions, Settings], FileTables]


def _reader(kind: Kind) -> Reader:
    if kind in COLUMNAR:
        return _columnar
    return {"ole": _workbook, "zip": _workbook, "sqlite": _sqlite, "duckdb": _duckdb, "json": _json, "xml": _xml}.get(
        kind, _text
    )


def _columnar(file: LocalFile, _sample: Sample, kind: Kind, _options: SourceOptions, settings: Settings) -> FileTables:
    format_ = cast(Format, kind)
    columns, rows = describe_columnar(file.path, file.name, format_, settings)
    return FileTables((DetectedStream(
        name=slug(file.stem), format=format_, files=(str(file.path),), columns=columns, row_estimate=rows,
        candidates=certain(format_, f"its first bytes are those of {format_}"),
        findings=(told("W_NO_ROWS", f"{file.name} has columns but no rows"),) if rows == 0 else (),
    ),))  # fmt: skip


def _workbook(file: LocalFile, _sample: Sample, _kind: Kind, options: SourceOptions, _settings: Settings) -> FileTables:
    from udb_pipelines.detection.spreadsheet import detect_sheets

    sheets, skipped = detect_sheets(file.path, file.name, options)
    alone = len(sheets) == 1
    return FileTables(tuple(DetectedStream(
        name=slug(file.stem if alone else sheet.name), format="spreadsheet", files=(str(file.path),),
        member=sheet.name, area=sheet.area, dialect=sheet.dialect, columns=sheet.columns, row_estimate=sheet.rows,
        candidates=certain("spreadsheet", "its parts are those of a workbook"), findings=sheet.findings,
    ) for sheet in sheets), skipped)  # fmt: skip


def _sqlite(file: LocalFile, _sample: Sample, _kind: Kind, options: SourceOptions, _settings: Settings) -> FileTables:
    return FileTables(sqlite_tables(file.path, file.name, options))


def _duckdb(file: LocalFile, _sample: Sample, _kind: Kind, options: SourceOptions, settings: Settings) -> FileTables:
    return FileTables(duckdb_tables(file.path, file.name, options, settings))


def _xml(file: LocalFile, _sample: Sample, _kind: Kind, _options: SourceOptions, settings: Settings) -> FileTables:
    table = detect_xml(file.path, file.name, file.compression, int(settings.max_expanded_gb * 1e9))
    return FileTables((DetectedStream(
        name=slug(file.stem), format="xml", files=(str(file.path),), records=table.records,
        compression=file.compression, columns=table.columns, row_estimate=table.row_estimate,
        candidates=certain("xml", f"the element {table.records} repeats"),
        findings=(told("W_STREAM_SKIPPED", f"{table.outside} values of {file.name} stand outside of its records "
                       f"({table.records}) and are left out", count=table.outside),) if table.outside else (),
    ),))  # fmt: skip


def _json(file: LocalFile, sample: Sample, _kind: Kind, options: SourceOptions, settings: Settings) -> FileTables:
    return json_tables(file, sample, options, settings)


def _text(file: LocalFile, sample: Sample, _kind: Kind, options: SourceOptions, settings: Settings) -> FileTables:
    return detect_text(file, sample, options, settings)
