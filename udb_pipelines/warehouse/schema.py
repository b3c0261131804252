"""What a change of columns means, and what columns become when new rows have others: pure rules, no database.

One judgement serves all: :func:`judge` says of each change whether it breaks those who read or write the dataset;
the policies ``evolve``, ``freeze`` and ``fail`` of a sync and ``udb schema diff|check`` both go by it.

A value is never changed to make it fit. A column takes the narrowest type that holds both its old and its new
values without loss; text holds everything, so with ``evolve`` an append never fails because of types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from udb_pipelines.errors import UdbError
from udb_pipelines.models import ColumnSchema, Model, OnSchemaChange, SchemaChange

_INTEGER_DIGITS = {
    "TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "BIGINT": 19,
    "UBIGINT": 20, "HUGEINT": 39,
}  # fmt: skip
_BYTES = {"BLOB", "GEOMETRY"}
_WIDER = {
    ("FLOAT", "DOUBLE"),
    ("DATE", "TIMESTAMP"),
    ("TIMESTAMP_S", "TIMESTAMP"),
    ("TIMESTAMP_MS", "TIMESTAMP"),
}


def fits(narrow: str, wide: str) -> bool:
    """Whether every value of type ``narrow`` can be stored in type ``wide`` and read back as it was.

    >>> fits("INTEGER", "BIGINT"), fits("BIGINT", "DOUBLE"), fits("DECIMAL(9,2)", "DECIMAL(12,2)")
    (True, False, True)
    """
    if narrow == wide or (narrow, wide) in _WIDER:
        return True
    if wide == "VARCHAR":
        return narrow not in _BYTES
    return _number_fits(narrow, wide)


def common_type(before: str, after: str) -> str:
    """The narrowest type that holds the values of both.

    >>> common_type("BIGINT", "DECIMAL(9,2)"), common_type("DATE", "BIGINT")
    ('DECIMAL(21,2)', 'VARCHAR')
    """
    if fits(after, before):
        return before
    if fits(before, after):
        return after
    left, right = _decimal(before), _decimal(after)
    if left and right:
        scale = max(left[1], right[1])
        width = max(left[0] - left[1], right[0] - right[1]) + scale
        if width <= 38:
            return f"DECIMAL({width},{scale})"
    return "VARCHAR"


Kind = Literal[
    "added", "removed", "widened", "narrowed", "retyped", "key", "required", "optional", "nulls", "values_removed",
    "values_added",
]  # fmt: skip


class Change(Model):
    """One change between two states of a dataset, and whether it breaks somebody."""

    kind: Kind
    breaking: bool
    column: str | None = None
    """None where the whole dataset is concerned."""
    text: str
    storable: bool = False
    """The column as it was can hold the new values."""

    def __str__(self) -> str:
        return f"{self.column}: {self.text}" if self.column else self.text


_REFUSED: Mapping[OnSchemaChange, frozenset[str]] = {
    "evolve": frozenset(),
    "freeze": frozenset({"widened", "retyped"}),
    "fail": frozenset({"widened", "retyped", "added", "removed"}),
}
"""Changes that a policy does not let through, unless the columns hold the new values as they are."""


def judge(before: Sequence[ColumnSchema], after: Sequence[ColumnSchema]) -> tuple[Change, ...]:
    """What became of the columns, and what of it breaks: whatever a value, or a query, of before may not survive."""
    return tuple(_judged(change) for change in compare(before, after))


def _judged(change: SchemaChange) -> Change:
    old, new = str(change.before), str(change.after)
    if change.change == "added":
        return Change(kind="added", breaking=False, column=change.column, text=f"added ({new})")
    if change.change == "removed":
        return Change(kind="removed", breaking=True, column=change.column, text=f"removed (was {old})")
    storable = fits(new, old)
    kind: Kind = "retyped"
    if _family(old) == _family(new):
        kind = "widened" if fits(old, new) else "narrowed" if storable else "retyped"
    verb = "became" if kind == "retyped" else f"{kind} to"
    return Change(
        kind=kind, breaking=kind != "widened", column=change.column, text=f"{old} {verb} {new}", storable=storable
    )


def _family(kind: str) -> str:
    """Types that the same queries work on. Text holds every value of a number, and a sum of it fails all the same."""
    if _decimal(kind) or kind in {"FLOAT", "DOUBLE"}:
        return "number"
    return "time" if kind == "DATE" or kind.startswith("TIMESTAMP") else kind


def compare(before: Sequence[ColumnSchema], after: Sequence[ColumnSchema]) -> tuple[SchemaChange, ...]:
    """What became of the columns, in the order of ``after`` and then of those removed."""
    old = {column.name: column.type for column in before}
    new = {column.name: column.type for column in after}
    changes = [
        SchemaChange(column=name, change="added", after=kind)
        if name not in old
        else SchemaChange(column=name, change="retyped", before=old[name], after=kind)
        for name, kind in new.items()
        if old.get(name) != kind
    ]
    changes += [
        SchemaChange(column=name, change="removed", before=kind) for name, kind in old.items() if name not in new
    ]
    return tuple(changes)


def evolve(
    dataset: str,
    before: Sequence[ColumnSchema],
    batch: Sequence[ColumnSchema],
    policy: OnSchemaChange,
    *,
    replaces: bool,
) -> tuple[ColumnSchema, ...]:
    """The columns of the dataset after the batch.

    Args:
        dataset: its name, for the message.
        before: the columns it has; empty when it is new.
        batch: the columns of the new rows.
        policy: what the source allows. ``evolve``: new columns are added, missing ones stay and are NULL in the
            new rows, types widen. ``freeze``: the columns stay as they are, new ones are left out. ``fail``: any
            difference that the columns cannot hold as they are stops the sync.
        replaces: the batch replaces all rows, so ``evolve`` simply takes its columns.

    Raises:
        UdbError: ``E_SCHEMA_CHANGE``, listing every change that is not allowed and how to allow it.
    """
    if not before or (policy == "evolve" and replaces):
        return tuple(batch)
    if policy == "evolve":
        new = {column.name: column for column in batch}
        known = {column.name for column in before}
        kept = tuple(_widened(column, new.get(column.name)) for column in before)
        return kept + tuple(column for column in batch if column.name not in known)
    refused = [item for item in judge(before, batch) if item.kind in _REFUSED[policy] and not item.storable]
    if refused:
        raise UdbError(
            "E_SCHEMA_CHANGE",
            f"the columns of {dataset} changed, which on_schema_change={policy} does not allow: "
            + "; ".join(sorted(map(str, refused))),
            kept=f"the last committed version of {dataset}",
            remedy="if that is right, allow it with --on-schema-change evolve; else mend the source",
        )
    return tuple(before)


def _widened(column: ColumnSchema, batch: ColumnSchema | None) -> ColumnSchema:
    if batch is None:
        return column
    return column.model_copy(update={"type": common_type(column.type, batch.type)})


def _number_fits(narrow: str, wide: str) -> bool:
    small, large = _decimal(narrow), _decimal(wide)
    if wide == "DOUBLE":
        return small is not None and small[0] <= 15
    if small is None or large is None:
        return False
    if wide in _INTEGER_DIGITS:
        # Unsigned into signed needs more digits, signed into unsigned never fits.
        return narrow in _INTEGER_DIGITS and not wide.startswith("U") and small[0] < large[0]
    return small[1] <= large[1] and small[0] - small[1] <= large[0] - large[1]


def _decimal(kind: str) -> tuple[int, int] | None:
    """Width and scale of an exact number; digits that the type may need, for an integer."""
    if kind in _INTEGER_DIGITS:
        return _INTEGER_DIGITS[kind], 0
    match = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    return (int(match[1]), int(match[2])) if match else None
