"""What a connector is handed: its configuration, with secrets, in files that only we can read.

The folder is the connector's place for temporary files too, as the usual kit writes its configuration down a second
time. It goes with the run. A run that was killed leaves it; the next run of any connector removes it then.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "udb-connector-"
_HELD = "held"
_SETTLED = 60
"""Seconds after which a folder that nobody holds was left by a run that is no more."""


@contextmanager
def handed(contents: Mapping[str, object]) -> Iterator[tuple[Path, list[str]]]:
    """A folder with ``contents`` as JSON files, and the options that name them."""
    _tidy(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (folder / _HELD).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            options = []
            for option, content in contents.items():
                file = folder / f"{option}.json"
                file.write_text(json.dumps(content), encoding="utf-8")
                options += [f"--{option}", str(file)]
            yield folder, options


def _tidy(parent: Path) -> None:
    """Remove the folders of runs that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        # Others tidy as well, and other users' folders are not ours to look into.
        with suppress(OSError):
            about = folder.stat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _SETTLED and _is_left(folder):
                shutil.rmtree(folder)


def _is_left(folder: Path) -> bool:
    with (folder / _HELD).open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
