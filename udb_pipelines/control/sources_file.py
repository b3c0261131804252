"""``sources.yaml``: sources as code. The file is read, checked and compared with the register; applying it follows.

An entry is a source's address beside everything that may be pinned (:class:`~udb_pipelines.models.SourceOptions`).
The JSON Schema of the file is published in ``schema/sources.v1.json``, for editors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from udb_pipelines import yamltext
from udb_pipelines.control import inline
from udb_pipelines.control.uris import canonical_uri, is_local, path_in
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model, Name, Source, SourceOptions

if TYPE_CHECKING:
    from udb_pipelines.control.sources import SourceRegistry

DEFAULT = Path("sources.yaml")
CODE = "E_SOURCES"
SCHEMA_FILE = "sources.v1.json"


class Entry(SourceOptions):
    """One source of the file."""

    uri: str = Field(description="Path, pattern, folder, URL or DSN; secrets as ${NAME} or ${secret:name}")

    def options(self) -> SourceOptions:
        """What is pinned."""
        return SourceOptions.model_validate(self.model_dump(exclude={"uri"}))


class SourcesFile(Model):
    """What ``sources.yaml`` may say."""

    version: Literal[1] = 1
    sources: dict[Name, Entry]


@dataclass(frozen=True)
class Plan:
    """What applying a file would do."""

    added: tuple[Source, ...] = ()
    changed: tuple[Source, ...] = ()
    same: tuple[Source, ...] = ()
    missing: tuple[Source, ...] = ()
    """Registered, but not in the file."""


def generate() -> str:
    """The JSON Schema of the file, made of the models, as it is published."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **SourcesFile.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def published_schema() -> dict[str, object]:
    """The JSON Schema as it is published."""
    text = (files("udb_pipelines.control.schema") / SCHEMA_FILE).read_text(encoding="utf-8")
    return dict(json.loads(text))


def load(path: Path) -> SourcesFile:
    """Read a file.

    Raises:
        UdbError: ``E_SOURCES`` with the line of every mistake, ``E_SECRET_INLINE`` for a password in plain text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UdbError(CODE, f"there is no file {path}", remedy="udb sources export writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UdbError(CODE, f"{path.name} cannot be read ({type(error).__name__})") from None
    return parse(text, path.absolute().parent)


def parse(text: str, folder: Path) -> SourcesFile:
    """The content of a file; relative paths in it are meant from ``folder`` on.

    Raises:
        UdbError: as :func:`load`.
    """
    document = yamltext.read(text, CODE)
    found = yamltext.as_model(document, SourcesFile, CODE)
    placed = {}
    for name, entry in found.sources.items():
        line = document.line(("sources", name, "uri"))
        _check_schedule(entry, document.line(("sources", name, "schedule")))
        try:
            placed[name] = entry.model_copy(update={"uri": canonical_uri(_from(folder, entry.uri))})
        except UdbError as error:
            raise UdbError(error.code, f"line {line}: {error.message}", source=name) from None
        for path in inline.secrets_in(entry.config):
            at = document.line(("sources", name, "config", *path))
            told = f"line {at}: {'.'.join(map(str, path))} stands there in plain text"
            raise UdbError("E_SECRET_INLINE", told, source=name)
    return found.model_copy(update={"sources": placed})


def plan(wanted: SourcesFile, registered: Iterable[Source]) -> Plan:
    """Compare a file with the register; nothing is changed."""
    known = {source.name: source for source in registered}
    now = datetime.now(UTC)
    listed = [
        Source(
            name=name,
            uri=entry.uri,
            options=entry.options(),
            created_at=known[name].created_at if name in known else now,
        )
        for name, entry in wanted.sources.items()
    ]
    return Plan(
        added=tuple(source for source in listed if source.name not in known),
        changed=tuple(source for source in listed if source.name in known and source != known[source.name]),
        same=tuple(source for source in listed if source == known.get(source.name)),
        missing=tuple(source for name, source in known.items() if name not in wanted.sources),
    )


def apply(registry: SourceRegistry, wanted: SourcesFile, *, prune: bool = False) -> Plan:
    """Make the register say what the file says; with ``prune`` also forget what it does not name. Data stays."""
    decided = plan(wanted, registry.list())
    for source in (*decided.added, *decided.changed):
        registry.add(source, replace=True)
    if prune:
        for source in decided.missing:
            registry.remove(source.name)
    return decided


def written(sources: Iterable[Source]) -> str:
    """The file that describes ``sources``."""
    content = {"version": 1, "sources": {source.name: _entry(source) for source in sources}}
    return yamltext.write(content, "Sources of UDB. Check and apply with: udb sources apply")


def with_source(text: str, source: Source, folder: Path) -> str | None:
    """``text`` of a file with one more source at its end, all else as it is; None where that is not possible.

    It is not when something follows the sources, or when they are written in another style than one key a line.
    """
    entry = yamltext.write({source.name: _entry(source)})
    longer = text.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in entry.splitlines())
    try:
        before, after = parse(text, folder), parse(longer, folder)
    except UdbError:
        return None
    grown = {**before.sources, source.name: after.sources.get(source.name)}
    return longer if source.name not in before.sources and after.sources == grown else None


def _entry(source: Source) -> dict[str, object]:
    return {"uri": source.uri, **source.options.model_dump(mode="json", exclude_defaults=True)}


def _from(folder: Path, uri: str) -> str:
    uri = path_in(uri)
    relative = is_local(uri) and not uri.startswith(("~", "/"))
    return str(folder / uri) if relative else uri


def _check_schedule(entry: Entry, line: int | None) -> None:
    if entry.schedule is None:
        return
    # By the one who will have to understand it; costly to import, and few sources have a schedule.
    from udb_pipelines.orchestration.schedules import understands

    if not understands(entry.schedule):
        raise yamltext.wrong(CODE, "schedule: not a cron expression, such as 0 6 * * *", line)
