"""Which profile type a column has. Pure: counts in, decision out."""

from __future__ import annotations

from dataclasses import dataclass

from udb_pipelines.models import ProfileType

CODE_LONGEST = 64
CODE_MOST_DISTINCT = 50
CODE_LEAST_ROWS = 1000
CODE_DISTINCT_SHARE = 0.01
MIXED_LEAST_SHARE = 0.05
CLOSE_CALL = 0.02
"""A share this near to the threshold makes the type a close call."""

_ORDER: tuple[ProfileType, ...] = ("date", "money", "numeric", "code", "alpha", "varchar")


@dataclass(frozen=True)
class Tally:
    """How many non-null rows of a text column look like what."""

    non_null: int
    distinct: int
    longest: int
    dates: int = 0
    numeric: int = 0
    """Amounts included."""
    money: int = 0
    numeric_dates: int = 0
    """Rows that are both a number and a date: eight digits."""
    alpha: int = 0

    @property
    def text(self) -> int:
        """Neither number nor date."""
        return self.non_null - self.numeric - self.dates + self.numeric_dates


@dataclass(frozen=True)
class Decision:
    """A column's type, how much of it agrees, and what came second.

    The share of a mixed column is that of its most frequent kind.
    """

    type: ProfileType
    share: float
    runner_up: ProfileType | None = None
    runner_up_share: float | None = None
    close_call: bool = False


def is_code(non_null: int, distinct: int, longest: int) -> bool:
    """Whether values repeat so much, and are so short, that they are codes.

    >>> is_code(1000, 50, 64), is_code(999, 50, 10), is_code(100, 1, 10), is_code(1000, 2, 65)
    (True, False, True, False)
    """
    if not non_null or longest > CODE_LONGEST:
        return False
    few = distinct <= CODE_MOST_DISTINCT and non_null >= CODE_LEAST_ROWS
    return few or distinct <= CODE_DISTINCT_SHARE * non_null


def decide(tally: Tally, threshold: float) -> Decision:
    """The first type, in the order of the specification, that at least ``threshold`` of the non-null values match.

    When none does, the column is ``mixed`` if two of numbers, amounts, dates and text hold five per cent each,
    and ``varchar`` otherwise.
    """
    if not tally.non_null:
        return Decision("unknown", 0.0)
    shares = _shares(tally)
    reached = [kind for kind in _ORDER if shares[kind] >= threshold]
    chosen = reached[0] if reached else ("mixed" if _is_mixed(tally) else "varchar")
    share = max(_kinds(tally).values()) / tally.non_null if chosen == "mixed" else shares[chosen]
    others = sorted((kind for kind in _ORDER if kind != chosen and shares[kind] > 0), key=lambda k: -shares[k])
    near = any(
        abs(shares[kind] - threshold) <= CLOSE_CALL and shares[kind] < 1 for kind in ("date", "money", "numeric")
    )
    runner_up = others[0] if others else None
    return Decision(chosen, share, runner_up, shares[runner_up] if runner_up else None, close_call=near)


def _shares(tally: Tally) -> dict[ProfileType, float]:
    counts: dict[ProfileType, int] = {
        "date": tally.dates,
        "money": tally.money,
        "numeric": tally.numeric,
        "code": tally.non_null if is_code(tally.non_null, tally.distinct, tally.longest) else 0,
        "alpha": tally.alpha,
        "varchar": tally.text,
    }
    return {kind: count / tally.non_null for kind, count in counts.items()}


def dominant_kind(tally: Tally) -> str:
    """What most values of a mixed column are: ``numeric``, ``money``, ``date`` or ``text``."""
    kinds = _kinds(tally)
    return max(kinds, key=lambda kind: kinds[kind])


def _kinds(tally: Tally) -> dict[str, int]:
    plain = tally.numeric - tally.money - tally.numeric_dates
    return {"numeric": plain, "money": tally.money, "date": tally.dates, "text": tally.text}


def _is_mixed(tally: Tally) -> bool:
    return sum(count >= MIXED_LEAST_SHARE * tally.non_null for count in _kinds(tally).values()) >= 2
