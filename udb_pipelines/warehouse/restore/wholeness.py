"""Is what a version needs still there, and as it was written?

A data file that UDB wrote bears the SHA-256 of its content in its name, and the catalog recorded that name in the
commit, so that any other content is noticed. Files that DuckLake writes by itself (lists of deleted rows) have
their checksum in the bookkeeping. Older files, written before there were checksums, are judged by their size and by
reading every value in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.models import Model
from udb_pipelines.operations import progress
from udb_pipelines.warehouse import ledger
from udb_pipelines.warehouse.files import sha256
from udb_pipelines.warehouse.lake import Lake

_DIGEST = re.compile(r"-([0-9a-f]{64})\.parquet$")
_OPEN_END = 1 << 62

_FILES = """
WITH placed AS (
    SELECT DISTINCT t.table_id, s.schema_name, t.table_name, s.path || t.path AS folder
    FROM catalog.ducklake_table t JOIN catalog.ducklake_schema s USING (schema_id)),
stored AS (
    SELECT table_id, path, path_is_relative, file_size_bytes, record_count, begin_snapshot, end_snapshot
    FROM catalog.ducklake_data_file
    UNION ALL
    SELECT table_id, path, path_is_relative, file_size_bytes, delete_count, begin_snapshot, end_snapshot
    FROM catalog.ducklake_delete_file)
SELECT DISTINCT schema_name, table_name, CASE WHEN path_is_relative THEN folder || path ELSE path END,
    file_size_bytes::BIGINT, record_count::BIGINT, begin_snapshot::BIGINT, end_snapshot::BIGINT
FROM stored JOIN placed USING (table_id)
"""


@dataclass(frozen=True)
class Needed:
    """A file that the versions ``begin <= version < end`` need."""

    schema: str
    table: str
    path: str
    """Relative to the folder of the data files."""
    bytes: int
    rows: int
    begin: int
    end: int

    def at(self, version: int) -> bool:
        """Whether ``version`` needs it."""
        return self.begin <= version < self.end

    @property
    def digest(self) -> str | None:
        """The SHA-256 that its name records."""
        found = _DIGEST.search(self.path)
        return found[1] if found else None


class Damage(Model):
    """A file that is not what a commit wrote."""

    table: str
    path: Path
    problem: str
    first_version: int
    last_version: int | None
    """The versions that need it; up to the newest when None."""

    def __str__(self) -> str:
        return f"{self.table}: {self.path.name} {self.problem}"


def needed_files(lake: Lake) -> tuple[Needed, ...]:
    """Every file of every version of a timeline, by path."""
    with lake.raw_catalog() as connection:
        rows = connection.execute(_FILES).fetchall() if connection else []
    found = [
        Needed(str(schema), str(table), str(path), int(size), int(count), int(begin), _OPEN_END if end is None else end)
        for schema, table, path, size, count, begin, end in rows
    ]
    return tuple(sorted(found, key=lambda file: (file.path, file.begin)))


def recorded_digests(lake: Lake) -> dict[str, str]:
    """Checksums by path, for files whose name does not tell it: all that were ever written down."""
    with lake.reader() as connection:
        return ledger.digests(connection)


def damages(
    lake: Lake, files: Iterable[Needed], digests: dict[str, str], folder: Path | None = None
) -> tuple[Damage, ...]:
    """Compare files with what the commits recorded; those without damage are not mentioned.

    Args:
        lake: for the limits of its settings.
        files: what to look at; each path is read once.
        digests: checksums by path, for files whose name does not tell.
        folder: where the files are, if not in the lake's own folder.
    """
    root = folder or lake.catalog.files
    wanted = {file.path: file for file in files}
    total, done = sum(file.bytes for file in wanted.values()), 0
    found = []
    with ThreadPoolExecutor(max_workers=lake.settings.threads) as pool:
        work = pool.map(lambda file: problem_of(lake, root, file, digests), wanted.values())
        for file, problem in zip(wanted.values(), work, strict=True):
            done += file.bytes
            progress.report("verifying", done, total, "bytes")
            if problem:
                found.append(
                    Damage(
                        table=file.table,
                        path=root / file.path,
                        problem=problem,
                        first_version=file.begin,
                        last_version=None if file.end == _OPEN_END else file.end - 1,
                    )
                )
    return tuple(found)


def problem_of(lake: Lake, root: Path, file: Needed, digests: dict[str, str]) -> str | None:
    """What is wrong with a file, to follow its name in a sentence; None when nothing is."""
    path = root / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return f"has {size} bytes, not {file.bytes}"
        recorded = file.digest or digests.get(file.path)
        if recorded is not None:
            return None if sha256(path) == recorded else "was altered"
        return _unreadable(lake, path, file.rows)
    except FileNotFoundError:
        return "is missing"
    except OSError:
        return "cannot be read"


def _unreadable(lake: Lake, path: Path, rows: int) -> str | None:
    """Decode every value, for a file whose checksum nobody wrote down."""
    with connect(lake.settings, threads=1) as connection:
        try:
            query = f"SELECT count(hash(row)) FROM read_parquet({quote_literal(path)}) AS row"
            found = int(connection.execute(query).fetchall()[0][0])
        except duckdb.Error:
            return "is damaged"
    return None if found == rows else f"has {found} rows, not {rows}"


def newest_whole(versions: Iterable[int], found: Iterable[Damage]) -> int | None:
    """The newest of ``versions`` that needs no damaged file."""
    spans = [(item.first_version, item.last_version) for item in found]
    whole = (
        version
        for version in versions
        if not any(first <= version and (last is None or version <= last) for first, last in spans)
    )
    return max(whole, default=None)


class Examined(Model):
    """What :func:`examine` has found."""

    files: int
    bytes: int
    damages: tuple[Damage, ...]
    newest_whole: int | None
    """The newest version that needs no damaged file; None when there is none."""


def examine(lake: Lake, version: int | None = None) -> Examined:
    """Read every file that a timeline needs, or one version of it, and compare with what the commits recorded."""
    every = needed_files(lake)
    files = [file for file in every if version is None or file.at(version)]
    found = damages(lake, files, recorded_digests(lake))
    with lake.raw_catalog() as connection:
        rows = connection.execute("SELECT snapshot_id FROM catalog.ducklake_snapshot").fetchall() if connection else []
    sizes = {file.path: file.bytes for file in files}
    whole = newest_whole([number for (number,) in rows], found)
    return Examined(files=len(sizes), bytes=sum(sizes.values()), damages=found, newest_whole=whole)
