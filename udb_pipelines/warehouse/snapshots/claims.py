"""Who is at work in a target, so that nothing is removed that somebody is about to need.

Any number may add to a target or read from it at once; removing shared files must be alone. A target has no locks,
so each writes down what it is about to do and only then looks at what the others wrote: of two that begin at the
same moment at least one sees the other. A claim is refreshed while the work goes on; one that is not, or whose
process is gone from this machine, belongs to nobody.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from udb_pipelines.errors import UdbError
from udb_pipelines.operations.processes import is_running
from udb_pipelines.warehouse.targets import Stored, Target

Work = Literal["add", "read", "remove"]

CLAIMS = "claims/"
REFRESH_SECONDS = 60
DEAD_AFTER = timedelta(minutes=15)
"""A claim not refreshed for so long, by the target's own clock, is given up."""
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Claim:
    """What somebody does in the target."""

    key: str
    work: Work
    pid: int
    host: str
    since: str

    @property
    def name(self) -> str:
        """What the claim is for: the id of the snapshot that is made."""
        return self.key.removeprefix(CLAIMS).removesuffix(".json")

    def __str__(self) -> str:
        doing = {"add": "a snapshot being made", "read": "a restore or check", "remove": "a pruning"}[self.work]
        return f"{doing} (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def claimed(target: Target, work: Work, name: str, wait_seconds: float) -> Iterator[None]:
    """Hold a claim for the enclosed work; ``name`` must be unique.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT`` when others have been at work for longer than ``wait_seconds``; when the claim
            could not be kept up, so that others may have taken it for dead.
    """
    key = f"{CLAIMS}{name}.json"
    deadline = time.monotonic() + wait_seconds
    while True:
        _write(target, key, work)
        others = _in_the_way(target, work, key)
        if not others:
            break
        target.delete([key])
        if time.monotonic() > deadline:
            raise UdbError(
                "E_LOCK_TIMEOUT",
                f"{target.address} is in use: {others[0]}",
                kept="nothing was changed there",
                remedy="wait until that has ended, then run again",
            )
        time.sleep(_POLL_SECONDS)
    keeper = _Keeper(target, key, work)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
        # A target that has gone down in the meantime is told of by the work itself; the claim dies of age.
        with suppress(UdbError):
            target.delete([key])


@contextmanager
def reading(target: Target, name: str, wait_seconds: float) -> Iterator[None]:
    """A claim to read, where claims can be written; a target that may only be read is read without."""
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(target, "read", name, wait_seconds))
        except UdbError as error:
            if error.code != "E_TARGET":
                raise
        yield


def alive(target: Target) -> tuple[Claim, ...]:
    """The claims that somebody still holds; to be asked by who holds one, as its age is the measure of the others."""
    entries = list(target.list(CLAIMS))
    now = max((entry.modified for entry in entries), default=datetime.now(UTC))
    found = ((entry, _read(target, entry.key)) for entry in entries)
    return tuple(claim for entry, claim in found if claim and _is_alive(entry, claim, now))


def bury(target: Target) -> None:
    """Remove claims that nobody holds."""
    living = {claim.key for claim in alive(target)}
    target.delete([entry.key for entry in target.list(CLAIMS) if entry.key not in living])


def still_held(target: Target, name: str) -> None:
    """Check that nobody has taken the claim for dead and removed it.

    Raises:
        UdbError: ``E_TARGET_DOWN`` when it is gone: the target did not answer for too long.
    """
    if target.size(f"{CLAIMS}{name}.json") is None:
        raise UdbError("E_TARGET_DOWN", f"{target.address} did not answer for so long that others went on")


class _Keeper(threading.Thread):
    """Refreshes a claim until it is stopped."""

    def __init__(self, target: Target, key: str, work: Work) -> None:
        super().__init__(name="snapshot-claim", daemon=True)
        self._ended = threading.Event()
        self._target, self._key, self._work = target, key, work

    def run(self) -> None:
        while not self._ended.wait(REFRESH_SECONDS):
            # What is down may come back; the age of the claim decides in the end.
            with suppress(UdbError):
                if self._target.size(self._key) is not None:
                    _write(self._target, self._key, self._work)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _write(target: Target, key: str, work: Work) -> None:
    facts = {
        "work": work,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }
    target.write(key, json.dumps(facts).encode())


def _in_the_way(target: Target, work: Work, mine: str) -> list[Claim]:
    return [
        claim for claim in alive(target) if claim.key != mine and (work == "remove" or claim.work == "remove")
    ]  # fmt: skip


def _read(target: Target, key: str) -> Claim | None:
    try:
        facts = json.loads(target.read(key) or b"")
        return Claim(key, facts["work"], int(facts["pid"]), str(facts["host"]), str(facts["since"]))
    except (ValueError, KeyError, TypeError):
        return None  # released at this moment, or damaged


def _is_alive(entry: Stored, claim: Claim, now: datetime) -> bool:
    if now - entry.modified > DEAD_AFTER:
        return False
    return claim.host != socket.gethostname() or is_running(claim.pid)
