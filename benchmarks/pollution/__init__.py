"""Clean tables, polluted in every way we could name, each with what a reader must bring back.

``polluted()`` makes the files; ``right()`` judges what a reader made of one. Row-level pollution damages single rows:
they may be rejected, where they are counted, or be repaired, but every sound row must come back exactly, in order.
File-level pollution changes how the whole file is written: everything must come back. ``unseen()``, ``third()`` and
``fourth()`` make kinds that no rule was tuned on when they were written.

Everything follows from fixed seeds: the same files in every run.
"""

from __future__ import annotations

import random

from benchmarks.pollution.bases import tables
from benchmarks.pollution.frames import edged, framed, headed, several_tables, undecodable
from benchmarks.pollution.judging import Cells, Loaded, Polluted, Truth, right
from benchmarks.pollution.rows import row_level
from benchmarks.pollution.styles import encoded, legacy, written
from benchmarks.pollution.unseen import unseen
from benchmarks.pollution.unseen_fourth import fourth
from benchmarks.pollution.unseen_third import third
from benchmarks.pollution.writing import PLAIN, joined, sound

__all__ = ["Cells", "Loaded", "Polluted", "Truth", "fourth", "polluted", "right", "third", "unseen"]


def polluted(seed: int = 1) -> list[Polluted]:
    """All files."""
    rng = random.Random(seed)
    clean = tables(seed)
    found = list(legacy(rng))
    for table in clean:
        truth = (Truth(table.header, sound(table)),)
        found.append(Polluted("clean", table.name, joined(PLAIN.lines(table, rng)), truth))
        for part in (row_level, written, encoded, headed, framed, edged, undecodable):
            found += part(table, rng)
        found += several_tables(table, clean, rng)
    return [item for item in found if item.truths or item.refusals]
