r"""Text as databases write their tables: NULL is ``\N``, and a backslash takes the meaning of what follows it."""

from __future__ import annotations

import re

from udb_pipelines.detection.dialect import Trial
from udb_pipelines.models import SourceOptions

_SEQUENCE = re.compile(r"\\(\r\n|.)", re.DOTALL)
_LETTERS = frozenset("bfnrtvNZ0\\.\n\r") | {"\r\n"}


def is_dump(text: str, best: Trial, options: SourceOptions) -> bool:
    """Whether ``text`` is what COPY of PostgreSQL or INTO OUTFILE of MySQL write when not told otherwise.

    NULLs say so, where every backslash begins a sequence of theirs. Ctrl-A parts the fields of Hive, which escapes
    nothing.
    """
    pinned = options.quote is not None or options.escape is not None
    if pinned or best.quote or best.delimiter == "\x01" or without_nulls(text, best.delimiter) == text:
        return False
    return all(found in _LETTERS or found == best.delimiter for found in _SEQUENCE.findall(text))


def without_nulls(text: str, delimiter: str) -> str:
    """``text`` with empty fields where it has NULL."""
    edge = re.escape(delimiter)
    return re.sub(rf"(?:(?<=[{edge}\r\n])|\A)\\N(?=[{edge}\r\n]|\Z)", "", text)
