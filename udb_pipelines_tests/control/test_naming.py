"""Names for sources nobody named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.control.naming import derive_name, free_name
from udb_pipelines.models import NAME_PATTERN


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/data/customers.csv", "customers"),
        ("/data/Orders 2024 (final).csv.gz", "orders_2024_final"),
        ("/data/sales/*.csv", "sales"),
        ("/data/sales/*/*.csv", "sales"),
        ("/data/visits_*.parquet", "visits"),
        ("/data/2024", "s_2024"),
        ("/data/v1.2.csv", "v1_2"),
        ("/data/.csv", "data"),
        ("/data/名前.csv", "source"),
        ("/", "source"),
        ("https://example.org/files/prices.json?v=2", "prices"),
        ("https://example.org/", "example_org"),
        ("postgresql://ann:${PW}@db:5432/shop", "shop"),
    ],
)
def test_names_come_from_addresses(uri: str, name: str) -> None:
    assert derive_name(uri) == name


@given(st.text(max_size=40))
def test_every_address_gets_a_legal_name(text: str) -> None:
    assert re.fullmatch(NAME_PATTERN, derive_name("/data/" + text.replace("\0", "")))


@given(st.text(alphabet=st.characters(exclude_characters="\0/"), min_size=1, max_size=80), st.integers(0, 5))
def test_a_free_name_is_legal_and_nobody_elses(file: str, times: int) -> None:
    taken: list[str] = []
    for _ in range(times + 1):
        taken.append(free_name(f"/landing/{file}", taken))
    assert len(set(taken)) == times + 1
    assert all(re.fullmatch(NAME_PATTERN, name) for name in taken)


def test_the_next_free_name_says_what_it_is() -> None:
    taken = {"orders", "orders_csv", "orders_csv_2"}
    assert free_name("/landing/orders.csv", taken) == "orders_csv_3"
    assert free_name("/landing/2024 Q1.csv", taken) == "s_2024_q1"
    assert free_name("/landing/Orders.csv.gz", []) == "orders"
