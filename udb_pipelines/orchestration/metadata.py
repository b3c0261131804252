"""What a person sees in the UI with each materialization: counts, columns, previews, verdicts, links.

Pure descriptions of the stages' models, plus a preview read from the lake. A preview shows values on purpose,
to people who may read the warehouse; it is the one place where values enter Dagster's event log, and
it is small: ten rows, twenty columns, forty characters a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from udb_pipelines.engine import quote_identifier
from udb_pipelines.models import (
    ColumnProfile,
    ColumnSchema,
    Connection,
    DatasetVersion,
    Detection,
    Finding,
    Manifest,
    ProfileSet,
    SyncResult,
)

if TYPE_CHECKING:
    from udb_pipelines.kpis import KpiSet
    from udb_pipelines.warehouse import Lake

HOLDS_SOURCES = {"udb/holds": "sources"}
"""Marks the asset whose partitions are sources, so that a reader knows its tables are the sources' own."""

PREVIEW_ROWS = 10
PREVIEW_COLUMNS = 20
PREVIEW_CHARACTERS = 40
MAX_CHARTS = 6
"""Charts live in the event log as data URIs; the report has all of them."""

Metadata = dict[str, Any]

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", **{sign: f"\\{sign}" for sign in "|\\`*_[]~$!#"}})


def cell(value: object, cut: int | None = None) -> str:
    r"""Any value as one Markdown cell: on one line, shown as text, cut to a length.

    >>> print(cell("x\n<b>|", cut=40))
    x &lt;b&gt;\|
    >>> cell("abcdef", cut=4)
    'abc…'
    """
    text = "" if value is None else " ".join(str(value).split())
    if cut is not None and len(text) > cut:
        text = text[: cut - 1] + "…"
    return text.translate(_ESCAPES)


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[object]], cut: int | None = None) -> str:
    """A Markdown table; whatever a cell holds, it stays inside its cell.

    >>> print(markdown_table(["a", "b"], [[1, None]]))
    | a | b |
    | --- | --- |
    | 1 |  |
    """
    lines = [[cell(header, cut) for header in headers], ["---"] * len(headers)]
    lines += [[cell(value, cut) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def findings_table(findings: Iterable[Finding]) -> dg.MarkdownMetadataValue:
    """Findings, errors first."""
    ordered = sorted(findings, key=lambda finding: (finding.severity.value, finding.code))
    if not ordered:
        return dg.MetadataValue.md("Nothing to report.")
    rows = [
        (finding.severity.value, finding.code, finding.dataset, finding.column, finding.count or None, finding.message)
        for finding in ordered
    ]
    return dg.MetadataValue.md(markdown_table(["severity", "code", "table", "column", "rows", "what"], rows))


def table_schema(columns: Iterable[ColumnSchema]) -> dg.TableSchema:
    """Columns as Dagster shows them; the name in the source as description where it differs."""
    return dg.TableSchema(
        [dg.TableColumn(column.name, column.type, description=column.original_name) for column in columns]
    )


def detection_metadata(found: Detection) -> Metadata:
    """What the source is, and why."""
    streams = [
        (
            stream.name,
            stream.format,
            stream.compression,
            stream.encoding,
            stream.dialect.delimiter if stream.dialect else None,
            len(stream.columns),
            stream.row_estimate,
            f"{stream.candidates[0].confidence:.2f}" if stream.candidates else None,
        )
        for stream in found.streams
    ]
    evidence = [
        (stream.name, candidate.format, f"{candidate.confidence:.2f}", reason.what, f"{reason.weight:.2f}")
        for stream in found.streams
        for candidate in stream.candidates[:3]
        for reason in candidate.evidence
    ]
    described: Metadata = {
        "connector": found.connector,
        "bytes": found.bytes,
        "fingerprint": found.fingerprint,
        "streams": dg.MetadataValue.md(
            markdown_table(
                ["stream", "format", "compression", "encoding", "delimiter", "columns", "rows, about", "confidence"],
                streams,
            )
        ),
        "findings": findings_table(
            (*found.findings, *(finding for stream in found.streams for finding in stream.findings))
        ),
    }
    if evidence:
        table = markdown_table(["stream", "candidate", "confidence", "evidence", "weight"], evidence)
        described["evidence"] = dg.MetadataValue.md(table)
    return described


def connection_metadata(provided: Connection) -> Metadata:
    """Where the rows will go."""
    rows = [
        (stream.detected.name, stream.dataset, stream.sync_mode, ", ".join(stream.primary_key), stream.cursor)
        for stream in provided.streams
    ]
    return {
        "connector": provided.connector,
        "streams": dg.MetadataValue.md(markdown_table(["stream", "table", "sync mode", "key", "cursor"], rows)),
    }


def sync_metadata(result: SyncResult, lake: Lake) -> Metadata:
    """What the commit did, per table, with a preview."""
    described: Metadata = {
        "dagster/row_count": sum(dataset.rows_total for dataset in result.datasets),
        "rows_read": sum(dataset.rows_read for dataset in result.datasets),
        "rows_rejected": sum(dataset.rows_rejected for dataset in result.datasets),
        "version": result.version,
        "unchanged": result.unchanged,
        "committed_by": result.job_id,
        "tables": dg.MetadataValue.md(
            markdown_table(
                ["table", "rows", "read", "committed", "rejected", "columns", "version"],
                [
                    (
                        dataset.dataset,
                        dataset.rows_total,
                        dataset.rows_read,
                        dataset.rows_committed,
                        dataset.rows_rejected,
                        len(dataset.columns),
                        dataset.version,
                    )
                    for dataset in result.datasets
                ],
            )
        ),
    }
    described |= _tables(result.datasets)
    described |= previews((dataset.dataset for dataset in result.datasets), lake, result.version)
    return described


def _tables(datasets: Sequence[DatasetVersion]) -> Metadata:
    """The columns under Dagster's own key for one table, else one entry per table; changes and rejects."""
    described: Metadata = {}
    if len(datasets) == 1:
        described["dagster/table_name"] = f"lake.main.{datasets[0].dataset}"
        described["dagster/column_schema"] = table_schema(datasets[0].columns)
    else:
        described |= {f"columns of {dataset.dataset}": table_schema(dataset.columns) for dataset in datasets}
    changes = [
        (dataset.dataset, change.change, change.column, change.before, change.after)
        for dataset in datasets
        for change in dataset.schema_changes
    ]
    if changes:
        table = markdown_table(["table", "change", "column", "before", "after"], changes)
        described["schema_changes"] = dg.MetadataValue.md(table)
    for dataset in datasets:
        if dataset.rejects is not None:
            described[f"rejects of {dataset.dataset}"] = dg.MetadataValue.path(dataset.rejects)
    return described


def frame_metadata(version: DatasetVersion, lake: Lake) -> Metadata:
    """What storing somebody's own asset did."""
    described: Metadata = {"dagster/row_count": version.rows_total, "version": version.version}
    return described | _tables([version]) | previews([version.dataset], lake, version.version)


def previews(datasets: Iterable[str], lake: Lake, version: int) -> Metadata:
    """The first rows of each table as Markdown: ``preview``, or ``preview of <table>`` with several."""
    names = list(datasets)
    with lake.reader(version) as connection:
        tables = {}
        for name in names:
            rows = connection.execute(f"SELECT * FROM {quote_identifier(name)} LIMIT {PREVIEW_ROWS}")
            headers = [column[0] for column in rows.description or ()][:PREVIEW_COLUMNS]
            shown = [row[:PREVIEW_COLUMNS] for row in rows.fetchall()]
            tables[name] = dg.MetadataValue.md(markdown_table(headers, shown, cut=PREVIEW_CHARACTERS))
    return {"preview" if len(names) == 1 else f"preview of {name}": table for name, table in tables.items()}


def profile_metadata(profiles: ProfileSet) -> Metadata:
    """The verdict and what it rests on."""
    described: Metadata = {
        "verdict": profiles.verdict,
        "dagster/row_count": sum(profile.rows for profile in profiles.profiles),
        "version": profiles.version,
        "unchanged": profiles.unchanged,
        "findings": findings_table(finding for profile in profiles.profiles for finding in profile.findings),
    }
    for profile in profiles.profiles:
        rows = [_column_row(column) for column in profile.columns]
        table = markdown_table(["column", "type", "share", "nulls", "distinct", "invalid"], rows)
        described["columns" if len(profiles.profiles) == 1 else f"columns of {profile.dataset}"] = dg.MetadataValue.md(
            table
        )
    charts = _charts(profiles)
    if charts:
        described["charts"] = dg.MetadataValue.md(charts)
    return described


def _column_row(column: ColumnProfile) -> tuple[object, ...]:
    return (
        column.name,
        column.semantic_type or column.type,
        f"{column.type_share:.1%}",
        f"{column.null_pct:.1f} %",
        column.distinct,
        column.invalid,
    )


def _charts(profiles: ProfileSet) -> str:
    from udb_pipelines.publishing import histogram, svg_data_uri

    numeric = [
        (profile.dataset, column.name, column.numeric)
        for profile in profiles.profiles
        for column in profile.columns
        if column.numeric is not None and column.numeric.histogram
    ]
    return "\n\n".join(
        f"**{cell(dataset)}.{cell(name)}**\n\n![histogram]({svg_data_uri(histogram(numbers.histogram))})"
        for dataset, name, numbers in numeric[:MAX_CHARTS]
    )


def publication_metadata(manifest: Manifest) -> Metadata:
    """Where the report is, what else was published, and how long each stage took."""
    described: Metadata = {
        "verdict": manifest.verdict,
        "version": manifest.version,
        "unchanged": manifest.unchanged,
        "folder": dg.MetadataValue.path(manifest.folder),
        "artifacts": dg.MetadataValue.md(
            markdown_table(
                ["file", "bytes", "sha256"],
                [(artifact.path, artifact.bytes, artifact.sha256[:12]) for artifact in manifest.artifacts],
            )
        ),
        **{f"seconds/{stage}": value for stage, value in manifest.seconds.items()},
    }
    pages = reports(manifest)
    for page in pages:
        name = "report" if len(pages) == 1 or page.parent == manifest.folder else f"report of {page.parent.name}"
        described[name] = dg.MetadataValue.url(page.as_uri())
        described[f"{name} (path)"] = dg.MetadataValue.path(page)
    return described


def kpi_metadata(asked: KpiSet | None) -> Metadata:
    """The KPIs that followed a sync, with their charts; nothing when there were none."""
    if asked is None:
        return {}
    if asked.problem:
        return {"kpis": asked.problem}
    from udb_pipelines.publishing import svg_data_uri
    from udb_pipelines.publishing.questions import chart_of, threshold_words, with_unit

    rows = [
        (result.name, with_unit(result), result.verdict, result.error or threshold_words(result))
        for result in asked.results
    ]
    described: Metadata = {"kpis": dg.MetadataValue.md(markdown_table(["kpi", "value", "verdict", "threshold"], rows))}
    drawn = [(result.name, chart) for result in asked.results if (chart := chart_of(result)) is not None]
    pictures = [f"**{cell(name)}**\n\n![{cell(name)}]({svg_data_uri(chart)})" for name, chart in drawn[:MAX_CHARTS]]
    if pictures:
        described["kpi charts"] = dg.MetadataValue.md("\n\n".join(pictures))
    return described


def reports(manifest: Manifest) -> tuple[Path, ...]:
    """Every HTML page of a manifest."""
    return tuple(manifest.folder / artifact.path for artifact in manifest.artifacts if artifact.path.endswith(".html"))
