"""No public file loads worse than it once did, and none is without a record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from udb_pipelines_tests.detection.outcomes import CORPORA, RECORDED, files, is_worse, outcome


def check(paths: list[Path], home: Path) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    worse = {}
    for path in paths:
        name = str(path.relative_to(CORPORA))
        found = outcome(path, home)
        if is_worse(found, recorded[name]):
            worse[name] = f"{found}; it was {recorded[name]}"
    assert not worse


def test_a_part_of_the_files_load_as_they_did(corpora: Path, tmp_path: Path) -> None:
    check(files()[::12], tmp_path)


@pytest.mark.slow
def test_all_files_load_as_they_did(corpora: Path, tmp_path: Path) -> None:
    check(files(), tmp_path)


def test_what_counts_as_worse() -> None:
    assert is_worse("E_DIALECT", "9 x 3, 0 rejected")
    assert is_worse("E_INTERNAL", "E_CORRUPT")
    assert is_worse("8 x 3, 1 rejected", "9 x 3, 0 rejected")
    assert is_worse("9 x 1, 0 rejected", "9 x 3, 0 rejected")
    assert not is_worse("E_CORRUPT", "E_NOT_A_TABLE")
    assert not is_worse("9 x 3, 0 rejected", "8 x 3, 1 rejected")
    assert not is_worse("9 x 3, 0 rejected", "E_DIALECT")
