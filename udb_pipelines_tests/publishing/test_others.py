"""What other sources have published, as references and KPIs need it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udb_pipelines.config import load_settings
from udb_pipelines.publishing import keys_of_others, profiles_of_others
from udb_pipelines_tests.cli.conftest import Kept, Udb
from udb_pipelines_tests.cli.conftest import home as home
from udb_pipelines_tests.cli.conftest import kept as kept
from udb_pipelines_tests.cli.conftest import udb as udb


@pytest.fixture
def published(udb: Udb, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of ``customers``, the newer with one row more, and a source without a key."""

    def make() -> None:
        Path("customers.csv").write_text("id,city\n1,Rome\n2,Rome\n")
        udb("run", "customers.csv")
        Path("customers.csv").write_text("id,city\n1,Rome\n2,Rome\n3,Oslo\n")
        Path("notes.csv").write_text("a,b\nx,y\nx,y\n")
        udb("run", "customers.csv", "notes.csv")

    return kept.begin("published", monkeypatch, make)


def test_the_newest_of_each_other_source_is_read(published: Path) -> None:
    settings = load_settings()
    assert {profile.dataset: profile.rows for profile in profiles_of_others(settings, "orders")} == {
        "customers": 3,
        "notes": 2,
    }
    assert [profile.dataset for profile in profiles_of_others(settings, "customers")] == ["notes"]


def test_of_keys_only_the_columns_that_are_keys(published: Path) -> None:
    (only,) = keys_of_others(load_settings(), "orders")
    assert (only.dataset, [column.name for column in only.columns]) == ("customers", ["id"])


def test_what_cannot_be_read_is_left_out(published: Path) -> None:
    settings = load_settings()
    newest = max((settings.artifacts / "customers").glob("*/customers/profile.json"), key=os.path.getmtime)
    whole = newest.read_text()
    for damaged in ("{", "[]", whole.replace('"rows_read"', '"rows_red"')):
        newest.write_text(damaged)
        assert [profile.dataset for profile in profiles_of_others(settings, "orders")] == ["notes"]
        assert keys_of_others(settings, "orders") == ()
