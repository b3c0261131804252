"""Text Parquet: where readers that work in Python put rows before they are cast."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.reading import FILE_COLUMN, Task
from udb_pipelines.engine import quote_identifier, quote_literal

Row = Sequence[str | None]


def stage_text(target: Path, names: Sequence[str], batches: Iterable[Sequence[Row]]) -> int:
    """Write batches of rows as text columns to ``target``; the number of rows."""
    return stage_parts((target,), names, (names,), batches)


def stage_parts(
    targets: Sequence[Path], names: Sequence[str], parts: Sequence[Sequence[str]], batches: Iterable[Sequence[Row]]
) -> int:
    """As :func:`stage_text`, with the columns named by each of ``parts`` in a file of their own.

    To open a Parquet file takes time that grows with its columns: very wide text is staged in parts, so that each of
    them is opened on its own. A name that is not among ``names`` becomes a column without values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = {name: place for place, name in enumerate(names)}
    rows = 0
    with ExitStack() as stack:
        writers = []
        for target, part in zip(targets, parts, strict=True):
            schema = pa.schema([(name, pa.string()) for name in part])
            writer = stack.enter_context(pq.ParquetWriter(target, schema, compression="zstd"))
            writers.append((writer, schema, [places.get(name) for name in part]))
        for batch in batches:
            columns = list(zip(*batch, strict=True))
            for writer, schema, chosen in writers:
                cells = (itertools.repeat(None, len(batch)) if at is None else columns[at] for at in chosen)
                arrays = [pa.array(column, pa.string()) for column in cells]
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
