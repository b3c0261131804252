"""Damaged public files through detection and loading, for as long as asked: ``make fuzz SECONDS=300``.

Whatever the bytes, a file loads with all its rows accounted for, or is refused with a code. Each file is read by a
child process that may use :data:`MEMORY_MB` and :data:`PATIENCE` seconds. Another exception, a crash, a file that
takes longer or needs more is a defect: its bytes are kept and named.
"""

from __future__ import annotations

import gzip
import io
import lzma
import multiprocessing
import random
import resource
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from udb_pipelines_tests.detection.outcomes import files, outcome
from udb_pipelines_tests.detection.test_fuzz import mutated

PATIENCE = 60.0
SMALL = 250_000
MEMORY_MB = 3_000
"""Of address space; a file needs a third of that as a rule."""
FILES_PER_CHILD = 400
"""A new child now and then shows what is left of one file in the next, and what is not."""
INSIDE = 0.3
PACKED = 0.45
"""Up to these chances a file is damaged inside (if it is an archive), or packed after it was damaged."""
DEFECTS = ("E_INTERNAL", "E_COUNT_MISMATCH", "E_HANG", "E_CRASH", "E_MEMORY")


def main(seconds: float, seed: int) -> int:
    """Read damaged files for ``seconds``; the number of defects."""
    rng = random.Random(seed)
    stock: dict[str, list[Path]] = {}
    for path in files():
        if 0 < path.stat().st_size < SMALL:
            stock.setdefault(path.suffix.lower(), []).append(path)
    home = Path(tempfile.mkdtemp(prefix="udb-fuzz-"))
    ends = time.monotonic() + seconds
    seen: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    defects = 0
    child = Child(home)
    while time.monotonic() < ends:
        # By suffix first: otherwise nearly every file is text.
        suffix = rng.choice(sorted(stock))
        original = rng.choice(stock[suffix])
        how, ending, data = damaged(original.read_bytes(), original.suffix, rng)
        path = home / f"damaged{ending}"
        path.write_bytes(data)
        found = child.read(path)
        kinds[suffix] += 1
        ways[how] += 1
        seen[found if found.startswith("E_") else "loaded"] += 1
        if found in DEFECTS:
            defects += 1
            kept = shutil.copy(path, Path(tempfile.gettempdir()) / f"udb-{found}-{seed}-{defects}{path.suffix}")
            sys.stderr.write(f"{found}: {original.name} damaged, kept as {kept}\n")
    child.stop()
    shutil.rmtree(home, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    sys.stderr.write(
        f"seed {seed}: {sum(seen.values())} files of {len(kinds)} kinds, {dict(ways.most_common())}, "
        f"{dict(seen.most_common())}, "
        f"{defects} defects, peak of a child {peak:.0f} MB\n"
    )
    return min(defects, 100)


def damaged(content: bytes, suffix: str, rng: random.Random) -> tuple[str, str, bytes]:
    """How the file is damaged, its suffix, and its bytes.

    Checksums keep damage to the bytes of an archive from what is inside, so one of its members is damaged and packed
    anew; and a damaged file may be packed.
    """
    chance = rng.random()
    if chance < INSIDE and (inside := _inside(content, rng)):
        return "inside", suffix, inside
    data = mutated(content, rng)
    if chance < PACKED:
        ending, pack = rng.choice(PACKERS)
        return "packed", f"{suffix}{ending}", pack(data, suffix)
    return "bytes", suffix, data


def _inside(content: bytes, rng: random.Random) -> bytes | None:
    """A ZIP archive with one damaged member; None for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(item.filename, archive.read(item)) for item in archive.infolist() if not item.is_dir()]
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, OSError, zlib.error, EOFError):
        return None
    full = [index for index, (_, data) in enumerate(members) if data]
    if not full:
        return None
    chosen = rng.choice(full)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, (name, data) in enumerate(members):
            archive.writestr(name, mutated(data, rng) if index == chosen else data)
    return out.getvalue()


def _zip(data: bytes, suffix: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"member{suffix}", data)
        archive.writestr("second.csv", "id,name\n1,ann\n2,bob\n")
    return out.getvalue()


def _tar(data: bytes, suffix: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(f"member{suffix}")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKERS: tuple[tuple[str, Callable[[bytes, str], bytes]], ...] = (
    (".zip", _zip),
    (".tar.gz", _tar),
    (".gz", lambda data, _: gzip.compress(data)),
    (".xz", lambda data, _: lzma.compress(data)),
)


class Child:
    """A process that reads files; replaced when it dies, hangs, or has read many."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def read(self, path: Path) -> str:
        """What became of ``path``, or one of :data:`DEFECTS`."""
        if self._left == 0:
            self.stop()
            self._start()
        self._left -= 1
        try:
            self._pipe.send(path)
            if self._pipe.poll(PATIENCE):
                return str(self._pipe.recv())
            found = "E_HANG"
        except (EOFError, OSError):
            found = "E_CRASH"
        self.stop()
        self._start()
        return found

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _start(self) -> None:
        self._left = FILES_PER_CHILD
        self._pipe, theirs = self._context.Pipe()
        self._process: SpawnProcess = self._context.Process(target=_serve, args=(theirs, self._home), daemon=True)
        self._process.start()
        theirs.close()


def _serve(pipe: Connection, home: Path) -> None:
    # The soft limit only: the process that opens workbooks sets its own.
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, hard))
    while True:
        pipe.send(_outcome(pipe.recv(), home))


def _outcome(path: Path, home: Path) -> str:
    try:
        return outcome(path, home)
    except MemoryError:
        return "E_MEMORY"
    except Exception as error:  # what must not happen
        sys.stderr.write(f"{type(error).__name__} left the stages\n")
        return "E_INTERNAL"


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 300, int(time.time())))
