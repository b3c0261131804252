"""From the position of a row in a table to its number in the source, and to the byte where it begins in its file.

Rejected rows stood in between. A row that is stored at position ``p`` comes after as many of them as there are with
``row - k < p``, ``row`` being the number of the k-th of them: before it, ``row - k`` rows were stored. That is exact,
and asks only the file of rejects. It holds for a table whose rows all come from one sync; of a table that grew, rows
are numbered as they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import duckdb

from udb_pipelines.connectors.delimited.placing import record_offsets
from udb_pipelines.connectors.rejects import ASIDE
from udb_pipelines.engine import quote_literal
from udb_pipelines.models import DatasetVersion, DetectedStream, Finding, KeyCheck, Profile


def with_source_rows(
    connection: duckdb.DuckDBPyConnection, profile: Profile, dataset: DatasetVersion, *, already: int
) -> Profile:
    """The profile with the rows of its findings, and of its key, numbered as in the source.

    Args:
        connection: any that may read the file of rejects.
        profile: its rows are positions in the table.
        dataset: what was read and rejected; where nothing was, or the file is gone, nothing changes.
        already: findings at the beginning of the profile's that come from earlier stages, which count source rows.
    """
    if not _countable(dataset):
        return profile
    own = profile.findings[already:]
    rows = {finding.row for finding in own if finding.row is not None} | set(_of_key(profile.key_check))
    if not rows:
        return profile
    known = _numbers(connection, str(dataset.rejects), rows)
    columns = tuple(
        column.model_copy(update={"findings": _renumbered(column.findings, known)}) for column in profile.columns
    )
    findings = (*profile.findings[:already], *_renumbered(own, known))
    check = _key_renumbered(profile.key_check, known)
    return profile.model_copy(update={"columns": columns, "findings": findings, "key_check": check})


def with_offsets(
    profile: Profile, stream: DetectedStream | None, dataset: DatasetVersion, listed: Collection[int], *, already: int
) -> tuple[Profile, dict[int, int]]:
    """The profile with the byte at which the row of each finding begins in the file, and those of ``listed`` rows.

    Args:
        profile: its rows are numbered as in the source.
        stream: the file that was loaded; where it is none, or offsets are not certain, nothing changes.
        dataset: its rows are those of the file, in their order, or have no place in it.
        listed: further rows.
        already: findings at the beginning of the profile's that come from earlier stages, which know their offsets.
    """
    if stream is None or not _in_order(dataset):
        return profile, {}
    rows = {finding.row for finding in profile.findings[already:] if finding.row is not None}
    offsets = record_offsets(stream, rows | set(listed))
    if not offsets:
        return profile, {}
    columns = tuple(
        column.model_copy(update={"findings": _placed(column.findings, offsets)}) for column in profile.columns
    )
    findings = (*profile.findings[:already], *_placed(profile.findings[already:], offsets))
    return profile.model_copy(update={"columns": columns, "findings": findings}), offsets


def _placed(findings: Iterable[Finding], offsets: Mapping[int, int]) -> tuple[Finding, ...]:
    return tuple(
        finding if finding.row is None else finding.model_copy(update={"byte_offset": offsets.get(finding.row)})
        for finding in findings
    )


def _in_order(dataset: DatasetVersion) -> bool:
    """Whether every row that was not rejected stands in the table in its place."""
    return dataset.rows_total == dataset.rows_committed and not dataset.rows_superseded


def _countable(dataset: DatasetVersion) -> bool:
    """Whether rows were rejected, and every row that was not stands in the table in its place."""
    rejected = bool(dataset.rows_rejected) and dataset.rejects is not None and dataset.rejects.is_file()
    return rejected and _in_order(dataset)


def _numbers(connection: duckdb.DuckDBPyConnection, rejects: str, positions: Iterable[int]) -> dict[int, int]:
    """Source rows by position."""
    listed = ", ".join(f"({position})" for position in sorted(positions))
    found = connection.execute(
        f"""SELECT p, "row" FROM ({_numbered(f'(SELECT p, p AS "row" FROM (VALUES {listed}) t(p))', rejects)})"""
    ).fetchall()
    return {int(position): int(number) for position, number in found}


def in_source(positioned: str, dataset: DatasetVersion) -> str:
    """SQL of the rows of ``positioned`` (SQL that may stand after FROM) whose column ``row`` is that of the source."""
    return _numbered(positioned, str(dataset.rejects)) if _countable(dataset) else f"FROM {positioned}"


def _numbered(positioned: str, rejects: str) -> str:
    aside = ", ".join(map(quote_literal, ASIDE))
    rejected = (
        f'SELECT "row" - row_number() OVER (ORDER BY "row") AS before, row_number() OVER (ORDER BY "row") AS k FROM '
        f'(SELECT DISTINCT "row" FROM read_parquet({quote_literal(rejects)}) WHERE code NOT IN ({aside}))'
    )
    return (
        f'SELECT p.* REPLACE (p."row" + coalesce(k, 0) AS "row") FROM {positioned} AS p '
        f'ASOF LEFT JOIN (SELECT before, max(k) AS k FROM ({rejected}) GROUP BY before) AS r ON p."row" > r.before'
    )


def _renumbered(findings: Iterable[Finding], known: Mapping[int, int]) -> tuple[Finding, ...]:
    return tuple(
        finding if finding.row is None else finding.model_copy(update={"row": known[finding.row]})
        for finding in findings
    )


def _of_key(check: KeyCheck | None) -> Iterable[int]:
    if check is None:
        return
    yield from (row for group in check.first_groups for row in group.rows)
    if check.first_empty_row is not None:
        yield check.first_empty_row


def _key_renumbered(check: KeyCheck | None, known: Mapping[int, int]) -> KeyCheck | None:
    if check is None:
        return None
    groups = tuple(
        group.model_copy(update={"rows": tuple(known[row] for row in group.rows)}) for group in check.first_groups
    )
    empty = known[check.first_empty_row] if check.first_empty_row is not None else None
    return check.model_copy(update={"first_groups": groups, "first_empty_row": empty})
