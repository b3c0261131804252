"""How a table is written as text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.pollution.judging import Record, Table


@dataclass(frozen=True)
class Style:
    """How a table is written."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    """A character before inner quotes; they are doubled when empty."""
    newline: str = "\n"
    quoting: str = "needed"
    """``needed``, ``all``, ``texts`` or ``some``."""

    def cell(self, text: str, rng: random.Random) -> str:
        """One field, in quotes where the style wants them."""
        needed = any(mark in text for mark in (self.delimiter, self.quote, "\n", "\r")) or (
            bool(self.escape) and self.escape in text
        )
        number = text.replace(".", "").replace("-", "").isdigit()
        wanted = {"needed": False, "all": True, "texts": not number, "some": rng.random() < 0.4}[self.quoting]
        if not needed and not wanted:
            return text
        inner = text.replace(self.escape, self.escape * 2) if self.escape else text
        return f"{self.quote}{inner.replace(self.quote, (self.escape or self.quote) + self.quote)}{self.quote}"

    def line(self, cells: Sequence[str], rng: random.Random) -> str:
        """One record without its line end."""
        return self.delimiter.join(self.cell(cell, rng) for cell in cells)

    def lines(self, table: Table, rng: random.Random) -> list[str]:
        """Header and records."""
        return [self.line(cells, rng) for cells in (table.header, *table.rows)]


PLAIN = Style()


def sound(table: Table) -> tuple[Record, ...]:
    """The rows of a table as records."""
    return tuple(map(Record, table.rows))


def joined(lines: Sequence[str], newline: str = "\n") -> bytes:
    """Lines as the bytes of a file."""
    return "".join(line + newline for line in lines).encode()
