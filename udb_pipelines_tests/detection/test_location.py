"""What a URI means, and that secrets in it stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.detection.location import files_at, locate, mask
from udb_pipelines.errors import UdbError

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
SECRET = st.text("ABCDEFGHIJ!$%^*+-_.:/", min_size=4, max_size=12)


@given(user=WORD, secret=SECRET, host=WORD, base=WORD)
def test_a_password_is_never_shown(user: str, secret: str, host: str, base: str) -> None:
    shown = mask(f"postgres://{user}:{secret}@{host}:5432/{base}?sslmode=require")
    assert shown == f"postgres://{user}:***@{host}:5432/{base}?sslmode=require"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgres://ann:${PG_PASSWORD}@db/shop", "postgres://ann:${PG_PASSWORD}@db/shop"),
        ("postgres://ann@db/shop?password=x", "postgres://ann@db/shop?password=***"),
        ("https://host/a.csv?api_key=k&page=2", "https://host/a.csv?api_key=***&page=2"),
        ("https://host/a.csv?token=${T}", "https://host/a.csv?token=${T}"),
        ("https://host/mail@me.csv", "https://host/mail@me.csv"),
    ],
)
def test_references_are_kept_and_secrets_masked(uri: str, shown: str) -> None:
    assert mask(uri) == shown


def test_kinds() -> None:
    assert locate("HTTPS://x/y").kind == "http"
    assert locate("postgresql://x/y").kind == "postgres"
    assert locate("file:///a%20b/c.csv").target == "/a b/c.csv"
    assert locate("data/*.csv").kind == "path"
    assert locate("s3://bucket/key").kind == "objects"
    with pytest.raises(UdbError) as caught:
        locate("abfss://bucket/key")
    assert caught.value.code == "E_UNSUPPORTED"


def test_folders_and_patterns_leave_out_hidden_and_unfinished_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".hidden.csv", "c.csv.part", "d.tmp", "sub/e.csv", ".git/f.csv", "~$open.xlsx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    assert [path.name for path in files_at(str(tmp_path))[1]] == ["a.csv", "b.csv", "e.csv"]
    assert [path.name for path in files_at(str(tmp_path / "*.csv"))[1]] == ["a.csv", "b.csv"]
    assert [path.name for path in files_at(str(tmp_path / "**/*.csv"))[1]] == ["a.csv", "b.csv", "e.csv"]
    assert [path.name for path in files_at(str(tmp_path / "c.csv.part"))[1]] == ["c.csv.part"]


def test_a_file_with_pattern_characters_in_its_name_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "[a].csv").write_text("x")
    assert files_at(str(tmp_path / "[a].csv"))[1] == (tmp_path / "[a].csv",)


@pytest.mark.parametrize(
    ("target", "code"), [("nothing.csv", "E_NOT_FOUND"), ("*.csv", "E_NO_DATA_FILES"), (".", "E_NO_DATA_FILES")]
)
def test_nothing_there(tmp_path: Path, target: str, code: str) -> None:
    with pytest.raises(UdbError) as caught:
        files_at(str(tmp_path / target))
    assert caught.value.code == code
