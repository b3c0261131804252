"""The profiler for a notebook: a DuckDB relation or a frame, the same engine as a job."""

from __future__ import annotations

from html import escape

import duckdb

from udb_pipelines.config import Settings, load_settings
from udb_pipelines.engine import connect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnProfile, Profile
from udb_pipelines.profiling.table import Origin, profile_table

_ROWS = "relation_rows"


def profile(relation: object, settings: Settings | None = None, *, dataset: str = "relation") -> Profile:
    """Profile a relation or a frame, exactly.

    It is read once, into a database of our own that keeps to the memory limit and spills. In a notebook the result
    shows itself as a table, a row per column; every figure is an attribute of it, as in ``profile.json``.

    Args:
        relation: rows to profile: a DuckDB relation of any connection, such as
            ``duckdb.read_csv("file.csv", all_varchar=True)``, a pandas or polars DataFrame, a polars LazyFrame, or
            a pyarrow Table or RecordBatchReader. An index of pandas is not looked at.
        settings: thresholds and limits; those of the environment when absent.
        dataset: name in the profile.

    Raises:
        UdbError: ``E_UNSUPPORTED`` for another kind of object, or one that DuckDB cannot read as a table.

    >>> import duckdb, tempfile
    >>> relation = duckdb.sql("SELECT i AS number, 'x' || i AS label FROM range(100) t(i)")
    >>> found = profile(relation, Settings(home=tempfile.mkdtemp()))
    >>> [(column.name, column.type, column.distinct) for column in found.columns]
    [('number', 'numeric', 100), ('label', 'varchar', 100)]
    """
    from udb_pipelines.warehouse.frames import readable

    source = readable(relation)
    settings = settings or load_settings()
    connection = connect(settings)
    try:
        _copy(connection, source)
        return profile_table(connection, _ROWS, settings, Origin(dataset=dataset))
    finally:
        connection.close()


def _copy(connection: duckdb.DuckDBPyConnection, source: object) -> None:
    try:
        connection.register("relation_batches", source)
        connection.execute(f"CREATE TEMP TABLE {_ROWS} AS FROM relation_batches")
        connection.unregister("relation_batches")
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise  # the stage, or the caller, knows these
    except duckdb.Error as error:
        # The text may quote values.
        name = type(error).__name__.removesuffix("Exception")
        raise UdbError("E_UNSUPPORTED", f"the rows cannot be read as a table ({name} error)") from None


def as_html(found: Profile) -> str:
    """A profile as a notebook shows it: the verdict and a row per column. Personal values stay masked."""
    header = ("column", "type", "empty", "distinct", "invalid", "most frequent", "findings")
    head = "".join(f"<th>{name}</th>" for name in header)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(c))}</tr>" for c in found.columns)
    title = f"{found.dataset}: {found.rows:,} rows, {len(found.columns):,} columns, {found.verdict}"
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(column: ColumnProfile) -> tuple[str, ...]:
    return (
        column.name,
        column.semantic_type or column.type,
        f"{column.null_pct:.1f} %",
        f"{column.distinct:,}",
        f"{column.invalid:,}",
        column.top_values[0].value if column.top_values else "",
        ", ".join(finding.code for finding in column.findings),
    )
