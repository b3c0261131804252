"""Looking at things: previews, reports in a browser, the UI."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from udb_pipelines_tests.cli.conftest import PROGRAM, SECONDS, Udb, environment


def test_a_preview_shows_the_rows_as_they_would_be_read(udb: Udb) -> None:
    rows = "\n".join(f"{number};{number},5;{'' if number == 3 else 'Ünal'}" for number in range(1, 31))
    Path("sales.csv").write_bytes(f"id;price;buyer\n{rows}\n".encode("cp1252"))
    shown = udb("detect", "sales.csv", "--preview", "--json").json
    (preview,) = shown["preview"].values()
    assert len(preview) == 10
    assert list(preview[0]) == ["id", "price", "buyer"]
    assert (preview[0]["buyer"], preview[2]["buyer"]) == ("Ünal", None)
    plain = udb("detect", "sales.csv", "--preview").out
    assert "sales, as it would be read:" in plain
    assert "NULL" in plain.split("as it would be read:")[1].splitlines()[4]
    assert udb("sources", "list", "--json").json == [], "looking registers nothing"


def test_reports_open_in_the_browser(udb: Udb, process: Udb, customers: Path) -> None:
    udb("run", customers)
    seen = Path("seen.txt").absolute()
    note = f"import sys; open({str(seen)!r}, 'a').write(sys.argv[1])"
    browser = f"{sys.executable} -c {shlex.quote(note)} %s"
    done = process("report", "customers", "--open", env=environment(BROWSER=browser))
    assert done.code == 0, done.err
    address = seen.read_text()
    assert address.startswith("file:///")
    assert "customers" in Path(address.removeprefix("file://")).read_text()


def test_without_a_browser_the_report_is_named(udb: Udb, process: Udb, customers: Path) -> None:
    udb("run", customers)
    done = process("report", "customers", "--open", env=environment(BROWSER="/nowhere/browser", PATH="/nowhere"))
    assert done.code == 0, done.err
    assert "No browser can be started here; open " in done.err


@pytest.mark.timeout(900)
def test_the_ui_starts_answers_and_stops(home: Path) -> None:
    """Started as a script starts it with ``&``: with SIGINT ignored."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Path("ui.log").open("w") as log:
        running = subprocess.Popen(
            ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *PROGRAM, "ui", "--port", str(port)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        facts = answer(f"http://127.0.0.1:{port}/server_info", running)
        assert "dagster_webserver_version" in facts
        assert f"http://127.0.0.1:{port}" in Path("ui.log").read_text()
        running.send_signal(signal.SIGTERM)
        running.wait(SECONDS)
        with pytest.raises(ProcessLookupError):
            wait_for_group_end(running.pid)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def answer(address: str, running: subprocess.Popen[bytes]) -> dict[str, object]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert running.poll() is None, Path("ui.log").read_text()
        try:
            with urlopen(address, timeout=5) as response:
                facts: dict[str, object] = json.load(response)
                return facts
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(Path("ui.log").read_text())


def wait_for_group_end(group: int) -> None:
    """Until none of its processes is left; then ``ProcessLookupError``."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        os.killpg(group, 0)
        time.sleep(0.2)
