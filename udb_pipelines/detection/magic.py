"""What kind of content the first bytes announce. Signatures only; nothing is parsed."""

from __future__ import annotations

from typing import Literal

from udb_pipelines.detection.encoding import wide_of
from udb_pipelines.models import Compression

Kind = Literal[
    "gzip", "bz2", "xz", "zstd", "zip", "tar", "parquet", "arrow", "avro", "orc", "ole", "sqlite", "duckdb",
    "html", "xml", "json", "refused", "text", "binary", "empty",
]  # fmt: skip

WRAPPERS: dict[Kind, Compression] = {
    "gzip": "gzip", "bz2": "bz2", "xz": "xz", "zstd": "zstd", "zip": "zip", "tar": "tar",
}  # fmt: skip

_SIGNATURES: tuple[tuple[bytes, int, Kind], ...] = (
    (b"\x1f\x8b", 0, "gzip"),
    (b"BZh", 0, "bz2"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"\x28\xb5\x2f\xfd", 0, "zstd"),
    (b"PK\x03\x04", 0, "zip"),
    (b"PK\x05\x06", 0, "zip"),
    (b"PAR1", 0, "parquet"),
    (b"PARE", 0, "parquet"),
    (b"ARROW1", 0, "arrow"),
    (b"FEA1", 0, "arrow"),
    (b"Obj\x01", 0, "avro"),
    (b"ORC", 0, "orc"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "ole"),
    (b"SQLite format 3\x00", 0, "sqlite"),
    (b"DUCK", 8, "duckdb"),
    (b"ustar", 257, "tar"),
)

REFUSED: dict[bytes, str] = {
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"BM": "a bitmap image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"ID3": "an audio file",
    b"OggS": "an audio file",
    b"RIFF": "an audio or video file",
    b"{\\rtf": "a rich text document",
    b"%!PS": "a PostScript document",
    b"\x89HDF\r\n": "an HDF5 file",
    b"CDF\x01": "a NetCDF file",
}

_AMBIGUOUS = (b"BM", b"MZ", b"ID3", b"ORC", b"RIFF", b"GIF8", b"OggS", b"BZh", b"PAR1", b"PARE")
"""Signatures made of letters only: a text may begin with them, so a binary byte must follow."""


def kind_of(head: bytes) -> tuple[Kind, str]:
    """The kind that ``head`` (the first bytes, 512 or more where there are) announces, and words for it.

    Text is a leftover: ``text`` when the bytes may be characters of some encoding, else ``binary``.
    """
    if not head.strip(b"\x00 \t\r\n\x0b\x0c") or head in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        return "empty", "no content"
    controls = any(byte < 9 for byte in head)
    for signature, offset, kind in _SIGNATURES:
        if head.startswith(signature, offset) and (controls or signature not in _AMBIGUOUS):
            return kind, kind
    for signature, what in REFUSED.items():
        if head.startswith(signature) and (controls or signature not in _AMBIGUOUS):
            return "refused", what
    return ("binary", "binary data") if looks_binary(head) else (_text_kind(head), "text")


HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<div", b"<p>", b"<meta")


def _text_kind(head: bytes) -> Kind:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    if start.startswith(HTML):
        return "html"
    if start.startswith((b"<?xml", b"<")) and start[1:2].isalpha() | start.startswith((b"<?xml", b"<!--")):
        return "xml"
    if start.startswith((b"{", b"[")):
        return "json"
    return "text"


def looks_binary(head: bytes) -> bool:
    """True when ``head`` holds bytes that no text has: control characters, or NULs outside UTF-16 and UTF-32.

    Four control characters in a hundred are let pass: real exports hold stray ones.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or wide_of(head):
        return False
    # NULs or an end mark (0x1A) after the text are padding; 0x01 alone is a delimiter of Hive.
    head = head.rstrip(b"\x00\x1a")
    controls = sum(head.count(bytes((code,))) for code in (*range(2, 9), *range(14, 27), 28, 29))
    nuls = head.count(0)
    controls += head.count(1) if controls or nuls else 0
    return nuls > len(head) * 0.02 or controls > max(1, len(head) * 0.04)
