"""Texts whose lines are no fields with delimiters between: of fixed width, and logs, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from udb_pipelines.config import Settings
from udb_pipelines.detection.delimited import Delimited, newline_of
from udb_pipelines.detection.encoding import Encoding, decode
from udb_pipelines.detection.evidence import CLOSE
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.fixedwidth import FixedWidth
from udb_pipelines.detection.localfile import FileTables, LocalFile
from udb_pipelines.detection.loglines import Log
from udb_pipelines.detection.naming import name_columns, name_findings, unit_findings
from udb_pipelines.detection.sample import Sample
from udb_pipelines.errors import UdbError
from udb_pipelines.models import (
    Candidate,
    ColumnSchema,
    DetectedStream,
    Dialect,
    Evidence,
    Finding,
    SourceOptions,
    slug,
)


@dataclass(frozen=True)
class Text:
    """A text to be read, and how."""

    file: LocalFile
    sample: Sample
    encoding: Encoding
    options: SourceOptions
    settings: Settings

    @property
    def head(self) -> str:
        """Its beginning, in whole lines where there is more of it."""
        text = decode(self.sample.head, self.encoding)
        return text.rstrip("\x00\x1a") if self.sample.whole else text[: text.rfind("\n") + 1] or text

    def stream(self, findings: Iterable[Finding] = (), **found: object) -> FileTables:
        """A table of it; ``found`` are fields of :class:`DetectedStream`."""
        given = {
            "name": slug(self.file.stem), "files": (str(self.file.path),), "compression": self.file.compression,
            "encoding": self.encoding.name, "encoding_confidence": self.encoding.confidence,
            "findings": (*self.encoding.findings, *findings),
        }  # fmt: skip
        return FileTables((DetectedStream.model_validate(given | found),))


def fixed_table(text: Text, found: FixedWidth | None, rival: Delimited | None) -> FileTables:
    """The table of columns of fixed width.

    Raises:
        UdbError: ``E_NOT_A_TABLE`` when no boundaries were found.
    """
    name = text.file.name
    if found is None:
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{name}: no places are blank in all of its lines, so that no columns of fixed width can be told apart",
            remedy="name their widths with --widths",
        )
    columns = name_columns(found.names)
    dialect = Dialect(
        delimiter="", quote="", escape="", newline=newline_of(text.head, ""), header_rows=found.header_rows,
        skip_rows=found.skip_rows, footer_rows=found.footer_rows, spans=found.spans,
    )  # fmt: skip
    rest = rival.score if rival else 0.0
    confidence = found.score / (found.score + rest) if found.score else 0.5
    candidate = Candidate(
        format="fixed_width", confidence=confidence, evidence=_evidence(found, text.options), dialect=dialect
    )
    others = rival.candidates[:1] if rival else ()
    lesser = tuple(other.model_copy(update={"confidence": 1 - confidence}) for other in others)
    return text.stream(
        format="fixed_width", dialect=dialect, columns=columns, candidates=(candidate, *lesser),
        row_estimate=_scaled(text, found.rows), findings=_fixed_findings(text, found, columns, rest),
    )  # fmt: skip


def _evidence(found: FixedWidth, options: SourceOptions) -> tuple[Evidence, ...]:
    places = len(found.spans) - 1
    if options.widths:
        why = Evidence(what="the widths were given", weight=1.0)
    elif found.ruled:
        why = Evidence(what="a line of dashes says where the columns begin", weight=1.0)
    else:
        why = Evidence(what=f"{places} places part the lines all the way down", weight=0.8)
    return (
        why,
        Evidence(what=f"{found.share:.0%} of the sampled lines keep to them", weight=found.share),
        Evidence(what=f"{found.types:.0%} of the cells look like values", weight=min(1.0, found.types)),
    )


def _fixed_findings(text: Text, found: FixedWidth, columns: tuple[ColumnSchema, ...], rest: float) -> Iterator[Finding]:
    if found.header_rows:
        yield from name_findings(found.names, columns)
        yield from unit_findings(found.units, columns)
    else:
        yield told("W_HEADER_GUESSED", "no header was found; columns are named by position")
    if any(line.strip() for line in text.head.splitlines()[: found.skip_rows]):
        yield told("W_PREAMBLE", f"{found.skip_rows} lines before the table", count=found.skip_rows)
    if found.footer_rows:
        yield told("W_FOOTER", f"{found.footer_rows} lines after the table", count=found.footer_rows)
    if rest >= CLOSE * found.score > 0:
        yield told("W_DIALECT_AMBIGUOUS", "columns of fixed width were chosen; a delimiter explains almost as much")


def log_table(text: Text, found: Log | None) -> FileTables:
    """The table of a log.

    Raises:
        UdbError: ``E_NOT_A_TABLE`` when its lines have no known layout.
    """
    if found is None:
        raise UdbError(
            "E_NOT_A_TABLE",
            f"{text.file.name}: its lines have no layout of a log that is known",
            remedy="name it with --format delimited if each line is one value",
        )
    evidence = (
        Evidence(what=f"{found.plain:.0%} of the sampled lines are {found.layout.what}", weight=found.plain),
        Evidence(what=f"{found.share:.0%} of them begin an entry or go on with one", weight=found.share),
    )
    # Entries are lines: what is beside the newline does not matter.
    dialect = Dialect(delimiter="", quote="", escape="", newline=newline_of(text.head, ""), header_rows=0)
    return text.stream(
        format="log", records=found.layout.name, dialect=dialect, columns=name_columns(found.columns),
        candidates=(Candidate(format="log", confidence=min(found.share, 0.99), evidence=evidence),),
        row_estimate=_scaled(text, found.entries),
    )  # fmt: skip


def _scaled(text: Text, rows: int) -> int | None:
    """Rows of the whole text, by those of its beginning; None when its size is not known."""
    if text.sample.whole:
        return rows
    return round(rows * text.sample.size / len(text.sample.head)) if text.sample.size else None
