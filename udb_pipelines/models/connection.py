"""What ``provision`` made ready: the streams that a sync will read."""

from __future__ import annotations

from typing import Literal

from udb_pipelines.models.base import DatasetName, Model, Name
from udb_pipelines.models.detection import DetectedStream, InputFile
from udb_pipelines.models.source import SourceOptions, SyncMode


class Stream(Model):
    """One table to read, and where it goes."""

    detected: DetectedStream
    dataset: DatasetName
    """Table in the warehouse: the source's name, or ``source__stream`` when the source has several."""
    sync_mode: SyncMode = "full_refresh_overwrite"
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    tombstone: str | None = None


class Named(Model):
    """The dataset of a table of the source, which it keeps whatever tables come or go."""

    namespace: str | None = None
    name: str
    dataset: DatasetName


class Connection(Model):
    """How to read the source. Nothing in it is secret."""

    schema_version: Literal[1] = 1
    source: Name
    connector: str
    uri: str
    fingerprint: str
    streams: tuple[Stream, ...]
    options: SourceOptions = SourceOptions()
    inputs: tuple[InputFile, ...] = ()
    """The local files that the fingerprint stands for."""
    names: tuple[Named, ...] = ()
    """Datasets by table, also of tables that were read once and are not read now."""
