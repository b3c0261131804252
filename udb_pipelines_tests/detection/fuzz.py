"""Damaged public files through detection and loading, for as long as asked: ``make fuzz SECONDS=300``.

Whatever the bytes, a file loads with all its rows accounted for, or is refused with a code. Another exception, or a
file that takes longer than :data:`PATIENCE`, is a defect: its bytes are kept and named.
"""

from __future__ import annotations

import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from udb_pipelines_tests.detection.outcomes import files, outcome
from udb_pipelines_tests.detection.test_fuzz import mutated

PATIENCE = 60.0
SMALL = 60_000
MEMORY_MB = 2_000


def main(seconds: float, seed: int) -> int:
    """Read damaged files for ``seconds``; the number of defects, at most one per kind of exception."""
    rng = random.Random(seed)
    stock = [path for path in files() if 0 < path.stat().st_size < SMALL]
    home = Path(tempfile.mkdtemp(prefix="udb-fuzz-"))
    ends = time.monotonic() + seconds
    seen: Counter[str] = Counter()
    defects = 0
    while time.monotonic() < ends:
        original = rng.choice(stock)
        path = home / f"damaged{original.suffix}"
        path.write_bytes(mutated(original.read_bytes(), rng))
        found = _read(path, home)
        seen[found if found.startswith("E_") else "loaded"] += 1
        if found in ("E_INTERNAL", "E_COUNT_MISMATCH", "E_HANG"):
            defects += 1
            kept = shutil.copy(path, Path(tempfile.gettempdir()) / f"udb-{found}-{defects}{path.suffix}")
            sys.stderr.write(f"{found}: {original.name} damaged, kept as {kept}\n")
    shutil.rmtree(home, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stderr.write(f"seed {seed}: {sum(seen.values())} files, {dict(seen.most_common())}, peak {peak:.0f} MB\n")
    return min(defects + (peak > MEMORY_MB), 100)


def _read(path: Path, home: Path) -> str:
    started = time.monotonic()
    try:
        found = outcome(path, home)
    except Exception as error:  # what must not happen
        sys.stderr.write(f"{type(error).__name__} left the stages\n")
        return "E_INTERNAL"
    return "E_HANG" if time.monotonic() - started > PATIENCE else found


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 300, int(time.time())))
