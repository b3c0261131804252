"""What the stages hand to each other: frozen, versioned, stored as JSON.

    Source -> Detection -> Connection -> StagedSync -> SyncResult -> ProfileSet -> Manifest

A model is the record of a stage: it is written to disk, shown in the UI and compared in tests, so a field
is added with a default and never changes its meaning.
"""

from __future__ import annotations

from udb_pipelines.models.base import NAME_PATTERN, DatasetName, Finding, Model, Name, Verdict, slug, worst
from udb_pipelines.models.columns import (
    Bin,
    ColumnProfile,
    DateStats,
    MoneyStats,
    NumericStats,
    PiiSeverity,
    ProfileType,
    TextStats,
    ValueCount,
)
from udb_pipelines.models.connection import Connection, Named, Stream
from udb_pipelines.models.detection import (
    Area,
    Candidate,
    ColumnSchema,
    Compression,
    DetectedStream,
    Detection,
    Dialect,
    Evidence,
    Format,
    InputFile,
)
from udb_pipelines.models.manifest import Artifact, Manifest
from udb_pipelines.models.source import LOOKBACK_PATTERN, Hold, OnSchemaChange, Source, SourceOptions, SyncMode
from udb_pipelines.models.sync import DatasetVersion, SchemaChange, StagedDataset, StagedSync, SyncResult
from udb_pipelines.models.tables import (
    ColumnDrift,
    ContractCheck,
    ContractResult,
    Dependency,
    Drift,
    DuplicateGroup,
    Inclusion,
    KeyCandidate,
    KeyCheck,
    PairStat,
    Profile,
    ProfileSet,
    Sufficiency,
)

__all__ = [
    "LOOKBACK_PATTERN",
    "NAME_PATTERN",
    "Area",
    "Artifact",
    "Bin",
    "Candidate",
    "ColumnDrift",
    "ColumnProfile",
    "ColumnSchema",
    "Compression",
    "Connection",
    "ContractCheck",
    "ContractResult",
    "DatasetName",
    "DatasetVersion",
    "DateStats",
    "Dependency",
    "DetectedStream",
    "Detection",
    "Dialect",
    "Drift",
    "DuplicateGroup",
    "Evidence",
    "Finding",
    "Format",
    "Hold",
    "Inclusion",
    "InputFile",
    "KeyCandidate",
    "KeyCheck",
    "Manifest",
    "Model",
    "MoneyStats",
    "Name",
    "Named",
    "NumericStats",
    "OnSchemaChange",
    "PairStat",
    "PiiSeverity",
    "Profile",
    "ProfileSet",
    "ProfileType",
    "SchemaChange",
    "Source",
    "SourceOptions",
    "StagedDataset",
    "StagedSync",
    "Stream",
    "Sufficiency",
    "SyncMode",
    "SyncResult",
    "TextStats",
    "ValueCount",
    "Verdict",
    "slug",
    "worst",
]
