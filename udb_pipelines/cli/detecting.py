"""``udb detect``: what is it, and why; loads nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import options
from udb_pipelines.cli.present import Column, print_json, print_line, print_table
from udb_pipelines.wording import counted, duration, size

if TYPE_CHECKING:
    import pyarrow as pa

    from udb_pipelines.config import Settings
    from udb_pipelines.models import Candidate, DetectedStream, Detection, Dialect, Finding, Source

PREVIEW_ROWS = 10

HELP = """\
Find out what a source is: format, encoding, dialect, columns, and the evidence for each. Loads nothing.

[bold]Examples[/bold]

  udb detect export.csv
  udb detect export.csv --preview        the first rows, as they would be read
  udb detect 'data/*.csv' --json
"""


def detect(
    uri: Annotated[str, typer.Argument(metavar="PATH_OR_URI", help="What to look at.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show the first ten rows.")] = False,
    format_: options.Format = None,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    skip_rows: options.SkipRows = None,
    widths: options.Widths = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole detection as JSON.")] = False,
) -> None:
    """Show what ``uri`` is."""
    from udb_pipelines.cli import session
    from udb_pipelines.cli.options import pinned
    from udb_pipelines.control.naming import derive_name
    from udb_pipelines.control.uris import canonical_uri
    from udb_pipelines.detection import detect as find_out
    from udb_pipelines.models import Source

    given = {
        "format": format_, "encoding": encoding, "delimiter": delimiter, "quote": quote, "header": header,
        "skip_rows": skip_rows, "widths": widths,
    }  # fmt: skip
    place = canonical_uri(uri)
    source = Source(name=derive_name(place), uri=place, options=pinned(given), created_at=datetime.now(UTC))
    settings = session.settings()
    found = find_out(source, settings)
    heads = _first_rows(source, found, settings) if preview else {}
    if as_json:
        print_json({**found.model_dump(mode="json"), **({"preview": _as_rows(heads)} if preview else {})})
        return
    _show(found)
    for name, head in heads.items():
        print_line()
        print_line(f"{name}, as it would be read:")
        print_table(
            [Column(column, wrap=True) for column in head.column_names],
            [["NULL" if cell is None else str(cell) for cell in row.values()] for row in head.to_pylist()],
        )


def _first_rows(source: Source, found: Detection, settings: Settings) -> dict[str, pa.Table]:
    from udb_pipelines.connectors import preview

    return {
        stream.name: preview(source, found, settings, rows=PREVIEW_ROWS, stream=stream.name) for stream in found.streams
    }


def _as_rows(heads: dict[str, pa.Table]) -> dict[str, list[dict[str, object]]]:
    return {name: head.to_pylist() for name, head in heads.items()}


def _show(found: Detection) -> None:
    print_line(
        f"{found.uri}: {found.connector}, {size(found.bytes)}, {counted(len(found.streams), 'table')},"
        f" looked at in {duration(found.seconds)}"
    )
    for stream in found.streams:
        print_line()
        _show_stream(stream)
    if found.findings:
        print_line()
        _show_findings(found.findings)
    if found.settings_needed:
        print_line(f"Cannot be found out, please give: {', '.join(found.settings_needed)}")


def _show_stream(stream: DetectedStream) -> None:
    rows = f", about {counted(stream.row_estimate, 'row')}" if stream.row_estimate is not None else ""
    member = f" ({stream.member})" if stream.member else ""
    packed = f", {stream.compression}" if stream.compression != "none" else ""
    print_line(
        f"{stream.name}{member}: {stream.format}{packed}, {stream.encoding}{rows}, {counted(len(stream.files), 'file')}"
    )
    if stream.dialect and stream.format != "log":
        print_line(f"  {_dialect(stream.dialect)}")
    if stream.columns:
        print_line("  columns: " + ", ".join(f"{column.name} {column.type}" for column in stream.columns))
    if stream.candidates:
        _show_candidates(stream.candidates)
    if stream.findings:
        _show_findings(stream.findings)


def _show_candidates(candidates: tuple[Candidate, ...]) -> None:
    rows = [
        (
            candidate.format,
            _dialect(candidate.dialect) if candidate.dialect else "",
            f"{candidate.confidence:.0%}",
            "; ".join(evidence.what for evidence in candidate.evidence),
        )
        for candidate in candidates
    ]
    print_table(
        (
            Column("candidate"),
            Column("dialect", wrap=True),
            Column("confidence", "right"),
            Column("because", wrap=True),
        ),
        rows,
    )


def _show_findings(findings: tuple[Finding, ...]) -> None:
    styles = {"error": "red", "warning": "yellow"}
    rows = [
        (str(finding.severity), finding.code, finding.column or "", finding.message, finding.remedy)
        for finding in findings
    ]
    print_table(
        (
            Column("finding", styles=styles),
            Column("code"),
            Column("column"),
            Column("what", wrap=True),
            Column("what to do", wrap=True),
        ),
        rows,
    )


def _dialect(dialect: Dialect) -> str:
    header = counted(dialect.header_rows, "header row") if dialect.header_rows else "no header"
    if dialect.spans:
        parts = ["columns from " + ", ".join(str(start) for start, _ in dialect.spans), header]
    else:
        parts = [
            f"delimiter {dialect.delimiter!r}",
            f"quote {dialect.quote!r}" if dialect.quote else "no quotes",
            header,
        ]
    if dialect.skip_rows:
        parts.append(f"{dialect.skip_rows} lines before it")
    if dialect.comment:
        parts.append(f"comments {dialect.comment!r}")
    return ", ".join(parts)
