"""Inclusion dependencies between datasets: columns whose values are all, or nearly all, keys of another table.

Such a column may be a foreign key. Which pairs of columns are worth comparing is decided on profiles alone, by type,
name and range; the pairs that remain, the most promising first and not more than :data:`MOST_PAIRS`, are counted over
all rows. What was left out is said. Whole numbers are compared only where the names speak for it: small numbers are
keys of everything.

Several columns together are compared with a compound key where the name of each speaks for the one it would refer to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product

import duckdb

from udb_pipelines.models import ColumnProfile, Inclusion, Profile
from udb_pipelines.profiling import expressions as sql
from udb_pipelines.profiling.storage import Column, Family, family_of

MOST_PAIRS = 40
"""Pairs of columns that are counted for one dataset."""
MOST_COMPOUND = 20
"""Sets of columns that are compared with compound keys."""
MOST_FOR_ONE = 3
"""Columns that are tried for one column of a compound key, those whose names say most."""
SAMPLE_ROWS = 10_000
"""Of the beginning of a long table; a pair of which half the values there have no key is not counted further."""
LEAST_COVERAGE = 0.95
LEAST_COVERAGE_NAMED = 0.5
"""Where the names speak for it: a foreign key that is broken is worth telling, too."""
LEAST_DISTINCT = 2

_NAMED = 0.5
_GENERIC = frozenset({"id", "ids", "key", "code", "no", "nr", "num", "number", "uuid", "guid", "ref", "pk", "fk", "sk"})
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@dataclass(frozen=True)
class _Pair:
    """Columns that may refer to a key of another table, or of their own; mostly one."""

    columns: tuple[ColumnProfile, ...]
    dataset: str
    key: tuple[ColumnProfile, ...]
    """Each in the place of the column that would refer to it."""
    name_evidence: float


@dataclass(frozen=True)
class Inclusions:
    """What was found, best first, and what was not looked at."""

    found: tuple[Inclusion, ...] = ()
    notes: tuple[str, ...] = ()


def find_inclusions(
    connection: duckdb.DuckDBPyConnection, profile: Profile, others: Sequence[Profile], tables: Mapping[str, str]
) -> Inclusions:
    """Columns of a dataset that refer to keys of other datasets.

    Args:
        connection: where the tables are.
        profile: of the dataset whose columns are looked at.
        others: profiles of the datasets that may be referred to; the dataset itself may be among them.
        tables: by dataset, SQL that may stand after FROM; a dataset without one is not looked at.
    """
    notes: list[str] = []
    pairs: list[_Pair] = []
    for possible, most, what in (
        (_pairs(profile, others, tables), MOST_PAIRS, "pairs of columns"),
        (_compounds(profile, others, tables), MOST_COMPOUND, "sets of columns with compound keys"),
    ):
        ranked = sorted(possible, key=lambda pair: -pair.name_evidence)
        pairs += ranked[:most]
        if len(ranked) > most:
            notes.append(f"{len(ranked) - most:,} {what} were not compared, those whose names say least")
    found = [inclusion for pair in pairs if (inclusion := _counted(connection, pair, profile, tables)) is not None]
    found.sort(key=lambda item: (-item.coverage, -item.name_evidence, item.column))
    return Inclusions(tuple(found), tuple(notes))


def may_refer(profile: Profile, others: Sequence[Profile]) -> bool:
    """Whether there is anything to compare at all: costs nothing, and spares opening the tables."""
    everywhere = {known.dataset: "" for known in (profile, *others)}
    possible = chain(_pairs(profile, others, everywhere), _compounds(profile, others, everywhere))
    return next(possible, None) is not None


def _pairs(profile: Profile, others: Sequence[Profile], tables: Mapping[str, str]) -> Iterator[_Pair]:
    referring = [column for column in profile.columns if column.distinct >= LEAST_DISTINCT and _comparable(column)]
    for other in others:
        if other.dataset not in tables or profile.dataset not in tables:
            continue
        for key in _keys(other):
            for column in referring:
                itself = other.dataset == profile.dataset and column.name == key.name
                if itself or not _compatible(column, key):
                    continue
                evidence = name_evidence(column.name, other.dataset, key.name)
                if evidence >= _NAMED or family_of(column.storage_type) is not Family.INTEGER:
                    yield _Pair((column,), other.dataset, (key,), evidence)


def _compounds(profile: Profile, others: Sequence[Profile], tables: Mapping[str, str]) -> Iterator[_Pair]:
    referring = [column for column in profile.columns if column.nulls < column.rows and _comparable(column)]
    for other in others:
        if other.dataset not in tables or profile.dataset not in tables:
            continue
        for key in _compound_keys(other):
            choices = [_choices(referring, other.dataset, part) for part in key]
            for chosen in product(*choices):
                columns = tuple(column for column, _ in chosen)
                names = [column.name for column in columns]
                itself = other.dataset == profile.dataset and any(
                    name == part.name for name, part in zip(names, key, strict=True)
                )
                if len(set(names)) == len(names) and not itself:
                    evidence = sum(evidence for _, evidence in chosen) / len(chosen)
                    yield _Pair(columns, other.dataset, key, round(evidence, 6))


def _choices(
    referring: Sequence[ColumnProfile], dataset: str, part: ColumnProfile
) -> list[tuple[ColumnProfile, float]]:
    """Columns that may refer to a part of a key, with what their names say, the most telling first."""
    found = []
    for column in referring:
        same = _words(column.name) == _words(part.name)
        evidence = 1.0 if same else name_evidence(column.name, dataset, part.name)
        if evidence >= _NAMED and _compatible(column, part):
            found.append((column, evidence))
    return sorted(found, key=lambda choice: -choice[1])[:MOST_FOR_ONE]


def _compound_keys(profile: Profile) -> Iterator[tuple[ColumnProfile, ...]]:
    """Sets of columns that together identify every row of a dataset."""
    columns = {column.name: column for column in profile.columns}
    for key in profile.keys:
        if len(key.columns) > 1 and key.score == 1:
            parts = tuple(columns[name] for name in key.columns)
            if all(map(_comparable, parts)):
                yield parts


def _keys(profile: Profile) -> Iterator[ColumnProfile]:
    """Single columns that identify every row of a dataset."""
    complete = {key.columns[0] for key in profile.keys if len(key.columns) == 1 and key.score == 1}
    yield from (column for column in profile.columns if column.name in complete and _comparable(column))


def _comparable(column: ColumnProfile) -> bool:
    """Identifiers are texts, whole numbers and UUIDs; measures, moments and flags refer to nothing."""
    family = family_of(column.storage_type)
    return family in (Family.TEXT, Family.INTEGER) or column.storage_type == "UUID"


def _compatible(column: ColumnProfile, key: ColumnProfile) -> bool:
    """Whether the values could be the same by type and range, as far as the profiles say."""
    if family_of(column.storage_type) is not family_of(key.storage_type):
        return False
    ranges = [_range(column), _range(key)]
    if None in ranges:
        return True
    (low, high), (key_low, key_high) = (found for found in ranges if found is not None)
    return low <= key_high and high >= key_low


def _range(column: ColumnProfile) -> tuple[float, float] | None:
    """Of numbers their ends, of texts the ends of their lengths; None where the profile keeps them to itself."""
    if family_of(column.storage_type) is Family.INTEGER:
        numbers = column.numeric
        return None if numbers is None or numbers.min is None or numbers.max is None else (numbers.min, numbers.max)
    if column.min_length is None or column.max_length is None:
        return None
    return column.min_length, column.max_length


def name_evidence(column: str, dataset: str, key: str) -> float:
    """How much the names speak for a reference, 0 to 1. Names as general as ``id`` say nothing by themselves.

    >>> name_evidence("customer_id", "shop__customers", "id"), name_evidence("country_code", "countries", "code")
    (1.0, 1.0)
    >>> name_evidence("shipToCustomer", "customers", "id"), name_evidence("id", "customers", "id")
    (0.8, 0.0)
    """
    subject = [word for word in _words(column) if word not in _GENERIC]
    key_words = [word for word in _words(key) if word not in _GENERIC]
    table = [word for word in _words(dataset.split("__", 1)[-1]) if word not in _GENERIC]
    if not subject:
        return 0.0
    if subject in (key_words, table):
        return 1.0
    if table and subject[-len(table) :] == table:
        return 0.8
    return 0.5 if set(subject) & {*key_words, *table} else 0.0


def _words(name: str) -> list[str]:
    """Words of a name in lower case and in the singular, roughly."""
    return [_singular(word.lower()) for word in _WORD.findall(name)]


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _counted(
    connection: duckdb.DuckDBPyConnection, pair: _Pair, profile: Profile, tables: Mapping[str, str]
) -> Inclusion | None:
    """The exact count; None when too many values have no key."""
    least = LEAST_COVERAGE_NAMED if pair.name_evidence >= _NAMED else LEAST_COVERAGE
    table = tables[profile.dataset]
    if profile.rows > SAMPLE_ROWS:
        beginning = _Counts.of(connection, f"(FROM {table} LIMIT {SAMPLE_ROWS})", pair, tables)
        if beginning.values and beginning.missing_values > beginning.values / 2:
            return None
    counts = _Counts.of(connection, table, pair, tables)
    coverage = 1 - counts.missing_values / counts.values if counts.values else 0.0
    if coverage < least:
        return None
    names, keys = (tuple(column.name for column in side) for side in (pair.columns, pair.key))
    return Inclusion(
        column=" + ".join(names),
        dataset=pair.dataset,
        key=" + ".join(keys),
        columns=names,
        key_columns=keys,
        coverage=coverage,
        values=counts.values,
        missing_values=counts.missing_values,
        rows=counts.rows,
        missing_rows=counts.missing_rows,
        name_evidence=pair.name_evidence,
    )


@dataclass(frozen=True)
class _Counts:
    values: int
    rows: int
    missing_values: int
    missing_rows: int

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, table: str, pair: _Pair, tables: Mapping[str, str]) -> _Counts:
        """Distinct values of the columns, their rows, and of both those without a key."""
        values = [Column(column.name, column.storage_type, column.position) for column in pair.columns]
        keys = [Column(column.name, column.storage_type, column.position) for column in pair.key]
        read = ", ".join(f"{column.value_sql} AS v{place}" for place, column in enumerate(values))
        keep = " AND ".join(_present(column, f"v{place}") for place, column in enumerate(values))
        value = _as_one([f"v{place}" for place in range(len(values))])
        identified = " AND ".join(f"{column.value_sql} IS NOT NULL" for column in keys)
        known = (
            f"SELECT {_as_one([column.value_sql for column in keys])} FROM {tables[pair.dataset]} WHERE {identified}"
        )
        found = connection.execute(
            f"SELECT count(*), coalesce(sum(n), 0)::BIGINT, count(*) FILTER (WHERE absent), "
            f"coalesce(sum(n) FILTER (WHERE absent), 0)::BIGINT FROM (SELECT n, {value} NOT IN ({known}) AS absent "
            f"FROM (SELECT {read}, count(*) AS n FROM {table} GROUP BY ALL) WHERE {keep})"
        ).fetchall()[0]
        return cls(*found)


def _present(column: Column, value: str) -> str:
    return f"{value} IS NOT NULL AND NOT {sql.blank(value)}" if column.is_text else f"{value} IS NOT NULL"


def _as_one(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"({', '.join(values)})"
