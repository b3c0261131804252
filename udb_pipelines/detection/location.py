"""Where a source is: the meaning of its URI.

Belongs here: telling paths, folders, patterns, URLs and DSNs apart; masking. Nothing here opens what it
names.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Literal
from urllib.parse import unquote, urlsplit

from udb_pipelines.errors import UdbError
from udb_pipelines.secrets.references import REFERENCE

Kind = Literal["path", "http", "postgres", "mysql", "objects", "sftp", "odbc", "mssql", "mongodb"]

SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
SECRET_QUERY = re.compile(r"(?<=[?&])([^=&]*(?:token|key|secret|password|pwd|sig|signature|auth)[^=&]*)=([^&]*)", re.I)
UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".download")
MASK = "***"

KNOWN_SCHEMES = {
    "abfss": "object stores",
    "ftp": "FTP servers",
    "kafka": "Kafka",
    "oracle": "Oracle", "snowflake": "Snowflake", "bigquery": "BigQuery",
}  # fmt: skip

REACHED: dict[str, Kind] = {
    "http": "http", "https": "http", "sftp": "sftp", "postgres": "postgres", "postgresql": "postgres",
    "mysql": "mysql", "mariadb": "mysql", "mssql": "mssql", "sqlserver": "mssql", "odbc": "odbc",
    "mongodb": "mongodb", "mongodb+srv": "mongodb",
}  # fmt: skip
"""Schemes of servers whose addresses may hold credentials."""
STORES = ("s3", "gs", "az")


@dataclass(frozen=True)
class Location:
    """A URI, understood. ``target`` is a path or pattern without ``file://``; the URI itself otherwise."""

    kind: Kind
    target: str
    shown: str
    """For detections, logs and messages: references kept, passwords masked."""


def locate(uri: str) -> Location:
    """Tell what kind of place ``uri`` names.

    Raises:
        UdbError: ``E_UNSUPPORTED`` for a scheme that this version cannot read.
    """
    scheme = scheme_of(uri)
    if scheme in REACHED:
        return Location(REACHED[scheme], uri, mask(uri))
    if scheme in STORES:
        return Location("objects", uri, uri)
    if scheme == "file":
        return Location("path", unquote(urlsplit(uri).path), uri)
    if scheme:
        what = KNOWN_SCHEMES.get(scheme, "this kind of address")
        close = get_close_matches(scheme, [*REACHED, *STORES], n=1) if scheme not in KNOWN_SCHEMES else []
        remedy = f"did you mean {close[0]}://? udb connectors list shows what can be read" if close else None
        raise UdbError("E_UNSUPPORTED", f"{scheme}://: {what} cannot be read by this version", remedy=remedy)
    return Location("path", uri, uri)


def scheme_of(uri: str) -> str:
    """The scheme of an address in lower case; empty for a path."""
    match = SCHEME.match(uri)
    return match.group(1).lower() if match else ""


def mask(uri: str) -> str:
    """``uri`` without inline secrets; references (``${NAME}``, ``${secret:name}``) stay.

    >>> mask("postgres://ann:s3cret@db:5432/shop")
    'postgres://ann:***@db:5432/shop'
    >>> mask("postgres://ann:${PGPASSWORD}@db/shop")
    'postgres://ann:${PGPASSWORD}@db/shop'
    >>> mask("https://host/data.csv?token=abc&page=2")
    'https://host/data.csv?token=***&page=2'
    """
    scheme, separator, rest = uri.partition("://")
    authority, tail = _split_authority(rest)
    user, at, host = authority.rpartition("@")
    if at and ":" in user:
        name, _, password = user.partition(":")
        user = f"{name}:{_hidden(password)}"
    tail = SECRET_QUERY.sub(lambda match: f"{match.group(1)}={_hidden(match.group(2))}", tail)
    return f"{scheme}{separator}{user}{at}{host}{tail}"


def _split_authority(rest: str) -> tuple[str, str]:
    """Authority and the rest; a password may hold a raw slash, so the last ``@`` counts first."""
    start = rest.rfind("@", 0, _query_start(rest)) + 1
    ends = [index for index in (rest.find("/", start), rest.find("?", start)) if index >= 0]
    end = min(ends, default=len(rest))
    return rest[:end], rest[end:]


def _query_start(rest: str) -> int:
    index = rest.find("?")
    return index if index >= 0 else len(rest)


def _hidden(secret: str) -> str:
    return secret if REFERENCE.fullmatch(secret) or not secret else MASK


def files_at(target: str) -> tuple[Path, tuple[Path, ...]]:
    """The root and the data files that a path, folder or pattern names, sorted, as absolute paths.

    Hidden files and unfinished downloads are left out of folders and patterns; a file named outright is taken.

    Raises:
        UdbError: ``E_NOT_FOUND``, ``E_UNREADABLE``, or ``E_NO_DATA_FILES`` when nothing is left.
    """
    path = Path(target).expanduser().absolute()
    try:
        if path.is_file():
            return path.parent, (path,)
        if path.is_dir():
            return path, _offered(path, path.rglob("*"), target)
        if path.exists():
            raise UdbError("E_UNREADABLE", f"{target} is neither a file nor a folder")
    except PermissionError:
        raise UdbError("E_UNREADABLE", f"{target} may not be read") from None
    if not glob.has_magic(target):
        raise UdbError("E_NOT_FOUND", f"there is no file or folder {target}")
    anchor = Path(path.anchor)
    matches = list(anchor.glob(str(path.relative_to(anchor))))
    root = Path(os.path.commonpath([str(match.parent) for match in matches])) if matches else path.parent
    return root, _offered(root, matches, target)


def _offered(root: Path, paths: Iterable[Path], target: str) -> tuple[Path, ...]:
    files = tuple(sorted(path for path in paths if path.is_file() and is_offered(path.relative_to(root))))
    if not files:
        raise UdbError("E_NO_DATA_FILES", f"{target} holds no file that could be data")
    return files


def is_offered(relative: PurePath) -> bool:
    """Whether a file of a folder could be data: neither hidden nor an unfinished download."""
    hidden = any(part.startswith((".", "~$")) for part in relative.parts)
    return not hidden and relative.suffix.lower() not in UNFINISHED
