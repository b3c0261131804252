"""Damaged files: a detection or a refusal with a code, whatever the bytes; never another exception, never a hang."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from udb_pipelines.errors import UdbError
from udb_pipelines_tests.detection.conftest import Detect

INSERTED = [b'"', b"'", b",", b"\n", b"\r", b";", b"\x00", b"\\", b"#", b"\t", b"[", b"{", b"<"]
FOLDERS = ("csv-spectrum", "dialect", "frictionless", "json", "messytables", "parquet", "qsv", "spreadsheets")


def mutated(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = rng.randbytes(1)
            case 1:
                del data[at : at + rng.randint(1, 50)]
            case 2:
                data[at:at] = rng.choice(INSERTED) * rng.randint(1, 3)
            case _:
                del data[at:]
    return bytes(data)


def run(detected: Detect, corpora: Path, seed: int, mutations: int) -> None:
    files = [
        file
        for folder in FOLDERS
        for file in sorted((corpora / folder).rglob("*"))
        if file.is_file() and 0 < file.stat().st_size < 60_000
    ]
    rng = random.Random(seed)
    for number in range(mutations):
        file = rng.choice(files)
        started = time.perf_counter()
        try:
            detected(file.name, data=mutated(file.read_bytes(), rng))
        except UdbError as error:
            assert error.code != "E_INTERNAL"
        assert time.perf_counter() - started < 60, f"{file.name}, mutation {number} of seed {seed}"


def test_damaged_files(detected: Detect, corpora: Path) -> None:
    run(detected, corpora, seed=7, mutations=120)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_damaged_files(detected: Detect, corpora: Path, seed: int) -> None:
    run(detected, corpora, seed, mutations=1500)
