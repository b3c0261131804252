"""SQLite's tools in a process of their own."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from udb_pipelines.warehouse import apart


def test_ctrl_c_is_left_to_whoever_asked(tmp_path: Path) -> None:
    """A terminal sends it to both; the tool's own traceback would stand beside the command's answer."""
    file = tmp_path / "in use.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("BEGIN EXCLUSIVE")
        command = [sys.executable, "-I", "-S", apart.__file__, "integrity", "3", str(file)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as asked:
            assert asked.stdout is not None
            assert asked.stderr is not None
            while len(list(Path(f"/proc/{asked.pid}/task").iterdir())) < 2:  # until it watches whoever asked
                assert asked.poll() is None
            asked.send_signal(signal.SIGINT)
            answer, said = asked.stdout.read(), asked.stderr.read()
    assert json.loads(answer)["error"] == "database is locked"
    assert said == b""
