"""One spelling for each place, so that the same file is the same source wherever the command was typed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from udb_pipelines.errors import UdbError

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:")
"""Two letters at least: one is a drive."""
_DATABASE_FILES = ("sqlite", "duckdb")

_INLINE_PASSWORD = re.compile(
    r"://[^/@:]*:(?!\$\{(?:(?:secret|oauth):)?\w+\}@)[^/@]+@|[?&](?:password|pwd|token|secret)=(?!\$\{)[^&]",
    re.IGNORECASE,
)


def canonical_uri(text: str) -> str:
    """``text`` as it is stored: local paths absolute with ``~`` and ``file://`` resolved, all else as it is.

    Wildcards stay wildcards; links are not followed, because a link that is pointed elsewhere is the same source.

    Raises:
        UdbError: ``E_SECRET_INLINE`` if a password stands in the address, ``E_OPTION`` for what is no address.
    """
    text = path_in(text)
    if _SCHEME.match(text):
        if _INLINE_PASSWORD.search(text):
            raise UdbError("E_SECRET_INLINE", "the address holds a password or token in plain text")
        _check_parts(text)
        return text
    if not text.strip():
        raise UdbError("E_OPTION", "the address is empty", remedy="name a file, a folder, a URL or a database")
    return str(_without_dots(Path(text).expanduser().absolute()))


def path_in(text: str) -> str:
    """The path that ``file://``, ``sqlite://`` or ``duckdb://`` addresses hold; any other text as it is.

    Of database files, three slashes may begin a relative path, as SQLAlchemy has it, or an absolute one: the file
    that is there decides.

    >>> path_in("file:///data/a%20b.csv"), path_in("sqlite:////data/shop.db"), path_in("duckdb:///shop.duckdb")
    ('/data/a b.csv', '/data/shop.db', 'shop.duckdb')
    >>> path_in("https://example.org/a.csv")
    'https://example.org/a.csv'
    """
    if text.startswith("file:"):
        return unquote(urlsplit(text).path)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _DATABASE_FILES:
        return text
    path = unquote(rest)
    if path.startswith("//"):
        return path[1:]
    return path[1:] if path.startswith("/") and not Path(path).exists() else path


def _check_parts(text: str) -> None:
    try:
        urlsplit(text)
    except ValueError:
        raise UdbError(
            "E_OPTION",
            "the address is not understood",
            remedy="write SCHEME://HOST:PORT/PATH, an address of IPv6 in brackets: https://[2001:db8::1]/a.csv",
        ) from None


def is_local(uri: str) -> bool:
    """Whether a canonical URI is a path, folder or pattern on this machine."""
    return _SCHEME.match(uri) is None


def _without_dots(path: Path) -> Path:
    # os.path.normpath would also do this; kept apart from resolve(), which follows links.
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return Path(*parts)
