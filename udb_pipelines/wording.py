"""Counts, sizes and durations as a person reads them, the same in every command, page and message. Pure functions."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things, in English.

    >>> counted(1, "copy"), counted(1200, "file"), counted(2, "copy"), counted(3, "row was", "rows were")
    ('1 copy', '1,200 files', '2 copies', '3 rows were')
    """
    return f"{count:,} {one if count == 1 else many or _plural(one)}"


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou") else f"{noun}s"


def duration(seconds: float) -> str:
    """A span of time.

    >>> duration(0.0123), duration(3.46), duration(59.97), duration(125), duration(7325)
    ('12 ms', '3.5 s', '1 min 0 s', '2 min 5 s', '2 h 2 min')
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: float) -> str:
    """Bytes in decimal units, three digits of them.

    >>> size(0), size(999), size(4096), size(999_900), size(400_000_000)
    ('0 B', '999 B', '4.1 kB', '1 MB', '400 MB')
    """
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    return f"{count:.3g} {unit}" if count < 999.5 else f"{count:,.0f} {unit}"


def sentence(clause: str) -> str:
    """A clause as it begins a sentence.

    >>> sentence("raise UDB_MEMORY_LIMIT, or wait")
    'Raise UDB_MEMORY_LIMIT, or wait'
    """
    return clause[:1].upper() + clause[1:]
