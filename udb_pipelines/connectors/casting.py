"""Text to types, without loss.

A column gets a type only when every value comes back from that type as the text it was; what does not stays
``VARCHAR``. A sample drops the impossible types, then one pass writes the typed Parquet, each value guarded:
the first value that a sample did not foresee stops the pass, the whole column set is verified over all rows in
one scan, and the pass is made again with what holds.

Belongs here: which types there are, their guards as SQL, and the driver. Where text comes from does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from udb_pipelines.connectors.progress import watched
from udb_pipelines.engine import quote_identifier, quote_literal
from udb_pipelines.models import ColumnSchema

SAMPLE_ROWS = 20_000
GLANCE_ROWS = 200
COUNTS_PER_SCAN = 100
"""DuckDB plans a query in time that grows with the square of its aggregates: a thousand columns took minutes."""
ROW_GROUP = 122_880
PARQUET = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
VIOLATION = "udb: a value does not fit the type of its column"

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
CLOCK = r"\d{2}:\d{2}:\d{2}"


@dataclass(frozen=True)
class Candidate:
    """A type that a text column may have.

    ``parse`` and ``guard`` are SQL over ``{c}``; the guard is true for exactly the texts that survive the
    cast. ``shape`` is a cheap necessary condition. ``rival`` is the ``fmt`` of the candidate that reads the same
    text with another meaning: this one needs a value which rules the other out.
    """

    type: str
    parse: str
    guard: str
    shape: str
    fmt: str | None = None
    rival: str | None = None


def _by_format(sql_type: str, fmt: str, shape: str, rival: str | None = None) -> Candidate:
    literal = quote_literal(fmt)
    moment = f"try_strptime({{c}}, {literal})"
    parse = f"{moment}::{sql_type}" if sql_type != "TIMESTAMP" else moment
    return Candidate(sql_type, parse, f"strftime({moment}, {literal}) = {{c}}", shape, fmt, rival)


def _day_and_month(separator: str, clock: str = "", clock_shape: str = "") -> tuple[Candidate, ...]:
    sql_type = "TIMESTAMP" if clock else "DATE"
    between = re.escape(separator)
    found = []
    for day, month, shape in (("%d", "%m", r"\d{2}"), ("%-d", "%-m", r"\d{1,2}")):
        day_first = f"{day}{separator}{month}{separator}%Y{clock}"
        month_first = f"{month}{separator}{day}{separator}%Y{clock}"
        text = f"{shape}{between}{shape}{between}\\d{{4}}{clock_shape}"
        found.append(_by_format(sql_type, day_first, text, rival=month_first))
        found.append(_by_format(sql_type, month_first, text, rival=day_first))
    return tuple(found)


@cache
def _fixed_candidates() -> tuple[Candidate, ...]:
    booleans = tuple(
        Candidate("BOOLEAN", f"({{c}} = '{yes}')", f"{{c}} IN ('{yes}', '{no}')", f"{yes}|{no}")
        for yes, no in (("true", "false"), ("True", "False"), ("TRUE", "FALSE"))
    )
    whole = Candidate(
        "BIGINT",
        "try_cast({c} AS BIGINT)",
        "try_cast({c} AS BIGINT)::VARCHAR = {c} AND length({c}) <= 18 + starts_with({c}, '-')::INT",
        r"-?\d{1,18}",
    )
    return (*booleans, whole)


@cache
def _decimal(scale: int) -> Candidate:
    sql_type = f"DECIMAL(18,{scale})"
    cast = f"try_cast({{c}} AS {sql_type})"
    return Candidate(sql_type, cast, f"{cast}::VARCHAR = {{c}}", rf"-?\d+\.\d{{{scale}}}")


@cache
def _later_candidates() -> tuple[Candidate, ...]:
    number = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"
    double = Candidate(
        "DOUBLE",
        "try_cast({c} AS DOUBLE)",
        "isfinite(try_cast({c} AS DOUBLE)) AND (try_cast({c} AS DOUBLE)::VARCHAR = {c} OR "
        f"regexp_full_match({{c}}, {quote_literal(number)}) AND "
        "length(regexp_replace(split_part(lower({c}), 'e', 1), '[^0-9]', '', 'g')) <= 15)",
        r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?",
    )
    date = Candidate(
        "DATE",
        "try_cast({c} AS DATE)",
        "try_cast({c} AS DATE)::VARCHAR = {c} AND length({c}) = 10",
        ISO_DATE,
    )
    stamp = Candidate(
        "TIMESTAMP",
        "try_cast({c} AS TIMESTAMP)",
        "try_cast({c} AS TIMESTAMP)::VARCHAR = {c}",
        rf"{ISO_DATE} {CLOCK}(\.\d{{1,6}})?",
    )
    stamp_t = Candidate(
        "TIMESTAMP",
        "try_cast({c} AS TIMESTAMP)",
        "replace(try_cast({c} AS TIMESTAMP)::VARCHAR, ' ', 'T') = {c}",
        rf"{ISO_DATE}T{CLOCK}(\.\d{{1,6}})?",
    )
    formats = [
        _by_format("TIMESTAMP", f"%Y-%m-%d{gap}%H:%M{rest}", rf"{ISO_DATE}{gap}\d{{2}}:\d{{2}}{shape}")
        for gap in (" ", "T")
        for rest, shape in (("", ""), (":%S.%g", r":\d{2}\.\d{3}"), (":%S.%f", r":\d{2}\.\d{6}"))
    ]
    zoned = [
        Candidate(
            "TIMESTAMPTZ",
            "try_cast({c} AS TIMESTAMPTZ)",
            f"strftime(try_strptime({{c}}, '%Y-%m-%d{gap}%H:%M:%S{part}Z'), '%Y-%m-%d{gap}%H:%M:%S{part}Z') = {{c}}",
            rf"{ISO_DATE}{gap}{CLOCK}{shape}Z",
        )
        for gap in ("T", " ")
        for part, shape in (("", ""), (".%g", r"\.\d{3}"), (".%f", r"\.\d{6}"))
    ]
    days = [
        candidate
        for separator in "/.-"
        for clock, shape in (("", ""), (" %H:%M", r" \d{2}:\d{2}"), (" %H:%M:%S", f" {CLOCK}"))
        for candidate in _day_and_month(separator, clock, shape)
    ]
    named = [
        _by_format("DATE", "%Y/%m/%d", r"\d{4}/\d{2}/\d{2}"),
        _by_format("DATE", "%d-%b-%Y", r"\d{2}-[A-Za-z]{3}-\d{4}"),
        _by_format("DATE", "%d %b %Y", r"\d{2} [A-Za-z]{3} \d{4}"),
        _by_format("DATE", "%b %d, %Y", r"[A-Za-z]{3} \d{2}, \d{4}"),
        _by_format("DATE", "%B %d, %Y", r"[A-Za-z]{3,9} \d{2}, \d{4}"),
    ]
    return (double, date, stamp, stamp_t, *formats, *zoned, *days, *named)


def candidates_for(values: Sequence[str]) -> tuple[Candidate, ...]:
    """Types whose shape all of ``values`` have, most specific first.

    >>> [candidate.type for candidate in candidates_for(["1.50", "2.25"])]
    ['DECIMAL(18,2)', 'DOUBLE']
    >>> candidates_for(["007", "abc"])
    ()
    """
    if not values:
        return ()
    scales = {len(value) - value.find(".") - 1 for value in values if "." in value}
    decimals = (_decimal(scales.pop()),) if len(scales) == 1 and 0 < min(scales) <= 12 else ()
    every = (*_fixed_candidates(), *decimals, *_later_candidates())
    return tuple(candidate for candidate in every if _all_match(candidate.shape, values))


def _all_match(shape: str, values: Sequence[str]) -> bool:
    match = re.compile(shape, re.ASCII).fullmatch
    return all(match(value) for value in values)


# --- the driver -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextColumn:
    """A column of text, and the words that mean NULL in it.

    ``source`` is the SQL of its text where that is more than the column itself. ``allowed`` limits the types: a
    JSON string of digits stays a string. With none allowed the column is stored as ``source`` gives it, of
    whatever type that is.
    """

    name: str
    null_markers: tuple[str, ...] = ()
    source: str | None = None
    allowed: tuple[str, ...] | None = None

    @property
    def sql(self) -> str:
        """The text, NULL for a marker."""
        text = self.source or quote_identifier(self.name)
        if not self.null_markers:
            return text
        markers = ", ".join(map(quote_literal, self.null_markers))
        return f"CASE WHEN {text} NOT IN ({markers}) THEN {text} END"

    @property
    def value(self) -> str:
        """The text as a type sees it: a quoted empty cell is no value. A column that stays text keeps it."""
        return f"nullif({self.sql}, '')"

    def candidates(self, values: Sequence[str]) -> tuple[Candidate, ...]:
        """The types that ``values`` and the source allow."""
        if self.allowed is None:
            return candidates_for(values)
        possible = candidates_for(values) if self.allowed else ()
        return tuple(found for found in possible if found.type.partition("(")[0] in self.allowed)

    def cast(self, candidate: Candidate | None) -> str:
        """SQL of the typed value; stops the query at the first value that the cast would change."""
        if candidate is None:
            return f"{self.sql} AS {quote_identifier(self.name)}"
        value = self.value
        guard = candidate.guard.replace("{c}", value)
        parse = candidate.parse.replace("{c}", value)
        return (
            f"CASE WHEN {value} IS NULL THEN NULL WHEN {guard} THEN {parse} "
            f"ELSE error({quote_literal(VIOLATION)}) END AS {quote_identifier(self.name)}"
        )

    def failures(self, candidate: Candidate) -> str:
        """SQL aggregate: how many values the cast would change."""
        guard = candidate.guard.replace("{c}", self.value)
        return f"count(*) FILTER (WHERE NOT coalesce({guard}, false) AND {self.value} IS NOT NULL)"


@dataclass(frozen=True)
class TextRelation:
    """Rows of text to be typed.

    ``sql`` selects them all, ``sample_sql`` some of them, spread; both have what ``columns`` are made of.
    """

    sql: str
    sample_sql: str
    columns: tuple[TextColumn, ...]


def sample_of(parquet: Path) -> str:
    """SQL of a repeatable sample from all over a Parquet file."""
    return f"FROM read_parquet({quote_literal(parquet)}) USING SAMPLE {SAMPLE_ROWS} ROWS (reservoir, 1)"


Choice = dict[str, tuple[Candidate, ...]]
"""Per column, the candidates that are still possible, best first."""


def write_typed(
    connection: duckdb.DuckDBPyConnection,
    relation: TextRelation,
    target: Path,
    *,
    what: str,
    rows: int | None = None,
) -> int:
    """Write ``relation`` to ``target`` as typed Parquet; the number of rows written.

    ``what`` and ``rows`` (expected) are for progress.

    Raises:
        duckdb.Error: reading or writing failed.
    """
    choice = _from_sample(connection, relation)
    try:
        return _write(connection, relation, choice, target, what, rows)
    except duckdb.InvalidInputException as error:
        if VIOLATION not in str(error):
            raise
    choice = _holding(connection, relation, choice, relation.sql)
    return _write(connection, relation, choice, target, what, rows)


def _from_sample(connection: duckdb.DuckDBPyConnection, relation: TextRelation) -> Choice:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE udb_sample AS {relation.sample_sql}")
    columns = ", ".join(column.sql for column in relation.columns) or "1"
    glance = connection.execute(f"SELECT {columns} FROM udb_sample LIMIT {GLANCE_ROWS}").fetchall()
    choice: Choice = {}
    for index, column in enumerate(relation.columns):
        choice[column.name] = ()
        if column.allowed != ():
            values = [row[index] for row in glance if row[index]]
            choice[column.name] = column.candidates(values or _first_values(connection, column))
    choice = _holding(connection, relation, choice, "FROM udb_sample")
    connection.execute("DROP TABLE udb_sample")
    return choice


def _first_values(connection: duckdb.DuckDBPyConnection, column: TextColumn) -> list[str]:
    """Values of a column whose first rows are all empty."""
    query = f"SELECT {column.value} AS v FROM udb_sample WHERE v IS NOT NULL LIMIT {GLANCE_ROWS}"
    return [value for (value,) in connection.execute(query).fetchall()]


def _holding(connection: duckdb.DuckDBPyConnection, relation: TextRelation, choice: Choice, rows_sql: str) -> Choice:
    """The candidates that no row of ``rows_sql`` contradicts: one scan, or a few for very many columns."""
    asked = [
        (column.name, candidate, column.failures(candidate))
        for column in relation.columns
        for candidate in choice[column.name]
    ]
    if not asked:
        return choice
    counts: list[int] = []
    for start in range(0, len(asked), COUNTS_PER_SCAN):
        together = ", ".join(sql for _, _, sql in asked[start : start + COUNTS_PER_SCAN])
        counts.extend(connection.execute(f"SELECT {together} FROM ({rows_sql})").fetchall()[0])
    holds = {(name, candidate) for (name, candidate, _), failures in zip(asked, counts, strict=True) if not failures}
    return {
        name: tuple(
            candidate
            for candidate in possible
            if (name, candidate) in holds and not _is_ambiguous(name, candidate, possible, holds)
        )
        for name, possible in choice.items()
    }


def _is_ambiguous(
    name: str, candidate: Candidate, possible: tuple[Candidate, ...], holds: set[tuple[str, Candidate]]
) -> bool:
    """True when the candidate's rival explains every value as well: nobody knows which is meant."""
    if candidate.rival is None:
        return False
    return any((name, other) in holds for other in possible if other.fmt == candidate.rival)


def _write(
    connection: duckdb.DuckDBPyConnection,
    relation: TextRelation,
    choice: Choice,
    target: Path,
    what: str,
    rows: int | None,
) -> int:
    casts = [column.cast(next(iter(choice[column.name]), None)) for column in relation.columns]
    with watched(connection, what, rows):
        written = connection.execute(
            f"COPY (SELECT {', '.join(casts)} FROM ({relation.sql})) TO {quote_literal(target)} ({PARQUET})"
        ).fetchall()
    return int(written[0][0])


def as_stored(name: str) -> TextColumn:
    """A column that is no text, or stays as it is."""
    return TextColumn(name, allowed=())


def stored_columns(
    connection: duckdb.DuckDBPyConnection, parquet: Path, originals: dict[str, str | None]
) -> tuple[ColumnSchema, ...]:
    """Names and DuckDB types of a Parquet file; ``originals`` gives names in the source where they differ."""
    described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quote_literal(parquet)})").fetchall()
    return tuple(
        ColumnSchema(name=name, type=sql_type, original_name=originals.get(name)) for name, sql_type, *_ in described
    )
