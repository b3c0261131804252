"""Text Parquet: where readers that work in Python put rows before they are cast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.reading import FILE_COLUMN, Task
from udb_pipelines.engine import quote_identifier, quote_literal

Row = Sequence[str | None]


def stage_text(target: Path, names: Sequence[str], batches: Iterable[Sequence[Row]]) -> int:
    """Write batches of rows as text columns to ``target``; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in names])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in batches:
            arrays = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(batch)
    return rows


def cast_staged(
    task: Task,
    staged: Sequence[tuple[Path, str]],
    columns: Sequence[casting.TextColumn],
    rows: int,
) -> int:
    """Cast text Parquet files, each given with its name for the lineage, into the task's target; rows written."""
    several = len(staged) > 1
    lineage = [f", {quote_literal(name)} AS {quote_identifier(FILE_COLUMN)}" if several else "" for _, name in staged]
    selects = [
        f"SELECT *{label} FROM read_parquet({quote_literal(path)})"
        for (path, _), label in zip(staged, lineage, strict=True)
    ]
    union = " UNION ALL BY NAME ".join(selects)
    relation = casting.TextRelation(
        sql=union,
        sample_sql=f"FROM ({union}) USING SAMPLE {casting.SAMPLE_ROWS} ROWS (reservoir, 1)",
        columns=(*columns, casting.as_stored(FILE_COLUMN)) if several else tuple(columns),
    )
    return casting.write_typed(task.duck, relation, task.target, what=task.what, rows=rows)
