"""From what a source is to how it will be read: which streams, into which datasets, in which mode."""

from __future__ import annotations

from udb_pipelines.connectors import datasets
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Connection, DetectedStream, Detection, Source, SourceOptions, Stream, SyncMode


def provision(source: Source, detection: Detection, previous: Connection | None = None) -> Connection:
    """Plan the reading of ``source``: one stream per detected one that its options allow.

    Args:
        source: with its options.
        detection: what was found there.
        previous: how it was read last, so that tables keep the names of their datasets.

    Raises:
        UdbError: ``E_NOT_FOUND`` for a table the source does not have, ``E_CONFIG`` for a sync mode that lacks
            its key or cursor, ``E_NO_DATA_FILES`` when no stream is left.
    """
    chosen = {stream.name for stream in _chosen(detection.streams, source.options.tables, source.name)}
    _check_options(source.options, source.name)
    names = datasets.names_of(detection.streams, source.name, previous)
    streams = tuple(
        _planned(stream, dataset, source)
        for stream, dataset in zip(detection.streams, names, strict=True)
        if stream.name in chosen
    )
    return Connection(
        source=source.name,
        connector=detection.connector,
        uri=source.uri,
        fingerprint=detection.fingerprint,
        streams=streams,
        options=source.options,
        inputs=detection.inputs,
        names=datasets.remembered(streams, previous),
    )


def _planned(stream: DetectedStream, dataset: str, source: Source) -> Stream:
    """How one stream is read. What the source declares of itself serves where the user named nothing.

    A stream of a connector that cannot be read as asked, for want of a key or a state, is read whole each time.
    """
    options = source.options
    key = _columns(stream, options.primary_key, "primary key", source.name) or stream.primary_key
    cursor = _column(stream, options.cursor, "cursor", source.name) or stream.cursor
    mode = options.sync_mode
    declared = stream.format == "airbyte"
    if declared and mode.startswith("incremental") and not stream.resumable:
        mode = "full_refresh_overwrite"
    if missing := _missing(mode, key, cursor or (stream.name if declared else None)):
        if not declared:
            raise UdbError(
                "E_CONFIG",
                f"sync mode {mode} needs {missing}",
                source=source.name,
                stage="provision",
                remedy="name it in the source's options",
            )
        mode = "full_refresh_overwrite"
    if mode == "full_refresh_append":
        # With a cursor, the commit would leave out rows that it knows; here every row is added every time.
        cursor = None
    tombstone = _column(stream, options.tombstone, "tombstone", source.name)
    return Stream(detected=stream, dataset=dataset, sync_mode=mode, primary_key=key, cursor=cursor, tombstone=tombstone)


def _missing(mode: SyncMode, key: tuple[str, ...], cursor: str | None) -> str | None:
    """What a mode cannot do without."""
    if mode == "incremental_upsert" and not key:
        return "a primary key"
    if mode == "incremental_append" and not cursor:
        return "a cursor"
    return None


def _chosen(streams: tuple[DetectedStream, ...], tables: tuple[str, ...], source: str) -> tuple[DetectedStream, ...]:
    """The streams named by ``tables``, by stream name or by the name they have in the source; all without."""
    if not streams:
        raise UdbError("E_NO_DATA_FILES", "the source holds no table", source=source, stage="provision")
    unknown = [name for name in tables if not any(_is_called(stream, name) for stream in streams)]
    if unknown:
        there = ", ".join(sorted(stream.name for stream in streams)[:20])
        raise UdbError(
            "E_NOT_FOUND",
            f"the source has no table {', '.join(unknown)}; it has: {there}",
            source=source,
            stage="provision",
            remedy="correct the names given with --table",
        )
    return tuple(
        stream for stream in streams if not tables or stream.query or any(_is_called(stream, name) for name in tables)
    )


def _is_called(stream: DetectedStream, name: str) -> bool:
    return name in (stream.name, stream.member, f"{stream.namespace}.{stream.member}")


def _check_options(options: SourceOptions, source: str) -> None:
    upsert_only = [name for name in ("tombstone", "delete_missing") if getattr(options, name)]
    if upsert_only and options.sync_mode != "incremental_upsert":
        raise UdbError(
            "E_CONFIG",
            f"{' and '.join(upsert_only)} needs sync mode incremental_upsert",
            source=source,
            stage="provision",
            remedy="a full refresh follows deletions by itself; for an incremental sync choose incremental_upsert",
        )


def _column(stream: DetectedStream, name: str | None, role: str, source: str) -> str | None:
    return None if name is None else _columns(stream, (name,), role, source)[0]


def _columns(stream: DetectedStream, wanted: tuple[str, ...], role: str, source: str) -> tuple[str, ...]:
    """Warehouse names of ``wanted``, which may be given as they stand in the source."""
    if not stream.columns:
        return wanted
    names = {column.name: column.name for column in stream.columns}
    originals = {column.original_name: column.name for column in stream.columns if column.original_name}
    known = originals | names
    for name in wanted:
        if name not in known:
            raise UdbError(
                "E_CONFIG",
                f"the {role} column {name} is not in {stream.name}",
                source=source,
                stage="provision",
                remedy="choose one of its columns",
            )
    return tuple(known[name] for name in wanted)
