"""Any dataset as the text that was loaded: ``<dataset>__text`` in a query.

The view is made only for a query that names it. It reads the data files of the pinned version, where every typed
value gives back its text (see :mod:`udb_pipelines.originals`); rows deleted since are left out. Where that text was
not kept there is no view: what is shown is what was written, never what it may have been.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb

from udb_pipelines import originals
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.originals import Originals

SUFFIX = "__text"


def offer(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Make the views that ``statement`` may mean, on a connection whose lake is attached and pinned.

    A name that is a dataset itself stays that dataset.

    Raises:
        UdbError: ``E_SQL`` when rows of the dataset have no text of their own.
    """
    said = statement.lower()
    if SUFFIX not in said:
        return
    tables = {name.lower(): name for name in _tables(connection)}
    for lowered, name in tables.items():
        if lowered + SUFFIX in said and lowered + SUFFIX not in tables:
            _make_view(connection, name)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'main'"
    ).fetchall()
    return [str(name) for (name,) in rows]


def _make_view(connection: duckdb.DuckDBPyConnection, dataset: str) -> None:
    table = f"lake.main.{quote_identifier(dataset)}"
    columns = [str(name) for name, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
    listed = connection.execute(
        f"SELECT data_file FROM ducklake_list_files('lake', {quote_literal(dataset)}, schema => 'main')"
    ).fetchall()
    files = [str(file) for (file,) in listed]
    told = originals.of_files(connection, files)
    if len(told) < len(files):
        raise UdbError(
            "E_SQL",
            f"{dataset}{SUFFIX}: {len(files) - len(told)} of {len(files)} data files hold no text; their rows came "
            "with types of their own, or were rewritten in other types or with the rows of other files",
            remedy=f"ask {dataset} itself",
        )
    text = " UNION ALL BY NAME ".join(_select(connection, columns, told)) if files else _nothing(columns)
    if files and _has_deletions(connection, table, files):
        text = (
            f"SELECT * EXCLUDE (udb_file, udb_row) FROM ({text}) SEMI JOIN "
            f"(SELECT filename AS udb_file, file_row_number AS udb_row FROM {table}) USING (udb_file, udb_row)"
        )
    elif files:
        text = f"SELECT * EXCLUDE (udb_file, udb_row) FROM ({text})"
    connection.execute(f"CREATE TEMP VIEW {quote_identifier(dataset + SUFFIX)} AS {text}")


def _select(connection: duckdb.DuckDBPyConnection, columns: list[str], told: dict[str, Originals]) -> list[str]:
    """One SELECT per set of files that give their text, and have their columns, alike."""
    alike: dict[tuple[Originals, frozenset[str]], list[str]] = defaultdict(list)
    present: dict[str, set[str]] = defaultdict(set)
    names = ", ".join(map(quote_literal, told))
    for file, name in connection.execute(f"SELECT file_name, name FROM parquet_schema([{names}])").fetchall():
        present[file].add(name)
    for file, found in told.items():
        alike[found, frozenset(present[file])].append(file)
    selects = []
    for (found, there), group in alike.items():
        texts = ", ".join(
            f"{found.text(name) if name in there else 'CAST(NULL AS VARCHAR)'} AS {quote_identifier(name)}"
            for name in columns
        )
        some = ", ".join(map(quote_literal, group))
        selects.append(
            f"SELECT {texts}, filename AS udb_file, file_row_number AS udb_row "
            f"FROM read_parquet([{some}], filename = true, file_row_number = true, hive_partitioning = false)"
        )
    return selects


def _nothing(columns: list[str]) -> str:
    nulls = ", ".join(f"CAST(NULL AS VARCHAR) AS {quote_identifier(name)}" for name in columns)
    return f"SELECT {nulls} WHERE false"


def _has_deletions(connection: duckdb.DuckDBPyConnection, table: str, files: list[str]) -> bool:
    """Rows of the files that the version does not have any more."""
    names = ", ".join(map(quote_literal, files))
    query = f"SELECT (SELECT count(*) FROM {table}) <> (SELECT sum(num_rows) FROM parquet_file_metadata([{names}]))"
    return bool(connection.execute(query).fetchall()[0][0])
