"""YAML in and out: words stay words, every error has its line, and no file is too clever."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.contracts.faults import read
from udb_pipelines.errors import UdbError
from udb_pipelines.yamltext import Quoted, write


def test_words_that_only_some_readers_take_for_something_else_are_text():
    content = read("a: [NO, yes, 2024-01-01, '1', 007, 1:30, 0x1F, 1_000, on, 1e3]\n").content
    assert content["a"] == ["NO", "yes", "2024-01-01", "1", "007", "1:30", "0x1F", "1_000", "on", 1000.0]


def test_numbers_truths_and_nothing_are_what_they_look_like():
    content = read("a: [1, -2, 1.5, .5, 1.5e-3, true, False, null, ~, ]\n").content
    assert content["a"] == [1, -2, 1.5, 0.5, 0.0015, True, False, None, None]


def test_every_key_and_entry_knows_its_line():
    document = read("# comment\na: 1\nb:\n- x\n- c: 2\n  d: 3\n")
    assert [document.line(path) for path in (("a",), ("b", 0), ("b", 1, "d"), ("b", 1, "absent"))] == [2, 4, 6, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", "line 3"),
        ("a: 1\n b: 2\n", "line 2"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key a stands here twice"),
        ("- 1\n", "line 1: it is not a mapping"),
        ("", "it is not a mapping"),
        ("a: &x [1]\nb: *y\n", "line 2"),
        ("? [1]\n: 2\n", "a key is not plain text"),
        ("a: !!python/object:os.system x\n", "could not determine a constructor"),
        ("a: \x01\n", "it is not YAML"),
    ],
)
def test_what_is_no_contract_is_told_with_its_line(text: str, said: str):
    with pytest.raises(UdbError) as raised:
        read(text)
    assert raised.value.code == "E_CONTRACT"
    assert said in raised.value.message


def test_a_few_lines_do_not_become_a_billion_values():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UdbError, match="aliases resolved"):
        read("\n".join(lines))


def test_a_mapping_inside_itself_is_refused():
    with pytest.raises(UdbError, match="or itself"):
        read("a: &a\n  b: *a\n")


def test_deep_nesting_is_refused_and_does_not_end_the_process():
    with pytest.raises(UdbError, match="nested deeper"):
        read("a: " + "[" * 20_000 + "]" * 20_000)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), min_size=1))
def test_values_are_the_same_for_every_reader(values: list[str]):
    text = write({"values": [Quoted(value) for value in values]}, "a comment\nof two lines")
    assert read(text).content["values"] == values
    assert yaml.safe_load(text)["values"] == values


def test_the_same_content_is_the_same_bytes():
    content = {"b": 1, "a": [Quoted("x"), {"z": 1.5, "y": None}]}
    assert write(content) == write(dict(content)) == 'b: 1\na:\n- "x"\n- z: 1.5\n  y: null\n'
