"""Second opinions on a dialect: what DuckDB's own sniffer says, strictly and leniently."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect, quote_literal


@dataclass(frozen=True)
class Opinion:
    """What one sniffer takes the sample for."""

    who: str
    delimiter: str
    quote: str
    columns: int


def second_opinions(text: str, settings: Settings) -> tuple[Opinion, ...]:
    """DuckDB's view of ``text``; a sniffer that gives up has none."""
    opinions = []
    with tempfile.TemporaryDirectory() as folder, connect(settings, threads=1) as connection:
        file = Path(folder) / "sample.csv"
        file.write_text(text, encoding="utf-8", errors="replace", newline="")
        for who, strict in (("DuckDB strict", "true"), ("DuckDB lenient", "false")):
            lenient = "" if strict == "true" else ", ignore_errors = true, null_padding = true, parallel = false"
            query = (
                "SELECT Delimiter, Quote, len(Columns) FROM "
                f"sniff_csv({quote_literal(file)}, strict_mode = {strict}{lenient})"
            )
            try:
                found = connection.execute(query).fetchone()
            except duckdb.Error:
                continue
            if found:
                delimiter, quote, columns = found
                opinions.append(Opinion(who, delimiter, "" if quote == "(empty)" else quote, columns))
    return tuple(opinions)
