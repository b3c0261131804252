"""The detect stage: from a source's URI to what it is.

Reads a bounded sample of each file for the decision, and all of it once for the fingerprint.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.detection import fingerprint
from udb_pipelines.detection.fetch import fetch
from udb_pipelines.detection.files import detect_files
from udb_pipelines.detection.fingerprint import Content
from udb_pipelines.detection.grouping import group
from udb_pipelines.detection.localfile import FileTables, LocalFile
from udb_pipelines.detection.location import Location, files_at, locate
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream, Detection, Finding, Source

ATTEMPTS = 2
CONFIGLESS = ("path", "postgres", "mysql", "mssql", "odbc")
"""Kinds of sources that know no ``--config``."""


def detect(source: Source, settings: Settings) -> Detection:
    """Find out what ``source`` is, and which tables it holds.

    Raises:
        UdbError: located at this source and stage; what the code means is in ``errors.CODES``.
    """
    started = time.perf_counter()
    try:
        found = _found(source, settings)
    except UdbError as error:
        raise error.located(source=source.name, stage="detect") from None
    except FileNotFoundError as error:
        message = f"{Path(error.filename or 'a file').name} disappeared while it was looked at"
        raise UdbError("E_VANISHED", message, source=source.name, stage="detect") from None
    except PermissionError as error:
        message = f"{Path(error.filename or 'a file').name} may not be read"
        raise UdbError("E_UNREADABLE", message, source=source.name, stage="detect") from None
    return found.model_copy(update={"seconds": round(time.perf_counter() - started, 4)})


def _found(source: Source, settings: Settings) -> Detection:
    if source.uri.startswith("airbyte:"):
        from udb_pipelines.connectors.airbyte.discovery import detect as of_connector

        return of_connector(source, settings)
    if source.uri.startswith("airbyte-server:"):
        from udb_pipelines.connectors.airbyte_server.discovery import detect as of_server

        return of_server(source, settings)
    location = locate(source.uri)
    if location.kind in CONFIGLESS and source.options.config:
        raise UdbError(
            "E_OPTION",
            f"--config {', '.join(sorted(source.options.config))} is not known here; this kind of source takes none",
            remedy="write options of a database into its address, as ?NAME=VALUE",
        )
    of = _server if location.kind in ("postgres", "mysql", "mssql", "odbc", "mongodb") else _files
    found = of(source, location, settings)
    if source.options.queries and not any(stream.query for stream in found.streams):
        raise UdbError("E_OPTION", "--query needs a database, which the source is not", remedy="leave --query out")
    return found


def _server(source: Source, location: Location, settings: Settings) -> Detection:
    if location.kind == "mongodb":
        from udb_pipelines.connectors.databases.mongo_client import library

        library()  # or what installs it, before what is made of it
        from udb_pipelines.detection.documents import collections as listed
    else:
        from udb_pipelines.detection.servers import server_tables as listed

    return Detection(
        source=source.name,
        uri=location.shown,
        connector=location.kind,
        streams=listed(location.target, location.shown, source.options, settings),
        bytes=0,
        fingerprint=fingerprint.of_moment(),
    )


def _files(source: Source, location: Location, settings: Settings) -> Detection:
    if location.kind == "path":
        found, content = _local(source, location, settings)
    else:
        found, content = _remote(source, location, settings)
    streams = group(found.streams, source.name)
    return Detection(
        source=source.name,
        uri=location.shown,
        connector=_connector(location, streams),
        streams=streams,
        bytes=content.bytes,
        fingerprint=content.fingerprint,
        inputs=content.inputs,
        findings=_once(found.findings),
    )


def _local(source: Source, location: Location, settings: Settings) -> tuple[FileTables, Content]:
    root, paths = files_at(location.target)
    if any(settings.is_foreign(path) for path in paths):
        message = "a file of the source belongs to another tenant"
        raise UdbError("E_UNREADABLE", message, remedy="name a file of your own")
    for _ in range(ATTEMPTS):
        before = [fingerprint.state_of(path) for path in paths]
        found = detect_files(_named(paths, root), source.options, settings)
        content = fingerprint.of_files(paths, root, source.options)
        # What was sampled must be what the fingerprint stands for.
        if [(item.bytes, item.modified_ns) for item in content.inputs] == before == [*map(fingerprint.state_of, paths)]:
            return found, content
    raise UdbError("E_VANISHED", "a file changed each time it was looked at")


def _remote(source: Source, location: Location, settings: Settings) -> tuple[FileTables, Content]:
    """Copies that nobody changes, made before; what they hold is known from when they were fetched."""
    fetched = fetch(location, source.options.config, settings)
    paths = [path for path, _ in fetched.files]
    found = detect_files(_named(paths, fetched.root), source.options, settings)
    return found, fingerprint.of_copies(fetched.files, fetched.root, source.options)


def _named(paths: Sequence[Path], root: Path) -> list[LocalFile]:
    return [LocalFile(path, str(path.relative_to(root))) for path in paths]


def _connector(location: Location, streams: tuple[DetectedStream, ...]) -> str:
    """What reads it: the scheme of an address, ``file`` or the database that a file is."""
    if location.kind == "path":
        formats = {stream.format for stream in streams}
        return formats.pop() if len(formats) == 1 and formats <= {"sqlite", "duckdb"} else "file"
    return "http" if location.kind == "http" else location.target.partition("://")[0].lower()


def _once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))
