"""What the landing folder's look decides: settled, new, changed, the same, gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udb_pipelines.orchestration import landing
from udb_pipelines.orchestration.landing import Arrival, Memory

QUIET = 5.0


class Folder:
    """A landing folder and its memory, looked at on a clock of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = Memory()
        self.now = 1_000_000.0

    def look(self, after: float = QUIET) -> list[Arrival]:
        self.now += after
        # As the cursor does between two ticks: through JSON.
        memory = Memory.model_validate_json(self.memory.model_dump_json())
        self.memory, found = landing.arrivals(self.path, memory, QUIET, self.now)
        return found

    def names(self, after: float = QUIET) -> list[str]:
        return [arrival.path.name for arrival in self.look(after)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_file_is_taken_once_when_it_has_settled(folder: Folder):
    (folder.path / "a.csv").write_text("x\n1\n")
    assert folder.names() == [], "the first look proves nothing"
    assert folder.names(after=QUIET - 1) == []
    assert folder.names(after=1) == ["a.csv"]
    assert folder.names() == []


def test_a_file_that_grows_is_left_alone_even_with_an_old_modification_time(folder: Folder):
    path = folder.path / "a.csv"
    for size in range(1, 5):
        path.write_text("x\n" * size)
        os.utime(path, (1, 1))
        assert folder.names() == []
    assert folder.names() == ["a.csv"]


def test_the_same_content_again_does_nothing(folder: Folder):
    path = folder.path / "a.csv"
    path.write_text("x\n1\n")
    folder.look()
    folder.look()
    path.write_text("x\n1\n")
    assert folder.names() == []
    assert folder.names() == []


def test_going_back_to_earlier_content_counts_as_a_change(folder: Folder):
    keys = []
    for content in ("x\n1\n", "x\n2\n", "x\n1\n"):
        (folder.path / "a.csv").write_text(content)
        folder.look()
        (arrival,) = folder.look()
        keys.append(arrival.key)
    assert len(set(keys)) == 3, "Dagster drops a run key it has seen"


def test_a_look_that_is_repeated_asks_for_the_same_run(folder: Folder):
    """The sensor died after its look: the cursor is the old one."""
    (folder.path / "a.csv").write_text("x\n1\n")
    folder.look()
    before = folder.memory
    (first,) = folder.look()
    folder.memory = before
    (again,) = folder.look()
    assert first.key == again.key


@pytest.mark.parametrize(
    "name", [".a.csv", "_a.csv", "~$a.xlsx", "a.csv~", "a.csv.tmp", "a.csv.part", "a.CRDOWNLOAD", "a.csv.partial"]
)
def test_names_of_unfinished_files_are_ignored(folder: Folder, name: str):
    (folder.path / name).write_text("x\n1\n")
    assert folder.names() == folder.names() == []


def test_a_folder_is_one_entry_and_changes_with_its_files(folder: Folder):
    sub = folder.path / "visits"
    sub.mkdir()
    assert folder.names() == folder.names() == [], "an empty folder is nothing yet"
    (sub / "1.csv").write_text("x\n1\n")
    folder.look()
    assert folder.names() == ["visits"]
    (sub / "2.csv.part").write_text("x\n2\n")
    folder.look()
    assert folder.names() == []
    (sub / "2.csv.part").rename(sub / "2.csv")
    folder.look()
    assert folder.names() == ["visits"]


def test_what_is_gone_is_forgotten(folder: Folder):
    path = folder.path / "a.csv"
    path.write_text("x\n1\n")
    folder.look()
    folder.look()
    path.unlink()
    assert folder.names() == []
    assert folder.memory.entries == {}


def test_content_that_there_was_no_time_to_read_waits(folder: Folder):
    (folder.path / "a.csv").write_text("x\n1\n")
    folder.look()
    memory, found = landing.arrivals(folder.path, folder.memory, QUIET, folder.now + QUIET, lambda: False)
    assert found == []
    folder.memory = memory
    assert folder.names() == ["a.csv"]


def test_no_folder_is_no_arrival(tmp_path: Path):
    assert landing.arrivals(tmp_path / "absent", Memory(), 1, 1) == (Memory(), [])


def test_large_files_are_known_by_size_time_and_ends(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(landing, "WHOLE_BYTES", 10)
    monkeypatch.setattr(landing, "_CHUNK", 4)
    path = folder.path / "a.csv"
    path.write_bytes(b"0123456789abcdef")
    folder.look()
    (first,) = folder.look()
    path.write_bytes(b"0123456789abcdeX")
    folder.look()
    (second,) = folder.look()
    assert first.content != second.content
