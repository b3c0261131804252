"""``udb kpi``: the project's KPIs, asked now or as they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import (
    VERDICT_STYLES,
    Column,
    moment,
    note,
    number,
    print_json,
    print_line,
    print_table,
)
from udb_pipelines.cli.query import parse_as_of
from udb_pipelines.errors import Exit, UdbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from udb_pipelines.kpis import Kpi, KpiResult, Project

SHOWN_ROWS = 20
"""Rows of an answer that are shown; --json has all."""

app = typer.Typer(
    help="KPIs: named questions of kpis.yaml, asked after every sync, with thresholds and a history.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[KPI...]", help="Which ones; all when absent.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="VERSION|TIME", help="Ask the warehouse as it was then.")]


@app.command("list")
def list_kpis(as_json: Json = False) -> None:
    """List the KPIs and views of the project, and the newest value of each.

    [bold]Example[/bold]

      UDB_KPIS=shop/kpis.yaml udb kpi list
    """
    from udb_pipelines.kpis import history

    file, project = _project()
    newest = {kpi.name: (history.read(session.settings(), kpi.name) or (None,))[-1] for kpi in project.kpis}
    if as_json:
        print_json(
            {
                "file": str(file),
                "kpis": [
                    {
                        **kpi.model_dump(mode="json"),
                        "newest": point.model_dump(mode="json") if (point := newest[kpi.name]) else None,
                    }
                    for kpi in project.kpis
                ],
                "views": [view.model_dump(mode="json") for view in project.views],
            }
        )
        return
    if not project.kpis:
        note(f"{file} names no KPI.")
    else:
        columns = (
            Column("kpi"),
            Column("value", "right"),
            Column("verdict", styles=VERDICT_STYLES),
            Column("version", "right"),
            Column("asked"),
            Column("what", wrap=True),
        )
        rows = [
            (
                kpi.name,
                _with_unit(point.value, kpi.unit) if point else "",
                point.verdict if point else "never asked",
                str(point.version) if point else "",
                moment(point.at) if point else "",
                kpi.description,
            )
            for kpi in project.kpis
            for point in (newest[kpi.name],)
        ]
        print_table(columns, rows)
    for view in project.views:
        print_line(f"view  {view.name}  {view.description}".rstrip())


@app.command("run")
def run(names: Names = None, as_of: AsOf = None, as_json: Json = False) -> int:
    """Ask KPIs now, or as of a version, and show the answers. Nothing is kept: the history is made by jobs.

    Exit code 2 when a question is wrong. Values of personal columns are shown masked.

    [bold]Examples[/bold]

      udb kpi run
      udb kpi run revenue --as-of 2026-01-31
    """
    results = _asked(names, as_of)
    if as_json:
        print_json([result.model_dump(mode="json") for result in results])
    else:
        for place, result in enumerate(results):
            if place:
                print_line()
            _show(result)
    return int(Exit.USAGE if any(result.error for result in results) else Exit.OK)


@app.command("check")
def check(names: Names = None, as_of: AsOf = None, as_json: Json = False) -> int:
    """Check the file, every question, and the thresholds.

    Exit code 2 when the file or a question is wrong, 4 when a value fails its threshold. A warning is told, and 0.

    [bold]Example[/bold]

      udb kpi check
    """
    results = _asked(names, as_of)
    if as_json:
        wanted = {"name", "value", "unit", "verdict", "error", "version"}
        print_json([result.model_dump(mode="json", include=wanted) for result in results])
    else:
        columns = (
            Column("kpi"),
            Column("value", "right"),
            Column("verdict", styles=VERDICT_STYLES),
            Column("why", wrap=True),
        )
        print_table(
            columns,
            [(r.name, _with_unit(r.value, r.unit), r.verdict, r.error or threshold_words(r)) for r in results],
        )
    if any(result.error for result in results):
        return int(Exit.USAGE)
    return int(Exit.DATA if any(result.verdict == "FAIL" for result in results) else Exit.OK)


def threshold_words(result: KpiResult) -> str:
    """The threshold of a result in words: ``warn above 5; fail below 1``."""
    if result.threshold is None:
        return ""
    parts = []
    for word, bounds in (("warn", result.threshold.warn), ("fail", result.threshold.fail)):
        for side in ("above", "below"):
            limit = getattr(bounds, side, None)
            if limit is not None:
                parts.append(f"{word} {side} {limit:g}")
    return "; ".join(parts)


def _project() -> tuple[Path, Project]:
    """The project's file, which a command about it needs.

    Raises:
        UdbError: ``E_KPIS``.
    """
    from udb_pipelines.kpis import load, project_file

    file = project_file(session.settings())
    if file is None:
        raise UdbError(
            "E_KPIS",
            "there is no kpis.yaml in this folder",
            remedy="write one (docs/kpis.md shows how it looks), or set UDB_KPIS",
        )
    return file, load(file)


def _asked(names: list[str] | None, as_of: str | None) -> tuple[KpiResult, ...]:
    from udb_pipelines.kpis import compute
    from udb_pipelines.publishing import profiles_of_others

    _, project = _project()
    lake, settings = session.lake(), session.settings()
    profiles = profiles_of_others(settings, "")
    when = parse_as_of(as_of)
    return tuple(compute(kpi, project, lake, profiles, when) for kpi in _chosen(project, names))


def _chosen(project: Project, names: list[str] | None) -> Sequence[Kpi]:
    if not names:
        return project.kpis
    known = {kpi.name: kpi for kpi in project.kpis}
    for name in names:
        if name not in known:
            raise UdbError("E_KPIS", f"no KPI is named {name}", remedy=f"there are: {', '.join(known) or 'none'}")
    return [known[name] for name in names]


def _show(result: KpiResult) -> None:
    if result.error:
        print_line(f"{result.name}: {result.error}")
        return
    said = f", {result.verdict}" if result.threshold else ""
    if result.chart == "number":
        print_line(f"{result.name}: {_with_unit(result.value, result.unit)}{said}")
        return
    print_line(f"{result.name}{f' ({result.unit})' if result.unit else ''}{said}")
    columns = [
        Column(name, "right" if any(isinstance(row[place], int | float) for row in result.rows[:1]) else "left")
        for place, name in enumerate(result.columns)
    ]
    print_table(columns, [["" if cell is None else str(cell) for cell in row] for row in result.rows[:SHOWN_ROWS]])
    if (more := len(result.rows) - SHOWN_ROWS) > 0:
        note(f"{number(more)} more rows{' and others beyond 5,000' if result.truncated else ''}: --json has them")


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "no value"
    text = number(int(value)) if value == int(value) else f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return f"{text} {unit}".rstrip()
