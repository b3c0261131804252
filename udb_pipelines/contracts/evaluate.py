"""Rules asked of a table: every predicate in one scan, a hundred at a time; then the first rows of what is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb

from udb_pipelines.contracts.rules import Duplicates, Holds, NotRun, Query, RowCount, Rows, Rule, Threshold
from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import Severity, UdbError
from udb_pipelines.models import ContractCheck, Verdict
from udb_pipelines.warehouse.guard import check_reading, first_lines

AT_ONCE = 100
"""Predicates in one query; the plan of one with a thousand takes longer than the scan."""
ROWS_SHOWN = 5

_UNANSWERABLE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.NotImplementedException,
    duckdb.OutOfRangeException,
)
"""The question does not fit the column; other errors are the machine's."""
_ABOUT_TEXT = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors whose text speaks of the query, not of the data."""


@dataclass(frozen=True)
class Table:
    """What is asked."""

    connection: duckdb.DuckDBPyConnection
    name: str
    """SQL that may stand after FROM, and in the user's own queries for ``{object}``."""
    lock: Callable[[], None]
    """Shuts the connection's ways to other files, before a query of the user's is run."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query whose result is small."""
        return self.connection.execute(sql).fetchall()


def check(table: Table, rules: Sequence[Rule]) -> tuple[ContractCheck, ...]:
    """Ask every rule.

    Raises:
        duckdb.Error: the table cannot be read, or there is no room.
    """
    total = int(table.rows(f"SELECT count(*) FROM {table.name}")[0][0])
    counts = _counts(table, [rule for rule in rules if isinstance(rule.question, Rows)])
    return tuple(_checked(table, rule, total, counts) for rule in rules)


def verdict(checks: Sequence[ContractCheck]) -> Verdict:
    """FAIL when a promise of severity ``error`` is broken, WARN when another is."""
    broken = {check.severity for check in checks if check.status == "broken"}
    return "FAIL" if Severity.ERROR in broken else "WARN" if broken else "PASS"


def _checked(table: Table, rule: Rule, total: int, counts: dict[str, int | None]) -> ContractCheck:
    question = rule.question
    if isinstance(question, NotRun):
        return _check(rule, "not_run", question.reason)
    if isinstance(question, Holds):
        return _check(rule, "broken" if question.instead else "kept", question.instead)
    if isinstance(question, RowCount):
        return _check(rule, "kept" if question.threshold.holds(total) else "broken", f"{total:,} rows")
    if isinstance(question, Query):
        return _asked(table, rule, question)
    if isinstance(question, Rows):
        count = counts[question.predicate]
        return _of_rows(rule, question.threshold, count, total, lambda: _first(table, question.predicate))
    repeated = _answered(lambda: int(table.rows(_duplicates(table, question))[0][0]))
    return _of_rows(rule, question.threshold, repeated, total, lambda: _first_again(table, question))


def _check(rule: Rule, status: str, found: str = "", **more: object) -> ContractCheck:
    return ContractCheck.model_validate(
        {
            "rule": rule.name,
            "kind": rule.kind,
            "promise": rule.promise,
            "severity": rule.severity,
            "status": status,
            "found": found,
            "column": rule.column,
            "line": rule.line,
            **more,
        }
    )


def _of_rows(
    rule: Rule, threshold: Threshold, count: int | None, total: int, first: Callable[[], tuple[int, ...]]
) -> ContractCheck:
    if count is None:
        return _check(rule, "broken", "it cannot be asked of a column of this type")
    pct = 100 * count / total if total else 0.0
    kept = threshold.holds(pct if threshold.percent else count)
    found = f"{count:,} of {total:,} rows ({pct:.2f} %)" if count else "no row"
    return _check(
        rule, "kept" if kept else "broken", found, count=count, pct=pct, rows=() if kept or not count else first()
    )


def _counts(table: Table, rules: Sequence[Rule]) -> dict[str, int | None]:
    """Rows of every predicate; None where it does not fit its column."""
    predicates = list(dict.fromkeys(rule.question.predicate for rule in rules if isinstance(rule.question, Rows)))
    counts: dict[str, int | None] = {}
    for start in range(0, len(predicates), AT_ONCE):
        some = predicates[start : start + AT_ONCE]
        together = _answered(partial(_count, table, some))
        if together is None:
            together = [_one(table, predicate) for predicate in some]
        counts.update(zip(some, together, strict=True))
    return counts


def _count(table: Table, predicates: Sequence[str]) -> list[int | None]:
    counted = ", ".join(f"count(*) FILTER (WHERE {predicate})" for predicate in predicates)
    return list(table.rows(f"SELECT {counted} FROM {table.name}")[0])


def _one(table: Table, predicate: str) -> int | None:
    counted = _answered(partial(_count, table, [predicate]))
    return counted[0] if counted else None


def _answered(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is asked for
    """The answer; None when the question does not fit the column."""
    try:
        return ask()
    except _UNANSWERABLE:
        return None


def _first(table: Table, predicate: str) -> tuple[int, ...]:
    """The first rows of which ``predicate`` is true, by their number; a scan that ends early."""
    found = table.rows(
        f"SELECT udb_row FROM (SELECT row_number() OVER () AS udb_row, * FROM {table.name}) "
        f"WHERE {predicate} LIMIT {ROWS_SHOWN}"
    )
    return tuple(int(row[0]) for row in found)


def _duplicates(table: Table, question: Duplicates) -> str:
    keys, complete = _keys(question)
    # A grouping spills under the memory limit, which count(DISTINCT ...) of a whole table does not.
    grouped = f"SELECT count(*) AS n FROM {table.name} WHERE {complete} GROUP BY {keys}"
    return f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ({grouped})"


def _first_again(table: Table, question: Duplicates) -> tuple[int, ...]:
    """The first rows whose key an earlier row has."""
    keys, complete = _keys(question)
    found = table.rows(
        f"WITH numbered AS (SELECT row_number() OVER () AS udb_row, {keys} FROM {table.name}), "
        f"again AS (SELECT {keys} FROM numbered WHERE {complete} GROUP BY {keys} HAVING count(*) > 1), "
        f"nth AS (SELECT udb_row, row_number() OVER (PARTITION BY {keys} ORDER BY udb_row) AS nth "
        f"FROM numbered SEMI JOIN again USING ({keys})) "
        f"SELECT udb_row FROM nth WHERE nth > 1 ORDER BY udb_row LIMIT {ROWS_SHOWN}"
    )
    return tuple(int(row[0]) for row in found)


def _keys(question: Duplicates) -> tuple[str, str]:
    names = [quote_identifier(name) for name in question.columns]
    return ", ".join(names), " AND ".join(f"{name} IS NOT NULL" for name in names)


def _asked(table: Table, rule: Rule, question: Query) -> ContractCheck:
    """The user's query. Its answer may be a value from the data, so it is compared and not told."""
    try:
        table.lock()
        statement = check_reading(table.connection, question.sql.replace("{object}", table.name))
        # Two rows are enough to know that there is more than one.
        answers = table.rows(f"SELECT * FROM ({statement.rstrip().rstrip(';')}) LIMIT 2")
    except UdbError as error:
        return _check(rule, "broken", f"the query cannot be run: {error.message}")
    except _ABOUT_TEXT as error:
        return _check(rule, "broken", f"the query cannot be run: {first_lines(error)}")
    except duckdb.PermissionException:
        return _check(rule, "broken", "the query cannot be run: it reads more than the warehouse")
    except _UNANSWERABLE as error:
        return _check(rule, "broken", f"the query fails on the data ({type(error).__name__})")
    if len(answers) != 1 or len(answers[0]) != 1:
        return _check(rule, "broken", "the query answers more or less than one figure")
    answer = answers[0][0]
    if not isinstance(answer, bool | int | float | Decimal | str):
        return _check(rule, "broken", "the query answers no figure")
    measured = float(answer) if isinstance(answer, Decimal) else answer
    if question.threshold.holds(measured):
        return _check(rule, "kept", "its answer is as it must be")
    return _check(rule, "broken", "its answer is not as it must be")
