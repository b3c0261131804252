"""One spelling for each place, so that the same file is the same source wherever the command was typed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from udb_pipelines.errors import UdbError

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:")
"""Two letters at least: one is a drive."""

_INLINE_PASSWORD = re.compile(
    r"://[^/@:]*:(?!\$\{(?:(?:secret|oauth):)?\w+\}@)[^/@]+@|[?&](?:password|pwd|token|secret)=(?!\$\{)[^&]",
    re.IGNORECASE,
)


def canonical_uri(text: str) -> str:
    """``text`` as it is stored: local paths absolute with ``~`` and ``file://`` resolved, all else as it is.

    Wildcards stay wildcards; links are not followed, because a link that is pointed elsewhere is the same source.

    Raises:
        UdbError: ``E_SECRET_INLINE`` if a password stands in the address.
    """
    if text.startswith("file:"):
        return str(Path(unquote(urlsplit(text).path)).absolute())
    if _SCHEME.match(text):
        if _INLINE_PASSWORD.search(text):
            raise UdbError("E_SECRET_INLINE", "the address holds a password or token in plain text")
        return text
    return str(_without_dots(Path(text).expanduser().absolute()))


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
