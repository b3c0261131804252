"""PASS, WARN or FAIL: the roll-up of everything found in a dataset.

The rule:

- ``FAIL`` when a finding of error severity concerns more rows than a column's type tolerates, which is
  ``1 - UDB_TYPE_THRESHOLD`` of them (5 % by default);
  A mixture of types in so few rows that a single value is more than that is only worth a look;
- ``WARN`` when there is any other finding, or a rejected row;
- ``PASS`` when there is none.

Rejects beyond the allowed share need no rule: such a sync commits nothing, so there is nothing to profile.

A dirty value is counted and the job goes on; a column that is dirty through and through is a failure.
"""

from __future__ import annotations

from collections.abc import Iterable

from udb_pipelines.errors import Severity
from udb_pipelines.models import Finding, Verdict


def verdict(findings: Iterable[Finding], *, rows_rejected: int, type_threshold: float) -> Verdict:
    """Roll findings and rejects up into one word. ``type_threshold`` is 0 to 1."""
    findings = tuple(findings)
    tolerated = 100 * (1 - type_threshold)
    if any(_fails(finding, tolerated) for finding in findings):
        return "FAIL"
    return "WARN" if findings or rows_rejected else "PASS"


def _fails(finding: Finding, tolerated: float) -> bool:
    if finding.severity is not Severity.ERROR or finding.pct <= tolerated:
        return False
    # Of three rows no type can be told: one value is a third of them.
    return finding.code != "E_MIXED_TYPE" or 100 * finding.count / finding.pct * tolerated >= 100
