"""Detect for connectors: does the configuration work, and which streams are there.

Starting a connector costs seconds of CPU, so an answer is kept, for :data:`FRESH` or until connector or configuration
differ. The file's name is a hash of the configuration, its content has nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from udb_pipelines.config import Settings
from udb_pipelines.connectors.airbyte import process
from udb_pipelines.connectors.airbyte.environments import executable, specification
from udb_pipelines.connectors.airbyte.pins import MANIFEST, Pin, pin_of
from udb_pipelines.detection import fingerprint
from udb_pipelines.detection.naming import name_columns, qualified, unique_names
from udb_pipelines.egress import Guard
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Candidate, ColumnSchema, DetectedStream, Detection, Evidence, Source
from udb_pipelines.secrets.references import resolve_all

FRESH = 24 * 3600
"""Seconds for which an answer is believed."""
Ask = Callable[[], list[dict[str, Any]]]
"""Asks a connector for its catalog."""

INJECTED = "__injected_declarative_manifest"
"""Where Airbyte's kit looks for the manifest."""


def detect(source: Source, settings: Settings) -> Detection:
    """The streams of a connector's catalog.

    Raises:
        UdbError: ``E_CONNECTOR``, ``E_AUTH``, ``E_OPTION`` for a configuration that lacks something.
    """
    pin = pin_of(source.uri)
    command = executable(pin, settings)
    config = configuration(source.options.config, pin, settings)
    if needed := missing(_specification(pin, config, settings), config):
        raise UdbError(
            "E_OPTION",
            f"{pin.name} needs to know: {', '.join(needed)}",
            remedy=f"give each with --config NAME=VALUE; {_explained(pin)} explains them",
        )
    streams = _cached(source, pin, settings, lambda: _ask(command, pin, config))
    return Detection(
        source=source.name,
        uri=source.uri,
        connector="airbyte",
        streams=tuple(_stream(pin, name, entry) for name, entry in zip(_names(streams), streams, strict=True)),
        bytes=0,
        fingerprint=fingerprint.of_moment(),
    )


def configuration(config: Mapping[str, Any], pin: Pin, settings: Settings) -> dict[str, Any]:
    """The configuration with its secrets, for the connector's eyes only.

    Raises:
        UdbError: ``E_EGRESS`` for a connector that may not be run, ``E_AUTH``, ``E_NOT_FOUND`` or ``E_OPTION`` for a
            manifest that is not there or no YAML.
    """
    Guard(settings).check_connector(f"airbyte:{pin.name}")
    resolved = resolve_all(config, settings)
    if pin.name == MANIFEST:
        resolved[INJECTED] = _manifest(resolved.pop("manifest", None))
    return resolved


def _specification(pin: Pin, config: Mapping[str, Any], settings: Settings) -> Mapping[str, Any]:
    """What the configuration may hold: a manifest says so itself."""
    if pin.name != MANIFEST:
        return specification(pin, settings)
    spec = config[INJECTED].get("spec")
    return dict(spec.get("connection_specification") or {}) if isinstance(spec, Mapping) else {}


def _explained(pin: Pin) -> str:
    return "the manifest's spec" if pin.name == MANIFEST else f"udb connectors show {pin.name}"


def missing(spec: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Required settings that the configuration lacks.

    >>> missing({"required": ["a", "b"]}, {"b": 1})
    ['a']
    """
    return [name for name in spec.get("required", []) if name not in config and not name.startswith("__")]


def _manifest(path: object) -> dict[str, Any]:
    import yaml

    if not isinstance(path, str):
        raise UdbError("E_OPTION", "a low-code source needs its manifest", remedy="--config manifest=FILE.yaml")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UdbError("E_NOT_FOUND", f"there is no manifest {path}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UdbError("E_OPTION", f"{path}, line {line}: {error.problem}") from None
    if not isinstance(content, dict) or "streams" not in content:
        raise UdbError("E_OPTION", f"{path} is no manifest: it has no streams")
    return content


def _ask(command: Path, pin: Pin, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    process.check(command, pin, config)
    return process.discover(command, pin, config)


def _cached(source: Source, pin: Pin, settings: Settings, ask: Ask) -> list[dict[str, Any]]:
    file = _cache_of(source.options.config, pin, settings)
    if file.is_file() and time.time() - file.stat().st_mtime < FRESH:
        return list(json.loads(file.read_text(encoding="utf-8")))
    streams = ask()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{source.name}.new")
    draft.write_text(json.dumps(streams), encoding="utf-8")
    draft.replace(file)
    return list(streams)


def last_catalog(
    config: Mapping[str, Any], pin: Pin, settings: Settings
) -> dict[tuple[str | None, str], dict[str, Any]]:
    """The streams of the catalog that was asked for last, by namespace and name; none when it is gone."""
    file = _cache_of(config, pin, settings)
    streams = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return {_place(entry): entry for entry in streams}


def _cache_of(config: Mapping[str, Any], pin: Pin, settings: Settings) -> Path:
    manifest = config.get("manifest")
    content = Path(manifest).read_text(encoding="utf-8") if isinstance(manifest, str) else ""
    about = json.dumps([pin.requirement, config, content], sort_keys=True)
    return settings.connectors / "catalogs" / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.json"


def _place(entry: Mapping[str, Any]) -> tuple[str | None, str]:
    return entry.get("namespace") or None, entry["name"]


def _names(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    return unique_names(qualified([_place(entry) for entry in entries]))


def _stream(pin: Pin, name: str, entry: Mapping[str, Any]) -> DetectedStream:
    properties = entry.get("json_schema", {}).get("properties", {})
    modes = entry.get("supported_sync_modes", [])
    key = [path[0] for path in entry.get("source_defined_primary_key") or [] if len(path) == 1]
    cursor = entry.get("default_cursor_field") or []
    columns = columns_of(properties)
    names = {original_of(column): column.name for column in columns}
    found = f"{pin.name} {pin.version} names it in its catalog, with {len(properties)} fields"
    namespace, member = _place(entry)
    return DetectedStream(
        name=name,
        format="airbyte",
        files=(f"airbyte://{pin.name}@{pin.version}",),
        member=member,
        namespace=namespace,
        columns=columns,
        primary_key=tuple(names[name] for name in key if name in names),
        cursor=names.get(cursor[0]) if len(cursor) == 1 and "incremental" in modes else None,
        resumable="incremental" in modes,
        candidates=(Candidate(format="airbyte", confidence=1, evidence=(Evidence(what=found, weight=1),)),),
    )


def columns_of(properties: Mapping[str, Mapping[str, Any]]) -> tuple[ColumnSchema, ...]:
    """The columns of a stream by the fields of its catalog."""
    return name_columns(properties, map(declared_type, properties.values()))


def original_of(column: ColumnSchema) -> str:
    """The field of a column; its name may be empty."""
    return column.name if column.original_name is None else column.original_name


def declared_type(field: Mapping[str, Any]) -> str:
    """The DuckDB type of a field of the catalog; VARCHAR for whatever has no plain type.

    >>> declared_type({"type": ["null", "integer"]}), declared_type({"type": "object"})
    ('BIGINT', 'VARCHAR')
    """
    kinds = field.get("type", "string") if isinstance(field, Mapping) else "string"
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    kinds.discard("null")
    if kinds == {"string"}:
        if field.get("format") == "date-time" or field.get("airbyte_type") == "timestamp_with_timezone":
            return "TIMESTAMP" if field.get("airbyte_type") == "timestamp_without_timezone" else "TIMESTAMPTZ"
        return "DATE" if field.get("format") == "date" else "VARCHAR"
    plain = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
    return plain.get(next(iter(kinds)), "VARCHAR") if len(kinds) == 1 else "VARCHAR"
