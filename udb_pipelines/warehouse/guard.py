"""Which SQL may be run for a person: one statement that reads the lake, and nothing else.

Decided on DuckDB's own syntax tree, never on the text. Table functions are allowed by name, because some of
those that look like reading are not (``ducklake_delete_orphaned_files``) and some reach other files and other
databases (``sqlite_scan``, ``postgres_query``, ``query``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import duckdb

from udb_pipelines.engine import quote_literal
from udb_pipelines.errors import UdbError

TABLE_FUNCTIONS = frozenset(
    {
        "current_snapshot", "duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas",
        "duckdb_tables", "duckdb_types", "duckdb_views", "ducklake_snapshots", "ducklake_table_changes",
        "ducklake_table_deletions", "ducklake_table_info", "ducklake_table_insertions", "generate_series",
        "json_each", "json_tree", "pragma_show", "pragma_table_info", "range", "repeat", "repeat_row", "snapshots",
        "summary", "table_changes", "table_deletions", "table_info", "table_insertions", "unnest",
    }
)  # fmt: skip

_INTERNAL_HINT = re.compile(r' Did you mean "(?:pg|sqlite|duckdb)_\w*"\?')
"""DuckDB guesses at its own tables when no table of the warehouse is like the name."""
_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s*(\([^)]*\))?\s", re.IGNORECASE)


def check_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The one statement in ``sql``, if it only reads.

    Raises:
        UdbError: ``E_SQL``, saying what is wrong or not allowed.
    """
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise UdbError("E_SQL", first_lines(error)) from None
    if len(statements) != 1:
        raise UdbError("E_SQL", f"one statement at a time, not {len(statements)}{_pivot_hint(sql)}")
    statement = statements[0]
    kind = statement.type
    query = statement.query
    if kind == duckdb.StatementType.EXPLAIN:
        query = _EXPLAIN.sub("", query, count=1)
    elif kind != duckdb.StatementType.SELECT:
        raise UdbError("E_SQL", f"{kind.name} is not allowed: the warehouse is only read here")
    for name in _forbidden(_tree(connection, query)):
        raise UdbError("E_SQL", f"{name} is not allowed here: only the warehouse's own tables are read")
    return statement.query


def tables_read(connection: duckdb.DuckDBPyConnection, sql: str) -> frozenset[str]:
    """Tables and views that a reading statement names, in small letters, but for those that it defines itself.

    DuckDB's own ``get_table_names`` binds the statement to tables without columns, so that it refuses joins by
    ``USING`` and natural ones.

    Raises:
        UdbError: ``E_SQL`` for what is no reading statement.

    >>> sorted(tables_read(duckdb.connect(), "WITH a AS (FROM a JOIN b USING (i)) SELECT (SELECT 1 FROM C) FROM a"))
    ['a', 'b', 'c']
    >>> sorted(tables_read(duckdb.connect(), "WITH x AS (FROM t), y AS (FROM x) SELECT * FROM y NATURAL JOIN x"))
    ['t']
    """
    return frozenset(_tables(_tree(connection, _EXPLAIN.sub("", sql, count=1)), frozenset()))


def _tables(node: object, defined: frozenset[str]) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _tables(item, defined)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and str(node["table_name"]).lower() not in defined:
            yield str(node["table_name"]).lower()
        for definition in node.get("cte_map", {}).get("map", ()):
            name, body = str(definition["key"]).lower(), definition["value"]
            # One that is not recursive may be named as the table that it reads.
            itself = {name} if body["query"]["node"]["type"] == "RECURSIVE_CTE_NODE" else set()
            yield from _tables(body, defined | itself)
            defined |= {name}
        for key, value in node.items():
            if key != "cte_map":
                yield from _tables(value, defined)


def first_lines(error: duckdb.Error) -> str:
    """DuckDB's message about the text of a query, without the kind of error, in one line."""
    text = str(error).split("\n\nLINE", 1)[0].split(": ", 1)[-1]
    return _INTERNAL_HINT.sub("", " ".join(text.split()))


def _tree(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, object]:
    answer = connection.execute(f"SELECT json_serialize_sql({quote_literal(query)})").fetchall()[0][0]
    tree: dict[str, object] = json.loads(answer)
    if tree.get("error"):
        raise UdbError("E_SQL", str(tree.get("error_message", "the query cannot be understood")))
    return tree


def _forbidden(node: object) -> Iterator[str]:
    """Names of functions and catalogs that a reader may not use."""
    if isinstance(node, list):
        for item in node:
            yield from _forbidden(item)
    elif isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                yield f"the table function {name}"
        if node.get("type") == "BASE_TABLE":
            for part in (node.get("catalog_name"), node.get("schema_name")):
                if str(part).lower().startswith("__ducklake"):
                    yield "the lake's catalog"
        for value in node.values():
            yield from _forbidden(value)


def _pivot_hint(sql: str) -> str:
    return "; PIVOT needs its values named with IN (...)" if "pivot" in sql.lower() else ""
