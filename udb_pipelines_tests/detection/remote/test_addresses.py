"""What addresses of object stores name, and how objects are called as files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.detection.remote.addresses import local_names, parse
from udb_pipelines.errors import UdbError

KEYS = [
    "a.csv", "in/a.csv", "in/b.csv", "in/b.txt", "in/2024/a.csv", "in/2024/07/a.csv", "in/.hidden.csv", "in/c.csv.part",
    "inner/a.csv",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("in/", ["in/a.csv", "in/b.csv", "in/b.txt", "in/2024/a.csv", "in/2024/07/a.csv"]),
        ("in/*.csv", ["in/a.csv", "in/b.csv"]),
        ("in/?.csv", ["in/a.csv", "in/b.csv"]),
        ("in/[b-z].csv", ["in/b.csv"]),
        ("in/**/*.csv", ["in/a.csv", "in/b.csv", "in/2024/a.csv", "in/2024/07/a.csv"]),
        ("in/**/07/*", ["in/2024/07/a.csv"]),
        ("in/*/a.csv", ["in/2024/a.csv"]),
        ("in/**", ["in/a.csv", "in/b.csv", "in/b.txt", "in/2024/a.csv", "in/2024/07/a.csv"]),
        ("*/a.csv", ["in/a.csv", "inner/a.csv"]),
        ("in/.hidden.csv", ["in/.hidden.csv"]),
    ],
)
def test_patterns_mean_what_they_mean_for_local_files(path: str, named: list[str]) -> None:
    address = parse(f"s3://shop/{path}")
    listed = [
        key for key in KEYS if not address.folder or key == address.folder or key.startswith(f"{address.folder}/")
    ]
    assert [key for key in listed if address.names(key)] == named


PARTS = st.sampled_from(["in", "a", "2024", ".hidden", "a.csv", "b.csv"])
PATTERNS = st.lists(st.sampled_from(["in", "*", "**", "20*", "[ab]*", "*.csv", "a.csv"]), min_size=1, max_size=5)


@given(st.lists(PARTS, min_size=1, max_size=5), PATTERNS)
def test_no_folder_of_a_match_is_passed_over(key: list[str], pattern: list[str]) -> None:
    address = parse(f"sftp://host/{'/'.join(pattern)}")
    name = "/".join(key)
    if address.names(name) and (not address.folder or name.startswith(f"{address.folder}/")):
        top = len(address.folder.split("/")) if address.folder else 0
        folders = ["/".join(key[:end]) for end in range(top + 1, len(key))]
        assert all(address.may_hold(folder) for folder in folders)


@pytest.mark.parametrize(
    ("path", "folder", "may"),
    [
        ("in/*.csv", "in/2024", False),
        ("in/*/*.csv", "in/2024", True),
        ("in/*/*.csv", "in/2024/07", False),
        ("in/20*/**/*.csv", "in/1999", False),
        ("in/20*/**/*.csv", "in/2024/07/x", True),
        ("in/", "in/2024/07", True),
        ("in/", "in/.git", False),
    ],
)
def test_folders_that_need_not_be_listed(path: str, folder: str, may: bool) -> None:
    assert parse(f"s3://shop/{path}").may_hold(folder) is may


@pytest.mark.parametrize("uri", ["s3://", "s3:///key", "s3://key:secret@bucket/a.csv", "gs://b?x=1/y"])
def test_an_address_without_a_bucket_or_with_credentials_is_refused(uri: str) -> None:
    with pytest.raises(UdbError) as caught:
        parse(uri)
    assert caught.value.code == "E_OPTION"
    assert "secret" not in caught.value.message


@given(st.sets(st.text(st.sampled_from("ab/.%~_\\\n\x00é"), min_size=1, max_size=8), max_size=8))
def test_every_object_gets_a_file_of_its_own(keys: set[str]) -> None:
    names = local_names(keys)
    assert len(set(names.values())) == len(keys)
    for path in names.values():
        assert not path.is_absolute()
        assert not {"..", "."} & set(path.parts)
        assert "\x00" not in str(path)
    folders = {parent for path in names.values() for parent in path.parents}
    assert not folders & set(names.values())


def test_plain_keys_keep_their_names() -> None:
    names = local_names(["2024/orders (final).csv", "größe.csv", "a", "a/b.csv", "x" * 300])
    assert names["2024/orders (final).csv"] == PurePosixPath("2024/orders (final).csv")
    assert names["größe.csv"] == PurePosixPath("größe.csv")
    assert (names["a"], names["a/b.csv"]) == (PurePosixPath("%_a"), PurePosixPath("a/b.csv"))
    assert len(str(names["x" * 300])) < 100
