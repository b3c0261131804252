"""``python -m udb_pipelines.samples FOLDER``: write the sample files and list them."""

from __future__ import annotations

import sys
from pathlib import Path

from udb_pipelines.samples import create


def main(arguments: list[str]) -> int:
    """Write the files into the folder named; exit code 2 when none is."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m udb_pipelines.samples FOLDER\n")
        return 2
    for file in create(Path(arguments[0])):
        rows = ", ".join(f"{rows:,} {table}" for table, rows in file.rows.items())
        sys.stdout.write(f"{'wrote' if file.written else 'kept '}  {file.path}  ({rows})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
