"""A file that is replaced after it was looked at is never loaded under the old fingerprint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines_tests.connectors.sources import source_of

TEXT = "id,name\n1,ann\n2,bob\n"


@pytest.mark.parametrize("later", ["id,name\n1,eve\n2,bob\n", "id;name\n1;ann\n", "id,name\n1,ann\n2,bob\n3,new\n"])
def test_a_replaced_file_is_refused(settings: Settings, tmp_path: Path, later: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXT)
    source = source_of(path, max_reject_pct=100)
    connection = provision(source, detect(source, settings))
    new = tmp_path / "new"
    new.write_text(later)
    new.replace(path)
    with pytest.raises(UdbError) as caught:
        extract(connection, settings, "job", None)
    assert (caught.value.code, caught.value.stage) == ("E_VANISHED", "sync")
    assert not (settings.staging / "job").exists()
    assert extract(provision(source, detect(source, settings)), settings, "again", None).datasets


def test_a_touched_file_is_the_same(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXT)
    source = source_of(path)
    connection = provision(source, detect(source, settings))
    os.utime(path, (1, 1))
    assert extract(connection, settings, "job", None).datasets[0].rows_staged == 2
