"""A file on its way through detection, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from udb_pipelines.models import Candidate, Compression, DetectedStream, Evidence, Finding, Format

PACKED_SUFFIXES = {".gz", ".gzip", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".zip", ".tar", ".tgz", ".tbz2", ".txz"}
JSON_SUFFIXES = {".json", ".geojson", ".ndjson", ".jsonl"}
PLAIN_SUFFIXES = {".txt", ".log", ".dat", ".md"}
"""They say that it is text, and nothing about what kind."""
SUFFIXES: dict[str, tuple[Format, ...]] = {
    ".csv": ("delimited",), ".tsv": ("delimited",), ".tab": ("delimited",), ".psv": ("delimited",),
    ".json": ("json", "ndjson"), ".geojson": ("json",), ".ndjson": ("ndjson",), ".jsonl": ("ndjson",),
    ".parquet": ("parquet",), ".pq": ("parquet",), ".arrow": ("arrow",), ".feather": ("arrow",), ".ipc": ("arrow",),
    ".avro": ("avro",), ".orc": ("orc",), ".xls": ("spreadsheet",), ".xlsx": ("spreadsheet",),
    ".xlsm": ("spreadsheet",), ".xlsb": ("spreadsheet",), ".ods": ("spreadsheet",), ".sqlite": ("sqlite",),
    ".sqlite3": ("sqlite",), ".duckdb": ("duckdb",), ".db": ("sqlite", "duckdb"), ".xml": ("xml",),
}  # fmt: skip


@dataclass(frozen=True)
class LocalFile:
    """A file on disk and how people call it (an archive member is called ``archive.zip/member.csv``)."""

    path: Path
    name: str
    compression: Compression = "none"

    @property
    def suffix(self) -> str:
        """The extension that speaks about the content, without those of compression."""
        parts = [part.lower() for part in Path(self.name).suffixes]
        while parts and parts[-1] in PACKED_SUFFIXES:
            parts.pop()
        return parts[-1] if parts else ""

    @property
    def stem(self) -> str:
        """The name without folders and extensions."""
        name = Path(self.name).name
        for part in reversed(Path(name).suffixes):
            if (
                part.lower() not in PACKED_SUFFIXES
                and part.lower() not in SUFFIXES
                and part.lower() not in PLAIN_SUFFIXES
            ):
                break
            name = name[: -len(part)]
        return name


@dataclass(frozen=True)
class FileTables:
    """The tables of one file, and what was found about the file as a whole."""

    streams: tuple[DetectedStream, ...]
    findings: tuple[Finding, ...] = ()


def certain(format_: Format, what: str) -> tuple[Candidate, ...]:
    """The only candidate, undoubted for the reason ``what``."""
    return (Candidate(format=format_, confidence=1.0, evidence=(Evidence(what=what, weight=1.0),)),)
