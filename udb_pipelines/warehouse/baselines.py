"""The schema of a dataset as people agree on it: taken from a version, kept in a file, compared with any other.

A file is JSON or YAML, made by ``udb schema show`` and free to be edited: what it says is a promise. ``nullable:
false`` promises that a column has no NULL, ``values`` that these and only known values are meant. Between two
versions only what the warehouse itself knows counts: columns, types, and the key of the source.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import Field, ValidationError

from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, DatasetName, Model
from udb_pipelines.warehouse.batch import table_columns
from udb_pipelines.warehouse.lake import Lake, version_of
from udb_pipelines.warehouse.schema import Change, judge

FEW_VALUES = 50
"""A text column with more different values is no enumeration."""


class BaselineColumn(Model):
    """What is promised of a column."""

    name: str
    type: str
    nullable: bool = True
    values: tuple[str, ...] | None = Field(default=None)
    """The values of an enumeration; None for any other column."""


class Baseline(Model):
    """What is promised of a dataset."""

    schema_version: Literal[1] = 1
    dataset: DatasetName
    version: int | None = None
    """The version it was taken from."""
    key: tuple[str, ...] = ()
    columns: tuple[BaselineColumn, ...]

    def schemas(self) -> tuple[ColumnSchema, ...]:
        """The columns for :func:`udb_pipelines.warehouse.schema.judge`."""
        return tuple(ColumnSchema(name=column.name, type=column.type) for column in self.columns)


def take(
    lake: Lake, dataset: str, key: tuple[str, ...] = (), version: int | None = None, *, with_values: bool = False
) -> Baseline:
    """The schema of a dataset at a version; the newest when absent.

    Args:
        lake: the warehouse.
        dataset: its name.
        key: the primary key of its source; its columns are not nullable.
        version: any version that the history holds.
        with_values: also list the values of text columns that have at most :data:`FEW_VALUES` of them, each
            twice or more on average.

    Raises:
        UdbError: ``E_NOT_FOUND`` when the version has no such dataset, ``E_VERSION``.
    """
    with lake.reader(version) as connection:
        columns = table_columns(connection, dataset)
        if not columns:
            raise UdbError(
                "E_NOT_FOUND",
                f"version {version_of(connection)} of the warehouse has no dataset {dataset}",
                remedy="udb history NAME shows the versions of a dataset, udb sql 'SHOW TABLES' the datasets",
            )
        return Baseline(
            dataset=dataset,
            version=version_of(connection),
            key=key,
            columns=tuple(
                BaselineColumn(
                    name=column.name,
                    type=column.type,
                    nullable=column.name not in key,
                    values=_values(connection, dataset, column, with_values),
                )
                for column in columns
            ),
        )


def differences(before: Baseline, after: Baseline) -> tuple[Change, ...]:
    """What changed from one to the other; the breaking changes first."""
    changes = list(judge(before.schemas(), after.schemas()))
    if before.key != after.key:
        text = f"the key changed from ({', '.join(before.key)}) to ({', '.join(after.key)})"
        changes.append(Change(kind="key", breaking=True, text=text))
    later = {column.name: column for column in after.columns}
    for column in before.columns:
        if column.name in later:
            changes += _column_changes(column, later[column.name])
    return tuple(sorted(changes, key=lambda change: (not change.breaking, change.column or "", change.kind)))


def unkept(lake: Lake, baseline: Baseline, version: int | None = None) -> tuple[Change, ...]:
    """Promises of a baseline about values that a version does not keep: NULLs where there should be none."""
    with lake.reader(version) as connection:
        present = {column.name for column in table_columns(connection, baseline.dataset)}
        required = [column.name for column in baseline.columns if not column.nullable and column.name in present]
        if not required:
            return ()
        counts = ", ".join(f"count(*) - count({quote_identifier(name)})" for name in required)
        row = connection.execute(f"SELECT {counts} FROM lake.main.{quote_identifier(baseline.dataset)}").fetchall()[0]
    return tuple(
        Change(kind="nulls", breaking=True, column=name, text=f"{count} rows have no value, the baseline wants one")
        for name, count in zip(required, row, strict=True)
        if count
    )


def write(baseline: Baseline, file: Path) -> None:
    """Write a baseline as YAML or JSON, by the file's ending."""
    file.write_text(dump(baseline, as_yaml=file.suffix.lower() in {".yaml", ".yml"}), encoding="utf-8")


def dump(baseline: Baseline, *, as_yaml: bool) -> str:
    """The text of a baseline; what is not promised is left out."""
    content = baseline.model_dump(mode="json", exclude_none=True)
    if not as_yaml:
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def read(file: Path) -> Baseline:
    """A baseline from a file.

    Raises:
        UdbError: ``E_NOT_FOUND``, or ``E_OPTION`` saying where the file is wrong.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UdbError("E_NOT_FOUND", f"there is no file {file}", remedy="udb schema show DATASET --to FILE") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UdbError("E_OPTION", f"{file} is not a baseline: it is not text") from None
    import yaml

    try:
        return Baseline.model_validate(yaml.safe_load(text))  # JSON is YAML
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors())
        raise UdbError("E_OPTION", f"{file} is not a baseline: {problems}") from None
    except yaml.YAMLError:
        raise UdbError("E_OPTION", f"{file} is neither JSON nor YAML") from None


def _column_changes(before: BaselineColumn, after: BaselineColumn) -> list[Change]:
    changes = []
    if before.nullable and not after.nullable:
        changes.append(Change(kind="required", breaking=True, column=before.name, text="a value is required now"))
    elif after.nullable and not before.nullable:
        changes.append(Change(kind="optional", breaking=False, column=before.name, text="a value may be missing now"))
    if before.values is not None and after.values is not None:
        gone, new = set(before.values) - set(after.values), set(after.values) - set(before.values)
        if gone:
            text = f"{len(gone)} of {len(before.values)} values are gone"
            changes.append(Change(kind="values_removed", breaking=True, column=before.name, text=text))
        if new:
            text = f"{len(new)} values are new"
            changes.append(Change(kind="values_added", breaking=False, column=before.name, text=text))
    return changes


def _values(
    connection: duckdb.DuckDBPyConnection, dataset: str, column: ColumnSchema, with_values: bool
) -> tuple[str, ...] | None:
    if column.type.startswith("ENUM("):
        return tuple(text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", column.type))
    if not with_values or column.type != "VARCHAR":
        return None
    name, table = quote_identifier(column.name), f"lake.main.{quote_identifier(dataset)}"
    rows = connection.execute(
        f"SELECT {name}, count(*) FROM {table} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {FEW_VALUES + 1}"
    ).fetchall()
    if not rows or len(rows) > FEW_VALUES or sum(count for _, count in rows) < 2 * len(rows):
        return None
    return tuple(str(value) for value, _ in rows)
