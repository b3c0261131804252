"""Two profiles, wherever they come from: stored versions, ``profile.json`` files, or tables just profiled.

Belongs here: finding the profile that a person names, and which table of one side goes with which of the other. What
changed between two is ``drift``'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Drift, Profile
from udb_pipelines.profiling.drift import compare
from udb_pipelines.profiling.table import Origin, profile_table

if TYPE_CHECKING:
    from udb_pipelines.warehouse import Lake

_DATASET = re.compile(r"(?P<dataset>[a-z][a-z0-9_]{0,127})(@(?P<version>.+))?")


@dataclass(frozen=True)
class Comparison:
    """The tables of two sides, paired."""

    pairs: tuple[tuple[Profile, Profile, Drift], ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``stable``, ``moved`` or ``changed``: the worst of all; a table more or less is a change."""
        order = ("stable", "moved", "changed")
        if self.only_before or self.only_after:
            return "changed"
        return max((drift.verdict for *_, drift in self.pairs), key=order.index, default="stable")


def compare_all(before: Sequence[Profile], after: Sequence[Profile]) -> Comparison:
    """Pair the tables of two sides and compare them.

    One table goes with one table whatever their names; of several, those whose names within their source agree.
    """
    if len(before) == len(after) == 1:
        return Comparison(((before[0], after[0], compare(before[0], after[0])),))
    earlier, later = ({_stream(profile): profile for profile in side} for side in (before, after))
    return Comparison(
        tuple((earlier[name], later[name], compare(earlier[name], later[name])) for name in earlier if name in later),
        tuple(name for name in earlier if name not in later),
        tuple(name for name in later if name not in earlier),
    )


def _stream(profile: Profile) -> str:
    return profile.dataset.split("__", 1)[-1]


def stored_profile(path: Path) -> Profile | None:
    """The profile in a ``profile.json``; None when the file is something else.

    Raises:
        UdbError: ``E_UNSUPPORTED`` when it is a profile, but not one of this version.
    """
    if path.suffix != ".json" or not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(200)
    if not (b'"schema_version"' in start and b'"dataset"' in start):
        return None
    try:
        return Profile.model_validate_json(path.read_bytes())
    except ValidationError:
        raise UdbError(
            "E_UNSUPPORTED",
            f"{path.name} is no profile that this version of UDB can read",
            remedy="profile the data again",
        ) from None


def split_version(text: str) -> tuple[str, str | None] | None:
    """``orders@3`` as dataset and version; None when the text cannot be that.

    >>> split_version("orders@3"), split_version("orders"), split_version("data/orders.csv")
    (('orders', '3'), ('orders', None), None)
    """
    found = _DATASET.fullmatch(text)
    return (found["dataset"], found["version"]) if found else None


def profile_version(lake: Lake, dataset: str, as_of: datetime | int | None) -> Profile:
    """Profile a dataset as it was at a version or time; as it is when ``as_of`` is None.

    Raises:
        UdbError: ``E_VERSION`` when there is no such version, or the dataset was not in it.
    """
    with lake.reader(as_of) as connection:
        there = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'").fetchall()
        if (dataset,) not in there:
            raise UdbError(
                "E_VERSION", f"that version of the warehouse holds no {dataset}", remedy=f"see: udb history {dataset}"
            )
        version = int(connection.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0])
        origin = Origin(dataset=dataset, source=dataset.split("__", 1)[0], version=version)
        return profile_table(connection, f"lake.main.{quote_identifier(dataset)}", lake.settings, origin)
