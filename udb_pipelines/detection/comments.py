"""Lines of a delimited text that are no rows: comments, lines that were skipped, and rules that draw a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from udb_pipelines.detection.celltypes import cell_type
from udb_pipelines.detection.dialect import Trial, parse, sniff
from udb_pipelines.detection.header import Layout, find_layout
from udb_pipelines.models import SourceOptions

PARTING = re.compile(r"[\s,;|:]")
LABELS = frozenset({"fields", "columns", "names", "header"})
"""Words that stand before the names of columns in a comment, with or without a colon."""
RULER = re.compile(r" *(?=[-=+|: ]*[|+])(?:[|+] *)?:?(?:-{2,}|={2,}):?(?: *[|+] *:?(?:-{2,}|={2,}):?)* *[|+]?\s*")
"""A line of dashes under a header, or around a table, with pipes or crosses where its columns part."""


def sniffed(text: str, options: SourceOptions) -> tuple[str, str, tuple[Trial, ...]]:
    """The comment mark, the text without comments and skipped lines, and the trials of it, best first."""

    def trials_of(body: str) -> tuple[Trial, ...]:
        return sniff(body, options.delimiter, options.quote, options.escape)

    plain = after(text, options.skip_rows or 0)
    if options.comment:
        plain = without_comments(plain, options.comment)
    elif rulers := rulers_of(plain):
        bare = without_comments(plain, rulers)
        return rulers, bare, trials_of(bare)
    trials = trials_of(plain)
    marked = len(re.findall(r"(?m)^#", plain))
    if options.comment is not None or not marked or marked >= plain.count("\n") - 1:
        return options.comment or "", plain, trials
    bare = without_comments(plain, "#")
    others = tuple(trial for trial in trials_of(bare) if trial.delimiter != "#")
    if _is_list_below(plain):
        return "#", bare, others
    if labelled := _labelled(plain, others):
        return "", plain, labelled
    if others and (named := _named_by_comment(plain, others[0], trials)):
        return "", plain, named
    if not others or not trials or others[0].score < trials[0].score or others[0].columns < 2:
        return "", plain, trials
    return ("", plain, trials) if _is_data(trials[0], others[0], marked) else ("#", bare, others)


def _is_list_below(text: str) -> bool:
    """Whether comments of several words stand above a list of single ones: no line of the list has a blank."""
    lines = [line for line in text.splitlines()[:1000] if line.strip()]
    marked = [line for line in lines if line.startswith("#")]
    listed = [line for line in lines if not line.startswith("#")]
    sentences = all(len(line.lstrip("# ").split()) > 1 for line in marked)
    return sentences and len(listed) > len(marked) and not any(PARTING.search(line) for line in listed)


def rulers_of(text: str) -> str:
    """What the lines begin with that draw a border in a table of pipes; empty where there are none."""
    lines = [line for line in text.splitlines()[:1000] if line.strip()]
    drawn = [line for line in lines if RULER.fullmatch(line)]
    starts = {match.group() for line in drawn if (match := re.match(r"[^-=]*[-=]", line))}
    # A grid has a line of equals signs below its header, and one below every row.
    starts = starts if len(starts) == 1 else {start[:-1] for start in starts}
    if len(starts) != 1 or 2 * len(drawn) > len(lines) + 1 or not (start := starts.pop()).strip():
        return ""
    return start if sum(line.startswith(start) for line in lines) == len(drawn) else ""


def _labelled(text: str, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Of ``trials`` of a text without comments, the one that is as wide as a comment with a label has names."""
    above = list(takewhile(lambda line: line.startswith("#"), (line for line in text.splitlines() if line.strip())))
    for trial in trials:
        widths = [len(row) for row in trials_rows(trial, above) if label_of(row)]
        if widths and widths[0] == trial.columns + 1:
            return (trial,)
    return ()


def _named_by_comment(text: str, bare: Trial, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """``trials`` with the one that agrees with ``bare`` first, if the last comment above the table names its columns.

    Empty otherwise, or where comments stand among the rows.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    above = next((index for index, line in enumerate(lines) if not line.startswith("#")), 0)
    if not above or any(line.startswith("#") for line in lines[above:]):
        return ()
    named = lines[above - 1].lstrip("# ")
    cells = next((row for row, _ in parse(named, bare.delimiter, bare.quote, bare.escape)), [])
    # A lone comment is more often one than it holds names.
    if above == 1 and not all(cell_type(cell) == "word" for cell in cells):
        return ()
    if len(cells) != bare.columns or bare.columns < 2 or find_layout(bare.rows, bare.columns).header_rows:
        return ()
    return _agreeing(trials, bare)


def trials_rows(trial: Trial, lines: Sequence[str]) -> list[tuple[str, ...]]:
    """``lines`` cut as ``trial`` does."""
    return [tuple(row) for line in lines for row, _ in parse(line, trial.delimiter, trial.quote, trial.escape)]


def _agreeing(trials: tuple[Trial, ...], bare: Trial) -> tuple[Trial, ...]:
    """``trials`` with those first that cut as ``bare`` does; empty without any."""
    same = [t for t in trials if (t.delimiter, t.quote) == (bare.delimiter, bare.quote) and t.columns == bare.columns]
    return (*same, *(trial for trial in trials if trial not in same)) if same else ()


def label_of(row: tuple[str, ...]) -> str:
    """The label of a comment that holds the names of columns; empty for any other row.

    >>> label_of(("#Fields:", "date", "time")), label_of(("#fields", "ts")), label_of(("#separator", ","))
    ('fields', 'fields', '')
    """
    label = row[0].lstrip("# ").rstrip(": ").casefold() if row and row[0].startswith("#") else ""
    return label if label in LABELS and len(row) > 1 else ""


def labelled_layout(rows: Sequence[tuple[str, ...]], columns: int) -> Layout | None:
    """The layout of a table whose names stand in a comment after a label: comments around the rows are none."""
    named = next((index for index, row in enumerate(rows) if label_of(row) and len(row) == columns + 1), None)
    if named is None:
        return None
    first = next((index for index in range(named, len(rows)) if not rows[index][0].startswith("#")), len(rows))
    end = len(rows)
    while end > first and rows[end - 1][0].startswith("#"):
        end -= 1
    return Layout(named, end, first - named, rows[named][1:], 1.0)


def _is_data(plain: Trial, bare: Trial, marked: int) -> bool:
    """Whether the lines that begin with ``#`` are rows of the table: all of them, or the header alone."""
    fitting = sum(row[0].startswith("#") and len(row) == bare.columns for row in plain.rows)
    if fitting < marked:
        return False
    return marked > 1 or not find_layout(bare.rows, bare.columns).header_rows


def after(text: str, lines: int) -> str:
    """``text`` without its first lines."""
    return "".join(text.splitlines(keepends=True)[lines:]) if lines else text


def without_comments(text: str, mark: str) -> str:
    """``text`` with comment lines made empty, so that line numbers stay."""
    return re.sub(rf"(?m)^{re.escape(mark)}[^\r\n]*", "", text)
