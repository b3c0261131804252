"""Contracts and tables for the tests."""

from __future__ import annotations

from typing import Any

import duckdb

from udb_pipelines.contracts.evaluate import Table, check
from udb_pipelines.contracts.faults import read
from udb_pipelines.contracts.promises import rules_of
from udb_pipelines.contracts.validation import validate
from udb_pipelines.models import ColumnSchema, ContractCheck
from udb_pipelines.yamltext import Document, write


def contract(properties: list[dict[str, Any]], dataset: str = "t", sla: Any = None, **of_object: Any) -> Document:
    """A contract about one table, valid by the standard but for fields that it does not know."""
    content: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "c",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": dataset, "properties": properties, **of_object}],
    }
    if sla:
        content["slaProperties"] = sla
    document = read(write(content))
    validate(document)
    return document


def asked(select: str, document: Document) -> dict[str, ContractCheck]:
    """Every rule of a contract, asked of the answer of a query."""
    connection = duckdb.connect()
    try:
        connection.execute(f"CREATE TABLE t AS {select}")
        described = connection.execute("DESCRIBE t").fetchall()
        columns = [ColumnSchema(name=name, type=kind) for name, kind, *_ in described]
        checks = check(Table(connection, "t", lambda: None), rules_of(document, "t", columns))
        return {entry.rule: entry for entry in checks}
    finally:
        connection.close()


def broken(select: str, document: Document) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Rules that are broken, with their counts and first rows."""
    found = asked(select, document)
    return {name: (entry.count, entry.rows) for name, entry in found.items() if entry.status == "broken"}
