"""Processes that are killed: forked from one that has everything imported, so that one costs little.

The parent never opens a lake itself: DuckDB has threads, and a process with threads must not be forked.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import steps

WAIT_SECONDS = 400.0
"""No operation of the soak may take so long; one that does is killed and counts as hanging."""


@dataclass(frozen=True)
class Kill:
    """When a child is killed: at the ``step``-th step boundary, or ``after`` seconds."""

    step: int | None = None
    after: float | None = None

    def __str__(self) -> str:
        if self.step is not None:
            return f"killed at its step {self.step}"
        return "not killed" if self.after is None else f"killed after {self.after:.3f} s"


@dataclass
class Ended:
    """What became of a child."""

    killed: bool
    seconds: float
    steps: list[str] = field(default_factory=list)
    """The boundaries it reached; it was killed at the last one, or after it."""
    answer: Any = None
    error: str | None = None
    """What it raised: the code and the message, or the type."""
    hung: bool = False

    @property
    def done(self) -> bool:
        """It came to its end and said so."""
        return not self.killed and self.error is None and not self.hung


def warm_up(place: Path) -> None:
    """Load DuckDB's extensions once; the children inherit them.

    Raises:
        RuntimeError: there are threads now, so that forking would not be safe.
    """
    duckdb.default_connection().close()  # importing the module has opened it, with threads of its own
    connect(Settings(home=place), ("sqlite_scanner", "postgres_scanner", "ducklake"), 1).close()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("this process has threads and must not be forked")


def in_child(work: Callable[[], Any], kill: Kill = Kill()) -> Ended:
    """Run ``work`` in a process of its own and return when that is gone."""
    reading, writing = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the log
        _live(work, kill, writing)
    os.close(writing)
    try:
        told, hung = _heard(reading, child, kill, begun)
    finally:
        os.close(reading)
        _, status = os.waitpid(child, 0)
    return _ended(told, status, time.monotonic() - begun, hung=hung)


def _ended(told: list[dict[str, Any]], status: int, seconds: float, *, hung: bool) -> Ended:
    ended = Ended(killed=os.WIFSIGNALED(status) and not hung, seconds=seconds, hung=hung)
    for line in told:
        ended.steps += [line["step"]] if "step" in line else []
        ended.answer = line.get("answer", ended.answer)
        ended.error = line.get("error", ended.error)
    if any("answer" in line for line in told):
        ended.killed = False  # it had acknowledged before it was hit
    elif not ended.killed and not hung and ended.error is None:
        ended.error = f"ended with status {status} and said nothing"
    if ended.killed and os.WTERMSIG(status) != signal.SIGKILL:
        ended.error = f"died of signal {os.WTERMSIG(status)}"
    return ended


def at_once(works: Sequence[Callable[[], Any]]) -> list[Ended]:
    """Run each in a process of its own, all at the same time; none is killed."""
    pipes = [os.pipe() for _ in works]
    children = []
    begun = time.monotonic()
    for work, (_, writing) in zip(works, pipes, strict=True):
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _live(work, Kill(), writing)
        children.append(child)
    for _, writing in pipes:
        os.close(writing)
    ended = []
    # One after the other: what a child has to say is little until it ends, and then it waits for its turn.
    for child, (reading, _) in zip(children, pipes, strict=True):
        with os.fdopen(reading, "rb") as told:
            lines = [json.loads(line) for line in told]
        _, status = os.waitpid(child, 0)
        ended.append(_ended(lines, status, time.monotonic() - begun, hung=False))
    return ended


def _live(work: Callable[[], Any], kill: Kill, writing: int) -> None:
    """The child's whole life."""
    count = 0

    def reached(step: str) -> None:
        nonlocal count
        count += 1
        _say(writing, {"step": step})
        if count == kill.step:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached
    try:
        _say(writing, {"answer": work()})
    except UdbError as error:
        _say(writing, {"error": f"{error.code} {error.message}"})
    except BaseException as error:  # a child must never return into its parent's code
        _say(writing, {"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _say(writing: int, line: dict[str, Any]) -> None:
    text = json.dumps(line).encode() + b"\n"
    while text:
        text = text[os.write(writing, text) :]


def _heard(reading: int, child: int, kill: Kill, begun: float) -> tuple[list[dict[str, Any]], bool]:
    """What the child says until its end, and whether it had to be ended because it hung."""
    parts: list[bytes] = []
    instant = begun + (WAIT_SECONDS if kill.after is None else kill.after)
    shot = hung = False
    while True:
        left = max(0.0, instant - time.monotonic())
        ready, _, _ = select.select([reading], [], [], WAIT_SECONDS if shot else left)
        if ready:
            part = os.read(reading, 1 << 20)
            if not part:
                break
            parts.append(part)
        elif not shot:
            os.kill(child, signal.SIGKILL)
            shot, hung = True, kill.after is None
        else:
            break
    complete = b"".join(parts).split(b"\n")[:-1]
    return [json.loads(line) for line in complete], hung
