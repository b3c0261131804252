"""The types that a column of text may have, as SQL.

A candidate parses a text and knows the form in which its value is written out again. It fits a text when that gives
back the text, byte for byte. Numbers with a fraction are the one exception: ``1.50`` and ``1.5`` are the same double,
so a loose candidate takes both and the casting keeps the text of the first beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from udb_pipelines import originals
from udb_pipelines.engine import quote_literal

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
CLOCK = r"\d{2}:\d{2}:\d{2}"
NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"
DIGITS_18 = 10**18
NUMBERS = " AND isfinite({p}) AND ({p} <> 0 OR NOT starts_with({c}, '-'))"
"""Doubles that a file gives back: its dictionary takes 0.0 and -0.0 for the same."""


@dataclass(frozen=True)
class Candidate:
    """A type that a text column may have.

    ``parse`` is SQL over the text ``{c}`` and gives NULL for what it cannot read; ``check`` is SQL over text and
    value ``{p}``, true for exactly the texts that the value gives back in ``form``. ``shape`` is a cheap necessary
    condition. ``rival`` is the form of the candidate that reads the same text with another meaning: this one needs
    a value which rules the other out. ``loose`` is true for texts that the form does not give back and that may
    be cast nevertheless, because their text is kept.
    """

    type: str
    form: str
    parse: str
    check: str
    shape: str
    rival: str | None = None
    loose: str | None = None

    @property
    def takes(self) -> str:
        """SQL over ``{c}`` and ``{p}``: the text may be cast."""
        return f"({self.check} OR {self.loose})" if self.loose else f"({self.check})"


def _candidate(
    sql_type: str, form: str, parse: str, shape: str, *, also: str = "", rival: str | None = None
) -> Candidate:
    check = f"{originals.rendered(form, '{p}')} = {{c}}{also}"
    return Candidate(sql_type, form, parse, check, shape, rival)


def _by_format(sql_type: str, pattern: str, shape: str, rival: str | None = None) -> Candidate:
    moment = f"try_strptime({{c}}, {quote_literal(pattern)})"
    parse = f"CAST({moment} AS {sql_type})" if sql_type != "TIMESTAMP" else moment
    return _candidate(sql_type, originals.by_format(pattern), parse, shape, rival=rival)


def _day_and_month(separator: str, clock: str = "", clock_shape: str = "") -> tuple[Candidate, ...]:
    sql_type = "TIMESTAMP" if clock else "DATE"
    between = re.escape(separator)
    found = []
    for day, month, shape in (("%d", "%m", r"\d{2}"), ("%-d", "%-m", r"\d{1,2}")):
        day_first = f"{day}{separator}{month}{separator}%Y{clock}"
        month_first = f"{month}{separator}{day}{separator}%Y{clock}"
        text = f"{shape}{between}{shape}{between}\\d{{4}}{clock_shape}"
        found.append(_by_format(sql_type, day_first, text, originals.by_format(month_first)))
        found.append(_by_format(sql_type, month_first, text, originals.by_format(day_first)))
    return tuple(found)


@cache
def _first_candidates() -> tuple[Candidate, ...]:
    booleans = tuple(
        Candidate(
            "BOOLEAN",
            originals.by_words(yes, no),
            f"CASE {{c}} WHEN '{yes}' THEN true WHEN '{no}' THEN false END",
            "{p} IS NOT NULL",
            f"{yes}|{no}",
        )
        for yes, no in (("true", "false"), ("True", "False"), ("TRUE", "FALSE"))
    )
    whole = _candidate(
        "BIGINT",
        originals.PLAIN,
        "try_cast({c} AS BIGINT)",
        r"-?\d{1,18}",
        also=f" AND {{p}} > -{DIGITS_18} AND {{p}} < {DIGITS_18}",
    )
    return (*booleans, whole)


@cache
def _decimal(scale: int) -> Candidate:
    sql_type = f"DECIMAL(18,{scale})"
    return _candidate(sql_type, originals.PLAIN, f"try_cast({{c}} AS {sql_type})", rf"-?\d+\.\d{{{scale}}}")


def _doubles() -> tuple[Candidate, ...]:
    """As SQL writes them, then without ``.0``, then in any notation, of at most 15 significant digits."""
    shape = r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?"
    parse = "try_cast({c} AS DOUBLE)"
    exact = [_candidate("DOUBLE", form, parse, shape, also=NUMBERS) for form in (originals.PLAIN, originals.SHORT)]
    other = (
        f"(isfinite({{p}}) AND regexp_full_match({{c}}, {quote_literal(NUMBER)}) AND "
        "length(regexp_replace(split_part(lower({c}), 'e', 1), '[^0-9]', '', 'g')) <= 15)"
    )
    # Its text is kept, so that a zero may lose its sign: the dictionary would give it to other zeros.
    unsigned = f"CASE WHEN {parse} = 0 THEN 0::DOUBLE ELSE {parse} END"
    return (*exact, Candidate("DOUBLE", exact[1].form, unsigned, exact[1].check, shape, loose=other))


@cache
def _later_candidates() -> tuple[Candidate, ...]:
    date = _candidate(
        "DATE", originals.PLAIN, "try_cast({c} AS DATE)", ISO_DATE, also=" AND strlen({c}) = 10 AND isfinite({p})"
    )
    stamps = [
        _candidate(
            "TIMESTAMP",
            form,
            "try_cast({c} AS TIMESTAMP)",
            rf"{ISO_DATE}{gap}{CLOCK}(\.\d{{1,6}})?",
            also=" AND isfinite({p})",
        )
        for form, gap in ((originals.PLAIN, " "), (originals.ISO_T, "T"))
    ]
    formats = [
        _by_format("TIMESTAMP", f"%Y-%m-%d{gap}%H:%M{rest}", rf"{ISO_DATE}{gap}\d{{2}}:\d{{2}}{shape}")
        for gap in (" ", "T")
        for rest, shape in (("", ""), (":%S.%g", r":\d{2}\.\d{3}"), (":%S.%f", r":\d{2}\.\d{6}"))
    ]
    zoned = [
        _candidate(
            "TIMESTAMPTZ",
            originals.by_format(f"%Y-%m-%d{gap}%H:%M:%S{part}Z", utc=True),
            "try_cast({c} AS TIMESTAMPTZ)",
            rf"{ISO_DATE}{gap}{CLOCK}{shape}Z",
        )
        for gap in ("T", " ")
        for part, shape in (("", ""), (".%g", r"\.\d{3}"), (".%f", r"\.\d{6}"))
    ]
    days = [
        candidate
        for separator in "/.-"
        for clock, shape in (("", ""), (" %H:%M", r" \d{2}:\d{2}"), (" %H:%M:%S", f" {CLOCK}"))
        for candidate in _day_and_month(separator, clock, shape)
    ]
    named = [
        _by_format("DATE", "%Y/%m/%d", r"\d{4}/\d{2}/\d{2}"),
        _by_format("DATE", "%d-%b-%Y", r"\d{2}-[A-Za-z]{3}-\d{4}"),
        _by_format("DATE", "%d %b %Y", r"\d{2} [A-Za-z]{3} \d{4}"),
        _by_format("DATE", "%b %d, %Y", r"[A-Za-z]{3} \d{2}, \d{4}"),
        _by_format("DATE", "%B %d, %Y", r"[A-Za-z]{3,9} \d{2}, \d{4}"),
    ]
    return (*_doubles(), date, *stamps, *formats, *zoned, *days, *named)


def candidates_for(values: Sequence[str]) -> tuple[Candidate, ...]:
    """Types whose shape all of ``values`` have, most specific first.

    >>> [candidate.type for candidate in candidates_for(["1.50", "2.25"])]
    ['DECIMAL(18,2)', 'DOUBLE', 'DOUBLE', 'DOUBLE']
    >>> candidates_for(["007", "abc"])
    ()
    """
    if not values:
        return ()
    scales = {len(value) - value.find(".") - 1 for value in values if "." in value}
    decimals = (_decimal(scales.pop()),) if len(scales) == 1 and 0 < min(scales) <= 12 else ()
    every = (*_first_candidates(), *decimals, *_later_candidates())
    return tuple(candidate for candidate in every if _all_match(candidate.shape, values))


def _all_match(shape: str, values: Sequence[str]) -> bool:
    match = _pattern(shape).fullmatch
    return all(match(value) for value in values)


@cache
def _pattern(shape: str) -> re.Pattern[str]:
    return re.compile(shape, re.ASCII)
