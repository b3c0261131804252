"""Plain text logs: the layouts that log lines usually have, and which of them a text has.

A layout is a regular expression with named groups, one column each. Python finds it out, DuckDB (RE2) takes the
lines apart with it: only what both understand is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

MOST = 0.8
AGREED = 0.6
REGULAR = 0.95
LOOKED_AT = 2000
GLANCE = 100
"""Lines of which one must have a layout before all are asked."""
NAMED = re.compile(r"#(?:Fields|fields):?\s+\S+\s+\S")
"""A comment that names the columns: what follows is a table, even if it begins with times."""
LOGFMT = "logfmt"
STAMPED = "stamped"
LINE = "line"
DETAILS = "details"
"""The columns beside those of the layout: the entry as it stands, and its lines after the first."""

_ISO = r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[-+]\d{2}:?\d{2}))?"
_CTIME = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}(?:\.\d+)? \d{4}"
_CTIMES = ("%a %b %d %H:%M:%S.%f %Y", "%a %b %d %H:%M:%S %Y")
_SHORT = r"[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}"
_STAMP = rf"(?:{_ISO}|{_CTIME})"
_LEVEL = (
    r"(?:TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|CRIT|CRITICAL|ALERT|FATAL|EMERG|PANIC"
    r"|LOG|STATEMENT|DETAIL|HINT|AUDIT|FINE|FINER|FINEST|CONFIG"
    r"|trace|debug|info|notice|warn|warning|error|err|crit|critical|alert|fatal|emerg"
    r"|Trace|Debug|Info|Information|Notice|Warn|Warning|Error|Critical|Fatal)"
)
_QUOTED = r'(?:[^"\\]|\\.)*'
PAIR = r'([A-Za-z_][\w.\-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)'
"""A key and its value in logfmt."""


@dataclass(frozen=True)
class Layout:
    """How the first line of an entry is written. All groups of ``pattern`` that capture have a name."""

    name: str
    what: str
    pattern: str
    stamps: tuple[str, ...] = ()
    """Formats of the timestamp for ``strptime``, where it is not ISO."""
    continued: bool = False
    """Lines that begin otherwise belong to the entry above them: stack traces, and messages of several lines."""
    dashes: bool = False
    """A field that is a dash has no value."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Those that the pattern names, in order, and the whole entry; for ``logfmt``, the keys are in the data."""
        named = tuple(re.compile(self.pattern).groupindex)
        return (*named, DETAILS, LINE) if self.continued else (*named, LINE)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "access",
        "the access log of a web server (common or combined)",
        r"^(?P<host>\S+) (?P<ident>\S+) (?P<user>\S+|\S.*?\S) \["
        r"(?P<timestamp>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}"
        r' [-+]\d{4})\] "(?P<request>(?:(?P<method>[A-Z]{3,16}) (?P<path>[^" ]*)(?: (?P<protocol>[A-Z]+/[\d.]+))?|'
        rf'{_QUOTED}))" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)(?: "(?P<referer>{_QUOTED})" "(?P<agent>{_QUOTED})")?'
        r"(?P<rest>.*)$",
        stamps=("%d/%b/%Y:%H:%M:%S %z",),
        dashes=True,
    ),
    Layout(
        "syslog_5424",
        "syslog (RFC 5424)",
        rf"^<(?P<priority>\d{{1,3}})>(?P<version>\d{{1,2}}) (?P<timestamp>-|{_ISO}) (?P<host>\S+) (?P<program>\S+)"
        r' (?P<pid>\S+) (?P<message_id>\S+) (?P<data>-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)'
        r"(?: (?P<message>.*))?$",
        dashes=True,
    ),
    Layout(
        "syslog",
        "syslog (RFC 3164)",
        rf"^(?:<(?P<priority>\d{{1,3}})>)?(?P<timestamp>{_SHORT}) (?P<host>[\w.:-]+)"
        r" (?P<program>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$",
    ),
    Layout(
        "dashed",
        "timestamp - logger - level - message",
        rf"^(?P<timestamp>{_STAMP}) - (?P<logger>\S+) - (?P<level>{_LEVEL}) - (?P<message>.*)$",
        stamps=_CTIMES,
        continued=True,
    ),
    Layout(
        "levelled",
        "timestamp, level, message",
        rf"^\[?(?P<timestamp>{_STAMP})\]?[ \t:|-]*(?:(?P<context>[^\s\[]\S*|\[[^\]]*\])[ \t]+)??"
        rf"[\[(<]?(?:[\w-]+[.:])?(?P<level>{_LEVEL})[\])>]?:?(?:[ \t]+(?P<thread>\[[^\]]*\]))?"
        r"(?:[ \t]+(?:- )?(?P<logger>[A-Za-z_][\w$]*(?:[./][\w$]+)*)(?::| -)[ \t])?[ \t|-]*(?P<message>.*)$",
        stamps=_CTIMES,
        continued=True,
    ),
    Layout(
        "level_first",
        "level, timestamp, message",
        rf"^\[?(?P<level>{_LEVEL})\]?:?[ \t]+\[?(?P<timestamp>{_STAMP})\]?[ \t:|-]*(?P<message>.*)$",
        stamps=_CTIMES,
        continued=True,
    ),
    Layout(
        "syslog_iso",
        "syslog with ISO timestamps",
        r"^(?P<timestamp>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[-+]\d{2}:?\d{2})) (?P<host>[\w.:-]+)"
        r" (?P<program>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$",
    ),
    Layout(
        STAMPED,
        "timestamp, message",
        rf"^\[?(?P<timestamp>{_STAMP})\]?:?(?: -)? +(?P<message>.*)$",
        stamps=_CTIMES,
        continued=True,
    ),
    Layout(
        LOGFMT, "keys and values (logfmt)", rf"^(?:{PAIR.replace('(', '(?:', 1).replace('=(', '=(?:', 1)}\s*){{2,}}$"
    ),
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}


@dataclass(frozen=True)
class Log:
    """A reading of lines as a log."""

    layout: Layout
    columns: tuple[str, ...]
    entries: int
    share: float
    """Share of the lines that begin an entry or belong to the one above, 0 to 1."""
    plain: float
    """Share of the lines that begin an entry, 0 to 1."""


def find_log(lines: Sequence[str]) -> Log | None:
    """The layout that most of ``lines`` have, the more telling of two; None when they are no log."""
    lines = [line for line in lines[:LOOKED_AT] if line.strip()]
    if any(map(NAMED.match, lines[:GLANCE])):
        return None
    best: tuple[float, Layout, list[bool]] | None = None
    for layout in LAYOUTS:
        matches = re.compile(layout.pattern).match
        if not any(map(matches, lines[:GLANCE])):
            continue
        begins = [matches(line) is not None for line in lines]
        share = sum(begins) / len(lines) if lines else 0.0
        # The layouts are in the order of how much they tell; one further down must explain clearly more.
        if share and (best is None or share > best[0] * 1.25):
            best = (share, layout, begins)
    if best is None:
        return None
    plain, layout, begins = best
    if _is_delimited(lines, layout, entry_first=begins[0]):
        return None
    # In a log of long stack traces few lines begin an entry; then the first must.
    share = (len(lines) - begins.index(True)) / len(lines) if layout.continued else plain
    enough = share >= MOST and (plain >= AGREED or (begins[0] and sum(begins) >= 3))
    columns = (*_keys(lines), LINE) if layout.name == LOGFMT else layout.columns
    return Log(layout, columns, sum(begins), share, plain) if enough else None


def _is_delimited(lines: Sequence[str], layout: Layout, *, entry_first: bool) -> bool:
    """Whether the lines are the rows of a table whose first column is a time: all have a delimiter equally often.

    A line of names above them says so; without one only the layout that tells least gives way, to several delimiters.
    """
    least = 1 if not entry_first else 2 if layout.name == STAMPED else None
    if least is None:
        return False
    for mark in ",;\t|":
        count = lines[0].count(mark)
        if count >= least and sum(line.count(mark) == count for line in lines) >= REGULAR * len(lines):
            return True
    return False


def _keys(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for line in lines for key, _ in re.findall(PAIR, line)))
