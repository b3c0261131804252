"""Texts that machines run, read as settings or send: their lines can be cut into fields, and hold no records."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

LOOKED_AT = 500
MOSTLY = 0.8
PARTLY = 0.4
FEW = 3
GLANCE = 20
SQL = "SQL"
ARMOR = "keys or certificates"
CARDS = "cards of literature"
TYPESET = "a typeset text"
UPRIGHT = "records one below the other, a line for each field"
CERTAIN = frozenset({SQL, ARMOR, CARDS, TYPESET, UPRIGHT})
"""What is none of a table's business even where its lines would make a regular one."""

_SQL = re.compile(
    r"(?:insert\s+into|create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+)*"
    r"(?:table|view|index|database|schema|function|procedure)|drop\s+(?:table|view)|alter\s+table|delete\s+from"
    r"|update\s+\S+\s+set|select\s+\S|with\s+\w+\s+as\s*\(|begin;|begin\s+transaction|set\s+\w+\s*=|use\s+\w+;)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\s*(?:from|where|join|group\s+by|order\s+by|values)\b", re.IGNORECASE)
_TUPLE = re.compile(r"\s*\(.*\)[,;]?")
_SQL_COMMENT = re.compile(r"\s*(?:--|/\*|\*/|\*)")
_CODE = re.compile(
    r"\s*(?:(?:import|from|def|class|function|func|fn|var|let|const|public|private|protected|static|package|using"
    r"|namespace|struct|interface|export|elif|except|raise|throw|catch|module|require)\s+\S.*"
    r"|return\b.*|(?:async\s+)?(?:if|for|while|with|try|else|switch)\b.*[:{(]\s*|else:?|end|[{}()\[\]]+[;,]?|@\w+.*"
    r"|#include\b.*|//.*|/\*.*|\*/|'''.*|\"\"\".*|\w[\w.]*\s*(?:[-+*|:]?=|<-)\s*[^=].*|[\w.]+\(.*\)[;:]?|.*[{;]\s*)"
)
_KEYWORD = re.compile(
    r"\s*(?:import\s|from\s+\S+\s+import|def\s|class\s|function\s|func\s|fn\s|return\b|package\s|#include\b|using\s"
    r"|const\s|let\s|var\s|public\s|private\s|namespace\s|library\(|require\(|\w+\s*<-\s)"
)
_YAML = re.compile(r"(?P<indent>\s*)(?:-\s+)?(?:[\"']?[\w./$ -]+[\"']?:(?:\s+\S.*)?|-\s+\S.*|#.*|---|\.\.\.)")
_ITEM = re.compile(r"\s*-\s+[\w./$-]+:\s.*")
_OPENS = re.compile(r"\s*(?:-\s+)?[\w./$-]+:\s*")
_SECTION = re.compile(r"\[{1,2}[\w .:/\"'-]+\]{1,2}")
_BUILD = re.compile(r"(?:FROM|RUN|COPY|ADD|CMD|ENTRYPOINT|WORKDIR|ENV|ARG|EXPOSE|USER|LABEL|VOLUME)\s+\S.*|\s+.*|#.*")
_MAIL = re.compile(r"(?:From|To|Cc|Subject|Date|Received|Return-Path|Message-ID|Reply-To|MIME-Version): .*")
_SEQUENCE = re.compile(r"[A-Za-z*-]+")
_HEAD = re.compile(r"[A-Za-z][A-Za-z-]*: .*|\s+\S.*")
_ARMOR = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----")
_TAG = re.compile(r"[A-Z][A-Z0-9]{1,3} {0,2}- ?.*|\s+\S.*")
_FIELD = re.compile(r"(?P<key>[A-Za-z][\w .()/-]{0,40}):(?:\s.*)?|\s+\S.*")
_RECORD = re.compile(r"\*{5,} ?\d+\. row ?\*{5,}|-\[ RECORD \d+ \][-+]*")
_ENTRY = re.compile(r"[\w.\"'-][\w. \"'-]*\s*[=:].*|[#;].*")


def program_of(lines: Sequence[str]) -> str | None:
    """What ``lines`` are when they are SQL, a program, or settings; None for anything else.

    >>> program_of(["[server]", "port = 80", "host = a,b"]), program_of(["id,name", "1,ann"])
    ('settings in sections', None)
    """
    found = [line.rstrip() for line in lines[:LOOKED_AT] if line.strip()]
    if _is_sql(found):
        return SQL
    if len(found) < FEW:
        return None
    return next((what for what, is_one in _KINDS if is_one(found)), None)


def _is_sql(lines: Sequence[str]) -> bool:
    """A statement comes first, comments aside, and has an end or clauses; or all lines are tuples."""
    own = [line for line in lines if not _SQL_COMMENT.match(line)]
    if len(own) > 1 and all(_TUPLE.fullmatch(line) for line in own) and own[0].endswith(","):
        return True
    further = any(line.endswith(";") for line in own) or any(map(_CLAUSE.match, own[1:]))
    return bool(own) and _SQL.match(own[0].strip()) is not None and further


def _is_yaml(lines: Sequence[str]) -> bool:
    """Nearly all lines are keys or items, some of them open blocks, and lines are indented unequally."""
    found = [_YAML.fullmatch(line) for line in lines]
    indents = {len(match["indent"]) for match in found if match}
    opened = sum(bool(_OPENS.fullmatch(line) or _ITEM.fullmatch(line)) for line in lines)
    return sum(map(bool, found)) >= MOSTLY * len(lines) and opened > 0 and len(indents) > 1


def _is_sectioned(lines: Sequence[str]) -> bool:
    """Titles in brackets, of which one comes first, and entries below them."""
    own = [line for line in lines if not line.lstrip().startswith(("#", ";"))]
    titles = sum(_SECTION.fullmatch(line.strip()) is not None for line in own)
    entries = sum(_ENTRY.match(line.strip()) is not None for line in own)
    starts = bool(own) and _SECTION.fullmatch(own[0].strip()) is not None
    return starts and titles + entries >= MOSTLY * len(own) and entries > 0


def _is_code(lines: Sequence[str]) -> bool:
    """Keywords begin some lines, and a good part of all are statements."""
    keywords = sum(_KEYWORD.match(line) is not None for line in lines)
    statements = sum(_CODE.fullmatch(line) is not None for line in lines)
    return keywords >= 2 and statements >= PARTLY * len(lines)


def _is_build(lines: Sequence[str]) -> bool:
    """Instructions of a container file."""
    first = next((line for line in lines if not line.startswith("#")), "")
    return first.startswith(("FROM ", "ARG ")) and all(_BUILD.fullmatch(line) for line in lines)


def _is_mail(lines: Sequence[str]) -> bool:
    """Its head comes first."""
    return _MAIL.match(lines[0]) is not None and _HEAD.fullmatch(lines[1]) is not None


def _is_armor(lines: Sequence[str]) -> bool:
    """Letters between a line that begins and one that ends something."""
    marks = [match[1] for line in lines if (match := _ARMOR.fullmatch(line))]
    return marks[:2] == ["BEGIN", "END"] or (marks == ["BEGIN"] and len(lines) == LOOKED_AT)


def _is_tagged(lines: Sequence[str]) -> bool:
    """Two to four capitals, and a dash, before every value."""
    tags = sum(not line[0].isspace() for line in lines)
    return all(map(_TAG.fullmatch, lines)) and not lines[0][0].isspace() and tags >= PARTLY * len(lines)


def _is_fields(lines: Sequence[str]) -> bool:
    """A name and a colon before every value: a form, or cards one after the other."""
    found = [_FIELD.fullmatch(line) for line in lines if not line.startswith("#")]
    keys = [match["key"] for match in found if match and match["key"]]
    enough = len(keys) >= max(FEW, PARTLY * len(found)) and len(set(keys)) > 1
    return all(found) and enough and not lines[0][0].isspace()


def _is_upright(lines: Sequence[str]) -> bool:
    """As database clients print records that are too wide for a line: each below a rule with its number."""
    return any(map(_RECORD.fullmatch, lines[:GLANCE]))


def _is_card(lines: Sequence[str]) -> bool:
    """Calendars and address cards are blocks between BEGIN and END."""
    return lines[0].startswith("BEGIN:V") and any(line.startswith("END:V") for line in lines)


def _is_sequences(lines: Sequence[str]) -> bool:
    """Letters below titles that begin with ``>``."""
    titles = sum(line.startswith(">") for line in lines)
    rest = [line for line in lines if not line.startswith(">")]
    return lines[0].startswith(">") and bool(rest) and titles < len(lines) and all(map(_SEQUENCE.fullmatch, rest))


_KINDS: tuple[tuple[str, Callable[[Sequence[str]], bool]], ...] = (
    (UPRIGHT, _is_upright),
    ("settings (YAML)", _is_yaml),
    ("settings in sections", _is_sectioned),
    ("a container file", _is_build),
    ("a calendar or an address card", _is_card),
    ("a mail", _is_mail),
    (ARMOR, _is_armor),
    (CARDS, _is_tagged),
    (TYPESET, lambda lines: any(line.startswith("\\begin{") for line in lines[:GLANCE])),
    ("a form of names and values", _is_fields),
    ("sequences (FASTA)", _is_sequences),
    ("a program", _is_code),
)
