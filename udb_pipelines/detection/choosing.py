"""Which of the trials of a delimited text is believed, and when it is refused instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from udb_pipelines.detection.celltypes import cell_type
from udb_pipelines.detection.dialect import COMMON, DOUBTED, Trial, belief, sniff
from udb_pipelines.detection.evidence import NAMES, SEPARATED
from udb_pipelines.detection.header import is_name_list
from udb_pipelines.detection.textlayout import layout_of
from udb_pipelines.errors import UdbError
from udb_pipelines.models import SourceOptions

ACCEPTED_SCORE = 0.1
ACCEPTED_SHARE = 0.5
VALUE_LIKE = 0.6
REGULAR = 0.95
WHOLE_LINES = "\x1f"
"""The delimiter of lines that are one value each and hold commas: it stands in no text."""
COUNT = re.compile(r"-?(?:0|[1-9]\d*)")
DECIMAL = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")


def chosen(trials: Sequence[Trial], text: str, name: str, options: SourceOptions) -> Trial:
    """The trial to believe: a convincing table of several columns, else an undoubted single column."""
    if options.delimiter is not None:
        _check_pinned(options.delimiter, text, name, options)
        return trials[0]
    for trial in trials:
        if trial.columns > 1 and trial.share >= ACCEPTED_SHARE and trial.score >= ACCEPTED_SCORE:
            if _parts_words(trial, text):
                break
            if _wraps_lines(trial):
                raise _wrapped(name)
            if is_name_list(trial.rows):
                return _whole_lines(text)
            return _undelimited(text, options) if _splits_values(trial, text) else trial
    single = next((trial for trial in trials if _is_single_column(trial)), None) or _undelimited(text, options)
    if _holds_lines(single):
        raise _wrapped(name)
    plausible = _plausible(text, single)
    if plausible:
        shown = " or ".join(NAMES.get(char, char) for char in plausible)
        raise UdbError("E_DIALECT", f"{name}: no delimiter makes a table of it, although {shown} is plausible")
    if options.format != "delimited":
        _refuse_other_layouts(text, name, single)
    return single


def _check_pinned(delimiter: str, text: str, name: str, options: SourceOptions) -> None:
    """Refuse a delimiter that was given and stands nowhere, where another one stands in the lines.

    Raises:
        UdbError: ``E_DIALECT``.
    """
    if delimiter in text:
        return
    if plausible := _plausible(text, _undelimited(text, options)):
        given, shown = (" or ".join(NAMES.get(char, char) for char in chars) for chars in ([delimiter], plausible))
        raise UdbError(
            "E_DIALECT",
            f"{name}: the delimiter that was given, {given}, stands nowhere in it, although {shown} is plausible",
            remedy="give another --delimiter, or leave it to be detected",
        )


def _wrapped(name: str) -> UdbError:
    return UdbError(
        "E_DIALECT",
        f"{name}: each line stands in quotes as a whole, so that its fields are one value",
        remedy="remove the quotes around the lines, and save the file again",
    )


def _holds_lines(single: Trial) -> bool:
    """Whether the values of a single quoted column hold equally many delimiters, two or more: they are whole lines."""
    values = [row[0] for row in single.rows]
    counts = ({value.count(mark) for value in values} for mark in COMMON)
    return single.quote != "" and len(values) > 1 and any(len(found) == 1 and min(found) > 1 for found in counts)


def _wraps_lines(trial: Trial) -> bool:
    """Whether quotes stand around whole lines and were taken for parts of the first and the last value."""
    rows = [row for row in trial.rows if len(row) > 1]
    whole = sum(row[0][:1] == '"' == row[-1][-1:] and not any('"' in cell[1:-1] for cell in row) for row in rows)
    return trial.quote == "" and whole >= REGULAR * len(rows) > 1


def _refuse_other_layouts(text: str, name: str, single: Trial) -> None:
    """Refuse what would pass for one column and is something else."""
    layout = layout_of(text.splitlines()[:1000])
    if layout == "fixed_width":
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{name} looks like columns of fixed width, but where they begin is not clear",
            remedy="name the characters of each column with --widths",
        )
    if layout == "log":
        raise UdbError("E_NOT_A_TABLE", f"{name} looks like a log, but its lines have no layout that is known")
    prose = layout == "prose" and Path(name).suffix.lower() not in SEPARATED
    if prose or single.types < VALUE_LIKE:
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{name} reads like free text; the closest format is delimited text with one column",
            remedy="name it with --format delimited if each line is one value",
        )


def _splits_values(trial: Trial, text: str) -> bool:
    """Whether an uncommon delimiter only takes apart dates, times, addresses or the like, one per line."""
    if trial.delimiter in COMMON:
        return False
    if trial.delimiter == " " and (_measures(trial) or _counts(trial)):
        return False
    lines = [line for line in text.splitlines()[1:1000] if line.strip()]
    values = sum(cell_type(line) in ("number", "date", "special") for line in lines)
    return values > 0.9 * len(lines)


def _counts(trial: Trial) -> bool:
    """Whether all cells are whole numbers that are no parts of one: no leading zeros or signs, no groups of three."""
    rows = [row for row in trial.rows[1:] if row]
    cells = [cell for row in rows for cell in row]
    if trial.columns < 3 or not rows or any(len(row) != trial.columns for row in trial.rows):
        return False
    grouped = all(len(cell) == 3 for row in rows for cell in row[1:])
    return not grouped and all(COUNT.fullmatch(cell) for cell in cells)


def _measures(trial: Trial) -> bool:
    """Whether a column holds numbers with decimals: those are no parts of telephone numbers, dates or addresses."""
    rows = [row for row in trial.rows[1:] if len(row) == trial.columns]
    return any(
        sum(DECIMAL.fullmatch(row[index]) is not None for row in rows) >= VALUE_LIKE * len(rows) > 0
        for index in range(trial.columns)
    )


def _parts_words(trial: Trial, text: str) -> bool:
    """Whether a doubted delimiter parts the words of a log or of columns of fixed width."""
    if belief(trial.delimiter) > DOUBTED:
        return False
    regular = sum(len(row) == trial.columns for row in trial.rows) >= REGULAR * len(trial.rows)
    if trial.delimiter == " " and regular:
        return False
    return layout_of(text.splitlines()[:1000]) in ("log", "fixed_width")


def _is_single_column(trial: Trial) -> bool:
    return trial.columns == 1 and trial.share == 1.0 and trial.quote != "" and trial.types >= 0.7


def _undelimited(text: str, options: SourceOptions) -> Trial:
    """The text read as one value per line."""
    return sniff(text, "\x00", options.quote, options.escape)[0]


def _whole_lines(text: str) -> Trial:
    """The text read as one value per line although a usual delimiter stands in it."""
    return sniff(text, WHOLE_LINES, "", "")[0]


def _plausible(text: str, single: Trial) -> list[str]:
    """Usual delimiters outside quotes on at least a third of the lines: the text may not be one column."""
    if single.quote and single.delimiter in COMMON:
        return []
    lines = [line for line in text.splitlines()[:1000] if line.strip()]
    return [char for char in COMMON if sum(char in line for line in lines) >= max(1, len(lines) / 3)]
