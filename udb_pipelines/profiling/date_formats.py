"""The ways to write a date: the expressions that tell them, and the SQL that reads them.

A format is a way to write the day (:data:`DAY_FORMATS`) and a form: the day alone, with a time, or with a time
and a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from udb_pipelines.engine import quote_literal
from udb_pipelines.profiling.expressions import full_match

_TIME = r"(?:[T ](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)"
_ZONE = r"(?: ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?))"
WITH_ZONE = " hh:mm:ss zone"
FORMS = {"": "", " hh:mm:ss": _TIME, WITH_ZONE: f"{_TIME}{_ZONE}"}
"""What follows the day: name and regular expression."""
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")

FIRST_DAY = date(1900, 1, 1)
"""Earlier dates are out of range."""


@dataclass(frozen=True)
class DayFormat:
    """One way to write a day."""

    name: str
    pattern: str
    """RE2, matches the day."""
    strptime: str
    compact: bool = False
    """Eight digits: a date only where nearly the whole column is, within range."""
    iso: bool = False
    """Ten characters that DuckDB casts by itself."""


_ONE_OR_TWO = "[0-9]{1,2}"
DAY_FORMATS = (
    DayFormat("YYYY-MM-DD", "[0-9]{4}-[0-9]{2}-[0-9]{2}", "%Y-%m-%d", iso=True),
    DayFormat("YYYYMMDD", "[0-9]{8}", "%Y%m%d", compact=True),
    DayFormat("YYYY/MM/DD", f"[0-9]{{4}}/{_ONE_OR_TWO}/{_ONE_OR_TWO}", "%Y/%m/%d"),
    DayFormat("MM/DD/YYYY", f"{_ONE_OR_TWO}/{_ONE_OR_TWO}/[0-9]{{4}}", "%m/%d/%Y"),
    DayFormat("DD/MM/YYYY", f"{_ONE_OR_TWO}/{_ONE_OR_TWO}/[0-9]{{4}}", "%d/%m/%Y"),
    DayFormat("YYYY.MM.DD", f"[0-9]{{4}}\\.{_ONE_OR_TWO}\\.{_ONE_OR_TWO}", "%Y.%m.%d"),
    DayFormat("DDMMYYYY", "[0-9]{8}", "%d%m%Y", compact=True),
    DayFormat("MM-DD-YYYY", f"{_ONE_OR_TWO}-{_ONE_OR_TWO}-[0-9]{{4}}", "%m-%d-%Y"),
    DayFormat("DD-Mon-YYYY", f"{_ONE_OR_TWO}-[A-Za-z]{{3}}-[0-9]{{4}}", "%d-%b-%Y"),
    # Beyond the common list, unmistakable and usual in Europe:
    DayFormat("DD.MM.YYYY", f"{_ONE_OR_TWO}\\.{_ONE_OR_TWO}\\.[0-9]{{4}}", "%d.%m.%Y"),
    DayFormat("DD-MM-YYYY", f"{_ONE_OR_TWO}-{_ONE_OR_TWO}-[0-9]{{4}}", "%d-%m-%Y"),
)
_BY_NAME = {day.name: day for day in DAY_FORMATS}
RIVALS = {
    _BY_NAME["MM/DD/YYYY"]: _BY_NAME["DD/MM/YYYY"],
    _BY_NAME["MM-DD-YYYY"]: _BY_NAME["DD-MM-YYYY"],
}
"""Formats that differ only in the order of day and month; the first is taken when no value decides."""


@dataclass(frozen=True)
class DateFormat:
    """A way to write the day together with what follows it."""

    day: DayFormat
    form: str

    @property
    def name(self) -> str:
        """As the profile shows it."""
        return self.day.name + self.form

    def shape(self, value: str) -> str:
        """SQL: whether a text looks like this format, the calendar left aside."""
        return full_match(value, self.day.pattern + FORMS[self.form])

    def matches(self, value: str, latest: date) -> str:
        """SQL: whether a text is a real day in this format."""
        return f"(CASE WHEN {self.shape(value)} THEN {self.real(value, latest)} ELSE false END)"

    def real(self, value: str, latest: date) -> str:
        """SQL: whether a text of this format's shape is a day of the calendar; a compact one must lie in range, too."""
        day = self.day_sql(value)
        if self.day.compact:
            return f"coalesce({day} BETWEEN DATE '{FIRST_DAY}' AND DATE '{latest}', false)"
        return f"{day} IS NOT NULL"

    def day_sql(self, value: str) -> str:
        """SQL: the day of a text that has this format's shape, as DATE; NULL when the calendar has no such day."""
        if self.day.iso:
            return f"TRY_CAST(left({value}, 10) AS DATE)"
        text = value if not self.form else f"regexp_extract({value}, {quote_literal('^' + self.day.pattern)})"
        return f"TRY_CAST(try_strptime({text}, {quote_literal(self.day.strptime)}) AS DATE)"

    def moment_sql(self, value: str) -> str:
        """SQL: the DATE, or the TIMESTAMP where there is a time; in UTC where there is a zone."""
        if not self.form:
            return self.day_sql(value)
        # What DuckDB reads at once costs a tenth of what has to be taken apart first; it is the same moment.
        return f"coalesce({self._at_once_sql(value)}, {self._taken_apart_sql(value)})"

    def _at_once_sql(self, value: str) -> str:
        """SQL: the moment of a text as it usually is written; NULL for one that DuckDB does not read as it is."""
        zoned = self.form == WITH_ZONE
        if self.day.iso:
            return f"TRY_CAST({value} AS TIMESTAMPTZ)::TIMESTAMP" if zoned else f"TRY_CAST({value} AS TIMESTAMP)"
        if zoned:
            return "NULL"
        formats = (f"{self.day.strptime}{between}{clock}" for between in " T" for clock in _CLOCKS)
        return f"try_strptime({value}, [{', '.join(map(quote_literal, formats))}])"

    def _taken_apart_sql(self, value: str) -> str:
        rest = f"regexp_replace({value}, {quote_literal('^' + self.day.pattern + '[T ]')}, '')"
        seconds = f"regexp_replace({rest}, '^([0-9]+:[0-9]+)($| ?[Z+-])', '\\1:00\\2')"
        moment = f"strftime({self.day_sql(value)}, '%Y-%m-%d ') || replace(replace({seconds}, ' ', ''), ',', '.')"
        # Without a zone the session's counts, which is UTC; with one it is converted to it.
        return f"TRY_CAST({moment} AS TIMESTAMPTZ)::TIMESTAMP"
