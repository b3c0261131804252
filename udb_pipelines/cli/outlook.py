"""What a person should hear of a job beside its verdict: broken promises, and what changed since the last version.

Read from the published ``profile.json``, so that an unchanged job says what the job before it said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udb_pipelines.wording import counted

if TYPE_CHECKING:
    from udb_pipelines.models import Manifest

MOST_NAMED = 5


@dataclass(frozen=True)
class Outlook:
    """One dataset."""

    dataset: str
    contract: str | None
    """The verdict of the contract in force; None where none is pinned."""
    broken: tuple[str, ...]
    """Promises that are not kept, those of severity error first."""
    promises: int
    drift: str | None
    """``stable``, ``moved`` or ``changed``; None for the first version."""
    moved: tuple[str, ...]
    """Columns that are not as they were."""

    def lines(self) -> Iterator[str]:
        """What to print; nothing where all is as it should be."""
        if self.broken:
            said = _named(self.broken)
            yield f"contract  {self.dataset}: {len(self.broken)} of {self.promises} promises broken: {said}"
        if self.moved:
            differing = counted(len(self.moved), "column differs", "columns differ")
            yield f"drift  {self.dataset}: {self.drift}, {differing}: {_named(self.moved)}"


def outlooks(manifest: Manifest) -> tuple[Outlook, ...]:
    """Every dataset of a manifest, in the order of publication."""
    names = dict.fromkeys(artifact.dataset for artifact in manifest.artifacts if artifact.dataset)
    found = []
    for name in names:
        text = (manifest.folder / name / "profile.json").read_text(encoding="utf-8")
        found.append(_outlook(name, json.loads(text)))
    return tuple(found)


def _outlook(dataset: str, profile: Mapping[str, Any]) -> Outlook:
    contract, drift = profile.get("contract") or {}, profile.get("drift") or {}
    checks = contract.get("checks", ())
    broken = sorted((check for check in checks if check["status"] == "broken"), key=lambda check: check["severity"])
    return Outlook(
        dataset,
        contract.get("verdict"),
        tuple(check["rule"] + _rows(check) for check in broken),
        len(checks),
        drift.get("verdict"),
        tuple(column["column"] for column in drift.get("columns", ()) if column["verdict"] != "stable"),
    )


def _rows(check: Mapping[str, Any]) -> str:
    if not check["count"]:
        return ""
    first = f", first {check['rows'][0]:,}" if check["rows"] else ""
    return f" ({counted(check['count'], 'row')}{first})"


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
