"""What ``kpis.yaml`` may say, and what an answer is. Frozen models; the JSON Schema of the file is made of them."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field

from udb_pipelines.models import DatasetName, Model, Name, Verdict, worst

MOST_ROWS = 5_000
"""Rows of an answer that are kept."""
FILE_NAME = "kpis.v1.json"

Sql = Annotated[str, Field(min_length=1, description="One reading SELECT over tables and views of the warehouse")]
Cell = str | int | float | bool | None


class Bounds(Model):
    """Where a value leaves what is fine."""

    above: float | None = Field(default=None, description="Not more than this")
    below: float | None = Field(default=None, description="Not less than this")

    def broken_by(self, value: float) -> bool:
        """Whether ``value`` is outside."""
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)


class Threshold(Model):
    """From which value on somebody should look, and from which on it is wrong."""

    warn: Bounds | None = None
    fail: Bounds | None = None

    def verdict(self, value: float | None) -> Verdict:
        """The verdict on a value; no value at all is worth a look."""
        if value is None:
            return "WARN"
        if self.fail and self.fail.broken_by(value):
            return "FAIL"
        return "WARN" if self.warn and self.warn.broken_by(value) else "PASS"


class Kpi(Model):
    """A question whose answer is kept over time.

    Its value, which the threshold is about, is the last column of the first row; of a line, of the last row.
    """

    name: Name
    sql: Sql
    description: str = ""
    chart: Literal["number", "line", "bar", "table"] = "number"
    unit: str = Field(default="", max_length=20, description="Behind the number, such as EUR or %")
    threshold: Threshold | None = None
    sources: tuple[Name, ...] = Field(
        default=(), description="Asked after each sync of these; of those whose tables it reads when absent"
    )


class View(Model):
    """A name for a question, to be used as a table in KPIs, other views and ``udb sql``."""

    name: DatasetName
    sql: Sql
    description: str = ""


class Project(Model):
    """``kpis.yaml``."""

    version: Literal[1] = 1
    views: tuple[View, ...] = ()
    kpis: tuple[Kpi, ...] = ()

    @property
    def view_sql(self) -> dict[str, str]:
        """The SQL of each view by its name."""
        return {view.name: view.sql for view in self.views}


class KpiPoint(Model):
    """The value of a KPI at a version of the warehouse."""

    version: int
    at: datetime
    value: float | None
    verdict: Verdict


class KpiResult(Model):
    """The answer to one KPI."""

    name: Name
    description: str = ""
    chart: Literal["number", "line", "bar", "table"]
    unit: str = ""
    sql: str
    datasets: tuple[str, ...] = ()
    """Tables of the warehouse that it reads, directly or through views."""
    version: int
    at: datetime
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    """At most 5,000; what is personal is masked (``AAA 999``)."""
    truncated: bool = False
    masked: tuple[str, ...] = ()
    """Columns whose values are masked."""
    value: float | None = None
    threshold: Threshold | None = None
    verdict: Verdict = "PASS"
    error: str | None = None
    """Why there is no answer; its verdict is FAIL."""
    history: tuple[KpiPoint, ...] = ()
    """Oldest first, this answer the last."""


class KpiSet(Model):
    """The KPIs of one job. Stored as ``kpis.json``."""

    schema_version: Literal[1] = 1
    source: Name
    job_id: str
    version: int
    problem: str | None = None
    """What is wrong with the file; there are no results then."""
    definition: str = ""
    """Digest of what was asked: the questions, their thresholds, and the views."""
    results: tuple[KpiResult, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the verdicts; a file that cannot be read is worth a look."""
        return worst((*(result.verdict for result in self.results), *(("WARN",) if self.problem else ())))


def generate() -> str:
    """The JSON Schema of ``kpis.yaml`` as the models are now."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:udb:{FILE_NAME}",
        **Project.model_json_schema(),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def published() -> str:
    """The schema as shipped."""
    return files("udb_pipelines.kpis.schema").joinpath(FILE_NAME).read_text(encoding="utf-8")
