"""Random operations on one store, killed with SIGKILL at step boundaries and at random instants, round after round.

``python -m udb_pipelines_tests.warehouse.proof.soak --rounds 1000 --seed 1 --catalog postgres``

After each round a new process opens the store, which is never repaired in between but by itself, and what it finds
is compared with an oracle that is kept outside. A store serves for a hundred rounds; each has a seed of its own,
which is printed, and a seed that failed is run again by itself with ``--seed``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from udb_pipelines_tests.postgres import running
from udb_pipelines_tests.warehouse.proof.children import Ended, Kill, in_child, warm_up
from udb_pipelines_tests.warehouse.proof.inspecting import look, parsed
from udb_pipelines_tests.warehouse.proof.judging import judge
from udb_pipelines_tests.warehouse.proof.operations import Chooser, Operation, Place
from udb_pipelines_tests.warehouse.proof.worlds import World

ROUNDS_PER_STORE = 100
THOROUGH_EVERY = 8
"""Rounds between two visits of the doctor; the store is read in every one."""
_SETTLE_SECONDS = 20


@dataclass
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    """By operation and where it was."""
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """For whoever called this as a process."""
        return json.dumps(
            {
                "rounds": self.rounds,
                "kills": sum(self.kills.values()),
                "outcomes": dict(sorted(self.outcomes.items())),
                "places": dict(sorted(self.kills.items())),
                "failures": self.failures,
            }
        )


@dataclass
class Store:
    """One store and its oracle through many rounds."""

    place: Place
    seed: int
    world: World = field(default_factory=World)
    longest: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Steps and seconds of each kind of operation, as far as they are known."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.chooser = Chooser(self.chance)
        self.again: Operation | None = None

    def round(self, number: int, tally: Tally) -> list[str]:
        """One operation, one kill, one look. Returns what is wrong."""
        operation = self._operation()
        kill = self._kill(operation)
        ended = in_child(lambda: operation.run(self.place), kill)
        steps, seconds = self.longest.get(operation.kind, (0, 0.0))
        self.longest[operation.kind] = (max(steps, len(ended.steps)), max(seconds, ended.seconds))
        complaints = _failed(ended)
        if self.place.url:
            _settle(self.place.url)
        thorough = number % THOROUGH_EVERY == THOROUGH_EVERY - 1
        looked = in_child(lambda: look(self.place, self._older(operation), thorough=thorough))
        complaints += [f"the store does not open: {complaint}" for complaint in _failed(looked)]
        if looked.done:
            changes = operation.after(self.world) != self.world.content
            found, effective = judge(self.world, operation, ended.done, parsed(looked.answer))
            complaints += found
            killed = "killed, whole" if effective else "killed, absent" if changes else "killed, no row to change"
            tally.outcomes["acknowledged" if ended.done else killed] += 1
        if ended.killed:
            tally.kills[f"{operation.kind}: {_where(ended, kill)}"] += 1
            self.again = operation if self.chance.random() < 0.3 else None
        tally.rounds += 1
        return [f"round {number}, {operation}, {kill}: {complaint}" for complaint in complaints]

    def _operation(self) -> Operation:
        again, self.again = self.again, None
        return again if again and again.possible(self.world) else self.chooser.next(self.world)

    def _kill(self, operation: Operation) -> Kill:
        steps, seconds = self.longest.get(operation.kind, (4, 0.3))
        how, where = self.chance.random(), self.chance.random()
        if how < 0.08:
            return Kill()
        if how < 0.5:
            return Kill(step=1 + int(where * max(1, steps)))
        return Kill(after=where * seconds)

    def _older(self, operation: Operation) -> list[tuple[int, int]]:
        """A version of the current timeline and one of another that must be there, whatever has happened."""
        chosen = []
        for number, history in self.world.timelines.items():
            gone = operation.expires(self.world) if number == self.world.current else frozenset()
            held = sorted(version for version in history if version > 0 and version not in gone)
            if held and getattr(operation, "number", None) != number:
                chosen.append((number, self.chance.choice(held)))
        return chosen[-2:]


def _where(ended: Ended, kill: Kill) -> str:
    last = ended.steps[-1] if ended.steps else "the beginning"
    return f"at {last}" if kill.step is not None else f"some time after {last}"


def _failed(ended: Ended) -> list[str]:
    return ["it hung"] if ended.hung else [ended.error] if ended.error else []


def _settle(url: str) -> None:
    """Wait until the server has noticed that the killed client is gone: a commit under way ends, or is rolled back."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                if cursor.fetchone() == (0,):
                    return
                time.sleep(0.005)
    finally:
        connection.close()


def soak(rounds: int, seed: int, catalog: str, tally: Tally) -> None:
    """All rounds; ends early at the first store that fails, which is kept for a look at it."""
    with ExitStack() as around:
        server = around.enter_context(running()) if catalog == "postgres" else None
        for first in range(0, rounds, ROUNDS_PER_STORE):
            folder = Path(tempfile.mkdtemp(prefix="udb-soak-"))
            warm_up(folder)
            own = seed + first // ROUNDS_PER_STORE
            store = Store(Place(folder, server.new_database() if server else None), own)
            _say(f"seed {own}, {catalog}: {folder}")
            for number in range(min(ROUNDS_PER_STORE, rounds - first)):
                complaints = store.round(number, tally)
                tally.failures += [f"seed {own}, {catalog}, {complaint}" for complaint in complaints]
                if complaints:
                    return
            shutil.rmtree(folder)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--catalog", choices=("sqlite", "postgres"), default="sqlite")
    chosen = parser.parse_args(arguments)
    tally = Tally()
    begun = time.monotonic()
    # A shell starts what runs in the background without this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # what was done until then is told
        soak(chosen.rounds, chosen.seed, chosen.catalog, tally)
    _say(f"{time.monotonic() - begun:.0f} s")
    _say(tally.as_json())
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
