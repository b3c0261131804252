"""Pinned contracts on disk: one file per dataset, and every file that was ever pinned.

    <home>/contracts/orders.yaml                                    in force, byte for byte as it was pinned
    <home>/contracts/history/orders/20260314T092653.123456Z-5e1281f6a0b3.yaml

A pin is first written into the history and then put into force by one rename; a reader sees the old contract or the
new one. What stands in the history was checked when it was pinned; a file that was edited in place is checked when
it is read.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.contracts.faults import read
from udb_pipelines.contracts.validation import validate
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import steps
from udb_pipelines.warehouse.files import make_folder, sync_file, sync_folder
from udb_pipelines.yamltext import Document

_HASH_LETTERS = 12
_DATASET = re.compile(r"[a-z][a-z0-9_]{0,127}")


@dataclass(frozen=True)
class Pin:
    """The contract in force for a dataset."""

    dataset: str
    path: Path
    document: Document
    sha256: str


@dataclass(frozen=True)
class Pinned:
    """One entry of a dataset's history."""

    path: Path
    pinned_at: datetime
    in_force: bool


def pinned(settings: Settings, dataset: str) -> Pin | None:
    """The contract in force for ``dataset``; None when none is pinned.

    Raises:
        UdbError: ``E_CONTRACT``: somebody edited the file, and it is no contract any more.
    """
    path = _file(settings, dataset)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    document = read(_text(content))
    if not any(_folder(settings, dataset).glob(f"*-{sha256[:_HASH_LETTERS]}.yaml")):
        validate(document)
    return Pin(dataset, path, document, sha256)


def names(settings: Settings) -> tuple[str, ...]:
    """Datasets that have a contract in force."""
    return tuple(sorted(path.stem for path in settings.contracts.glob("*.yaml")))


def pin(settings: Settings, dataset: str, content: bytes) -> bool:
    """Put a contract into force; it must have been checked.

    Returns:
        Whether anything changed.
    """
    path, folder = _file(settings, dataset), _folder(settings, dataset)
    if path.exists() and path.read_bytes() == content:
        return False
    make_folder(folder)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    _write(folder / f"{stamp}-{hashlib.sha256(content).hexdigest()[:_HASH_LETTERS]}.yaml", content)
    steps.reached("remembered")
    _write(path, content)
    steps.reached("in force")
    return True


def unpin(settings: Settings, dataset: str) -> bool:
    """Take a contract out of force; its history stays. Whether there was one."""
    path = _file(settings, dataset)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def history(settings: Settings, dataset: str) -> tuple[Pinned, ...]:
    """Everything that was pinned for ``dataset``, newest first."""
    path = _file(settings, dataset)
    current = path.read_bytes() if path.exists() else None
    entries: list[Pinned] = []
    for file in sorted(_folder(settings, dataset).glob("*Z-*.yaml"), reverse=True):
        moment = datetime.strptime(file.name.split("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        earlier = any(entry.in_force for entry in entries)
        entries.append(Pinned(file, moment, not earlier and file.read_bytes() == current))
    return tuple(entries)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    sync_file(partial)
    partial.replace(path)
    sync_folder(path.parent)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UdbError("E_CONTRACT", f"byte {error.start} is not UTF-8") from None


def _file(settings: Settings, dataset: str) -> Path:
    if not _DATASET.fullmatch(dataset):
        raise UdbError("E_NAME", f"{dataset} is not the name of a dataset", remedy="udb contract list shows the names")
    return settings.contracts / f"{dataset}.yaml"


def _folder(settings: Settings, dataset: str) -> Path:
    return settings.contracts / "history" / dataset
