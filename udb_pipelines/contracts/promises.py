"""From a contract to the rules of one dataset. Pure: which object is meant, which columns, in which order."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from udb_pipelines.contracts.faults import invalid
from udb_pipelines.contracts.freshness import time_rules
from udb_pipelines.contracts.options import options
from udb_pipelines.contracts.parts import Part, rule_severity
from udb_pipelines.contracts.quality import question
from udb_pipelines.contracts.rules import NONE, Duplicates, Holds, Kind, NotRun, Question, Rows, Rule
from udb_pipelines.contracts.types import keeps_logical, keeps_physical, logical_of
from udb_pipelines.engine import quote_identifier
from udb_pipelines.errors import Severity
from udb_pipelines.models import ColumnSchema
from udb_pipelines.yamltext import Document

_KINDS: dict[str, Kind] = {"duplicateValues": "key", "invalidValues": "values"}


def object_of(document: Document, dataset: str) -> Part:
    """The schema object that describes ``dataset``: the one of that name, or the only one.

    Raises:
        UdbError: ``E_CONTRACT``: there is none.
    """
    objects = objects_of(document)
    for entry in objects:
        if dataset in (entry.get("physicalName"), entry.get("name")):
            return entry
    if len(objects) != 1:
        names = ", ".join(str(entry.get("name")) for entry in objects) or "nothing"
        raise invalid(f"it describes {names}, and not {dataset}", document.line(("schema",)))
    return objects[0]


def objects_of(document: Document) -> tuple[Part, ...]:
    """Every object of the contract."""
    return tuple(Part(document, (), document.content).parts("schema"))


def blocks(promised: Part) -> bool:
    """Whether data that breaks the contract is kept out of the warehouse."""
    return promised.custom("udbEnforce") == "block"


def rules_of(document: Document, dataset: str, columns: Sequence[ColumnSchema]) -> tuple[Rule, ...]:
    """Everything that the contract promises about ``dataset``, schema first, then column by column.

    Args:
        document: the contract, valid by the standard's schema.
        dataset: which object to take.
        columns: of the table, or of the table that is meant to come.

    Raises:
        UdbError: ``E_CONTRACT`` with the line of what means nothing.
    """
    promised = object_of(document, dataset)
    properties = tuple(promised.parts("properties"))
    find = _Finder(columns)
    return (
        *_schema(properties, find),
        *_extra(promised, properties, find),
        *_primary_key(promised, properties, find),
        *(rule for part in properties for rule in _of_property(part, find)),
        *_quality(promised, str(promised.get("name")), None, find),
        *time_rules(document, promised, find.name),
    )


class _Finder:
    """The column that a property means: by physical name, name, the name in the source, then whatever the case."""

    def __init__(self, columns: Sequence[ColumnSchema]) -> None:
        self.columns = {column.name: column for column in columns}
        self._originals = {column.original_name: column.name for column in columns if column.original_name}
        self._folded = {name.casefold(): name for name in self.columns}

    def name(self, wanted: str) -> str | None:
        if wanted in self.columns:
            return wanted
        return self._originals.get(wanted) or self._folded.get(wanted.casefold())

    def of(self, part: Part) -> str | None:
        names = [str(part.get(key)) for key in ("physicalName", "name") if part.get(key)]
        return next((found for name in names if (found := self.name(name))), None)

    def like(self, wanted: str) -> str:
        close = difflib.get_close_matches(wanted, self.columns, n=1)
        return f"; {close[0]} is there" if close else ""


def _schema(properties: Sequence[Part], find: _Finder) -> Iterator[Rule]:
    for part in properties:
        name, column = str(part.get("name")), find.of(part)
        if column is None:
            yield Rule(
                f"{name}.exists", "schema", f"there is a column {name}", part.severity(),
                Holds(f"there is none{find.like(name)}"), name, part.line_of("name"),
            )  # fmt: skip
            continue
        stored = find.columns[column].type
        logical, physical = part.get("logicalType"), part.get("physicalType")
        if logical:
            instead = "" if keeps_logical(logical, stored) else f"{logical_of(stored)} ({stored})"
            yield _typed(part, column, "logicalType", str(logical), Holds(instead))
        if physical:
            kept = keeps_physical(physical, stored)
            asked = NotRun("a type that DuckDB does not have") if kept is None else Holds("" if kept else stored)
            yield _typed(part, column, "physicalType", str(physical), asked)


def _typed(part: Part, column: str, key: str, wanted: str, asked: Question) -> Rule:
    said = f"is stored as {wanted}" if key == "physicalType" else f"is of type {wanted}"
    return Rule(f"{part.get('name')}.{key}", "schema", said, part.severity(), asked, column, part.line_of(key))


def _extra(promised: Part, properties: Sequence[Part], find: _Finder) -> Iterator[Rule]:
    wanted = promised.custom("udbExtraColumns") or "warning"
    if not properties or wanted == "allow":
        return
    known = {find.of(part) for part in properties}
    extra = [name for name in find.columns if name not in known]
    instead = f"also {', '.join(extra[:10])}{' …' if len(extra) > 10 else ''}" if extra else ""
    yield Rule(
        f"{promised.get('name')}.columns", "schema", "no other columns", Severity(wanted), Holds(instead),
        line=promised.line_of("properties"),
    )  # fmt: skip


def _primary_key(promised: Part, properties: Sequence[Part], find: _Finder) -> Iterator[Rule]:
    keyed = [part for part in properties if part.get("primaryKey") is True]
    keyed.sort(key=lambda part: part.get("primaryKeyPosition") or 0)
    if not keyed:
        return
    names = tuple(str(part.get("name")) for part in keyed)
    columns = tuple(name for part in keyed if (name := find.of(part)))
    whole = len(columns) == len(names)
    words = " and ".join(names)
    where = (f"{promised.get('name')}.primaryKey", keyed[0].severity(), keyed[0].line_of("primaryKey"))
    rule, severity, line = where
    column = names[0] if len(names) == 1 else None
    asked: Question = Duplicates(columns) if whole else NotRun("a column of the key is missing")
    yield Rule(rule, "key", f"{words} identifies a row", severity, asked, column, line)
    if whole:
        missing = " OR ".join(f"{quote_identifier(name)} IS NULL" for name in columns)
        yield Rule(f"{rule}.required", "key", f"no row without {words}", severity, Rows(f"({missing})"), column, line)


def _of_property(part: Part, find: _Finder) -> Iterator[Rule]:
    name, column = str(part.get("name")), find.of(part)
    if column is None:
        return
    stored = quote_identifier(column)
    if part.get("required") is True and part.get("primaryKey") is not True:
        asked = Rows(f"{stored} IS NULL", NONE)
        yield Rule(
            f"{name}.required", "values", "always has a value", part.severity(), asked, column, part.line_of("required")
        )
    if part.get("unique") is True:
        asked_once = Duplicates((column,))
        yield Rule(
            f"{name}.unique", "key", "no value twice", part.severity(), asked_once, column, part.line_of("unique")
        )
    for option, promise, asks in options(part, stored, find.columns[column].type):
        severity, line = part.severity("udbOptionsSeverity"), part.line_of("logicalTypeOptions", option)
        yield Rule(f"{name}.{option}", "values", promise, severity, asks, column, line)
    if part.get("properties") or part.get("items"):
        yield Rule(
            f"{name}.properties", "schema", "what is inside", part.severity(),
            NotRun("what is inside of a nested column is not checked"), column, part.line,
        )  # fmt: skip
    yield from _quality(part, name, column, find)


def _quality(part: Part, name: str, column: str | None, find: _Finder) -> Iterator[Rule]:
    for number, rule in enumerate(part.parts("quality")):
        promise, asked = question(rule, column, find.name)
        called = str(rule.get("id") or rule.get("metric") or rule.get("type") or "quality")
        kind = _KINDS.get(str(rule.get("metric")), "quality")
        yield Rule(f"{name}.{called}[{number}]", kind, promise, rule_severity(rule), asked, column, rule.line)
