"""Delimited text: from a sample to a decision, with its evidence, or to an honest refusal."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from udb_pipelines.config import Settings
from udb_pipelines.detection.dialect import COMMON, Trial, cut, parse, sniff
from udb_pipelines.detection.encoding import Encoding, decode
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.header import Layout, find_layout
from udb_pipelines.detection.naming import name_columns, name_findings
from udb_pipelines.detection.opinions import Opinion, second_opinions
from udb_pipelines.detection.sample import Sample
from udb_pipelines.errors import UdbError
from udb_pipelines.models import Candidate, ColumnSchema, Dialect, Evidence, Finding, SourceOptions

ACCEPTED_SCORE = 0.1
ACCEPTED_SHARE = 0.5
CLOSE = 0.75
AGREEMENT = 0.1
SCANNED_BYTES = 256 << 20
NAMES = {"\t": "tab", " ": "space", "\x1f": "unit separator", "\x1e": "record separator", "\x01": "SOH"}
SEPARATED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}


@dataclass(frozen=True)
class Delimited:
    """What was found out about a delimited text."""

    dialect: Dialect
    columns: tuple[ColumnSchema, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]
    row_estimate: int | None


def detect_delimited(
    path: Path, name: str, sample: Sample, encoding: Encoding, options: SourceOptions, settings: Settings
) -> Delimited:
    """Decide how the text of ``path`` is delimited. ``name`` is what people call the file.

    Raises:
        UdbError: ``E_DIALECT`` when only one column is found although a delimiter is plausible,
            ``E_NOT_A_TABLE`` for prose, ``E_EMPTY`` for a text without content.
    """
    text = decode(sample.head, encoding)
    if not sample.whole:
        text = cut(text, len(text) - 1)
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise UdbError("E_EMPTY", f"{name} holds no data")
    comment = options.comment or ""
    body = _without_comments(text, comment) if comment else text
    trials = sniff(_after(body, options.skip_rows or 0), options.delimiter, options.quote, options.escape)
    if options.delimiter is None:
        opinions = second_opinions(cut(body, 64 << 10), settings)
        trials = _weighed(trials, opinions)
    else:
        opinions = ()
    best = _chosen(trials, text, name, options)
    return _described(path, name, sample, encoding, options, text, best, trials, opinions)


def _after(text: str, lines: int) -> str:
    return "".join(text.splitlines(keepends=True)[lines:]) if lines else text


def _without_comments(text: str, mark: str) -> str:
    """``text`` with comment lines made empty, so that line numbers stay."""
    return re.sub(rf"(?m)^{re.escape(mark)}[^\r\n]*", "", text)


def _weighed(trials: tuple[Trial, ...], opinions: tuple[Opinion, ...]) -> tuple[Trial, ...]:
    """A little more for what a second sniffer found too: enough to decide close calls, not to overrule evidence."""

    def weight(trial: Trial) -> float:
        agreeing = sum(opinion.delimiter == trial.delimiter and opinion.columns > 1 for opinion in opinions)
        return trial.score * (1 + AGREEMENT * agreeing)

    return tuple(sorted(trials, key=lambda trial: (weight(trial), trial.quote != ""), reverse=True))


def _chosen(trials: Sequence[Trial], text: str, name: str, options: SourceOptions) -> Trial:
    """The trial to believe: a convincing table of several columns, else an undoubted single column."""
    if options.delimiter is not None:
        return trials[0]
    for trial in trials:
        if trial.columns > 1 and trial.share >= ACCEPTED_SHARE and trial.score >= ACCEPTED_SCORE:
            return trial
    single = next((trial for trial in trials if _is_single_column(trial)), None) or _undelimited(text, options)
    plausible = _plausible(text, single)
    if plausible:
        shown = " or ".join(NAMES.get(char, char) for char in plausible)
        raise UdbError("E_DIALECT", f"{name}: no delimiter makes a table of it, although {shown} is plausible")
    if single.types < 0.6 and options.format != "delimited":
        raise UdbError("E_NOT_A_TABLE", f"{name} reads like free text; the closest format is delimited text")
    return single


def _is_single_column(trial: Trial) -> bool:
    return trial.columns == 1 and trial.share == 1.0 and trial.quote != "" and trial.types >= 0.7


def _undelimited(text: str, options: SourceOptions) -> Trial:
    """The text read as one value per line."""
    return sniff(text, "\x00", options.quote if options.quote is not None else "", options.escape)[0]


def _plausible(text: str, single: Trial) -> list[str]:
    """Usual delimiters outside quotes on at least a third of the lines: the text may not be one column."""
    if single.quote and single.delimiter in COMMON:
        return []
    lines = [line for line in text.splitlines()[:1000] if line.strip()]
    return [char for char in COMMON if sum(char in line for line in lines) >= max(1, len(lines) / 3)]


def _described(
    path: Path, name: str, sample: Sample, encoding: Encoding, options: SourceOptions,
    text: str, best: Trial, trials: Sequence[Trial], opinions: Sequence[Opinion],
) -> Delimited:  # fmt: skip
    delimiter = "," if best.delimiter == "\x00" else best.delimiter
    quote = best.quote
    if options.quote is None and not quote and _quotes_follow(path, delimiter, sample, encoding):
        quote = '"'
    escape = best.escape if best.escape not in ("", best.quote) else quote
    comment, rows, lines = _table_rows(text, best, options)
    columns = len(rows[0]) if options.delimiter is not None and len(rows) == 1 else best.columns
    layout = find_layout(
        rows, columns, _pinned_header(options), 0 if options.skip_rows is not None else None, whole=sample.whole
    )
    skip = options.skip_rows if options.skip_rows is not None else (lines[layout.start - 1] if layout.start else 0)
    dialect = Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        newline=_newline(text),
        header_rows=layout.header_rows,
        skip_rows=skip,
        comment=comment,
        footer_rows=len(rows) - layout.end,
    )
    schema = name_columns(layout.names)
    runner_up = _runner_up(best, trials)
    findings = [*_dialect_findings(dialect, name, layout, best, runner_up, opinions)]
    if layout.header_rows:
        findings += name_findings(layout.names, schema)
    return Delimited(
        dialect, schema, _candidates(dialect, best, runner_up, opinions), tuple(findings),
        _row_estimate(sample, encoding, text, rows, layout),
    )  # fmt: skip


def _pinned_header(options: SourceOptions) -> int | None:
    if options.header == "auto":
        return None
    return 0 if options.header == "none" else options.header


def _table_rows(text: str, best: Trial, options: SourceOptions) -> tuple[str, list[tuple[str, ...]], list[int]]:
    """The comment mark, and the rows that are not comments with the physical lines they end on."""
    source = _after(text, options.skip_rows or 0)
    if options.comment:
        source = _without_comments(source, options.comment)
    parsed = [(tuple(row), line) for row, line in parse(source, best.delimiter, best.quote, best.escape) if row]
    comment = options.comment or _comment([row for row, _ in parsed], best.columns)
    if comment and options.comment is None:
        parsed = [(row, line) for row, line in parsed if not row[0].startswith(comment)] or parsed
    return comment, [row for row, _ in parsed], [line for _, line in parsed]


def _comment(rows: Sequence[tuple[str, ...]], columns: int) -> str:
    """``#`` when rows that begin with it stand between the others and are not rows of the table."""
    marked = [index for index, row in enumerate(rows) if row[0].startswith("#")]
    if not marked or len(marked) > len(rows) / 2 or columns < 2:
        return ""
    alien = sum(len(rows[index]) != columns for index in marked)
    leading = marked == list(range(len(marked)))
    return "#" if alien > len(marked) / 2 and not leading else ""


def _quotes_follow(path: Path, delimiter: str, sample: Sample, encoding: Encoding) -> bool:
    """Whether quotes may come after the part that was scored: seen at a field's edge, or beyond what was looked at."""
    edge = re.escape(delimiter.encode("utf-8"))
    pattern = re.compile(b"(?:\\A|[\r\n]|" + edge + b')[ ]*"')
    if sample.whole:
        return pattern.search(sample.head) is not None
    if sample.size is None or encoding.name.startswith(("utf-16", "utf-32")):
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        first = content.find(b'"', 0, SCANNED_BYTES)
        if first < 0:
            return len(content) > SCANNED_BYTES
        return pattern.search(content, max(0, first - 64)) is not None


def _newline(text: str) -> str:
    crlf = text.count("\r\n")
    lf, cr = text.count("\n") - crlf, text.count("\r") - crlf
    kinds = [mark for mark, count in (("\r\n", crlf), ("\n", lf), ("\r", cr)) if count]
    return kinds[0] if len(kinds) == 1 else ("mixed" if kinds else "\n")


def _runner_up(best: Trial, trials: Sequence[Trial]) -> Trial | None:
    """The next best trial that would cut the rows otherwise, when it is close."""
    for trial in trials:
        if trial.delimiter != best.delimiter or trial.rows != best.rows:
            return trial if trial.columns > 1 and trial.score >= CLOSE * best.score else None
    return None


def _dialect_findings(
    dialect: Dialect, name: str, layout: Layout, best: Trial, runner_up: Trial | None, opinions: Sequence[Opinion]
) -> list[Finding]:
    findings = []
    shown = NAMES.get(dialect.delimiter, dialect.delimiter)
    if dialect.newline == "mixed":
        findings.append(told("W_LINE_ENDING", "line endings are mixed"))
    expected = SEPARATED.get(Path(name).suffix.lower())
    if expected and expected != dialect.delimiter and best.columns > 1:
        findings.append(told("W_DELIMITER_MISMATCH", f"{name} is delimited by {shown}"))
    if dialect.skip_rows and layout.start:
        findings.append(told("W_PREAMBLE", f"{dialect.skip_rows} lines before the header", count=dialect.skip_rows))
    if dialect.footer_rows:
        findings.append(told("W_FOOTER", f"{dialect.footer_rows} rows after the table", count=dialect.footer_rows))
    if not dialect.header_rows:
        findings.append(told("W_HEADER_GUESSED", "no header was found; columns are named by position"))
    if runner_up:
        other = f"{NAMES.get(runner_up.delimiter, runner_up.delimiter)} with quote {runner_up.quote or 'none'}"
        findings.append(told("W_DIALECT_AMBIGUOUS", f"{shown} was chosen; {other} explains almost as much"))
    elif opinions and all(o.columns > 1 and o.delimiter != best.delimiter for o in opinions) and best.columns > 1:
        other = NAMES.get(opinions[0].delimiter, opinions[0].delimiter)
        findings.append(told("W_DIALECT_AMBIGUOUS", f"{shown} was chosen; a second sniffer prefers {other}"))
    return findings


def _candidates(
    dialect: Dialect, best: Trial, runner_up: Trial | None, opinions: Sequence[Opinion]
) -> tuple[Candidate, ...]:
    rest = runner_up.score if runner_up else 0.0
    evidence = [
        Evidence(what=f"{best.share:.0%} of the sampled rows have {best.columns} fields", weight=best.share),
        Evidence(what=f"{best.types:.0%} of the cells look like values", weight=min(1.0, best.types)),
    ]
    for opinion in opinions:
        same = opinion.delimiter == best.delimiter and opinion.columns == best.columns
        what = f"{opinion.who} finds {opinion.columns} columns with {NAMES.get(opinion.delimiter, opinion.delimiter)}"
        evidence.append(Evidence(what=what, weight=AGREEMENT if same else 0.0))
    confidence = best.score / (best.score + rest) if best.score else 0.5
    found = [Candidate(format="delimited", confidence=min(1.0, confidence), evidence=tuple(evidence), dialect=dialect)]
    if runner_up:
        other = dialect.model_copy(
            update={"delimiter": runner_up.delimiter, "quote": runner_up.quote, "escape": runner_up.escape}
        )
        what = f"{runner_up.share:.0%} of the sampled rows have {runner_up.columns} fields"
        found.append(
            Candidate(
                format="delimited",
                confidence=1 - confidence,
                evidence=(Evidence(what=what, weight=runner_up.share),),
                dialect=other,
            )
        )
    return tuple(found)


def _row_estimate(
    sample: Sample, encoding: Encoding, text: str, rows: Sequence[tuple[str, ...]], layout: Layout
) -> int | None:
    """Rows of the table: exact for a whole sample, by bytes per row otherwise, unknown for a long compressed file."""
    counted = max(0, layout.end - layout.start - layout.header_rows)
    if sample.whole or not text:
        return counted
    if sample.size is None:
        return None
    used = len(text.encode(encoding.name, errors="replace"))
    return max(counted, round(counted * sample.size / used))
