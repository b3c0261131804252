"""What ``sources.yaml`` pins decides what is loaded: each pin against what detection finds by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from udb_pipelines.config import Settings
from udb_pipelines.connectors import extract, provision
from udb_pipelines.control import sources_file
from udb_pipelines.control.sources import SourceRegistry
from udb_pipelines.detection import detect
from udb_pipelines.errors import UdbError
from udb_pipelines.models import StagedDataset
from udb_pipelines_tests.connectors.sources import rows, types

Loaded = tuple[list[str], list[tuple[Any, ...]]]


def loaded(settings: Settings, folder: Path, content: bytes, name: str, pins: str) -> Loaded:
    """Through the file of sources and the register, as ``udb apply`` and ``udb run`` go."""
    (folder / name).write_bytes(content)
    lines = [
        "version: 1",
        "sources:",
        "  data:",
        f"    uri: {name}",
        "    max_reject_pct: 100",
        *(f"    {pin}" for pin in pins.splitlines()),
    ]
    (folder / "sources.yaml").write_text("\n".join(lines) + "\n")
    registry = SourceRegistry(settings)
    sources_file.apply(registry, sources_file.load(folder / "sources.yaml"))
    source = registry.get("data")
    found: StagedDataset
    (found,) = extract(provision(source, detect(source, settings)), settings, f"job-{len(pins)}", None).datasets
    return list(types(found)), rows(found)


@pytest.mark.parametrize(
    ("content", "pins", "names", "first"),
    [
        (b"a;b,c\n1;2,3\n4;5,6\n", 'delimiter: ","', ["a_b", "c"], ("1;2", 3)),
        (b"id,name\n1,ann\n2,bob\n", "header: none", ["column_1", "column_2"], ("id", "name")),
        (b"id,name\nx,y\n1,ann\n2,bob\n", "header: 2", ["id_x", "name_y"], (1, "ann")),
        ("id,name\n1,Łódź\n2,żółw\n".encode("cp1250"), "encoding: cp1252", ["id", "name"], (1, "£ódŸ")),
        (b"id,name\n1,'ann'\n2,'bob'\n", 'quote: ""', ["id", "name"], (1, "'ann'")),
        (b'id,name\n1,"a\\"b"\n2,"c"\n', 'quote: ""', ["id", "name"], (1, '"a\\"b"')),
        (b"id,name\n1,ann\n2,bob\n3,cy\n", "skip_rows: 1\nheader: none", ["column_1", "column_2"], (1, "ann")),
        (b"id,name\n%1,ann\n2,bob\n3,cy\n", 'comment: "%"', ["id", "name"], (2, "bob")),
        (b"id,name\n1,NONE\n2,bob\n", "null_markers: [NONE]", ["id", "name"], (1, None)),
        (b"idname\n01ann \n02bob \n", "format: fixed_width\nwidths: [2, 4]", ["id", "name"], ("01", "ann")),
    ],
)
def test_a_pin_decides(
    settings: Settings, tmp_path: Path, content: bytes, pins: str, names: list[str], first: tuple[object, ...]
) -> None:
    pinned_names, pinned_rows = loaded(settings, tmp_path, content, "data.csv", pins)
    assert (pinned_names, pinned_rows[0]) == (names, first)
    try:
        alone = loaded(settings, tmp_path, content, "data.csv", "")
    except UdbError:
        return
    assert alone != (pinned_names, pinned_rows), "the pin changes nothing, so that it proves nothing"
