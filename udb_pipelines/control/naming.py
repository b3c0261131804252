"""Names for sources nobody named: the same from the command line and from the landing folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from udb_pipelines.control.uris import is_local
from udb_pipelines.models import slug

_DATA_SUFFIXES = frozenset({
    ".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".json", ".jsonl", ".ndjson", ".geojson", ".parquet", ".pq",
    ".arrow", ".feather", ".avro", ".orc", ".xls", ".xlsx", ".xlsb", ".xlsm", ".ods", ".db", ".sqlite", ".sqlite3",
    ".duckdb", ".ddb", ".xml", ".log", ".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz",
})  # fmt: skip


def derive_name(uri: str) -> str:
    """A name for a source, from its canonical address.

    >>> derive_name("/data/Orders 2024.csv.gz"), derive_name("/data/sales/*.csv"), derive_name("/in/visits_*.csv")
    ('orders_2024', 'sales', 'visits')
    >>> derive_name("https://example.org/files/prices.json?v=2"), derive_name("postgres://db.example.org/shop")
    ('prices', 'shop')
    """
    path = uri if is_local(uri) else urlsplit(uri).path.strip("/") or urlsplit(uri).hostname or "source"
    for part in reversed(PurePosixPath(path).parts):
        words = re.sub(r"\[.*?\]|[*?]+", " ", _without_suffixes(part)).strip(" ._-/")
        if re.search(r"[^\W_]", words):
            return slug(words)
    return "source"


def free_name(uri: str, taken: Iterable[str]) -> str:
    """A name for a source that is not among ``taken``, for where nobody can be asked.

    >>> free_name("/in/orders.json", []), free_name("/in/orders.json", ["orders"])
    ('orders', 'orders_json')
    """
    names = set(taken)
    whole = slug(PurePosixPath(uri).name)
    candidates = [derive_name(uri), whole, *(f"{whole[:55].rstrip('_')}_{number}" for number in range(2, 1000))]
    return next(candidate for candidate in candidates if candidate not in names)


def _without_suffixes(name: str) -> str:
    while (suffix := PurePosixPath(name.lstrip("*")).suffix.lower()) in _DATA_SUFFIXES:
        name = name[: -len(suffix)]
    return "" if name.lower() in _DATA_SUFFIXES or name.lstrip("*").lower() in _DATA_SUFFIXES else name
