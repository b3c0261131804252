"""What reads like a table and is none: programs, settings, and what people wrote for people."""

from __future__ import annotations

import re

from udb_pipelines.detection.delimited import Delimited
from udb_pipelines.detection.evidence import SEPARATED
from udb_pipelines.detection.localfile import LocalFile
from udb_pipelines.detection.programs import CERTAIN, SQL, UPRIGHT, program_of
from udb_pipelines.detection.textlayout import is_prose
from udb_pipelines.errors import UdbError

REGULAR = 0.9
MOSTLY_REGULAR = 0.8
"""Without numbers or dates, lines of which fewer than so many have the same fields are something else: code, mail."""
REMEDIES = {
    SQL: "load its statements into a database, and that database into UDB",
    UPRIGHT: "ask for the records as CSV, without \\G or \\x, or load the database itself",
}
FEW_COLUMNS = 2
"""Programs and settings may have so many fields in every line."""
DOCUMENT_SUFFIXES = {".md", ".markdown", ".rst", ".adoc", ".tex"}
DOCUMENT_NAMES = {
    "readme",
    "license",
    "licence",
    "changelog",
    "changes",
    "notice",
    "authors",
    "contributing",
    "copying",
}


def refuse_programs(file: LocalFile, lines: list[str], found: Delimited | None) -> None:
    """Refuse what is certainly no table, and programs and settings whose lines, as ``found``, make no regular one.

    Raises:
        UdbError: ``E_NOT_A_TABLE``.
    """
    what = program_of(lines)
    is_table = found is None or (found.regular >= REGULAR and (found.typed or len(found.columns) > FEW_COLUMNS))
    if what is None or (is_table and what not in CERTAIN):
        return
    raise UdbError(
        "E_NOT_A_TABLE",
        f"{file.name} reads like {what}, not like a table",
        remedy=REMEDIES.get(what, "name it with --format delimited if it is a table"),
    )


def are_pages(text: str) -> bool:
    r"""Whether form feeds part pages that begin with one title, with a number or a time that changes.

    >>> are_pages("List, page 1\na 1\n\fList, page 2\na 2\n"), are_pages("a,b\n1,2\n\fa,b\n3,4\n")
    (True, False)
    """
    tops = [page.strip().partition("\n")[0].strip() for page in re.split(r"(?:\A|\n)\f", text) if page.strip()]
    titles = {re.sub(r"\d+", "0", top) for top in tops[:-1] or tops}
    return len(tops) > 1 and len(set(tops)) == len(tops) and len(titles) == 1


def refuse_pages(file: LocalFile, *, paged: bool) -> None:
    """Refuse a printout whose titles stand in the way of its columns.

    Raises:
        UdbError: ``E_NOT_A_TABLE``.
    """
    if paged:
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{file.name} is a printout in pages, each below a title of its own",
            remedy="export the list as CSV, or take the titles out and load it again",
        )


def refuse_documents(file: LocalFile, lines: list[str], found: Delimited) -> None:
    """Refuse what people wrote for people, although some of its lines could be cut into fields.

    Raises:
        UdbError: ``E_NOT_A_TABLE``.
    """
    by_name = file.suffix in DOCUMENT_SUFFIXES or file.stem.lower() in DOCUMENT_NAMES
    several = len(found.columns) > 1
    lines_say = (found.regular < MOSTLY_REGULAR and not found.typed) or is_prose(lines[:1000], found.dialect.delimiter)
    prose = several and file.suffix not in SEPARATED and lines_say
    if (found.regular >= REGULAR and several) or not (by_name or prose):
        return
    columns = f"{len(found.columns)} columns" if several else "one column"
    raise UdbError(
        "E_NOT_A_TABLE",
        f"{file.name} reads like a text for people; the closest format is delimited text with {columns}, which "
        f"{found.regular:.0%} of its lines would have",
        remedy="name it with --format delimited if it is a table",
    )
