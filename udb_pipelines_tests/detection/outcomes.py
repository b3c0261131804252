"""What becomes of every public file, recorded: ``python -m udb_pipelines_tests.detection.outcomes`` writes it anew.

An outcome is the tables that were loaded (``rows x columns``, rejected rows), all rows that break a rule rejected, or
the code of the refusal.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Source, SourceOptions

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
RECORDED = Path(__file__).with_name("outcomes.json")
FOLDERS = (
    "csv-spectrum", "dialect/files", "dirty", "frictionless", "json", "messytables", "parquet", "qsv", "spreadsheets",
    "types",
)  # fmt: skip
LARGEST = 8 << 20
JOB = "00000000-0000-4000-8000-000000000000"


def files() -> list[Path]:
    """Every public file of a size that tests may take."""
    found = (path for folder in FOLDERS for path in sorted((CORPORA / folder).rglob("*")) if path.is_file())
    return [path for path in found if path.stat().st_size < LARGEST]


def outcome(path: Path, home: Path) -> str:
    """Detect and extract one file."""
    settings = Settings(home=home, threads=1)
    options = SourceOptions(max_reject_pct=100, allow_empty=True)
    source = Source(name="file", uri=str(path), options=options, created_at=datetime.now(UTC))
    try:
        staged = extract(provision(source, detect(source, settings)), settings, JOB, None)
    except UdbError as error:
        return error.code
    finally:
        shutil.rmtree(settings.staging / JOB, ignore_errors=True)
    shapes = [f"{item.rows_staged} x {len(item.columns)}, {item.rows_rejected} rejected" for item in staged.datasets]
    return "; ".join(shapes)


def is_worse(found: str, recorded: str) -> bool:
    """Whether ``found`` loads less than ``recorded``, or breaks where a reason was given.

    >>> is_worse("E_DIALECT", "9 x 3, 0 rejected"), is_worse("9 x 3, 0 rejected", "8 x 3, 1 rejected")
    (True, False)
    >>> is_worse("8 x 3, 1 rejected", "9 x 3, 0 rejected"), is_worse("9 x 1, 0 rejected", "9 x 3, 0 rejected")
    (True, True)
    """
    if found == recorded:
        return False
    if found.startswith("E_") or recorded.startswith("E_"):
        return recorded.startswith("E_") is False or found == "E_INTERNAL"
    now, before = _cells(found), _cells(recorded)
    return now[0] < before[0] or now[1] > before[1]


def _cells(text: str) -> tuple[int, int]:
    """Loaded cells and rejected rows of all tables."""
    shapes = re.findall(r"(\d+) x (\d+), (\d+) rejected", text)
    return sum(int(rows) * int(columns) for rows, columns, _ in shapes), sum(int(count) for *_, count in shapes)


def main() -> int:
    """Write the record."""
    home = Path(tempfile.mkdtemp(prefix="udb-outcomes-"))
    found = {str(path.relative_to(CORPORA)): outcome(path, home) for path in files()}
    shutil.rmtree(home, ignore_errors=True)
    RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
