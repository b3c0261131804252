"""Timelines: the lines of history that a warehouse has, and which of them is the current one.

A restore does not overwrite. It begins a new timeline: another lake catalog over the same data files, whose
history is the old one's up to the version restored, and goes on from there. The register says which timelines
exist and which one is current; replacing the register, as one rename or one transaction, is the whole swap.

Version numbers and file ids go on above the highest that any timeline has given, so a version number after the
point where timelines part names one of them only. Data files belong to all timelines: what removes a file must
ask :func:`udb_pipelines.warehouse.checks.stored_files`, which looks at every timeline.

This module holds the register; how a timeline is made is the business of ``restore``.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from udb_pipelines.errors import UdbError
from udb_pipelines.models import Model
from udb_pipelines.warehouse.files import sync_all, sync_folder

FILE = "timelines.json"
"""The register beside an SQLite catalog. Absent: nothing was ever restored, and timeline 1 is the only one."""


class Timeline(Model):
    """One line of history."""

    number: int
    origin: str
    """Where it comes from, for people: ``the beginning``, ``version 7 of timeline 1``, ``snapshot ...``."""
    made_at: datetime | None = None
    """When it was restored; None for the first."""
    restored_version: int | None = None
    """The version it was restored to: up to there, its history is that of where it comes from."""
    first_version: int = 0
    """Its first version of its own."""


class Register(Model):
    """Every timeline, and the current one."""

    schema_version: int = 1
    current: int = 1
    last: int = 1
    """The highest number ever given: numbers are not used again, so that a name never changes its meaning."""
    timelines: tuple[Timeline, ...] = (Timeline(number=1, origin="the beginning"),)

    def find(self, number: int) -> Timeline:
        """The timeline of that number.

        Raises:
            UdbError: ``E_TIMELINE`` when there is none.
        """
        for timeline in self.timelines:
            if timeline.number == number:
                return timeline
        known = ", ".join(str(timeline.number) for timeline in self.timelines)
        raise UdbError("E_TIMELINE", f"there is no timeline {number}; there are: {known}")

    def continued(self, timeline: Timeline) -> Register:
        """The register after a swap to ``timeline``."""
        return self.model_copy(
            update={
                "current": timeline.number,
                "last": max(self.last, timeline.number),
                "timelines": (*self.timelines, timeline),
            }
        )

    def without(self, number: int) -> Register:
        """The register once the timeline ``number`` is gone.

        Raises:
            UdbError: ``E_TIMELINE`` when there is none, or it is the current one.
        """
        self.find(number)
        if number == self.current:
            raise UdbError(
                "E_TIMELINE",
                f"timeline {number} is the current one and cannot be dropped",
                remedy="restore to another timeline first: udb restore to VERSION --timeline N",
            )
        return self.model_copy(update={"timelines": tuple(item for item in self.timelines if item.number != number)})


def read(file: Path) -> Register:
    """The register kept in ``file``; the first timeline alone when there is no such file.

    Raises:
        UdbError: ``E_WAREHOUSE`` when it cannot be understood: guessing would open the wrong history.
    """
    try:
        return Register.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Register()
    except ValidationError:
        raise UdbError(
            "E_WAREHOUSE",
            f"the register of timelines {file} is damaged",
            kept="the catalogs and data files of all timelines",
            remedy="put the file back from a backup, or restore a snapshot: udb restore from SNAPSHOT --to FOLDER",
        ) from None


def write(file: Path, register: Register) -> None:
    """Replace the register durably, by one rename."""
    draft = file.with_suffix(".new")
    draft.write_text(register.model_dump_json(indent=2))
    sync_all([draft])
    draft.rename(file)
    sync_folder(file.parent)
