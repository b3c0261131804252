"""Entries of ``--config`` that are on or off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udb_pipelines.errors import UdbError

_ON, _OFF = ("true", "yes", "1"), ("false", "no", "0", "")


def is_on(config: Mapping[str, Any], name: str) -> bool:
    """Whether the entry is on; off when it is not there.

    >>> is_on({"snapshot": "true"}, "snapshot"), is_on({"snapshot": False}, "snapshot"), is_on({}, "snapshot")
    (True, False, False)

    Raises:
        UdbError: ``E_OPTION`` for what is neither.
    """
    said = str(config.get(name, "")).lower()
    if said not in (*_ON, *_OFF):
        raise UdbError("E_OPTION", f"--config {name} is neither true nor false", remedy=f"--config {name}=true")
    return said in _ON
