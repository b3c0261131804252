"""What a commit would leave, looked at before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udb_pipelines.warehouse import Lake, commit, query
from udb_pipelines.warehouse.preview import preview
from udb_pipelines_tests.warehouse.staging import Stager


def test_it_is_what_the_commit_leaves_and_waits_for_no_disk(
    lake: Lake, stage: Stager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written for it is thrown away."""
    upsert = {"sync_mode": "incremental_upsert", "primary_key": ("a",)}
    commit(lake, stage("SELECT range AS a, 'x' AS b FROM range(5)", **upsert))
    staged = stage("SELECT * FROM (VALUES (1, 'y'), (1, 'z'), (9, 'z')) t(a, b)", **upsert)
    syncs: list[int] = []
    with lake.reader() as connection, monkeypatch.context() as patched:
        patched.setattr(os, "fsync", syncs.append)
        rows = connection.execute(
            f"{preview(connection, staged.datasets[0], staged, tmp_path)} ORDER BY ALL"
        ).fetchall()
    assert syncs == []
    commit(lake, staged)
    assert tuple(rows) == query(lake, "FROM shop ORDER BY ALL").rows
