"""Everything that can be wrong with a source: a code, an exit code, a remedy, and nothing half-published."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from udb_pipelines_tests.cli.conftest import PROGRAM, SECONDS, Udb
from udb_pipelines_tests.postgres import PASSWORD

PLANTED = "Ada-Lovelace-4711"
"""A value of the data; it must be in no log, no error and no output but the data itself."""


def empty(folder: Path) -> Path:
    (folder / "empty.csv").touch()
    return folder / "empty.csv"


def no_data(folder: Path) -> Path:
    (folder / "things").mkdir()
    (folder / "things" / ".hidden").write_text("x")
    return folder / "things"


def no_table(folder: Path) -> Path:
    file = folder / "picture.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + random.Random(1).randbytes(5000))
    return file


def empty_gzip(folder: Path) -> Path:
    (folder / "nothing.csv.gz").touch()
    return folder / "nothing.csv.gz"


def cut_gzip(folder: Path) -> Path:
    import gzip

    file = folder / "cut.csv.gz"
    rows = "\n".join(f"{number},{PLANTED}" for number in range(5000))
    file.write_bytes(gzip.compress(f"id,name\n{rows}\n".encode())[:-200])
    return file


def absent(folder: Path) -> Path:
    return folder / "absent.csv"


def rejects(folder: Path) -> Path:
    file = folder / "jagged.csv"
    rows = "\n".join(f"{number},{PLANTED},x" for number in range(50))
    file.write_text(f"id,name,z\n{rows}\n51,{PLANTED}\n{rows}\n")
    return file


@pytest.mark.parametrize(
    ("make", "codes", "exit_code"),
    [
        (empty, {"E_EMPTY"}, 3),
        (no_data, {"E_NO_DATA_FILES"}, 3),
        (no_table, {"E_NOT_A_TABLE", "E_UNSUPPORTED"}, 3),
        (empty_gzip, {"E_EMPTY"}, 3),
        (cut_gzip, {"E_CORRUPT"}, 3),
        (absent, {"E_NOT_FOUND"}, 3),
        (rejects, {"E_REJECTS"}, 4),
    ],
)
def test_each_bad_input_is_told_and_leaves_nothing(
    udb: Udb, home: Path, tmp_path: Path, make: Callable[[Path], Path], codes: set[str], exit_code: int
) -> None:
    done = udb("run", make(tmp_path), "--as", "probe", "--json")
    (job,) = done.json["jobs"]
    error = job["error"]
    assert error["code"] in codes
    assert done.code == exit_code
    assert error["stage"] in ("detect", "sync")
    assert error["message"]
    assert error["remedy"]
    assert error["kept"]
    assert PLANTED not in done.out + done.err
    assert udb("report", "--json").json == []
    assert udb("sql", "SHOW TABLES", "--json").json == []


def test_a_failure_keeps_the_version_that_was_there(udb: Udb, customers: Path) -> None:
    good = udb("run", customers, "--json").json["jobs"][0]
    customers.write_text("")
    failed = udb("run", customers, "--json")
    assert failed.code == 3
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]
    assert udb("report", "--json").json[0]["job_id"] == good["job_id"]


def test_a_wrong_password_is_refused_and_shown_nowhere(
    udb: Udb, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "pl4nted-wrong")
    done = udb("run", postgres_url.replace(PASSWORD, "${SHOP_PASSWORD}"), "--as", "shop", "--json")
    error = done.json["jobs"][0]["error"]
    assert (error["code"], done.code) == ("E_AUTH", 3)
    assert "pl4nted" not in done.out + done.err


def test_a_password_on_the_command_line_is_refused(udb: Udb) -> None:
    done = udb("run", "postgresql://ann:pl4nted-inline@127.0.0.1:1/shop")
    assert done.code == 2
    assert "E_SECRET_INLINE" in done.err
    assert "pl4nted" not in done.out + done.err
    assert udb("sources", "list", "--json").json == []


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads everything without setpriv")
def test_an_unreadable_file_is_told_to_whoever_may_not_read_it(udb: Udb, customers: Path) -> None:
    customers.chmod(0)
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    done = subprocess.run(
        [*(drop if os.geteuid() == 0 else []), *PROGRAM, "run", str(customers), "--json"],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    error = json.loads(done.stdout)["jobs"][0]["error"]
    assert (error["code"], error["stage"], done.returncode) == ("E_UNREADABLE", "detect", 3)
    customers.chmod(0o600)
    assert udb("run", customers).code == 0


def is_start(line: str, stage: str) -> bool:
    """Whether a line of the log tells that a stage begins."""
    entry = json.loads(line)
    return (entry["event"], entry["stage"]) == ("stage.started", stage)


def test_a_file_that_vanishes_while_it_is_worked_on(udb: Udb, customers: Path) -> None:
    udb("run", customers)
    customers.write_text("id,name\n7,Gus\n")
    running = subprocess.Popen(
        [*PROGRAM, "run", str(customers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr
    for line in running.stderr:
        if is_start(line, "provision"):
            customers.unlink()
            break
    _, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 3
    assert "error E_VANISHED" in err
    assert "stage: sync" in err
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]


def limited_files() -> None:
    """In the child: no file may grow beyond 2 MB, as on a disk that is full; needs no rights."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


@pytest.fixture(params=["a disk of 10 MB", "files of 2 MB"])
def small_disk(home: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], None] | None]:
    """The home where little fits; what a process must do first so that it is so."""
    home.mkdir()
    if request.param == "files of 2 MB":
        yield limited_files
        return
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", home], capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield None
    subprocess.run(["umount", "-l", home], check=True)


def test_a_full_disk_stops_the_job_and_spares_the_version_before(
    udb: Udb, customers: Path, home: Path, small_disk: Callable[[], None] | None
) -> None:
    good = udb("run", customers, "--json").json["jobs"][0]
    noise = random.Random(2)
    rows = "\n".join(f"{number},{noise.getrandbits(400):x},{PLANTED}" for number in range(200_000))
    customers.write_text(f"id,name,city\n{rows}\n")
    done = subprocess.run(
        [*PROGRAM, "run", str(customers), "--json"],
        capture_output=True, text=True, timeout=SECONDS, check=False, preexec_fn=small_disk,
    )  # fmt: skip
    error = json.loads(done.stdout)["jobs"][0]["error"]
    assert (error["code"], error["stage"], done.returncode) == ("E_DISK_FULL", "sync", 5)
    assert PLANTED not in done.stdout + done.stderr
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]
    assert udb("report", "--json").json[0]["job_id"] == good["job_id"]
    assert not [path for path in (home / "staging").rglob("*") if path.is_file()]
    customers.write_text("id,name,city\n1,Ann,Rome\n")
    again = udb("run", customers, "--json")
    assert again.json["jobs"][0]["datasets"][0]["rows_total"] == 1


def test_ctrl_c_keeps_what_was_committed_and_says_so(udb: Udb, customers: Path) -> None:
    udb("run", customers)
    rows = "\n".join(f"{number},{number * 7},x" for number in range(1_500_000))
    customers.write_text(f"id,name,city\n{rows}\n")
    running = subprocess.Popen(
        [*PROGRAM, "run", str(customers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr
    for line in running.stderr:
        if is_start(line, "sync"):
            running.send_signal(signal.SIGINT)
            break
    out, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 130, err
    assert "Interrupted. What was committed is kept" in err
    assert "Traceback" not in out + err
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]
    assert udb("jobs", "--json").json[0]["status"] == "canceled"


def test_a_killed_job_is_found_ended_and_resumed(udb: Udb, customers: Path) -> None:
    rows = "\n".join(f"{number},{number * 7},x" for number in range(500_000))
    customers.write_text(f"id,name,city\n{rows}\n")
    running = subprocess.Popen(
        [*PROGRAM, "run", str(customers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr
    for line in running.stderr:
        if is_start(line, "sync"):
            running.kill()
            break
    running.communicate(timeout=SECONDS)
    (job,) = udb("jobs", "--json").json
    assert job["status"] == "running", "nobody was left to say that it ended"
    told = {check["name"]: check for check in udb("doctor", "--json").json}["jobs"]
    assert (told["status"], job["job_id"] in told["detail"]) == ("warn", True)
    mended = udb("doctor", "--mend", "--json")
    told = {check["name"]: check for check in mended.json}["jobs"]
    assert (mended.code, told["status"], told["mended"]) == (0, "ok", True)
    assert udb("jobs", "--json").json[0]["status"] == "failure"
    assert udb("resume", job["job_id"]).code == 0
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 500_000}]
    after = {check["name"]: check for check in udb("doctor", "--json").json}
    assert {check["status"] for check in after.values()} <= {"ok", "warn"}
    assert after["jobs"]["status"] == "ok"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sees by /proc when the file is open")
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_is_cut_or_goes_while_it_is_read(udb: Udb, customers: Path, damage: str) -> None:
    assert udb("run", customers).code == 0
    rows = "\n".join(f"{number},{PLANTED},x" for number in range(1_500_000))
    customers.write_text(f"id,name,city\n{rows}\n")
    running = subprocess.Popen(
        [*PROGRAM, "run", str(customers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr
    for line in running.stderr:
        if is_start(line, "sync"):
            wait_until_read(running.pid, customers)
            if damage == "cut":
                os.truncate(customers, customers.stat().st_size // 3)
            else:
                customers.unlink()
            break
    out, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 3, err
    assert "error E_VANISHED" in err
    assert "stage: sync" in err
    assert PLANTED not in out + err
    assert udb("sql", "SELECT count(*) AS n FROM customers", "--json").json == [{"n": 3}]


def wait_until_read(process: int, file: Path) -> None:
    """Until the process has the file open."""
    deadline = time.monotonic() + SECONDS
    handles = Path(f"/proc/{process}/fd")
    while time.monotonic() < deadline:
        for handle in list(handles.iterdir()):
            with suppress(OSError):
                if handle.readlink() == file:
                    return
    raise AssertionError("the file was never opened")
