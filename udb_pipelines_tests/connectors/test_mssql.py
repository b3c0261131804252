"""What becomes of SQL Server's values, as its driver sends them. No test has a server: there is none to be had."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import casting
from udb_pipelines.connectors.databases.mssql import SqlServer
from udb_pipelines.detection import detect
from udb_pipelines.engine import quote_literal
from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema
from udb_pipelines_tests.connectors.sources import source_of
from udb_pipelines_tests.odbc import needs_driver


@pytest.mark.parametrize(
    ("kind", "sent", "sql_type", "values"),
    [
        ("uniqueidentifier", ["00000000-0000-0000-0000-00000000000A"], "UUID", [UUID(int=10)]),
        ("time(3)", ["10:11:12.500"], "TIME", [time(10, 11, 12, 500_000)]),
        ("time(7)", ["10:11:12.5000001"], "VARCHAR", ["10:11:12.5000001"]),
        (
            "datetime2(7)",
            ["2024-01-02T03:04:05.1234560", "2024-01-02T03:04:05"],
            "TIMESTAMP",
            [datetime.fromisoformat("2024-01-02T03:04:05.123456"), datetime.fromisoformat("2024-01-02T03:04:05")],
        ),
        ("datetime2(7)", ["2024-01-02T03:04:05.1234567"], "VARCHAR", ["2024-01-02T03:04:05.1234567"]),
        (
            "datetimeoffset(7)",
            ["2024-01-02T03:04:05.1200000Z", "9999-12-31T23:59:59Z"],
            "TIMESTAMP WITH TIME ZONE",
            [datetime(2024, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)],
        ),
        (
            "datetimeoffset(3)",
            ["2024-01-02T03:04:05.123Z"],
            "TIMESTAMP WITH TIME ZONE",
            [datetime(2024, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)],
        ),
    ],
)
def test_values_keep_all_of_themselves(
    tmp_path: Path, kind: str, sent: list[str], sql_type: str, values: list[object]
) -> None:
    column = SqlServer().stored(ColumnSchema(name="x", type=kind), ())
    source = f"FROM (VALUES {', '.join(f'({quote_literal(value)})' for value in [*sent, ''])}) AS t(x) WHERE x <> ''"
    relation = casting.TextRelation(sql=source, sample_sql=source, columns=(column,))
    target = tmp_path / "t.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        casting.write_typed(connection, relation, target, what="reading t")
        (stored,) = casting.stored_columns(connection, target, {"x": None})
        found = connection.execute(f"SELECT x FROM read_parquet({quote_literal(target)})").fetchall()
    assert (stored.type, [value for (value,) in found]) == (sql_type, values)


def test_a_server_out_of_reach_is_told_without_secrets(settings: Settings) -> None:
    needs_driver("FreeTDS")
    with pytest.raises(UdbError, match="E_CONNECT") as caught:
        detect(source_of("mssql://sa:planted-wrong@127.0.0.1:1/shop?driver=FreeTDS"), settings)
    assert "planted-wrong" not in str(caught.value.as_dict())


def test_an_absent_driver_is_named_with_what_brings_it(settings: Settings) -> None:
    needs_driver("FreeTDS")
    with pytest.raises(UdbError, match="E_CONNECTOR") as caught:
        detect(source_of("mssql://127.0.0.1:1/shop?driver=Gone"), settings)
    assert "tdsodbc" in str(caught.value.as_dict())
