"""The detect stage: from a source's URI to what it is.

Reads a bounded sample of each file for the decision, and all of it once for the fingerprint.
"""

from __future__ import annotations

import time
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.detection import fingerprint
from udb_pipelines.detection.fetch import local_copy
from udb_pipelines.detection.files import detect_files
from udb_pipelines.detection.grouping import group
from udb_pipelines.detection.localfile import LocalFile
from udb_pipelines.detection.location import Location, files_at, locate
from udb_pipelines.errors import UdbError
from udb_pipelines.models import DetectedStream, Detection, Finding, Source

ATTEMPTS = 2


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
    location = locate(source.uri)
    return _postgres(source, location, settings) if location.kind == "postgres" else _files(source, location, settings)


def _postgres(source: Source, location: Location, settings: Settings) -> Detection:
    from udb_pipelines.detection.database import postgres_tables

    return Detection(
        source=source.name,
        uri=location.shown,
        connector="postgres",
        streams=postgres_tables(location.target, location.shown, source.options, settings),
        bytes=0,
        fingerprint=fingerprint.of_moment(),
    )


def _files(source: Source, location: Location, settings: Settings) -> Detection:
    if location.kind == "http":
        copy = local_copy(location.target, settings)
        root, paths = files_at(str(copy))
    else:
        root, paths = files_at(location.target)
    if any(settings.is_foreign(path) for path in paths):
        message = "a file of the source belongs to another tenant"
        raise UdbError("E_UNREADABLE", message, remedy="name a file of your own")
    for _ in range(ATTEMPTS):
        before = [fingerprint.state_of(path) for path in paths]
        files = [LocalFile(path, str(path.relative_to(root))) for path in paths]
        found = detect_files(files, source.options, settings)
        content = fingerprint.of_files(paths, root, source.options)
        # What was sampled must be what the fingerprint stands for.
        if [(item.bytes, item.modified_ns) for item in content.inputs] == before == [*map(fingerprint.state_of, paths)]:
            break
    else:
        raise UdbError("E_VANISHED", "a file changed each time it was looked at")
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


def _connector(location: Location, streams: tuple[DetectedStream, ...]) -> str:
    formats = {stream.format for stream in streams}
    if location.kind == "path" and len(formats) == 1 and formats <= {"sqlite", "duckdb"}:
        return formats.pop()
    return "http" if location.kind == "http" else "file"


def _once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))
