"""The writer lock: one writer at a time per catalog and machine, in order of arrival.

The queue is the lock. A writer takes the next number and keeps a ticket file under an operating-system lock
(``flock``); it holds the warehouse while no live ticket has a lower number. The kernel drops the lock of a
process that dies, whatever kills it, so a ticket that anybody can lock belongs to nobody and is removed: a
crashed holder or waiter never blocks the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.errors import UdbError

_POLL_SECONDS = (0.001, 0.05)
"""First and longest pause between two looks at the queue."""


@dataclass(frozen=True)
class Ticket:
    """Who waits for, or holds, the warehouse."""

    number: int
    pid: int
    host: str
    job: str
    since: datetime
    """Of holding for the first in the queue, of waiting for the others."""

    def __str__(self) -> str:
        seconds = max(0.0, (datetime.now(UTC) - self.since).total_seconds())
        return f"{self.job} (process {self.pid} on {self.host}, since {self.since:%H:%M:%S} UTC, {seconds:.0f} s)"


class WriterLock:
    """A fair lock between processes and threads of one machine, kept in ``folder``."""

    def __init__(self, folder: Path, timeout_seconds: float) -> None:
        self._folder = folder
        self._timeout = timeout_seconds

    @contextmanager
    def held(self, job: str) -> Iterator[None]:
        """Wait in order, then hold the lock for the enclosed work. Not re-entrant.

        Raises:
            UdbError: ``E_LOCK_TIMEOUT``, naming who holds the lock and since when.
        """
        deadline = time.monotonic() + self._timeout
        self._folder.mkdir(parents=True, exist_ok=True)
        path, descriptor = self._enqueue(job, deadline)
        try:
            self._wait(path, job, deadline)
            _describe(descriptor, job)
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def queue(self) -> tuple[Ticket, ...]:
        """The live tickets in order; the first holds the lock or is about to. Takes no lock itself."""
        return tuple(ticket for path in self._tickets() if not _abandoned(path) and (ticket := _read(path)))

    def stale(self, mend: bool = False) -> tuple[Path, ...]:
        """Tickets of processes that died; removed when ``mend``."""
        if not self._folder.is_dir():
            return ()
        with self._mutex(time.monotonic() + self._timeout):
            dead = tuple(path for path in self._tickets() if _abandoned(path))
            for path in dead if mend else ():
                path.unlink(missing_ok=True)
        return dead

    def _tickets(self) -> list[Path]:
        return sorted(self._folder.glob("*.ticket")) if self._folder.is_dir() else []

    def _enqueue(self, job: str, deadline: float) -> tuple[Path, int]:
        # Number, file and lock are taken under the mutex: nobody ever sees a fresh ticket unlocked.
        with self._mutex(deadline):
            last = max((int(path.stem) for path in self._tickets()), default=0)
            path = self._folder / f"{last + 1:012d}.ticket"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _describe(descriptor, job)
        return path, descriptor

    def _wait(self, mine: Path, job: str, deadline: float) -> None:
        pause, longest = _POLL_SECONDS
        while ahead := [path for path in self._tickets() if path.name < mine.name]:
            if _abandoned(ahead[-1]):
                self.stale(mend=True)
                continue
            if time.monotonic() > deadline:
                raise self._timed_out(job)
            time.sleep(pause)
            pause = min(pause * 1.5, longest)

    def _timed_out(self, job: str) -> UdbError:
        holder = next(iter(self.queue()), None)
        return UdbError(
            "E_LOCK_TIMEOUT",
            f"{job} waited {self._timeout:.0f} s for the warehouse; it is held by {holder or 'another process'}",
            kept="the warehouse is unchanged by this job",
        )

    @contextmanager
    def _mutex(self, deadline: float) -> Iterator[None]:
        descriptor = os.open(self._folder / "mutex", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise self._timed_out("a writer") from None
                    time.sleep(_POLL_SECONDS[0])
            yield
        finally:
            os.close(descriptor)


def _describe(descriptor: int, job: str) -> None:
    facts = {"pid": os.getpid(), "host": socket.gethostname(), "job": job, "since": datetime.now(UTC).isoformat()}
    text = json.dumps(facts).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read(path: Path) -> Ticket | None:
    try:
        facts = json.loads(path.read_text())
        since = datetime.fromisoformat(facts["since"])
        return Ticket(int(path.stem), int(facts["pid"]), str(facts["host"]), str(facts["job"]), since)
    except (OSError, ValueError, KeyError):
        return None  # released, or being written, at this moment


def _abandoned(path: Path) -> bool:
    """Nobody holds the ticket's lock: its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
