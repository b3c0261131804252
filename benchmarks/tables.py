"""Generated inputs: a mixed CSV of 30 columns, from row numbers alone, so that the same size is the same file."""

from __future__ import annotations

from pathlib import Path

import duckdb

# h(i, k) is a number that looks random and depends only on the row i and k.
COLUMNS = """
    i AS id,
    uuid_text AS reference,
    'C' || lpad((h(i, 1) % 40000)::VARCHAR, 6, '0') AS customer,
    (h(i, 2) % 90000 + 10000)::VARCHAR AS postcode,
    lpad((h(i, 3) % 99999)::VARCHAR, 5, '0') AS branch,
    ['DE', 'FR', 'PL', 'IT', 'ES', 'AT', 'CZ', 'DK'][h(i, 4) % 8 + 1] AS country,
    ['open', 'paid', 'sent', 'returned', 'cancelled'][h(i, 5) % 5 + 1] AS status,
    ['Anna', 'Jürgen', 'Zoë', 'Noah', 'Marie', 'Søren'][h(i, 6) % 6 + 1] || ' '
        || ['Müller', 'Nowak', 'Rossi', 'O''Brien', 'Weiß'][h(i, 7) % 5 + 1] AS name,
    'user' || h(i, 8) % 200000 || '@example.org' AS email,
    '+49 30 ' || (h(i, 9) % 9000000 + 1000000) AS phone,
    h(i, 10) % 100 AS quantity,
    h(i, 11) % 2000000 - 1000000 AS balance,
    (h(i, 12) % 1000000)::DECIMAL(12, 2) / 100 AS price,
    CASE WHEN h(i, 13) % 10 = 0 THEN NULL ELSE ((h(i, 13) % 90000)::DECIMAL(12, 2) / 100) END AS discount,
    round((h(i, 14) % 1000003) / 1000003.0, 6) AS score,
    round(ln(2 + h(i, 15) % 1000000) * 17.3, 4) AS weight,
    round((h(i, 16) % 18000) / 100.0 - 90, 5) AS latitude,
    round((h(i, 17) % 36000) / 100.0 - 180, 5) AS longitude,
    DATE '2015-01-01' + (h(i, 18) % 3650)::INTEGER AS ordered_on,
    CASE WHEN h(i, 19) % 5 = 0 THEN NULL ELSE DATE '2015-01-01' + (h(i, 19) % 3900)::INTEGER END AS shipped_on,
    strftime(TIMESTAMP '2020-01-01' + INTERVAL (h(i, 20) % 150000000) SECOND, '%Y-%m-%d %H:%M:%S') AS changed_at,
    strftime(DATE '1940-01-01' + (h(i, 21) % 25000)::INTEGER, '%d/%m/%Y') AS born,
    h(i, 22) % 2 = 0 AS active,
    CASE WHEN h(i, 23) % 3 = 0 THEN NULL ELSE h(i, 23) % 7 = 0 END AS newsletter,
    'P-' || lpad((h(i, 24) % 5000)::VARCHAR, 5, '0') AS product,
    CASE WHEN h(i, 25) % 20 = 0 THEN 'asked for "express", rang twice'
         WHEN h(i, 25) % 20 = 1 THEN 'first line' || chr(10) || 'second line'
         ELSE repeat('lorem ipsum ', (h(i, 25) % 12)::INTEGER) END AS remark,
    'https://shop.example.org/p/' || h(i, 26) % 5000 AS url,
    (h(i, 27) % 223 + 1) || '.' || h(i, 28) % 256 || '.' || h(i, 29) % 256 || '.' || h(i, 30) % 256 AS address,
    h(i, 31) AS checksum,
    CASE WHEN h(i, 32) % 50 = 0 THEN 'N/A' ELSE (h(i, 32) % 1000)::VARCHAR END AS answer
"""


def write_csv(path: Path, rows: int, first: int = 0, columns: int = 30, only: tuple[str, ...] = ()) -> Path:
    """Write ``rows`` rows of the first ``columns`` columns, unless the file is there. About 400 bytes a row of 30.

    ``first`` shifts the row numbers: another file of the same kind. ``only`` names the columns to write.
    """
    if path.exists():
        return path
    return _copy(path, f"FROM ({_mixed(first, rows)})", "FORMAT csv, HEADER", columns)


def write_parquet(path: Path, rows: int, *, typed: bool = True) -> Path:
    """Write the same 30 columns as one Parquet file, unless it is there; typed as the warehouse has them, or not."""
    dates = "changed_at::TIMESTAMP AS changed_at, strptime(born, '%d/%m/%Y')::DATE AS born"
    table = f"FROM (SELECT * {f'REPLACE ({dates})' if typed else ''} FROM ({_mixed(0, rows)}))"
    return path if path.exists() else _copy(path, table, "FORMAT parquet, COMPRESSION zstd", 30)


def write_wide_parquet(path: Path, rows: int, columns: int) -> Path:
    """Write the mixed columns again and again, side by side, until there are so many; unless the file is there."""
    if path.exists():
        return path
    times = -(-columns // 30)
    sides = " POSITIONAL JOIN ".join(f"({_mixed(side * rows, rows)}) AS t{side}" for side in range(times))
    return _copy(path, f"FROM {sides}", "FORMAT parquet, COMPRESSION zstd", columns)


def _mixed(first: int, rows: int) -> str:
    return f"SELECT {COLUMNS} FROM (SELECT i, md5(i::VARCHAR) AS uuid_text FROM range({first}, {first + rows}) t(i))"


def _copy(path: Path, table: str, how: str, columns: int) -> Path:
    partial = path.with_suffix(".part")
    with duckdb.connect(config={"memory_limit": "2GB"}) as database:
        database.execute("CREATE MACRO h(i, k) AS (hash(i * 64 + k) // 4)::BIGINT")
        names = database.sql(f"{table} LIMIT 0").columns
        chosen = ", ".join(f'#{place} AS "{name}"' for place, name in enumerate(names[:columns], 1))
        database.execute(f"COPY (SELECT {chosen} {table}) TO '{partial}' ({how})")
    partial.rename(path)
    return path
