"""Rows with the same values: told exactly, even where hashes agree that should not, and in little memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from udb_pipelines.profiling import confirmed, repeats

PAIRS = "(SELECT 'a' || i // 10 AS a, 'b' || i % 10 AS b FROM range(50) t(i))"


@pytest.fixture
def same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row has one of two hashes."""
    monkeypatch.setattr(repeats, "_hash", lambda names: f"(strlen({names[0]}) % 2)::UBIGINT")


@pytest.mark.usefixtures("same_hash")
def test_values_that_only_share_their_hash_are_no_repetition() -> None:
    with duckdb.connect() as connection:
        assert not repeats.any_repetition(connection, PAIRS, ["a", "b"])
        assert repeats.any_repetition(connection, f"(FROM {PAIRS} UNION ALL SELECT 'a4', 'b9')", ["a", "b"])


@pytest.mark.usefixtures("same_hash")
def test_a_key_whose_hashes_agree_is_checked_by_its_values() -> None:
    with duckdb.connect() as connection:
        check = confirmed.check_key(connection, f"(FROM {PAIRS} UNION ALL SELECT 'a4', 'b9')", ["a", "b"], ())
    assert (check.rows, check.distinct, check.duplicate_groups, check.duplicate_rows) == (51, 50, 1, 1)
    assert [group.rows for group in check.first_groups] == [(50, 51)]


def test_repetitions_behind_the_first_hashes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty rows share a hash in twos and are different; the last two are the same."""
    monkeypatch.setattr(repeats, "TRIED", 3)
    monkeypatch.setattr(repeats, "_hash", lambda names: f"({names[0]} // 2)::UBIGINT")
    rows = "(SELECT i AS a FROM range(40) t(i))"
    with duckdb.connect() as connection:
        assert not repeats.any_repetition(connection, rows, ["a"])
        assert repeats.any_repetition(connection, f"(FROM {rows} UNION ALL SELECT 39)", ["a"])


def test_a_key_of_more_text_than_memory(tmp_path: Path) -> None:
    rows = "(SELECT 'a rather long piece of text ' || i % 800_000 AS a, 'x' AS b FROM range(800_001) t(i))"
    with duckdb.connect(config={"memory_limit": "35MB", "threads": 1, "temp_directory": str(tmp_path)}) as connection:
        check = confirmed.check_key(connection, rows, ["a", "b"], ())
    assert (check.distinct, check.duplicate_rows) == (800_000, 1)
    assert [group.rows for group in check.first_groups] == [(1, 800_001)]
