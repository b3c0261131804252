"""The first rows of a source as text, by the same dialect that would load it, without loading it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from udb_pipelines import engine
from udb_pipelines.config import Settings
from udb_pipelines.connectors.faults import base_name, told
from udb_pipelines.connectors.provisioning import provision
from udb_pipelines.connectors.reading import Task
from udb_pipelines.connectors.rejects import RejectLog
from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Detection, Dialect, Source

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_BYTES = 1 << 20

Cells = Iterable[object]


def preview(
    source: Source, detection: Detection, settings: Settings, rows: int = 20, stream: str | None = None
) -> pa.Table:
    """The first ``rows`` records of ``stream`` (the first one when None), every cell as text or null.

    Raises:
        UdbError: ``E_NOT_FOUND`` for an unknown stream, and what reading raises.
    """
    import pyarrow as pa

    connection = provision(source, detection)
    chosen = next((item for item in connection.streams if stream in (None, item.detected.name)), None)
    if chosen is None:
        raise UdbError("E_NOT_FOUND", f"the source has no table {stream}", source=source.name, stage="provision")
    settings.staging.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="preview-", dir=settings.staging))
    try:
        with closing(engine.connect(settings)) as duck, told(chosen.dataset):
            task = Task(duck, connection, chosen, settings, folder, RejectLog(duck))
            names, cells = _BY_FORMAT.get(chosen.detected.format, _relation)(task, rows)
    except UdbError as error:
        raise error.located(source=source.name, stage="sync") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    texts = [[None if cell is None else str(cell) for cell in row] for row in cells]
    columns = list(zip(*texts, strict=True)) if texts else [()] * len(names)
    return pa.table([pa.array(column, pa.string()) for column in columns], names=names)


Shown = tuple[list[str], list[Cells]]


def _delimited(task: Task, rows: int) -> Shown:
    """The beginning of the first file, record by record; rejected rows are not shown."""
    from udb_pipelines.connectors.delimited.careful import CarefulReader
    from udb_pipelines.connectors.delimited.text import located, transcoded

    task = _shortened(task)
    detected = task.stream.detected
    copy, _ = transcoded(Path(detected.files[0]), detected, task.folder, replace=True, limit_bytes=HEAD_BYTES)
    dialect = detected.dialect or Dialect(delimiter=",")
    reader = CarefulReader(located(copy, dialect, exact=False), dialect, len(detected.columns), task.rejects)
    records = (record for batch in reader.batches() for record in batch)
    return [column.name for column in detected.columns], list(islice(records, rows))


def _shortened(task: Task) -> Task:
    """The task with the beginning of its first file as its only file, unpacked."""
    detected = task.stream.detected
    file = Path(detected.files[0])
    limit = int(task.settings.max_expanded_gb * 10**9)
    with open_stream(file, detected.compression, detected.member, limit) as stream:
        data = stream.read(HEAD_BYTES)
    head = task.folder / "head" / file.name
    head.parent.mkdir()
    head.write_bytes(data)
    dialect = detected.dialect
    if dialect is not None and len(data) == HEAD_BYTES:
        dialect = dialect.model_copy(update={"footer_rows": 0})
    alone = detected.model_copy(update={"files": (str(head),), "compression": "none", "dialect": dialect})
    # The piece may end inside a character, which is nothing to complain about here.
    options = task.options.model_copy(update={"encoding_errors": "replace"})
    return replace(
        task,
        stream=task.stream.model_copy(update={"detected": alone}),
        connection=task.connection.model_copy(update={"options": options}),
    )


def _fixed_width(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.fixed_width import first_rows

    names, found = first_rows(_shortened(task), rows)
    return names, list(found)


def _log(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.log import first_rows

    names, found = first_rows(_shortened(task), rows)
    return names, list(found)


def _json(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.documents import first_records

    names = [column.name for column in task.stream.detected.columns]
    keys = [column.original_name or column.name for column in task.stream.detected.columns]
    return names, [[record.get(key) for key in keys] for record in first_records(task, rows)]


def _sheet(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.spreadsheet import first_rows

    return [column.name for column in task.stream.detected.columns], list(first_rows(task, rows))


def _xml(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.markup import first_records

    names = [column.name for column in task.stream.detected.columns]
    keys = [column.original_name or column.name for column in task.stream.detected.columns]
    return names, [[record.get(key) for key in keys] for record in first_records(task, rows)]


def _columnar(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.columnar import relation_of

    return _query(task, f"{relation_of(task, 0)} LIMIT {rows}")


def _mongo(task: Task, rows: int) -> Shown:
    from udb_pipelines.connectors.databases.mongo import first_rows

    names, found = first_rows(task, rows)
    return names, list(found)


def _declared(task: Task, rows: int) -> Shown:
    """The columns only: for their rows, the connector would have to run."""
    return [column.name for column in task.stream.detected.columns], []


def _relation(task: Task, rows: int) -> Shown:
    from importlib import import_module

    module = {"sqlite": "sqlite_file", "duckdb": "duckdb_file", "database": "server"}[task.stream.detected.format]
    relation: Callable[[Task], str] = import_module(f"udb_pipelines.connectors.databases.{module}").relation_of
    return _query(task, f"SELECT * FROM ({relation(task)}) LIMIT {rows}")


def _query(task: Task, query: str) -> Shown:
    with told(base_name(task.stream.detected.files[0])):
        found = task.duck.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({query})")
        names = [column[0] for column in found.description or ()]
        return names, list(found.fetchall())


_BY_FORMAT: dict[str, Callable[[Task, int], Shown]] = {
    "airbyte": _declared,
    "airbyte_server": _declared,
    "delimited": _delimited,
    "fixed_width": _fixed_width,
    "log": _log,
    "mongodb": _mongo,
    "json": _json,
    "ndjson": _json,
    "spreadsheet": _sheet,
    "xml": _xml,
    "parquet": _columnar,
    "avro": _columnar,
    "arrow": _columnar,
    "orc": _columnar,
}
