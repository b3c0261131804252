"""The one way into the lake: batches become a version in one transaction, or nothing happens.

Order of events, so that a crash at any point loses and doubles nothing:

1. outside the lock: plan on the newest version, write and sync the files in the staging folder;
2. under the writer lock: begin; if there is a newer version by now, look whether the job has committed already, and
   whether the plans still hold; rename the files into the data folder and sync its entries, change the tables, write
   the bookkeeping, commit.

A plan that another commit to the same dataset has made void is made again at once, under the lock: however many
others write to that dataset, a writer waits for its turn once.

A file that was renamed but not committed is an orphan; ``check`` finds and removes it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from secrets import SystemRandom
from typing import Generic, TypeVar

import duckdb

from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.operations.stages import translate
from udb_pipelines.warehouse import ledger, steps
from udb_pipelines.warehouse.batch import Batch, Plan, Ready, extra_columns, make_plan, prepare, replaced
from udb_pipelines.warehouse.catalog import held_elsewhere, kept_locked
from udb_pipelines.warehouse.files import make_folder, move, sha256, sync_all, sync_folder
from udb_pipelines.warehouse.lake import Lake, version_of

Result = TypeVar("Result")

_random = SystemRandom()


@dataclass(frozen=True)
class Applied:
    """What happened to one dataset inside the transaction."""

    plan: Plan
    rows_total: int
    ready: Ready


@dataclass(frozen=True)
class Work(Generic[Result]):
    """A commit, without the data: who asks, whether it was done before, and what to write down."""

    title: str
    """Names the job in the lock's queue and in the commit message."""
    info: str
    """JSON for the commit's extra info."""
    done: Callable[[duckdb.DuckDBPyConnection], Result | None]
    """The result of an earlier commit of the same job."""
    record: Callable[[duckdb.DuckDBPyConnection, int, datetime, Sequence[Applied]], Result]
    """Write the bookkeeping for the version and time given, and make the result."""
    idle: Callable[[duckdb.DuckDBPyConnection], Result | None] = lambda _: None
    """The result when the batches would change nothing; None to write a version all the same."""


def write(
    lake: Lake, connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch], work: Work[Result], folder: Path
) -> Result:
    """Commit ``batches`` as one version and return when they are durable.

    Args:
        lake: where to.
        connection: a writer of it, outside a transaction.
        batches: at most one per dataset.
        work: what else belongs to the commit.
        folder: a folder in staging for files that must be rewritten.

    Raises:
        UdbError: ``E_LOCK_TIMEOUT``, ``E_SCHEMA_CHANGE``, or ``E_WAREHOUSE`` when the catalog refuses.
    """
    deadline = time.monotonic() + lake.settings.lock_timeout_seconds
    digests: dict[Path, str] = {}
    for attempt in count():
        planned = _plan(lake, connection, batches, work, folder / f"ready_{attempt}", digests)
        if planned.result is not None:
            return planned.result
        result = None
        with lake.lock.held(work.title):
            steps.reached("locked")
            # What was planned on a timeline that a restore has left must be planned anew.
            if not lake.follow(connection):
                result = _transact(lake, connection, planned, work, digests)
            if result is None:
                # Planned here, nobody on this machine can make it void again.
                planned = _plan(lake, connection, batches, work, folder / f"ready_{attempt}_again", digests)
                result = planned.result
            if result is None:
                result = _transact(lake, connection, planned, work, digests)
        if result is not None:
            return result
        if time.monotonic() > deadline:
            break
        time.sleep(_random.uniform(0, min(1.0, 0.01 * 2 ** min(attempt, 7))))
    if lake.catalog.exclusive:
        raise kept_locked()
    raise UdbError(
        "E_LOCK_TIMEOUT",
        f"{work.title} lost against other writers {attempt + 1} times",
        kept="the warehouse is unchanged by this job",
    )


@dataclass(frozen=True)
class _Planned(Generic[Result]):
    """What is ready to be committed, or the result when there is nothing left to do."""

    result: Result | None
    version: int
    """The newest version there was. As long as it still is, nothing that was looked at can be different."""
    ready: Sequence[Ready] = ()


def _plan(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    batches: Sequence[Batch],
    work: Work[Result],
    folder: Path,
    digests: dict[Path, str],
) -> _Planned[Result]:
    """Plan on the newest version and prepare the files."""
    lake.follow(connection)
    with _one_version(connection) as version:
        earlier = work.done(connection)
        plans = [] if earlier is not None else [make_plan(connection, batch) for batch in batches]
    if earlier is not None:
        return _Planned(earlier, version)
    ready = [prepare(connection, plan, folder.with_name(f"{folder.name}_{plan.batch.dataset}")) for plan in plans]
    # Here, for inside the transaction it would keep others waiting.
    digests |= {file: sha256(file) for item in ready for file in _files(item) if file not in digests}
    if ready and all(item.idle for item in ready) and (nothing := work.idle(connection)) is not None:
        return _Planned(nothing, version)
    steps.reached("prepared")
    return _Planned(None, version, ready)


@contextmanager
def _one_version(connection: duckdb.DuckDBPyConnection) -> Iterator[int]:
    """Everything read inside is of one version, which is the newest."""
    connection.execute("BEGIN")
    try:
        yield version_of(connection)
    finally:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")


def _transact(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    planned: _Planned[Result],
    work: Work[Result],
    digests: Mapping[Path, str],
) -> Result | None:
    """One attempt, under the lock; None when another writer was faster and it must be planned anew."""
    moves: list[tuple[Path, Path]] = []
    connection.execute("BEGIN")
    try:
        newest = version_of(connection)
        if newest != planned.version:
            earlier = work.done(connection)
            if earlier is not None or not all(_holds(connection, item.plan) for item in planned.ready):
                connection.execute("ROLLBACK")
                return earlier
        version, now = newest + 1, datetime.now(UTC)
        if any(item.plan.changes or not item.plan.before for item in planned.ready):
            ledger.keep_in_files(connection)  # before a table is made or altered
        applied = [_apply(lake, connection, item, moves, digests) for item in planned.ready]
        steps.reached("applied")
        result = work.record(connection, version, now, applied)
        title, info = quote_literal(work.title), quote_literal(work.info)
        connection.execute(f"CALL lake.set_commit_message('udb', {title}, extra_info => {info})")
        steps.reached("recorded")
    except duckdb.Error as error:
        _undo(connection, moves)
        raise _refused(error, work.title) from error
    except BaseException:
        _undo(connection, moves)
        raise
    try:
        connection.execute("COMMIT")
    except duckdb.TransactionException as error:
        _undo(connection, moves)
        if translate(error).code == "E_DISK_FULL" or (lake.catalog.exclusive and not held_elsewhere(error)):
            raise _refused(error, work.title) from error  # our own writers queue, so no other was faster
        return None
    except duckdb.Error as error:
        # The catalog may have committed before the answer was lost, so the files stay where they are; the job
        # finds its own commit when it runs again, and the doctor removes files that nothing refers to.
        raise UdbError(
            "E_WAREHOUSE", f"the lake catalog did not confirm the commit ({type(error).__name__})"
        ) from error
    steps.reached("committed")
    return result


def _refused(error: duckdb.Error, title: str) -> UdbError:
    """A lock and a full disk are told as such; anything else is the catalog's.

    A connection that was cut comes as whatever exception the statement was in the middle of.
    """
    if held_elsewhere(error):
        return kept_locked()
    problem = translate(error)
    if problem.code != "E_INTERNAL":
        return problem
    kept = "the warehouse is unchanged by this job"
    return UdbError("E_WAREHOUSE", f"{title}: the lake catalog refused ({type(error).__name__})", kept=kept)


def _holds(connection: duckdb.DuckDBPyConnection, plan: Plan) -> bool:
    newest = ledger.newest(connection, plan.batch.dataset)
    return (newest[0] if newest else None) == plan.seen


def _apply(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    ready: Ready,
    moves: list[tuple[Path, Path]],
    digests: Mapping[Path, str],
) -> Applied:
    plan, batch = ready.plan, ready.plan.batch
    folder = lake.catalog.files / "main" / batch.dataset
    table = f"lake.main.{quote_identifier(batch.dataset)}"
    make_folder(folder)
    files = _place(ready, folder, moves, digests)
    steps.reached("moved")
    if plan.rebuilds or not plan.before or (plan.changes and batch.mode == "overwrite"):
        columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in plan.after)
        connection.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        steps.reached("created")
        kept = ready.rebuilt_rows
    else:
        _alter(connection, table, plan)
        # The files have just been renamed, unless others than those that are added decide what is replaced.
        replacing = files if ready.replacing == ready.batch_files else ready.replacing
        kept = plan.rows_before
        if kept:
            kept -= _delete(connection, table, folder, batch, replacing)
    if files:
        names = ", ".join(quote_literal(file) for file in files)
        extra = ", ignore_extra_columns => true" if extra_columns(connection, files) else ""
        connection.execute(
            f"CALL ducklake_add_data_files('lake', {quote_literal(batch.dataset)}, [{names}], schema => 'main'{extra})"
        )
    return Applied(plan, kept + ready.added, ready)


def _files(ready: Ready) -> tuple[Path, ...]:
    return (*ready.batch_files, *ready.rebuilt_files)


def _place(ready: Ready, folder: Path, moves: list[tuple[Path, Path]], digests: Mapping[Path, str]) -> list[Path]:
    """Rename the files into the data folder, under names that no other attempt ever uses.

    The name ends with the checksum of the content, so that the catalog records it with the commit.
    """
    token = uuid.uuid4().hex
    targets = []
    for number, source in enumerate(_files(ready)):
        target = folder / f"udb-{token}-{number}-{digests[source]}.parquet"
        move(source, target)
        moves.append((source, target))
        targets.append(target)
    sync_folder(folder)
    return targets


def _alter(connection: duckdb.DuckDBPyConnection, table: str, plan: Plan) -> None:
    for change in plan.changes:
        column = quote_identifier(change.column)
        action = f"ADD COLUMN {column} {change.after}"
        if change.change == "retyped":
            action = f"ALTER COLUMN {column} SET DATA TYPE {change.after}"
        connection.execute(f"ALTER TABLE {table} {action}")


def _delete(
    connection: duckdb.DuckDBPyConnection, table: str, folder: Path, batch: Batch, replacing: Sequence[Path]
) -> int:
    """Delete the rows that the batch replaces, and return how many."""
    if batch.mode == "append":
        return 0
    if batch.mode == "overwrite":
        return int(connection.execute(f"DELETE FROM {table}").fetchall()[0][0])
    # DuckLake writes lists of deleted rows beside the data and does not sync them.
    before = set(folder.iterdir())
    deleted = connection.execute(f"DELETE FROM {table} AS old WHERE {replaced(batch, replacing, 'old')}").fetchall()
    lists = set(folder.iterdir()) - before
    sync_all(lists)
    ledger.record_digests(connection, {f"main/{batch.dataset}/{file.name}": sha256(file) for file in sorted(lists)})
    return int(deleted[0][0])


def _undo(connection: duckdb.DuckDBPyConnection, moves: Sequence[tuple[Path, Path]]) -> None:
    """Leave the lake as it was and the files where they came from, so that the job can try again."""
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")
    for source, target in moves:
        with suppress(OSError):
            move(target, source)
