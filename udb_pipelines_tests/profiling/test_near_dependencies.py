"""Dependencies that nearly hold: rows that break them against brute force, and what is left alone."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from pathlib import Path

import duckdb
import pyarrow
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.engine import quote_literal
from udb_pipelines.models import Finding, Profile
from udb_pipelines.profiling import profile_table
from udb_pipelines_tests.profiling.conftest import ProfileSql

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "dirty" / "hospital"


def odd(profile: Profile) -> dict[str, Finding]:
    return {f.column or "": f for f in profile.findings if f.code == "W_DEPENDENCY"}


@pytest.mark.parametrize("seed", range(5))
def test_rows_against_the_majority_are_those_of_brute_force(
    connection: duckdb.DuckDBPyConnection, settings: Settings, seed: int
) -> None:
    dice = random.Random(seed)
    rows = []
    for _ in range(800):
        code = dice.randrange(25)
        town = f"town {code % 12}" if dice.random() > 0.03 else f"town {dice.randrange(12)}"
        rows.append((f"{10000 + code}", town, f"n{dice.randrange(40)}"))
    postcodes, towns, others = (list(column) for column in zip(*rows, strict=True))
    connection.register("subject", pyarrow.table({"postcode": postcodes, "town": towns, "other": others}))
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for postcode, town, _ in rows:
        groups[postcode][town] += 1
    usual = {
        postcode: counts.most_common(1)[0][0]
        for postcode, counts in groups.items()
        if counts.total() >= 4 and counts.most_common(1)[0][1] >= 0.8 * counts.total()
    }
    expected = [n for n, (postcode, town, _) in enumerate(rows, 1) if usual.get(postcode, town) != town]
    found = odd(profile_table(connection, "subject", settings))
    assert set(found) == {"town"}
    assert (found["town"].count, found["town"].row) == (len(expected), expected[0])
    assert "postcode" in found["town"].message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT i % 20 AS a, i % 20 // 2 AS b FROM range(1000) t(i)",  # it holds: no exceptions
        "SELECT hash(i) % 20 AS a, hash(i + 7000) % 5 AS b FROM range(1000) t(i)",  # nothing depends
        "SELECT i % 20 AS a, CASE WHEN hash(i) % 25 = 0 THEN 'rare' ELSE 'usual' END AS b FROM range(1000) t(i)",
        "SELECT i % 4 AS a, CASE WHEN i = 9 THEN 'x' ELSE 'v' || i % 4 END AS b FROM range(60) t(i)",  # too few rows
    ],
)
def test_what_says_nothing_is_left_alone(profile_sql: ProfileSql, sql: str) -> None:
    assert odd(profile_sql(sql)) == {}


def test_an_empty_value_breaks_nothing(profile_sql: ProfileSql) -> None:
    found = odd(
        profile_sql(
            "SELECT 'c' || i % 20 AS code, CASE i WHEN 5 THEN NULL WHEN 6 THEN ' ' WHEN 7 THEN 'odd' "
            "ELSE 'town ' || i % 10 END AS town FROM range(400) t(i)"
        )
    )
    assert {column: (finding.count, finding.row) for column, finding in found.items()} == {"town": (1, 8)}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of dirty tables is not there")
def test_rows_of_a_public_table_are_found_that_others_made_dirty(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    copies = [list(csv.reader((CORPUS / f"{name}.csv").open(encoding="utf-8"))) for name in ("dirty", "clean")]
    place = copies[0][0].index("City")
    wrong = sum(ours[place] != theirs[place] for ours, theirs in zip(*copies, strict=True))
    counts = []
    for name in ("dirty", "clean"):
        path = quote_literal(CORPUS / f"{name}.csv")
        found = odd(profile_table(connection, f"read_csv({path}, all_varchar=true, header=true)", settings))
        counts.append(found["City"].count if "City" in found else 0)
    assert counts[1] == 0
    assert 0.7 * wrong <= counts[0] <= 1.1 * wrong
