"""Text that is grouped by parts is counted as exactly as text that is grouped at once."""

from __future__ import annotations

import duckdb
import pytest

from udb_pipelines.config import Settings
from udb_pipelines.engine import connect
from udb_pipelines.models import Profile
from udb_pipelines.profiling import grouping, profile_table

WORDS = (
    "(SELECT CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN ' ' ELSE 'user ' || md5((i % 150_000)::VARCHAR) END"
    " AS t, {'a': i % 1000, 'b': 'x'} AS s FROM range(300_000) r(i))"
)


def told(profile: Profile) -> dict[str, object]:
    return profile.model_dump(exclude={"profiled_at", "seconds"})


def test_a_column_grouped_by_parts_has_the_same_profile(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(settings) as connection:
        at_once = profile_table(connection, WORDS, settings)
        monkeypatch.setattr(grouping, "SHARE", 0.01)
        by_parts = profile_table(connection, WORDS, settings)
    assert at_once.columns[0].distinct > 100_000
    assert told(by_parts) == told(at_once)


def test_too_few_parts_become_more() -> None:
    with duckdb.connect(config={"memory_limit": "60MB", "threads": 1}) as connection:
        rows = "(SELECT 'a rather long text ' || (i % 700_000) AS v FROM range(2_000_000) t(i))"
        grouping.lay_down(
            connection, "found", lambda part: f"SELECT v, count(*) AS n FROM {rows} WHERE {part} GROUP BY v", "v", 1
        )
        assert connection.execute("SELECT count(*), sum(n) FROM found").fetchall() == [(700_000, 2_000_000)]


def test_temporary_space_that_is_used_up_is_no_reason_for_more_parts() -> None:
    with duckdb.connect(config={"memory_limit": "40MB", "threads": 1}) as connection:
        connection.execute("SET max_temp_directory_size = '1MB'")
        tried: list[str] = []

        def grouped(part: str) -> str:
            tried.append(part)
            rows = "(SELECT md5(i::VARCHAR) AS v FROM range(3_000_000) t(i))"
            return f"SELECT v, count(*) AS n FROM {rows} WHERE {part} GROUP BY v"

        with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
            grouping.lay_down(connection, "found", grouped, "v", 1)
    assert tried == ["true"]
