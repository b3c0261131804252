"""On a terminal one sees how many rows are done of something long, and how long the rest will take."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROWS = 20_000


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.parquet"
    texts = ", ".join(f"md5((i * {k} + 1)::VARCHAR) AS t{k}" for k in range(1, 7))
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i AS id, {texts} FROM range({ROWS}) r(i)) TO '{path}' (FORMAT parquet)")
    return path


def on_terminal(command: list[str], env: dict[str, str]) -> str:
    """Everything that a command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True)
    os.close(theirs)
    shown = bytearray()
    try:
        while block := os.read(ours, 65_536):
            shown += block
    except OSError:  # Linux says so when the other side is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, shown.decode(errors="replace")
    return shown.decode(errors="replace")


PROGRAM = """
from rich.progress import Progress
update = Progress.update
Progress.update = lambda *what, **changes: update(*what, **changes, refresh=True)
from udb_pipelines.cli import main
main()
"""
"""``udb``, drawn at every report instead of ten times a second: a fast machine is done before."""


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["profile", "run"])
def test_rows_and_the_time_left_are_shown(long_file: Path, tmp_path: Path, verb: str) -> None:
    env = {"PATH": os.defpath, "TERM": "xterm-256color", "COLUMNS": "100", "UDB_HOME": str(tmp_path / "home")}
    out = ["--out", str(tmp_path / "out")] if verb == "profile" else []
    shown = on_terminal([sys.executable, "-c", PROGRAM, verb, str(long_file), *out], env)
    assert re.search(r"analyze, about \d+ (s|min) left", shown)
    done = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) of 20,000 rows", shown)]
    assert len(set(done)) > 3
    assert max(done) <= ROWS
