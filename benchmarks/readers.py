"""Delimited text through UDB and its peers, each as somebody would use it who knows nothing about the file."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.pollution import Cells, Loaded
from udb_pipelines import originals
from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.engine import connect, quote_literal
from udb_pipelines.models import Detection, Source, SourceOptions

Reader = Callable[[Path, Settings], Loaded]
"""Raises whatever it likes where it refuses a file."""

SNIFFED_CHARACTERS = 64 << 10


def ours(path: Path, settings: Settings) -> Loaded:
    """Detect, provision, extract; all rows may be rejected. The first table counts."""
    options = SourceOptions(max_reject_pct=100, allow_empty=True)
    source = Source(name="polluted", uri=str(path), options=options, created_at=datetime.now(UTC))
    detection = detect(source, settings)
    staged = extract(provision(source, detection), settings, str(uuid.uuid4()), None).datasets[0]
    (file,) = staged.parquet
    with closing(connect(settings)) as duck:
        # Typed values as the text they were made from: that is what the peers give.
        kept = originals.of_files(duck, [file]).get(str(file), originals.Originals())
        cells = ", ".join(kept.text(column.name) for column in staged.columns)
        rows = duck.execute(f"SELECT {cells} FROM read_parquet({quote_literal(file)})").fetchall()
    return Loaded(_names(detection, [column.name for column in staged.columns]), _cells(rows), staged.rows_rejected)


def _names(detection: Detection, loaded: list[str]) -> Cells | None:
    """The names as they stand in the file, of the columns that were loaded."""
    stream = detection.streams[0]
    if stream.dialect is not None and not stream.dialect.header_rows and stream.format != "json":
        return None
    originals = {column.name: column.original_name for column in stream.columns}
    return tuple(name if (found := originals.get(name)) is None else found for name in loaded)


def _cells(rows: list[tuple[str | None, ...]]) -> list[Cells]:
    return [tuple("" if cell is None else cell for cell in row) for row in rows]


def sniffer(path: Path, _settings: Settings) -> Loaded:
    """The standard library."""
    text = path.read_bytes().decode("utf-8-sig")
    sample = text[:SNIFFED_CHARACTERS]
    dialect = csv.Sniffer().sniff(sample)
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), dialect) if row]
    return Loaded(rows[0], rows[1:]) if csv.Sniffer().has_header(sample) else Loaded(None, rows)


def clever(path: Path, _settings: Settings) -> Loaded:
    """CleverCSV, its own guess of the encoding included."""
    import clevercsv
    from clevercsv.encoding import get_encoding

    text = path.read_bytes().decode(get_encoding(str(path)))
    sample = text[:SNIFFED_CHARACTERS]
    detector = clevercsv.Detector()
    dialect = detector.detect(sample)
    if dialect is None:
        raise ValueError("no dialect")
    rows = [tuple(row) for row in clevercsv.reader(io.StringIO(text, newline=""), dialect) if row]
    return Loaded(rows[0], rows[1:]) if detector.has_header(sample) else Loaded(None, rows)


def duckdb_strict(path: Path, settings: Settings) -> Loaded:
    """``read_csv`` as it comes, but for the types."""
    return _duckdb(path, settings, "")


def duckdb_lenient(path: Path, settings: Settings) -> Loaded:
    """``read_csv`` with everything on that goes on in spite of damage."""
    return _duckdb(path, settings, ", strict_mode = false, ignore_errors = true, null_padding = true")


def _duckdb(path: Path, settings: Settings, options: str) -> Loaded:
    file = quote_literal(path)
    with closing(connect(settings)) as duck:
        sniffed = options.replace(", null_padding", ", parallel = false, null_padding")
        header = duck.execute(f"SELECT HasHeader FROM sniff_csv({file}{sniffed})").fetchall()[0][0]
        found = duck.execute(f"SELECT * FROM read_csv({file}, all_varchar = true{sniffed})")
        names = tuple(column[0] for column in found.description or ())
        return Loaded(names if header else None, _cells(found.fetchall()))


def pandas_python(path: Path, _settings: Settings) -> Loaded:
    """What pandas makes of it, with its own guess of the delimiter."""
    import pandas as pd

    frame = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False, on_bad_lines="skip")
    rows = [tuple("" if cell is None else str(cell) for cell in row) for row in frame.itertuples(index=False)]
    return Loaded(tuple(map(str, frame.columns)), rows)


READERS: dict[str, Reader] = {
    "UDB": ours,
    "csv.Sniffer": sniffer,
    "CleverCSV": clever,
    "DuckDB strict": duckdb_strict,
    "DuckDB lenient": duckdb_lenient,
    "pandas": pandas_python,
}
"""Who is measured; :func:`ours` first."""
