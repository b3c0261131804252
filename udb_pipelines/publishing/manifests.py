"""Find, load and verify what jobs have published. Reads only, and never waits for a writer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from udb_pipelines.config import Settings
from udb_pipelines.models import Manifest, Profile
from udb_pipelines.publishing.folder import digest

MANIFEST = "manifest.json"


def dump_manifest(manifest: Manifest) -> str:
    """The text of ``manifest.json``.

    Without the folder, which is where the file is found, and without what is only true of one call:
    the artifacts may be moved or copied as a whole and still verify.
    """
    return manifest.model_dump_json(indent=2, exclude={"folder", "unchanged"}) + "\n"


def load_manifest(path: Path) -> Manifest:
    """Read a ``manifest.json``, or the one in the folder ``path``.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not a manifest of this version.
    """
    file = path / MANIFEST if path.is_dir() else path
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is not a manifest")
    return Manifest.model_validate({**content, "folder": file.parent.absolute()})


def latest(settings: Settings, source: str) -> Manifest | None:
    """The newest complete manifest of a source by time of publication; None when nothing is published."""
    return max(_published(settings.artifacts / source), key=lambda manifest: manifest.published_at, default=None)


def latest_profiles(settings: Settings, source: str) -> dict[str, Profile]:
    """The profiles last published of a source, by dataset; those that cannot be read are left out."""
    manifest = latest(settings, source)
    found = {}
    for artifact in manifest.artifacts if manifest else ():
        if manifest and artifact.dataset and artifact.path == f"{artifact.dataset}/profile.json":
            try:
                found[artifact.dataset] = Profile.model_validate_json((manifest.folder / artifact.path).read_bytes())
            except (OSError, ValidationError):
                continue  # altered by hand, or of a later version: there is nothing to compare with
    return found


def profiles_of_others(settings: Settings, source: str) -> tuple[Profile, ...]:
    """The profiles last published of all other sources."""
    contents = _profiles_of_others(settings, source)
    return tuple(profile for content in contents if (profile := _validated(content)) is not None)


def keys_of_others(settings: Settings, source: str) -> tuple[Profile, ...]:
    """The same, with no more of each table than the columns that are keys: all that a reference needs to know.

    Checking whole profiles would be most of the work, and grow with the columns of every table there is.
    """
    found = []
    for content in _profiles_of_others(settings, source):
        keys = {key["columns"][0] for key in content["keys"] if len(key["columns"]) == 1}
        columns = [column for column in content["columns"] if column["name"] in keys]
        short = {**content, **dict.fromkeys(_BULK, ()), "columns": columns}
        if columns and (profile := _validated(short)) is not None:
            found.append(profile)
    return tuple(found)


def _validated(content: dict[str, Any]) -> Profile | None:
    """The profile, unless it was altered by hand or is of another version."""
    try:
        return Profile.model_validate(content)
    except ValidationError:
        return None


_BULK = ("pairs", "dependencies", "findings", "inclusions")


def _profiles_of_others(settings: Settings, source: str) -> Iterator[dict[str, Any]]:
    """As JSON, a table after the other; those that cannot be read are left out."""
    folders = sorted(settings.artifacts.glob("[!.]*")) if settings.artifacts.is_dir() else []
    for folder in folders:
        manifest = _newest(folder) if folder.name != source else None
        for artifact in manifest.artifacts if manifest else ():
            if manifest and artifact.dataset and artifact.path == f"{artifact.dataset}/profile.json":
                try:
                    content = json.loads((manifest.folder / artifact.path).read_bytes())
                    if content["schema_version"] == 1:
                        yield content
                except (OSError, ValueError, KeyError, TypeError):
                    continue


def _newest(source_folder: Path) -> Manifest | None:
    """The manifest written last, found by the time of its file: opening those of every job would take too long."""
    files = sorted(source_folder.glob(f"[!.]*/{MANIFEST}"), key=_written, reverse=True)
    for file in files:
        try:
            return load_manifest(file)
        except (OSError, ValueError, ValidationError):
            continue
    return None


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # being replaced at this moment
        return 0.0


def verify(manifest: Manifest) -> tuple[str, ...]:
    """Compare every artifact with its manifest; one sentence per file that is missing or was altered."""
    problems = []
    for artifact in manifest.artifacts:
        try:
            found = digest(manifest.folder / artifact.path)
        except OSError as error:
            problems.append(f"{artifact.path} cannot be read: {error.strerror}")
            continue
        if found.bytes != artifact.bytes:
            problems.append(f"{artifact.path} has {found.bytes} bytes, published were {artifact.bytes}")
        elif found.sha256 != artifact.sha256:
            problems.append(f"{artifact.path} was altered: its SHA-256 is not the published one")
    return tuple(problems)


def _published(source_folder: Path) -> Iterator[Manifest]:
    for file in source_folder.glob(f"[!.]*/{MANIFEST}"):
        try:
            yield load_manifest(file)
        except (OSError, ValueError, ValidationError):
            continue  # being replaced at this moment, or damaged: an older one is the newest complete one
