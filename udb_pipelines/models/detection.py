"""What ``detect`` found out: format, dialect, columns, streams, and the evidence for each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from udb_pipelines.models.base import Finding, Model, Name

Format = Literal[
    "delimited", "fixed_width", "json", "ndjson", "parquet", "arrow", "avro", "orc", "spreadsheet",
    "sqlite", "duckdb", "xml", "log", "database", "mongodb", "airbyte", "airbyte_server",
]  # fmt: skip

Compression = Literal["none", "gzip", "bz2", "xz", "zstd", "zip", "tar"]


class Evidence(Model):
    """One reason for a decision, in words a person can check, with the weight it had (0 to 1)."""

    what: str
    weight: float = Field(ge=0, le=1)


class Dialect(Model):
    """How a delimited text is written."""

    delimiter: str
    quote: str = '"'
    """One character; empty for none."""
    escape: str = '"'
    """The quote itself when inner quotes are doubled; another character; empty for none."""
    newline: Literal["\n", "\r\n", "\r", "mixed"] = "\n"
    header_rows: int = 1
    skip_rows: int = 0
    """Physical lines before the header: preamble."""
    comment: str = ""
    footer_rows: int = 0
    short_rows: bool = False
    """Rows may leave out empty fields at their end."""
    padded: bool = False
    """Blanks beside delimiters set values apart; they are no part of them."""
    bordered: bool = False
    """A delimiter stands before the first field of every record and after its last."""
    dump: bool = False
    """As databases write tables to plain text: a backslash before a letter stands for a control character, before
    anything else, a line end included, for that itself; ``\\N`` is NULL, an empty field an empty text."""
    spans: tuple[tuple[int, int | None], ...] = ()
    """Fixed width: where each column begins and ends, in characters from 0; None for the end of the line. What
    stands between two columns belongs to the one it touches."""


class Candidate(Model):
    """One thing the source may be. Candidates are ranked; the first is taken."""

    format: Format
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    dialect: Dialect | None = None


class ColumnSchema(Model):
    """A column as it will be, or is, stored."""

    name: str
    """Safe, unique name in the warehouse."""
    type: str
    """DuckDB type; ``VARCHAR`` until the whole column has been seen."""
    original_name: str | None = None
    """The name in the source, where it differs."""


class Area(Model):
    """The part of a file or sheet that holds a table, where it holds several. Counted from 0, ends not included."""

    first_row: int
    """Physical lines of a text; rows of the used area of a sheet."""
    end_row: int
    first_column: int = 0
    end_column: int | None = None
    """Sheets only."""
    byte_offset: int = 0
    """Where the first line begins in the unpacked text."""


class DetectedStream(Model):
    """One table found in the source: a file, a set of files with one schema, a sheet, a database table."""

    name: Name
    format: Format
    files: tuple[str, ...]
    """Local paths (unpacked archive members have their own), or one DSN for a database."""
    member: str | None = None
    """Sheet, archive member, qualified database table, or stream of a connector."""
    namespace: str | None = None
    """What a connector keeps the stream in: another one may have the same ``member``."""
    query: str | None = None
    """The SELECT whose rows it is, in the database's own SQL."""
    records: str | None = None
    """Where the records are inside a document: dotted keys of the array for JSON (``data.items``; None when the
    document itself is the array, the object or the scalar), the element's name for XML, the name of the layout for a
    log."""
    area: Area | None = None
    """Set when it is one of several tables of a file or sheet."""
    primary_key: tuple[str, ...] = ()
    """As the source itself declares it; what the user names comes first."""
    cursor: str | None = None
    """As the source itself declares it."""
    resumable: bool = False
    """A connector can go on with it from a state."""
    compression: Compression = "none"
    encoding: str = "utf-8"
    encoding_confidence: float = 1.0
    dialect: Dialect | None = None
    columns: tuple[ColumnSchema, ...] = ()
    row_estimate: int | None = None
    candidates: tuple[Candidate, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def place(self) -> tuple[str | None, str]:
        """Which table of its source it is, whatever others there are."""
        return self.namespace, self.member or self.name


class InputFile(Model):
    """A file as detection saw it, to notice when it is another one."""

    path: str
    bytes: int
    modified_ns: int
    sha256: str


class Detection(Model):
    """What the source is. ``fingerprint`` changes exactly when its content or its options do."""

    schema_version: Literal[1] = 1
    source: Name
    uri: str
    """As given, secrets left as references or masked."""
    connector: str
    """``file``, ``http``, ``sqlite``, ``duckdb``, ``postgres`` ..."""
    streams: tuple[DetectedStream, ...]
    bytes: int
    fingerprint: str
    inputs: tuple[InputFile, ...] = ()
    """The local files that the fingerprint stands for."""
    findings: tuple[Finding, ...] = ()
    settings_needed: tuple[str, ...] = ()
    """Names of options that detection could not find out and the user must give."""
    seconds: float = 0.0
