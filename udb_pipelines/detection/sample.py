"""A bounded look at a file: its head, and a slice of its middle and of its tail where they can be had cheaply."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from udb_pipelines.detection.unpack import open_stream
from udb_pipelines.models import Compression

HEAD_BYTES = 256 << 10
SLICE_BYTES = 32 << 10


@dataclass(frozen=True)
class Sample:
    """Bytes of a file, unpacked. ``middle`` and ``tail`` are empty when ``head`` is everything, or cannot seek."""

    head: bytes
    middle: bytes = b""
    tail: bytes = b""
    size: int | None = None
    """Unpacked size in bytes; None for a compressed file longer than the head."""

    @property
    def whole(self) -> bool:
        """Whether ``head`` is the whole file."""
        return self.size == len(self.head)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The parts that hold something."""
        return tuple(part for part in (self.head, self.middle, self.tail) if part)


def read_sample(path: Path, compression: Compression, limit_bytes: int, head_bytes: int = HEAD_BYTES) -> Sample:
    """Read at most ``head_bytes`` plus two slices of ``path``.

    Raises:
        UdbError: ``E_CORRUPT`` when the head cannot be unpacked.
    """
    with open_stream(path, compression, None, limit_bytes) as stream:
        head = stream.read(head_bytes + 1)
        if len(head) <= head_bytes:
            return Sample(head, size=len(head))
        head = head[:head_bytes]
        if compression != "none":
            return Sample(head)
        size = path.stat().st_size
        if size < head_bytes + 2 * SLICE_BYTES:
            return Sample(head, tail=stream.read(2 * SLICE_BYTES), size=size)
        stream.seek((head_bytes + size) // 2 - SLICE_BYTES // 2)
        middle = stream.read(SLICE_BYTES)
        stream.seek(size - SLICE_BYTES)
        return Sample(head, middle, stream.read(SLICE_BYTES), size)
