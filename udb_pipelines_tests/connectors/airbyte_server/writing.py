"""What Airbyte's PostgreSQL destination leaves: a table per stream, with columns of Airbyte's own."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import sql

OWN = {
    "_airbyte_raw_id": "varchar", "_airbyte_extracted_at": "timestamptz", "_airbyte_meta": "jsonb",
    "_airbyte_generation_id": "bigint",
}  # fmt: skip
TYPES = {"integer": "bigint", "number": "numeric(38,9)", "boolean": "boolean"}


def write(destination: dict[str, Any], stream: dict[str, Any], rows: list[dict[str, Any]], mode: str) -> None:
    """Write ``rows`` as the connection's mode says: replaced, added, or one per key."""
    properties = stream["jsonSchema"]["properties"]
    table = sql.Identifier(destination["schema"], stream["name"])
    columns = {**OWN, **{name: _type(about) for name, about in properties.items()}}
    connection = psycopg2.connect(
        host=destination["host"], port=destination["port"], dbname=destination["database"],
        user=destination["username"], password=destination["password"],
    )  # fmt: skip
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(destination["schema"])))
        if mode == "full_refresh_overwrite":
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        fields = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
        )
        cursor.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(table, fields))
        for row in rows:
            if mode == "incremental_deduped_history":
                cursor.execute(sql.SQL("DELETE FROM {} WHERE id = %s").format(table), [row["id"]])
            values = [uuid.uuid4().hex, "2026-03-01T00:00:00Z", json.dumps({"sync_id": 1}), 1]
            values += [row.get(name) for name in properties]
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
            cursor.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(table, marks), values)


def _type(about: dict[str, Any]) -> str:
    kinds = about["type"] if isinstance(about["type"], list) else [about["type"]]
    kind = next(item for item in kinds if item != "null")
    return "timestamptz" if about.get("format") == "date-time" else TYPES.get(kind, "text")
