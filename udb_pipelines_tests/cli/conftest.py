"""The command, in this process or in one of its own, on a home of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from udb_pipelines.cli import main, session
from udb_pipelines.operations import scrub

PROGRAM = [sys.executable, "-c", "from udb_pipelines.cli import main; main()"]
SECONDS = 400


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Udb = Callable[..., Answer]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """UDB_HOME of this test, and a current folder beside it that is empty."""
    folder = tmp_path / "home"
    monkeypatch.setenv("UDB_HOME", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


@pytest.fixture
def udb(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Udb]:
    """Run a command in this process: the same code, without a new interpreter each time."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])

    def call(*arguments: str | Path) -> Answer:
        session.settings.cache_clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(int(leaving.value.code or 0), said.out, said.err)

    yield call
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.captureWarnings(False)
    structlog.reset_defaults()
    scrub.forget()
    session.settings.cache_clear()


class Kept:
    """Homes that are made once, by real jobs, and are as they were then whenever a test begins with one of them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, name: str, monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]) -> Path:
        """Make it UDB_HOME and step into the folder beside it; at the first time ``make`` fills both."""
        folder, saved = self._root / name, self._root / f"{name}.saved"
        shutil.rmtree(folder, ignore_errors=True)
        if saved.exists():
            # To the same place, since jobs remember absolute paths.
            shutil.copytree(saved, folder)
        (folder / "work").mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("UDB_HOME", str(folder / "home"))
        monkeypatch.chdir(folder / "work")
        if not saved.exists():
            make()
            shutil.copytree(folder, saved)
        return folder / "home"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The homes that the tests of one file share."""
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def process(home: Path) -> Udb:
    """Run a command in a process of its own."""

    def call(*arguments: str | Path, **options: Any) -> Answer:
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS, **options
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def customers(home: Path) -> Path:
    """A small clean file."""
    file = Path("customers.csv").absolute()
    file.write_text("id,name,city\n1,Ann,Rome\n2,Bob,Oslo\n3,Cy,Bern\n")
    return file


def environment(**more: str) -> dict[str, str]:
    """This process's environment and more."""
    return {**os.environ, **more}
