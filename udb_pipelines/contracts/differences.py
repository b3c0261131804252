"""Two contracts compared, for those who rely on the first: what does the second take away from them? Pure.

A change is *breaking* when data may now come that the first ruled out: a column gone or of another type, a gap where
there was none, a wider range, one more allowed value. It is *safe* when the second promises as much or more. Where it
cannot be told, such as another pattern or query, it counts as breaking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from udb_pipelines.contracts.parts import Part
from udb_pipelines.contracts.promises import object_of
from udb_pipelines.contracts.types import keeps_physical
from udb_pipelines.contracts.validation import OPERATORS
from udb_pipelines.yamltext import Document

Weight = Literal["breaking", "safe"]

_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_PROMISES = ("required", "unique")
_WORDS = ("description", "businessName", "tags", "classification", "examples", "customProperties")


@dataclass(frozen=True)
class Difference:
    """One difference, in words; thresholds are the contracts', so they are shown."""

    weight: Weight
    where: str
    what: str
    line: int | None
    """In the second contract, or in the first where the second has it no more."""


def differences(before: Document, after: Document, dataset: str) -> tuple[Difference, ...]:
    """What changed between two contracts about ``dataset``, breaking first.

    Raises:
        UdbError: ``E_CONTRACT``: one of them does not describe the dataset.
    """
    old, new = object_of(before, dataset), object_of(after, dataset)
    found = [*_columns(old, new), *_key(old, new), *_quality(old, new, str(old.get("name"))), *_levels(before, after)]
    found += _plain(old, new, dataset)
    return tuple(sorted(found, key=lambda difference: difference.weight))


def _columns(old: Part, new: Part) -> Iterator[Difference]:
    before, after = _by_name(old, "properties"), _by_name(new, "properties")
    for name, part in before.items():
        if name not in after:
            yield Difference("breaking", name, "the column is gone", part.line)
        else:
            yield from _column(part, after[name], name)
    for name, part in after.items():
        if name not in before:
            yield Difference("safe", name, "a new column", part.line)


def _key(old: Part, new: Part) -> Iterator[Difference]:
    """The primary key as a whole: fewer columns that identify a row promise more, other or further columns less."""
    was, now = (
        {name for name, column in _by_name(part, "properties").items() if column.get("primaryKey") is True}
        for part in (old, new)
    )
    if was == now:
        return
    weight: Weight = "safe" if not was or (now and now < was) else "breaking"
    shown = (", ".join(sorted(names)) or None for names in (was, now))
    yield Difference(weight, str(old.get("name")), _step("primary key", *shown), new.line)


def _column(old: Part, new: Part, name: str) -> Iterator[Difference]:
    yield from _types(old, new, name)
    for key in _PROMISES:
        was, now = old.get(key) is True, new.get(key) is True
        if was != now:
            weight: Weight = "breaking" if was else "safe"
            yield Difference(weight, name, f"{'no longer' if was else 'now'} {key}", _line(old, new, key))
    before, after = old.get("logicalTypeOptions") or {}, new.get("logicalTypeOptions") or {}
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield Difference(
                _option(key, before.get(key), after.get(key)), name, _step(key, before.get(key), after.get(key)),
                _line(old, new, "logicalTypeOptions", key),
            )  # fmt: skip
    yield from _quality(old, new, name)
    yield from _plain(old, new, name)


def _types(old: Part, new: Part, name: str) -> Iterator[Difference]:
    for key in ("logicalType", "physicalType"):
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        wider = key == "physicalType" and was and now and keeps_physical(str(was), str(now))
        weight: Weight = "safe" if not was or wider else "breaking"
        yield Difference(weight, name, _step(key, was, now), _line(old, new, key))


def _option(key: str, was: Any, now: Any) -> Weight:  # noqa: ANN401 - YAML
    if was is None:
        return "safe"
    if now is None or type(was) is bool or not _comparable(was, now):
        return "breaking"
    if key in _LOWER:
        return "safe" if now > was else "breaking"
    return "safe" if key in _UPPER and now < was else "breaking"


def _comparable(one: object, other: object) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return numbers or (isinstance(one, str) and isinstance(other, str))


def _quality(old: Part, new: Part, name: str) -> Iterator[Difference]:
    before, after = _rules(old), _rules(new)
    for key, part in before.items():
        if key not in after:
            yield Difference("breaking", name, f"no longer {_called(part)}", part.line)
        else:
            yield from _rule(part, after[key], name)
    for key, part in after.items():
        if key not in before:
            yield Difference("safe", name, f"now {_called(part)}", part.line)


def _rule(old: Part, new: Part, name: str) -> Iterator[Difference]:
    was, now = _threshold(old), _threshold(new)
    if was != now:
        yield Difference(_looser(was, now), name, _step(_called(old), _said(was), _said(now)), new.line)
    before, after = old.get("arguments") or {}, new.get("arguments") or {}
    if before != after:
        yield Difference(*_arguments(before, after, name, _called(old)), new.line_of("arguments"))
    for key in ("query", "severity", "implementation"):
        if old.get(key) != new.get(key):
            tighter = key == "severity" and str(new.get(key) or "error") == "error"
            what = f"{_called(old)}: another {key}"
            yield Difference("safe" if tighter else "breaking", name, what, _line(old, new, key))


def _arguments(before: Mapping[str, Any], after: Mapping[str, Any], name: str, called: str) -> tuple[Weight, str, str]:
    was, now = before.get("validValues"), after.get("validValues")
    others = {key for key in {*before, *after} - {"validValues"} if before.get(key) != after.get(key)}
    if others or not isinstance(was, list) or not isinstance(now, list):
        return "breaking", name, f"{called}: other arguments"
    more, fewer = [value for value in now if value not in was], [value for value in was if value not in now]
    what = "; ".join(
        f"{word} {', '.join(map(str, values))}" for word, values in (("adds", more), ("takes out", fewer)) if values
    )
    return ("breaking" if more else "safe"), name, f"{called} {what or 'in another order'}"


def _looser(was: tuple[str, Any, str], now: tuple[str, Any, str]) -> Weight:
    same = was[0] == now[0] and was[2] == now[2]
    if not same or not _comparable(was[1], now[1]) or isinstance(was[1], str):
        return "breaking"
    if was[0] in ("mustBeLessThan", "mustBeLessOrEqualTo"):
        return "safe" if now[1] < was[1] else "breaking"
    if was[0] in ("mustBeGreaterThan", "mustBeGreaterOrEqualTo"):
        return "safe" if now[1] > was[1] else "breaking"
    return "breaking"


def _levels(before: Document, after: Document) -> Iterator[Difference]:
    old, new = (_sla(document) for document in (before, after))
    for key, part in old.items():
        if key not in new:
            yield Difference("breaking", f"sla.{key}", "no longer promised", part.line)
        elif (part.get("value"), part.get("unit")) != (new[key].get("value"), new[key].get("unit")):
            was, now = (f"{each.get('value')} {each.get('unit') or ''}".strip() for each in (part, new[key]))
            numbers = _comparable(part.get("value"), new[key].get("value")) and part.get("unit") == new[key].get("unit")
            tighter = numbers and new[key].get("value") < part.get("value")
            yield Difference("safe" if tighter else "breaking", f"sla.{key}", _step("value", was, now), new[key].line)
    for key, part in new.items():
        if key not in old:
            yield Difference("safe", f"sla.{key}", "now promised", part.line)


def _plain(old: Part, new: Part, name: str) -> Iterator[Difference]:
    for key in _WORDS:
        if old.get(key) != new.get(key):
            yield Difference("safe", name, f"another {key}", _line(old, new, key))


def _sla(document: Document) -> dict[str, Part]:
    parts = Part(document, (), document.content).parts("slaProperties")
    return {f"{part.get('property')} {part.get('element') or ''}".strip(): part for part in parts}


def _by_name(part: Part, key: str) -> dict[str, Part]:
    return {str(entry.get("name")): entry for entry in part.parts(key)}


def _rules(part: Part) -> dict[str, Part]:
    """Quality rules by id, or by what they are and how many of their kind came before."""
    found: dict[str, Part] = {}
    for rule in part.parts("quality"):
        key = base = str(rule.get("id") or _called(rule))
        number = 1
        while key in found:
            number += 1
            key = f"{base} {number}"
        found[key] = rule
    return found


def _called(rule: Part) -> str:
    return str(rule.get("metric") or rule.get("name") or rule.get("type") or "quality")


def _threshold(rule: Part) -> tuple[str, Any, str]:
    operator = next((name for name in OPERATORS if name in rule.content), "")
    return operator, rule.get(operator), str(rule.get("unit") or "rows")


def _said(threshold: tuple[str, Any, str]) -> str:
    return f"{threshold[0]} {threshold[1]}{' %' if threshold[2] == 'percent' else ''}"


def _step(key: str, was: object, now: object) -> str:
    def shown(value: object) -> str:
        return "nothing" if value is None else str(value)

    return f"{key}: {shown(was)} → {shown(now)}"


def _line(old: Part, new: Part, *keys: str | int) -> int | None:
    here: Sequence[str | int] = (*new.path, *keys)
    return new.line_of(*keys) if tuple(here) in new.document.lines else old.line_of(*keys)
