"""Values of more than a page: what is told of them is as exact as of short ones, and they take little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from udb_pipelines.models import Profile
from udb_pipelines.profiling.long_values import LONGEST, TAIL, in_short, length
from udb_pipelines_tests.profiling.peak import PEAK_MB

Texts = Callable[..., Profile]
LIMIT_MB = 500
CHILD = (
    PEAK_MB
    + """
import sys
from udb_pipelines.config import load_settings
from udb_pipelines.engine import connect
from udb_pipelines.profiling import profile_table
settings = load_settings()
_, cell = profile_table(connect(settings), f"read_parquet('{sys.argv[1]}')", settings).columns
print(cell.distinct, cell.min_length, cell.max_length, peak_mb())
"""
)


def test_a_difference_anywhere_in_a_long_value_is_seen(profile_texts: Texts) -> None:
    beginning = "word " * 2000
    values = [beginning + "a", beginning + "b", beginning + "a", f"x{beginning}", beginning + "aa ", "short"]
    (column,) = profile_texts(values).columns
    assert (column.distinct, column.duplicates) == (5, 1)
    assert (column.min_length, column.max_length) == (5, 10_003)
    assert column.avg_length == sum(map(len, values)) / len(values)
    assert column.top_values[0].count == 2
    assert column.top_values[0].value == beginning[:200] + "…"
    assert column.shortest_value == "short"
    assert column.leading_trailing_space == 2
    assert len(column.approximate) == 2


def test_case_letters_and_characters_beyond_ascii_of_long_values(profile_texts: Texts) -> None:
    long = LONGEST + 1
    (column,) = profile_texts(["A" * long, "b" * long, "Cd" * long, "ä" * long]).columns
    assert column.text
    assert (column.text.upper, column.text.lower, column.text.mixed) == (1, 2, 1)
    assert column.type == "alpha"
    assert column.max_length == 2 * long
    assert {(script.value, script.count) for script in column.text.scripts} == {("Latin", 4)}


def test_long_documents_are_json(profile_texts: Texts) -> None:
    documents = [json.dumps({"n": n, "text": "lorem ipsum " * 1000}) for n in range(20)]
    assert profile_texts(documents).columns[0].semantic_type == "json"


@pytest.mark.parametrize("size", [0, 1, LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + TAIL, 3 * LONGEST])
@pytest.mark.parametrize("letter", ["x", "é", "漢"])
def test_the_short_form_tells_the_length(size: int, letter: str) -> None:
    with duckdb.connect() as connection:
        text = f"repeat('{letter}', {size})"
        short, told = connection.execute(f"SELECT {in_short(text)} AS v, {length('v')}").fetchall()[0]
    assert told == size
    assert len(short) <= LONGEST + TAIL
    assert (short == letter * size) == (len((letter * size).encode()) <= LONGEST)


@pytest.mark.slow
def test_cells_of_a_megabyte_stay_within_the_limit_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    schema = pyarrow.schema([("id", pyarrow.int64()), ("cell", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, 1500, 50):
            cells = [f"{number:032x}" * (31_250 + number % 2) for number in range(first, first + 50)]
            writer.write_table(pyarrow.table([range(first, first + 50), cells], schema=schema))
    env = {"UDB_HOME": str(tmp_path), "UDB_MEMORY_LIMIT": f"{LIMIT_MB}MB", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], env=env, capture_output=True, text=True, check=True)
    distinct, shortest, longest, peak = map(int, done.stdout.splitlines()[-1].split())
    assert (distinct, shortest, longest) == (1500, 1_000_000, 1_000_032)
    assert peak <= LIMIT_MB
