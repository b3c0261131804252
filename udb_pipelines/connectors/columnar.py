"""Files that know their own types: Parquet, Arrow, Avro, ORC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines.connectors import casting
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.holding import COUNTS_PER_SCAN
from udb_pipelines.connectors.portable import stored_as
from udb_pipelines.connectors.progress import watched
from udb_pipelines.connectors.reading import FILE_COLUMN, Rows, Task, relative_names
from udb_pipelines.detection import long_rows
from udb_pipelines.detection.unpack import unpack_to
from udb_pipelines.engine import extension_file, quote_identifier, quote_literal
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    import pyarrow as pa

FLOATING = ("DOUBLE", "FLOAT")


def read(task: Task) -> Rows:
    """Read a stream of columnar files as they are typed; columns of several files are united by name.

    Raises:
        UdbError: ``E_CORRUPT``, ``E_COUNT_MISMATCH``, and what the disk raises.
    """
    files = [_local(task, index, Path(file)) for index, file in enumerate(task.stream.detected.files)]
    names = relative_names(task.stream.detected.files)
    with told(task.stream.dataset):
        selects = [_select(task, file, index) for index, file in enumerate(files)]
        counted = sum(_count(task, file, select) for file, select in zip(files, selects, strict=True))
        if len(files) > 1:
            column = quote_identifier(FILE_COLUMN)
            selects = [
                f"SELECT *, {quote_literal(name)} AS {column} FROM ({select})"
                for select, name in zip(selects, names, strict=True)
            ]
        stored = _stored(task, " UNION ALL BY NAME ".join(selects))
        with watched(task.duck, task.what, counted):
            (written,) = task.duck.execute(
                f"COPY ({stored}) TO {quote_literal(task.target)} ({_encoding(task, files, stored)})"
            ).fetchall()
    staged = int(written[0])
    if staged != counted:
        raise UdbError("E_COUNT_MISMATCH", f"{task.stream.dataset}: the files hold {counted} rows, {staged} were read")
    return Rows((task.target,), casting.stored_columns(task.duck, task.target, task.originals), counted, staged)


def relation_of(task: Task, index: int) -> str:
    """SQL of one file's rows under the names that detection chose."""
    file = Path(task.stream.detected.files[index])
    with told(base_name(file)):
        return _stored(task, _select(task, _local(task, index, file), index))


def _local(task: Task, index: int, file: Path) -> Path:
    detected = task.stream.detected
    if detected.compression == "none":
        return file
    target = task.folder / f"{index}-{file.name}.unpacked"
    with told(base_name(file)):
        unpack_to(file, detected.compression, detected.member, target, int(task.settings.max_expanded_gb * 10**9))
    return target


def _stored(task: Task, sql: str) -> str:
    """Columns under the names that detection chose, in types that can be stored."""
    names = {column.original_name: column.name for column in task.stream.detected.columns if column.original_name}
    described = task.duck.execute(f"DESCRIBE {sql}").fetchall()
    columns = ", ".join(stored_as(name, sql_type, names.get(name, name)) for name, sql_type, *_ in described)
    return f"SELECT {columns} FROM ({sql})"


def _select(task: Task, file: Path, index: int) -> str:
    form = task.stream.detected.format
    if form == "parquet":
        return f"SELECT * FROM read_parquet({quote_literal(_readable(task, file, index))}, hive_partitioning = false)"
    if form == "avro":
        task.duck.load_extension(str(extension_file("avro")))
        return f"SELECT * FROM read_avro({quote_literal(file)})"
    name = f"udb_arrow_{index}"
    task.duck.register(name, _arrow(file) if form == "arrow" else _orc(file))
    # A record batch reader can be read once; the count and the load both need it.
    copy = task.folder / f"{index}.arrow.parquet"
    exact = casting.in_groups_of(casting.ROW_GROUP, dictionary=False)
    task.duck.execute(f"COPY {name} TO {quote_literal(copy)} ({exact})")
    task.duck.unregister(name)
    return f"SELECT * FROM read_parquet({quote_literal(copy)})"


def _readable(task: Task, file: Path, index: int) -> Path:
    """The file, or a copy in short row groups where DuckDB would have to hold gigabytes to read its rows."""
    rows = long_rows.rows_that_fit(long_rows.row_bytes(task.duck, file))
    if rows == long_rows.AT_A_TIME:
        return file
    copy = task.folder / f"{index}.short.parquet"
    if not copy.exists():
        try:
            long_rows.in_short_groups(file, copy, rows)
        except (ValueError, OSError) as error:
            raise _damaged(file, error) from None
    return copy if _types(task, copy) == _types(task, file) else file


def _types(task: Task, file: Path) -> list[object]:
    return [row[:2] for row in task.duck.execute(f"DESCRIBE FROM read_parquet({quote_literal(file)})").fetchall()]


def _encoding(task: Task, files: list[Path], stored: str) -> str:
    """How the rows are written: in short row groups where they are long, and with the sign of every zero."""
    rows = casting.ROW_GROUP
    if task.stream.detected.format == "parquet":
        fitting = min(long_rows.rows_that_fit(long_rows.row_bytes(task.duck, file)) for file in files)
        rows = rows if fitting == long_rows.AT_A_TIME else fitting
    return casting.in_groups_of(rows, dictionary=not _has_negative_zero(task, stored))


def _has_negative_zero(task: Task, stored: str) -> bool:
    """Whether a number may be -0.0. Only the columns of such numbers are read; nested ones are not looked into."""
    types = {name: sql_type for name, sql_type, *_ in task.duck.execute(f"DESCRIBE {stored}").fetchall()}
    numbers = [quote_identifier(name) for name, sql_type in types.items() if sql_type in FLOATING]
    if any(kind in sql_type for sql_type in types.values() if sql_type not in FLOATING for kind in FLOATING):
        return True
    for start in range(0, len(numbers), COUNTS_PER_SCAN):
        asked = ", ".join(
            f"bool_or({column} = 0 AND signbit({column}))" for column in numbers[start : start + COUNTS_PER_SCAN]
        )
        if any(task.duck.execute(f"SELECT {asked} FROM ({stored})").fetchall()[0]):
            return True
    return False


def _count(task: Task, file: Path, select: str) -> int:
    """Rows by the file's own metadata where it has some, else by counting."""
    form = task.stream.detected.format
    if form == "parquet":
        query = f"SELECT sum(num_rows) FROM parquet_file_metadata({quote_literal(file)})"
        return int(task.duck.execute(query).fetchall()[0][0] or 0)
    if form == "orc":
        from pyarrow import orc

        return int(orc.ORCFile(file).nrows)
    return int(task.duck.execute(f"SELECT count(*) FROM ({select})").fetchall()[0][0])


def _arrow(file: Path) -> pa.RecordBatchReader:
    """An Arrow IPC file or stream, or a Feather file of version 1, as record batches."""
    import pyarrow as pa
    from pyarrow import feather, ipc

    try:
        try:
            opened = ipc.open_file(pa.memory_map(str(file)))
            batches: Iterator[pa.RecordBatch] = (opened.get_batch(i) for i in range(opened.num_record_batches))
            return pa.RecordBatchReader.from_batches(opened.schema, batches)
        except pa.ArrowInvalid:
            pass
        try:
            return ipc.open_stream(pa.memory_map(str(file)))
        except pa.ArrowInvalid:
            return feather.read_table(file).to_reader()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _orc(file: Path) -> pa.RecordBatchReader:
    import pyarrow as pa
    from pyarrow import orc

    try:
        opened = orc.ORCFile(file)
        stripes: Iterator[pa.RecordBatch] = (opened.read_stripe(index) for index in range(opened.nstripes))
        return pa.RecordBatchReader.from_batches(opened.schema, stripes)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> UdbError:
    return UdbError("E_CORRUPT", f"{base_name(file)} is damaged or cut off ({type(error).__name__})")
