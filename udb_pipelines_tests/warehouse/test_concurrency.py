"""Writers and readers in processes of their own: no error, no lost commit, every read one version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from udb_pipelines.config import Settings
from udb_pipelines.errors import UdbError
from udb_pipelines.warehouse import Lake, commit, query, steps
from udb_pipelines_tests.postgres import PostgresServer
from udb_pipelines_tests.warehouse.staging import Stager

CODE = """
import json, sys, time
from pathlib import Path
from pydantic import SecretStr
from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake, commit
from udb_pipelines.warehouse.lake import version_of
from udb_pipelines_tests.warehouse.staging import Stager

home, url, role, name = sys.argv[1:]
lake = Lake(Settings(home=Path(home), catalog_url=SecretStr(url) if url else None, threads=1))
stage, done, waits = Stager(lake.settings), 0, []
until = time.monotonic() + 5  # from here on: a busy machine takes long to import
while time.monotonic() < until:
    begun = time.monotonic()
    if role == "writer":
        staged = stage("SELECT range AS a FROM range(10)", source="one", sync_mode="incremental_append")
        more = stage.dataset(staged.job_id, "SELECT range AS a FROM range(10)", dataset="two",
                             sync_mode="incremental_append")
        commit(lake, staged.model_copy(update={"source": name, "datasets": (*staged.datasets, more)}))
    else:
        with lake.reader() as connection:
            version = version_of(connection)
            if version > 1:
                counts = ("(SELECT count(*) FROM one)", "(SELECT count(*) FROM two)",
                          "(SELECT count(*) * 10 FROM udb.commits)")
                query = "SELECT " + ", ".join(counts)
                first = connection.execute(query).fetchall()[0]
                again = connection.execute(query).fetchall()[0]
                assert len(set(first)) == 1 and first == again, (version, first, again)
                assert version_of(connection) == version
    done += 1
    waits.append(time.monotonic() - begun)
print(json.dumps({"done": done, "longest": max(waits), "mean": sum(waits) / len(waits)}))
"""


@pytest.mark.parametrize("machines", ["one", "two"])
def test_writers_and_readers(request: pytest.FixtureRequest, tmp_path: Path, machines: str) -> None:
    """``two``: homes of their own around one PostgreSQL catalog and one data folder, so no lock is shared."""
    url = request.getfixturevalue("postgres_url") if machines == "two" else ""
    homes = [tmp_path / "a", tmp_path / "b"] if machines == "two" else [tmp_path / "a"]
    shared = homes[0] / "warehouse" / "files"
    shared.mkdir(parents=True)
    for home in homes[1:]:
        (home / "warehouse").mkdir(parents=True)
        (home / "warehouse" / "files").symlink_to(shared)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(homes[number % len(homes)]), url, role, f"{role}{number}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for role in ("writer", "reader")
        for number in range(3)
    ]  # fmt: skip
    answers = [process.communicate(timeout=400) for process in processes]
    assert [error for _, error in answers if error] == []
    writers = [json.loads(output) for output, _ in answers[:3]]
    commits = sum(writer["done"] for writer in writers)
    assert all(writer["done"] > 0 for writer in writers)
    lake = Lake(Settings(home=homes[0], catalog_url=SecretStr(url) if url else None))
    assert query(lake, "SELECT count(*) FROM one").rows == ((commits * 10,),)
    assert query(lake, "SELECT count(DISTINCT version), count(*) FROM udb.commits").rows == ((commits, commits),)
    assert query(lake, "SELECT count(*) FROM udb.commits WHERE version <> snapshot_id").rows == ((0,),)


CREATE = """
import sys
from pathlib import Path
from pydantic import SecretStr
from udb_pipelines.config import Settings
from udb_pipelines.warehouse import Lake

print("ready", flush=True)
for attempt, url in enumerate(sys.stdin):
    with Lake(Settings(home=Path(sys.argv[1], str(attempt)), catalog_url=SecretStr(url.strip()))).writer():
        print("made", flush=True)
"""


def test_machines_that_create_the_lake_at_once_all_succeed(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """They have imported everything when they are told where, so that they meet however slow the machine is."""
    machines = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(tmp_path / str(number))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    said = _said_by_all(machines)
    for _ in range(3):
        assert said == ["ready\n"] * 4 or said == ["made\n"] * 4
        url = postgres_server.new_database()
        for machine in machines:
            assert machine.stdin is not None
            machine.stdin.write(f"{url}\n")
            machine.stdin.flush()
        said = _said_by_all(machines)
    assert [error for machine in machines if (error := machine.communicate(timeout=240)[1])] == []
    assert said == ["made\n"] * 4


def _said_by_all(machines: list[subprocess.Popen[str]]) -> list[str]:
    """The next line of each; an empty one of a machine that has failed."""
    return [machine.stdout.readline() for machine in machines if machine.stdout is not None]


def test_a_writer_loses_once_at_most(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another commits to the same table whenever it can: the second plan is made where nobody can make it void."""
    stage = Stager(lake.settings)
    rival = Lake(lake.settings.model_copy(update={"lock_timeout_seconds": 0.5}))
    turns: list[str] = []
    busy = False

    def reached(step: str) -> None:
        nonlocal busy
        if step == "prepared" and not busy:
            busy = True
            try:
                commit(rival, stage("SELECT 1 AS a", sync_mode="incremental_append"))
                turns.append("lost")
            except UdbError as error:
                turns.append(error.code)
            busy = False

    monkeypatch.setattr(steps, "reached", reached)
    commit(lake, stage("SELECT 2 AS a", sync_mode="incremental_append"))
    assert turns == ["lost", "E_LOCK_TIMEOUT"]
    assert sorted(query(lake, "FROM shop").rows) == [(1,), (2,)]
