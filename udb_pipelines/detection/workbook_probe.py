"""Opens a workbook in a process of its own, and prints what is in it as JSON.

A hostile or damaged workbook can make the parser ask for hundreds of gigabytes, which ends its process without an
exception; one cell in the last corner of a sheet is enough. So the process that opens it first is not ours, and
its memory is limited. Run as a script, without the package, to start fast:
``python -I workbook_probe.py FILE ROWS MEMORY_BYTES``.
"""

from __future__ import annotations

import datetime
import json
import resource
import sys

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum


def as_text(value: object) -> str:
    """A cell as people see it; whole numbers without their ``.0``."""
    if value is None or value == "":
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()


def probe(path: str, rows: int) -> dict[str, object]:
    """``sheets`` with name, kind, visibility, height and the first ``rows`` rows; or ``error``: protected, damaged."""
    sheets = []
    try:
        with CalamineWorkbook.from_path(path) as book:
            for meta in book.sheets_metadata:
                kind = str(meta.typ).rpartition(".")[2]
                sheet = book.get_sheet_by_name(meta.name) if kind == "WorkSheet" else None
                sheets.append(
                    {
                        "name": meta.name,
                        "kind": kind,
                        "visible": meta.visible == SheetVisibleEnum.Visible,
                        "height": sheet.height if sheet else 0,
                        "rows": [[as_text(cell) for cell in row] for row in sheet.to_python(nrows=rows)]
                        if sheet
                        else [],
                    }
                )
    except PasswordError:
        return {"error": "protected"}
    except (CalamineError, ValueError, OverflowError, OSError):
        return {"error": "damaged"}
    return {"sheets": sheets}


if __name__ == "__main__":
    limit = int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(probe(sys.argv[1], int(sys.argv[2]))))
