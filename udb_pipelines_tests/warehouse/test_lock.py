"""The writer lock, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse.lock import WriterLock

HOLDER = """
import sys, time
from pathlib import Path
from udb_pipelines.warehouse.lock import WriterLock
with WriterLock(Path(sys.argv[1]), 30).held(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path, job: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), job], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_timeout_names_the_holder(tmp_path: Path) -> None:
    process = holder(tmp_path, "job 42 of shop")
    try:
        with pytest.raises(UdbError) as caught, WriterLock(tmp_path, 0.2).held("mine"):
            pass
    finally:
        process.kill()
        process.wait()
    assert caught.value.code == "E_LOCK_TIMEOUT"
    for part in ("job 42 of shop", f"process {process.pid}", os.uname().nodename, "since"):
        assert part in caught.value.message
    assert len(WriterLock(tmp_path, 1).queue()) == 0, "the one who gave up left the queue, the killed one too"


def test_a_killed_holder_does_not_block(tmp_path: Path) -> None:
    process = holder(tmp_path, "doomed")
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock = WriterLock(tmp_path, 60)
    assert len(lock.stale()) == 1
    begun = time.monotonic()
    with lock.held("next"):
        assert time.monotonic() - begun < 30
    assert lock.stale() == ()
    assert not list(tmp_path.glob("*.ticket"))


def test_a_killed_waiter_does_not_block(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path, 10)
    with lock.held("first"):
        waiter = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), "waiter"], stdout=subprocess.PIPE)
        while len(lock.queue()) < 2:
            time.sleep(0.01)
        waiter.kill()
        waiter.communicate()
    with lock.held("third"):
        assert [ticket.job for ticket in lock.queue()] == ["third"]


def test_waiters_are_served_in_order_of_arrival(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path, 30)
    served: list[int] = []

    def work(number: int) -> None:
        with lock.held(f"job {number}"):
            served.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with lock.held("first"):
        for number, thread in enumerate(threads):
            thread.start()
            while len(lock.queue()) < number + 2:
                time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert served == list(range(8))


def test_one_at_a_time_between_processes(tmp_path: Path) -> None:
    """Four processes add to a counter in a file, reading before writing; nothing is lost."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    code = """
import sys
from pathlib import Path
from udb_pipelines.warehouse.lock import WriterLock
lock, counter = WriterLock(Path(sys.argv[1]) / "lock", 60), Path(sys.argv[1]) / "counter"
for _ in range(50):
    with lock.held("count"):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert counter.read_text() == "200"
