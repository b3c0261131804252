"""What speaks for a decision about delimited text: evidence, the runner-up, and what a person should know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from udb_pipelines.detection.dialect import Trial
from udb_pipelines.detection.findings import told
from udb_pipelines.detection.header import Layout
from udb_pipelines.detection.opinions import Opinion
from udb_pipelines.models import Candidate, Dialect, Evidence, Finding

CLOSE = 0.75
AGREEMENT = 0.1
SLIGHT = 0.7
"""Confidence in a header below which a person should look at it."""
NAMES = {"\t": "tab", " ": "space", "\x1f": "unit separator", "\x1e": "record separator", "\x01": "SOH"}
SEPARATED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}


def runner_up_of(best: Trial, trials: Sequence[Trial]) -> Trial | None:
    """The next best trial that would cut the rows otherwise, when it is close."""
    for trial in trials:
        same_cut = trial.rows == best.rows or (trial.quote == "" and trial.columns == best.columns)
        if trial.delimiter != best.delimiter or not same_cut:
            return trial if trial.columns > 1 and trial.score >= CLOSE * best.score else None
    return None


def dialect_findings(
    dialect: Dialect, name: str, layout: Layout, best: Trial, runner_up: Trial | None, opinions: Sequence[Opinion]
) -> list[Finding]:
    """What was noticed about the dialect and the place of the table."""
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
    if dialect.short_rows:
        findings.append(told("W_SHORT_ROWS", f"many rows of {name} have fewer fields than its header"))
    if not dialect.header_rows:
        findings.append(told("W_HEADER_GUESSED", "no header was found; columns are named by position"))
    elif layout.confidence < SLIGHT:
        message = "the first row was taken for names, with little to show for it (--header none if it is data)"
        findings.append(told("W_HEADER_GUESSED", message))
    if runner_up:
        other = f"{NAMES.get(runner_up.delimiter, runner_up.delimiter)} with quote {runner_up.quote or 'none'}"
        findings.append(told("W_DIALECT_AMBIGUOUS", f"{shown} was chosen; {other} explains almost as much"))
    elif opinions and all(o.columns > 1 and o.delimiter != best.delimiter for o in opinions) and best.columns > 1:
        other = NAMES.get(opinions[0].delimiter, opinions[0].delimiter)
        findings.append(told("W_DIALECT_AMBIGUOUS", f"{shown} was chosen; a second sniffer prefers {other}"))
    return findings


def candidates_of(
    dialect: Dialect, best: Trial, runner_up: Trial | None, opinions: Sequence[Opinion], elsewhere: float | None
) -> tuple[Candidate, ...]:
    """The dialect that was chosen, and the runner-up, each with what speaks for it."""
    rest = runner_up.score if runner_up else 0.0
    evidence = [
        Evidence(what=f"{best.share:.0%} of the sampled rows have {best.columns} fields", weight=best.share),
        Evidence(what=f"{best.types:.0%} of the cells look like values", weight=min(1.0, best.types)),
    ]
    if elsewhere is not None:
        what = f"{elsewhere:.0%} of the rows sampled in the middle and at the end have as many"
        evidence.append(Evidence(what=what, weight=elsewhere))
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
