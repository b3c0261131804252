"""A contract written down from what a profile found. Pure: the same profile, the same bytes.

What looks structural (columns, types, a key, columns without gaps) is promised as an error. What was merely observed
(ranges, allowed values, shares of empty cells, the number of rows) is promised as a warning, since tomorrow's data may
well differ. Nothing is promised of a handful of rows. Of personal columns no value is written down: no example, no
range, no list of values.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator
from typing import Any

from udb_pipelines.contracts.types import logical_of
from udb_pipelines.contracts.validation import API_VERSION
from udb_pipelines.models import ColumnProfile, DatasetVersion, Profile
from udb_pipelines.yamltext import Quoted, write

FILE_NAME = "contract.yaml"
ENOUGH_ROWS = 20
"""Of fewer rows it is chance whether a column has gaps or repeats."""
MOST_VALUES = 20
"""Allowed values that are listed."""
EXAMPLES = 3
LONGEST_EXAMPLE = 50
MORE_NULLS = 5
"""Percentage points by which the share of empty cells may grow."""
EXACT = 2**53
"""Beyond it the profile's figures are rounded."""

COMMENT = """\
What this data promises, by the Open Data Contract Standard 3.1, inferred from its profile.

Edit it, then put it into force:  udb contract pin {dataset} contract.yaml
Every later sync is checked. A broken promise of severity error makes the verdict FAIL, of severity warning WARN.
customProperties that UDB knows: udbSeverity and udbOptionsSeverity (error, warning), udbExtraColumns (error, warning,
allow), udbEnforce (report; block: data that breaks an error is not committed, and the previous version stays)."""

_CLASSES = {"critical": "restricted", "high": "restricted", "medium": "confidential", "low": "confidential"}
_FORMATS = {"email": "email", "uuid": "uuid"}
_EXEMPLARY = frozenset({"code", "money"})
"""Types of which examples are given: a number or a date may be a person's without looking like it."""


def contract_yaml(profile: Profile, version: DatasetVersion | None = None, freshness_hours: float | None = None) -> str:
    """The contract that ``profile`` fits, as text.

    Args:
        profile: of the whole dataset.
        version: what the sync committed, for the names in the source.
        freshness_hours: how often the source promises a commit.
    """
    return write(infer(profile, version, freshness_hours), COMMENT.format(dataset=profile.dataset))


def infer(
    profile: Profile, version: DatasetVersion | None = None, freshness_hours: float | None = None
) -> dict[str, Any]:
    """The contract as the standard's keys; see :func:`contract_yaml`."""
    originals = {column.name: column.original_name for column in version.columns} if version else {}
    enough = profile.rows >= ENOUGH_ROWS
    key, unique = _keys(profile) if enough else ((), frozenset())
    described = {
        "name": profile.dataset,
        "physicalName": profile.dataset,
        "logicalType": "object",
        "physicalType": "table",
        "customProperties": [{"property": "udbEnforce", "value": "report"}],
        "properties": [_property(column, originals.get(column.name), key, unique) for column in profile.columns],
    }
    if enough:
        described["quality"] = [
            {
                "metric": "rowCount",
                "mustBeGreaterOrEqualTo": profile.rows // 2,
                "severity": "warning",
                "description": "At least half of the rows there were.",
            }
        ]
    contract: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:udb:{profile.source}:{profile.dataset}")),
        "name": profile.dataset,
        "version": "1.0.0",
        "status": "draft",
        "schema": [described],
    }
    if freshness_hours:
        contract["slaProperties"] = [
            {"property": "frequency", "value": freshness_hours, "unit": "h", "element": profile.dataset}
        ]
    return contract


def _keys(profile: Profile) -> tuple[tuple[str, ...], frozenset[str]]:
    """The primary key, and the other columns that identify a row."""
    whole = [key.columns for key in profile.keys if key.score == 1]
    singles = frozenset(columns[0] for columns in whole if len(columns) == 1)
    return (whole[0], singles - set(whole[0])) if whole else ((), frozenset())


def _property(
    column: ColumnProfile, original: str | None, key: tuple[str, ...], unique: frozenset[str]
) -> dict[str, Any]:
    name = column.name
    found: dict[str, Any] = {"name": Quoted(name) if not name.isidentifier() else name}
    if original and original != name:
        found["businessName"] = Quoted(original)
    logical = logical_of(column.storage_type)
    if logical:
        found["logicalType"] = logical
    found["physicalType"] = column.storage_type
    enough = column.rows >= ENOUGH_ROWS
    if name in key:
        found["primaryKey"] = True
        found["primaryKeyPosition"] = key.index(name) + 1
    if enough and not column.nulls:
        found["required"] = True
    if name in unique:
        found["unique"] = True
    found.update(_personal(column) if column.pii_severity else _examples(column))
    if enough:
        found.update(_observed(column, logical))
    return found


def _personal(column: ColumnProfile) -> dict[str, Any]:
    return {
        "classification": _CLASSES[str(column.pii_severity)],
        "tags": ["personal data", str(column.semantic_type or "personal").replace("_", " ")],
    }


def _examples(column: ColumnProfile) -> dict[str, Any]:
    values = [
        Quoted(entry.value)
        for entry in column.top_values[:EXAMPLES]
        if len(entry.value) <= LONGEST_EXAMPLE and _plain(entry.value)
    ]
    return {"examples": values} if values and column.type in _EXEMPLARY and not column.masked else {}


def _observed(column: ColumnProfile, logical: str | None) -> dict[str, Any]:
    observed: dict[str, Any] = {}
    if logical and (options := dict(_options(column, logical))):
        observed["logicalTypeOptions"] = options
        observed["customProperties"] = [{"property": "udbOptionsSeverity", "value": "warning"}]
    if quality := list(_quality(column)):
        observed["quality"] = quality
    return observed


def _options(column: ColumnProfile, logical: str) -> Iterator[tuple[str, Any]]:
    secret = column.pii_severity is not None or column.masked
    if logical in ("integer", "number") and column.numeric and not secret and not column.invalid:
        for name, bound in (("minimum", column.numeric.min), ("maximum", column.numeric.max)):
            if bound is not None and math.isfinite(bound) and abs(bound) < EXACT:
                yield name, int(bound) if bound == int(bound) else bound
    elif logical in ("date", "timestamp") and column.date and column.date.min and not secret:
        yield "minimum", Quoted(column.date.min)
    elif logical == "string" and column.storage_type == "VARCHAR":
        yield from _text_options(column)


def _text_options(column: ColumnProfile) -> Iterator[tuple[str, Any]]:
    if column.min_length is not None and column.min_length == column.max_length:
        yield "minLength", column.min_length
        yield "maxLength", column.max_length
    if column.semantic_type in _FORMATS and column.semantic_share == 1:
        yield "format", _FORMATS[column.semantic_type]
    elif pattern := _pattern(column):
        yield "pattern", Quoted(pattern)


def _pattern(column: ColumnProfile) -> str | None:
    """The one shape that all values have, as a regular expression; None when there are several."""
    text = column.text
    if text is None or len(text.patterns) != 1 or text.patterns[0].count != column.rows - column.nulls:
        return None
    shape = text.patterns[0].value
    if any(entry.value in ("other", "control") and entry.count for entry in text.classes) or not _plain(shape):
        return None
    upper = text.upper == text.patterns[0].count
    if all(value.isascii() for value in _known(column)) and len(_known(column)) == column.distinct:
        letter = "[A-Z]" if upper else "[A-Za-z]"
    else:
        letter = r"\p{Lu}" if upper else r"\p{L}"
    parts = re.findall(r"A+|9+|[^A9]", shape)
    return "^" + "".join(_repeated(part, letter) for part in parts) + "$"


def _repeated(part: str, letter: str) -> str:
    if part[0] not in "A9":
        return re.sub(r"([\\^$.|?*+()\[\]{}/])", r"\\\1", part)
    group = letter if part[0] == "A" else "[0-9]"
    return group if len(part) == 1 else f"{group}{{{len(part)}}}"


def _quality(column: ColumnProfile) -> Iterator[dict[str, Any]]:
    if column.nulls:
        most = min(100, math.ceil(column.null_pct) + MORE_NULLS)
        if most < 100:
            yield {
                "metric": "nullValues",
                "mustBeLessOrEqualTo": most,
                "unit": "percent",
                "severity": "warning",
                "dimension": "completeness",
            }
    values = _all_values(column)
    if values:
        yield {
            "metric": "invalidValues",
            "arguments": {"validValues": [Quoted(value) for value in values]},
            "mustBe": 0,
            "severity": "warning",
            "dimension": "conformity",
        }


def _all_values(column: ColumnProfile) -> list[str]:
    """Every value of a column of codes, in order; nothing when some are unknown, cut or personal."""
    stored = column.storage_type == "VARCHAR" or logical_of(column.storage_type) == "integer"
    if column.type != "code" or not stored or column.masked or column.pii_severity or column.distinct > MOST_VALUES:
        return []
    known = _known(column)
    return sorted(known) if len(known) == column.distinct and all(map(_plain, known)) else []


def _known(column: ColumnProfile) -> frozenset[str]:
    """The values that the profile shows; none of a masked column."""
    shown = () if column.masked else (*column.top_values, *column.bottom_values)
    return frozenset(entry.value for entry in shown)


def _plain(text: str) -> bool:
    """Whether a value was kept whole, and can stand in a text file that people edit."""
    return not text.endswith("…") and text.isprintable()
