"""Telephone numbers and addresses as different countries write them, and what only looks like them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from udb_pipelines.models import Profile

Texts = Callable[..., Profile]


def _typed(profile_texts: Texts, values: list[str]) -> str | None:
    return profile_texts(list(values)).columns[0].semantic_type


@pytest.mark.parametrize(
    "forms",
    [
        ("+45 26 01 8{} 59", "+45 830166{}", "9603 08{}", "282194{}"),
        ("08-26 01 {}", "0246-28 19 {}", "08-909 960 {}", "+46 (0)199 351 {}"),
        ("+55 31 8301-66{}", "32 2601-81{}", "(48) 1819-09{}", "77 4911-86{}"),
        ("(03).6018.15{}", "0430 166 1{}", "0460-913-9{}", "0460.308.2{}"),
    ],
)
def test_telephone_numbers_of_a_country_in_mixed_forms(profile_texts: Texts, forms: tuple[str, ...]) -> None:
    assert _typed(profile_texts, [form.format(n) for n in range(10, 60) for form in forms]) == "phone"


@pytest.mark.parametrize(
    "forms",
    [
        ("Nytorget {}", "Kvarngatan {}", "Bäckgränd {}", "Villagatan {}"),
        ("Elisasingel {}", "Hendrikhof {}", "Evieboulevard {}", "Prinsengracht {}"),
        ("Level 6 {} Shelia Road", "{} Brown Walk", "1/{} Jessica Gates", "Unit 21 {} Todd Road"),
        ("Praça Melo, {}", "Largo de Camões, {}", "Rua Augusta, {}", "Estrada da Luz, {}"),
    ],
)
def test_streets_and_house_numbers(profile_texts: Texts, forms: tuple[str, ...]) -> None:
    assert _typed(profile_texts, [form.format(n) for n in range(1, 40) for form in forms]) == "street_address"


@pytest.mark.parametrize(
    "form",
    [
        "2024-{}123456", "{}34-5678-9012", "978-1-4028-94{}-6", "A-{} 4411 22", "1{}3-45-6789", "10.0.{}-rc1",
        "Garden Chair {}", "Model {}", "Room {}", "Chapter {}", "Blue Ridge Coffee {} g", "Team Red {}",
        "the order of {} pieces went out on time", "{} Angry Men", "Top {} Songs Ever",
    ],
)  # fmt: skip
def test_what_only_looks_like_them(profile_texts: Texts, form: str) -> None:
    assert _typed(profile_texts, [form.format(n) for n in range(10, 99)]) not in ("phone", "street_address")
