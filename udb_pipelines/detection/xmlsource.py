"""The bytes of an XML file for a parser that knows few encodings: those of several bytes per character become UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from udb_pipelines.errors import UdbError

_DECLARED = re.compile(rb"""\A<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_OTHER = 128
"""A byte that is a whole character in every encoding of single bytes, and none in one of several."""


def for_parser(chunks: Iterator[bytes], name: str) -> tuple[str | None, Iterator[bytes]]:
    """The encoding to give to the parser (None: let it find out), and the bytes to feed to it.

    Raises:
        UdbError: ``E_UTF8_INVALID`` while the bytes are read, with the offset of the first that is not in the
            encoding that the file declares.
    """
    first = next(chunks, b"")
    found = _DECLARED.match(first[:256])
    codec = _multibyte(found.group(1).decode("ascii")) if found else None
    whole = chain((first,), chunks)
    return (None, whole) if codec is None else ("utf-8", _decoded(whole, codec, name))


def _multibyte(name: str) -> str | None:
    """The codec called ``name``, if its characters have several bytes and the parser does not know it."""
    try:
        codec = codecs.lookup(name).name
        if codec.startswith(("utf", "ascii")):
            return None
        single = len(bytes(range(_OTHER, 256)).decode(codec, "replace")) == 256 - _OTHER
    except (LookupError, UnicodeDecodeError):
        return None
    return None if single else codec


def _decoded(chunks: Iterator[bytes], codec: str, name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    seen = 0
    for chunk in chunks:
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            offset = seen - pending + error.start
            raise UdbError(
                "E_UTF8_INVALID",
                f"{name}: the byte at offset {offset} is not {codec}, which the file declares",
                remedy="correct the encoding in its first line",
            ) from None
        seen += len(chunk)
        yield text.encode("utf-8", "replace")
