"""From what was typed behind ``udb run`` to a registered source.

The same place is the same source, however its address is spelled and whatever else was pinned before.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udb_pipelines.cli.options import pinned
from udb_pipelines.control.naming import derive_name
from udb_pipelines.control.uris import canonical_uri, is_local
from udb_pipelines.errors import UdbError
from udb_pipelines.models import NAME_PATTERN, Source, slug

if TYPE_CHECKING:
    from udb_pipelines.control.sources import SourceRegistry


def register(registry: SourceRegistry, typed: str, name: str | None, given: dict[str, Any]) -> Source:
    """The source that ``typed`` (a path, pattern, URL or the name of a source) stands for, stored.

    Args:
        registry: where sources are kept.
        typed: as it stands on the command line.
        name: the name given with ``--as``: an existing source of that name reads ``typed`` from now on.
        given: options of the command line; they are added to those pinned earlier.

    Raises:
        UdbError: ``E_NOT_FOUND``, ``E_NAME``, ``E_OPTION``, ``E_SECRET_INLINE``.
    """
    known = {source.name: source for source in registry.list()}
    if typed in known and name is None and not Path(typed).exists():
        return _stored(registry, known[typed], known[typed].uri, given)
    uri = canonical_uri(typed)
    must_exist(typed, uri, known)
    if name is not None:
        chosen = legal_name(name)
    else:
        if (same := registry.find_by_uri(uri)) is not None:
            return _stored(registry, same, uri, given)
        chosen = derive_name(uri)
        if chosen in known:
            raise UdbError(
                "E_NAME",
                f"the name {chosen} is taken by a source that reads {known[chosen].uri}",
                remedy=f"add --as with another name, or --as {chosen} to let that source read this from now on",
            )
    fresh = Source(name=chosen, uri=uri, created_at=datetime.now(UTC))
    return _stored(registry, known.get(chosen, fresh), uri, given)


def _stored(registry: SourceRegistry, source: Source, uri: str, given: dict[str, Any]) -> Source:
    changed = source.model_copy(update={"uri": uri, "options": pinned(given, source.options)})
    return registry.add(changed, replace=True)


def legal_name(name: str) -> str:
    """``name``, if it may name a source.

    Raises:
        UdbError: ``E_NAME``, with a name that may.
    """
    if re.fullmatch(NAME_PATTERN, name):
        return name
    raise UdbError(
        "E_NAME",
        f"{name} is not a name: small letters, digits and single underscores, a letter first, 63 at most",
        remedy=f"for example --as {slug(name)}",
    )


def must_exist(typed: str, uri: str, names: Iterable[str] = ()) -> None:
    """Nothing, if ``uri`` may exist; ``names`` are sources that may have been meant.

    Raises:
        UdbError: ``E_NOT_FOUND``, with what comes close.
    """
    if not is_local(uri) or has_magic(uri) or Path(uri).exists():
        return
    folder = Path(uri).parent
    nearby = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = [
        *difflib.get_close_matches(typed, list(names), n=2),
        *(str(Path(typed).parent / name) for name in difflib.get_close_matches(Path(uri).name, nearby, n=2)),
    ]
    raise UdbError(
        "E_NOT_FOUND",
        f"there is no file, folder or source {typed}",
        stage="detect",
        kept="nothing was changed",
        remedy=f"did you mean {' or '.join(close)}?" if close else None,
    )
