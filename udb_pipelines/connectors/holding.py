"""Which types the texts of columns allow: asked of a sample, and of all rows where the sample was wrong.

DuckDB takes about a millisecond for each question, whatever the number of rows, so that thousands of columns are
asked little: of a sample whether the best type holds, and about the next only where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from udb_pipelines.connectors.candidates import Candidate
from udb_pipelines.connectors.textual import TextColumn, TextRelation

GLANCE_ROWS = 200
COUNTS_PER_SCAN = 100
"""DuckDB plans a query in time that grows with the square of its aggregates: a thousand columns took minutes."""


@dataclass(frozen=True)
class Choice:
    """What a column may become: the candidates that are still possible, best first.

    ``keeps`` tells that some texts are no value (a quoted empty cell, a marker), so that they need a companion.
    """

    column: TextColumn
    possible: tuple[Candidate, ...] = ()
    keeps: bool = False

    @property
    def best(self) -> Candidate | None:
        """The type of the column; None leaves it text."""
        return next(iter(self.possible), None)

    @property
    def has_companion(self) -> bool:
        """The type or the markers do not give every text back."""
        if self.best is None:
            return self.keeps and bool(self.column.null_markers)
        return self.keeps or self.best.loose is not None


def from_sample(connection: duckdb.DuckDBPyConnection, relation: TextRelation) -> list[Choice]:
    """What the columns of ``relation`` may become, as far as its sample tells."""
    if all(column.allowed == () for column in relation.columns):
        return list(map(Choice, relation.columns))
    texts = ", ".join(f"{column.text} AS t{index}" for index, column in enumerate(relation.columns))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE udb_sample AS SELECT {texts} FROM ({relation.sample_sql})")
    sampled = [replace(column, source=f"t{index}") for index, column in enumerate(relation.columns)]
    found = _best_first(connection, _at_a_glance(connection, sampled), "FROM udb_sample")
    connection.execute("DROP TABLE udb_sample")
    return [replace(choice, column=column) for choice, column in zip(found, relation.columns, strict=True)]


def _at_a_glance(connection: duckdb.DuckDBPyConnection, columns: Sequence[TextColumn]) -> list[Choice]:
    texts = ", ".join(column.sql for column in columns)
    glance = connection.execute(f"SELECT {texts} FROM udb_sample LIMIT {GLANCE_ROWS}").fetchall()
    choices = []
    for index, column in enumerate(columns):
        possible: tuple[Candidate, ...] = ()
        if column.allowed != ():
            values = [row[index] for row in glance if row[index]]
            possible = column.candidates(values or _first_values(connection, column))
        choices.append(Choice(column, possible))
    return choices


def _first_values(connection: duckdb.DuckDBPyConnection, column: TextColumn) -> list[str]:
    """Values of a column whose first rows are all empty."""
    query = f"SELECT {column.value} FROM udb_sample WHERE {column.value} IS NOT NULL LIMIT {GLANCE_ROWS}"
    return [value for (value,) in connection.execute(query).fetchall()]


def _best_first(connection: duckdb.DuckDBPyConnection, choices: list[Choice], rows_sql: str) -> list[Choice]:
    """The candidates without those that stood before the first that no row contradicts."""
    found = list(choices)
    open_ones = list(range(len(found)))
    while open_ones:
        asked = [found[index] for index in open_ones]
        heads = [replace(choice, possible=_head(choice)) for choice in asked]
        answers = holding(connection, heads, rows_sql)
        for index, choice, head, answer in zip(open_ones, asked, heads, answers, strict=True):
            behind = tuple(candidate for candidate in choice.possible if candidate not in head.possible)
            found[index] = replace(answer, possible=answer.possible + behind, keeps=choice.keeps or answer.keeps)
        open_ones = [
            index
            for index, head, answer in zip(open_ones, heads, answers, strict=True)
            if head.possible and not answer.possible and found[index].possible
        ]
    return found


def _head(choice: Choice) -> tuple[Candidate, ...]:
    """The best candidate, and its rival, without which the answer means nothing."""
    best = choice.best
    return tuple(other for other in choice.possible if best and (other is best or other.form == best.rival))


@dataclass(frozen=True)
class _Question:
    """A number of rows to count; ``candidate`` None asks for texts that are no value."""

    name: str
    candidate: Candidate | None
    inner: tuple[str, ...]
    condition: str


def _questions(index: int, choice: Choice) -> Iterator[_Question]:
    column = choice.column
    if choice.possible or column.null_markers:
        text = f"c{index}"
        nothing = f"{text} = ''" if choice.possible else "false"
        yield _Question(column.name, None, (f"{column.text} AS {text}",), f"{nothing} OR {column.is_marker(text)}")
    for number, candidate in enumerate(choice.possible):
        value, parsed = f"v{index}", f"p{index}_{number}"
        inner = (f"{column.value} AS {value}", f"{candidate.parse.replace('{c}', column.value)} AS {parsed}")
        takes = candidate.takes.replace("{c}", value).replace("{p}", parsed)
        yield _Question(column.name, candidate, inner, f"{value} IS NOT NULL AND NOT coalesce({takes}, false)")


def holding(connection: duckdb.DuckDBPyConnection, choices: list[Choice], rows_sql: str) -> list[Choice]:
    """The candidates that no row of ``rows_sql`` contradicts: one scan, or a few for very many columns."""
    asked = [question for index, choice in enumerate(choices) for question in _questions(index, choice)]
    if not asked:
        return choices
    counts: list[int] = []
    for start in range(0, len(asked), COUNTS_PER_SCAN):
        some = asked[start : start + COUNTS_PER_SCAN]
        inner = ", ".join(dict.fromkeys(sql for question in some for sql in question.inner))
        together = ", ".join(f"count(*) FILTER (WHERE {question.condition})" for question in some)
        counts.extend(connection.execute(f"SELECT {together} FROM (SELECT {inner} FROM ({rows_sql}))").fetchall()[0])
    found = list(zip(asked, counts, strict=True))
    keeps = {question.name for question, count in found if question.candidate is None and count}
    holds = {(question.name, question.candidate) for question, count in found if question.candidate and not count}
    return [
        Choice(
            choice.column,
            tuple(
                candidate
                for candidate in choice.possible
                if (choice.column.name, candidate) in holds and not _is_ambiguous(choice, candidate, holds)
            ),
            choice.column.name in keeps,
        )
        for choice in choices
    ]


def _is_ambiguous(choice: Choice, candidate: Candidate, holds: set[tuple[str, Candidate]]) -> bool:
    """True when the candidate's rival explains every value as well: nobody knows which is meant."""
    if candidate.rival is None:
        return False
    name = choice.column.name
    return any((name, other) in holds for other in choice.possible if other.form == candidate.rival)
