"""``udb snapshot`` and ``udb export`` as a user types them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from udb_pipelines_tests.cli.conftest import Udb
from udb_pipelines_tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectServer


def test_a_snapshot_in_an_object_store(
    udb: Udb, customers: Path, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variables that every S3 tool reads; what goes wrong is said without them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": object_server.endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    udb("run", customers)
    target = f"s3://{object_server.new_bucket()}/udb"
    made = udb("snapshot", "create", "--target", target)
    assert made.code == 0, made.err
    assert "1 table, 3 rows, 1 file" in made.err
    copied = udb("snapshot", "copy", "--target", target)
    assert "copied 0 files" in copied.err
    listed = udb("snapshot", "list", "--copies", "--target", target, "--json").json
    assert [(item["id"], item["kind"]) for item in listed] == [
        (copied.out.strip(), "copy"), (made.out.strip(), "snapshot"),
    ]  # fmt: skip
    assert udb("snapshot", "verify", "--quick", "--target", target).code == 0
    assert udb("snapshot", "prune", "--target", target, "--json").json["files"] == 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    down = udb("snapshot", "create", "--target", target)
    assert down.code == 5
    assert "E_TARGET_DOWN" in down.err
    assert target in down.err
    shown = udb("config")
    for secret in (ACCESS_KEY, SECRET_KEY):
        assert secret not in down.out + down.err + shown.out + shown.err


def test_a_folder_with_other_things_is_refused(udb: Udb, customers: Path, tmp_path: Path) -> None:
    udb("run", customers)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.jpg").write_bytes(b"x")
    refused = udb("snapshot", "create", "--target", tmp_path / "photos")
    assert refused.code == 5
    assert "beach.jpg" in refused.err
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["beach.jpg"]


def test_the_doctor_tells_how_old_the_last_copy_is(udb: Udb, customers: Path) -> None:
    udb("run", customers)
    udb("snapshot", "create")
    (copies,) = (check for check in udb("doctor", "--json").json if check["name"] == "copies")
    assert copies["status"] == "ok"
    assert "version 2 is in" in copies["detail"]


def test_one_file_for_others(udb: Udb, customers: Path, tmp_path: Path) -> None:
    udb("run", customers)
    file = tmp_path / "all.duckdb"
    made = udb("export", file)
    assert made.code == 0
    assert "Version 2: 1 table, 3 rows" in made.err
    with duckdb.connect(str(file), read_only=True) as plain:
        assert plain.execute("SELECT count(*) FROM customers").fetchall() == [(3,)]
    assert udb("export", file).code == 2
    assert udb("export", file, "--force", "--dataset", "customers", "--json").json["tables"][0]["rows"] == 3
