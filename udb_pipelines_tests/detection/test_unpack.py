"""Streams of unpacked bytes: equal to what was packed, stopped at the limit, honest about damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from udb_pipelines.detection.unpack import open_stream, tar_members, zip_members
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Compression

CONTENT = b"".join(b"%d,some words,%d\n" % (number, number * 7919) for number in range(20_000))
PACKERS = {
    "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.ZstdCompressor().compress,
}  # fmt: skip
PLENTY = 1 << 30


def packed(folder: Path, compression: Compression, content: bytes = CONTENT) -> Path:
    path = folder / f"packed.{compression}"
    if compression == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner/a.csv", content)
    elif compression == "tar":
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo("inner/a.csv")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    else:
        path.write_bytes(PACKERS[compression](content))
    return path


ALL: tuple[Compression, ...] = ("gzip", "bz2", "xz", "zstd", "zip", "tar")


@pytest.mark.parametrize("compression", ALL)
def test_gives_back_what_was_packed(tmp_path: Path, compression: Compression) -> None:
    member = "inner/a.csv" if compression in ("zip", "tar") else None
    with open_stream(packed(tmp_path, compression), compression, member, PLENTY) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("compression", ALL)
def test_stops_at_the_limit(tmp_path: Path, compression: Compression) -> None:
    path = packed(tmp_path, compression, bytes(5_000_000))
    assert path.stat().st_size < 50_000
    with open_stream(path, compression, None, 1_000_000) as stream, pytest.raises(UdbError) as caught:
        stream.read()
    assert caught.value.code == "E_TOO_LARGE"


@pytest.mark.parametrize("compression", ALL)
def test_a_cut_file_is_corrupt(tmp_path: Path, compression: Compression) -> None:
    path = packed(tmp_path, compression)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UdbError) as caught, open_stream(path, compression, None, PLENTY) as stream:
        stream.read()
    assert caught.value.code == "E_CORRUPT"


@given(content=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 400))
def test_several_zstandard_frames_are_one_stream(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("zstd") / "a.zst"
    path.write_bytes(b"".join(PACKERS["zstd"](part) for part in content))
    with open_stream(path, "zstd", None, PLENTY) as stream:
        assert b"".join(iter(lambda: stream.read(size), b"")) == b"".join(content)


def test_an_archive_of_several_files_needs_the_member(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")
    assert zip_members(path) == ("a.csv", "b.csv")
    for member in (None, "c.csv"):
        with pytest.raises(UdbError) as caught:
            open_stream(path, "zip", member, PLENTY)
        assert caught.value.code == "E_NOT_FOUND"


def test_links_and_devices_in_a_tar_are_no_members(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("empty.csv"))
    assert tar_members(path) == ("empty.csv",)


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + at] |= 1
    path.write_bytes(data)
    with pytest.raises(UdbError) as caught:
        open_stream(path, "zip", None, PLENTY)
    assert caught.value.code == "E_ENCRYPTED"


def test_a_zip_archive_of_a_version_that_is_not_there_is_damaged(tmp_path: Path) -> None:
    path = packed(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 6] = 205  # the version needed to extract, in tenths
    path.write_bytes(data)
    with pytest.raises(UdbError) as refused:
        zip_members(path)
    assert refused.value.code == "E_CORRUPT"
