"""``report.html`` and ``index.html``: self-contained pages, rendered from the models.

A page carries its own style and script and names both by hash in its content security policy, so that
nothing else can run or load in it, whatever the data holds. Without the script everything is still there, but for the
cards of a table of more than :data:`AT_ONCE` columns.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined

import udb_pipelines
from udb_pipelines import wording
from udb_pipelines.models import DatasetVersion, Detection, Profile, ProfileSet, Stream
from udb_pipelines.publishing import formatting, promises, questions, view, whole

if TYPE_CHECKING:
    from udb_pipelines.kpis import KpiSet

AT_ONCE = 100
"""Columns up to which the whole report is plain HTML."""
VERDICT_MEANINGS = {
    "PASS": "Nothing found that stands in the way.",
    "WARN": "Usable, with things to know first.",
    "FAIL": "Look at the errors before you use it.",
}


def report_html(
    profile: Profile,
    commit: DatasetVersion | None,
    stream: Stream | None,
    detection: Detection,
    seconds: dict[str, float],
    kpis: KpiSet | None = None,
    *,
    has_rejects: bool,
    has_index: bool,
) -> str:
    """The report of one dataset.

    Args:
        profile: what is shown.
        commit: what the sync did to the dataset: schema changes, names in the source.
        stream: how the dataset was read; None leaves that part short.
        detection: the source.
        seconds: wall seconds per stage.
        kpis: answers of the project's KPIs; those that read the dataset are shown.
        has_rejects: ``rejects.parquet``, of rows or of values, stands beside the report.
        has_index: ``index.html`` stands one folder up.
    """
    columns = view.column_views(profile, commit)
    return _page(
        "report.html.j2",
        profile=profile,
        headline=view.headline(profile),
        facts=view.header_facts(profile, seconds),
        findings=view.finding_views(profile.findings, profile.columns),
        contract=promises.contract_view(profile),
        kpis=questions.kpi_views(kpis, profile.dataset),
        kpi_problem=kpis.problem if kpis else None,
        changes=commit.schema_changes if commit else (),
        columns=columns,
        later=_laid_out_later(columns),
        types=sorted({column.type for column in profile.columns}),
        personal=whole.personal(profile),
        drifted=whole.changes(profile),
        drift_headline=whole.drift_headline(profile),
        drift_shown=whole.DRIFT_SHOWN,
        relations=whole.relations(profile),
        heat=whole.heat(profile),
        dependencies=whole.dependency_rows(profile),
        score=whole.score_parts(profile.sufficiency) if profile.sufficiency else (),
        reading=view.reading_facts(stream, detection),
        candidates=view.candidate_views(stream),
        files=view.other_files(stream, detection),
        files_shown=view.FILES_SHOWN,
        stages=[(stage, wording.duration(value)) for stage, value in seconds.items()],
        uri=detection.uri,
        has_rejects=has_rejects,
        has_index=has_index,
    )


def _laid_out_later(columns: Sequence[view.ColumnView]) -> str:
    """What the cards of many columns say, by their anchors, as JSON: the script lays out a card that comes into view.

    A browser takes seconds to build the elements of five hundred cards, and a reader looks at a few of them.
    """
    if len(columns) <= AT_ONCE:
        return ""
    template = _environment().get_template("column.html.j2")
    text = json.dumps({column.anchor: template.render(column=column) for column in columns}, ensure_ascii=False)
    # Nothing in it can end the element it stands in, or open a comment there.
    return text.replace("</", "<\\/").replace("<!", "<\\u0021")


def index_html(profiles: ProfileSet, detection: Detection) -> str:
    """The overview of a source with several datasets."""
    return _page("index.html.j2", profiles=profiles, uri=detection.uri)


def _page(template: str, **context: object) -> str:
    style, script = _asset("style.css"), _asset("report.js")
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            style=style,
            script=script,
            policy=_policy(style, script),
            udb_version=udb_pipelines.__version__,
            verdict_meanings=VERDICT_MEANINGS,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("udb_pipelines.publishing"),
        autoescape=True,
        undefined=StrictUndefined,
        # Compiling the templates would be a third of what a small report costs. A folder of this user's alone.
        bytecode_cache=FileSystemBytecodeCache(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        formatting.integer,
        formatting.number,
        formatting.percent,
        wording.counted,
        formatting.shown,
        formatting.moment,
        wording.duration,
    ):
        environment.filters[function.__name__] = function
    return environment


@cache
def _asset(name: str) -> str:
    return files("udb_pipelines.publishing").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_source_hash(style)}; script-src {_source_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
