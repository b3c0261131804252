"""``udb run``: sources in, trusted data out, one job after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from udb_pipelines.cli import options, session
from udb_pipelines.cli.display import Display, display
from udb_pipelines.cli.errors import show_error
from udb_pipelines.cli.jobs import whole_id
from udb_pipelines.cli.outlook import Outlook, outlooks
from udb_pipelines.cli.present import (
    INTERRUPTED,
    VERDICT_STYLES,
    Column,
    note,
    number,
    on_terminal,
    print_json,
    print_line,
    print_paths,
    print_table,
)
from udb_pipelines.cli.reports import report_paths, verdict_of
from udb_pipelines.errors import CODES, Exit, UdbError
from udb_pipelines.wording import duration

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.models import Manifest
    from udb_pipelines.orchestration.runner import JobOutcome

HELP = """\
Load sources and profile them: detect, provision, sync, analyze, publish.

A source is a file, folder, pattern, SQLite or DuckDB file, http(s) address, or the name of a source run before. \
Running one again on unchanged input changes nothing and says so.

[bold]Examples[/bold]

  udb run customers.csv                  one file, the source customers
  udb run data/*.csv shop.sqlite         several sources, one after another
  udb run 'data/visits_*.csv'            a quoted pattern is one source
  udb run export.csv --as orders --delimiter ';' --header none
  udb run https://example.org/prices.json
  udb run 'postgresql://ann:${PGPASSWORD}@db/shop' --table public.orders
  udb run orders                         again, by name
"""


@options.pinning(options.EVERY)
def run(
    inputs: Annotated[
        list[str], typer.Argument(metavar="PATH_OR_URI...", help="What to load, or names of known sources.")
    ],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name of the source and its table.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again and replace what is stored, in one commit.")
    ] = False,
    low: Annotated[
        str | None, typer.Option("--from", metavar="CURSOR", help="Read again from this value of the cursor on ...")
    ] = None,
    high: Annotated[
        str | None, typer.Option("--to", metavar="CURSOR", help="... up to, and without, this one.")
    ] = None,
    *,
    given: dict[str, Any],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the closing table only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> int:
    """Run every input, as :data:`HELP` says."""
    if name is not None and len(inputs) > 1:
        raise UdbError("E_NAME", "--as names one source, but several were given", remedy="run them one by one")
    if full and (low or high):
        raise UdbError("E_OPTION", "--full reads everything, --from and --to a part", remedy="leave one of them out")
    from udb_pipelines.orchestration.requests import tags_for

    tags = tags_for(full=full, low=low, high=high)
    return run_all(inputs, name, given, tags, quiet=quiet, as_json=as_json)


@dataclass(frozen=True)
class Result:
    """How one input ended, whether or not a job came of it."""

    typed: str
    source: str | None = None
    """None when what was typed did not become a source."""
    outcome: JobOutcome | None = None
    error: UdbError | None = None

    @property
    def name(self) -> str:
        """The source, or what was typed when there is none."""
        return self.source or self.typed

    @property
    def job_id(self) -> str | None:
        """None when it did not come to a job."""
        return self.outcome.job_id if self.outcome else None

    @property
    def canceled(self) -> bool:
        """Whether somebody stopped it."""
        return self.outcome is not None and self.outcome.status == "canceled"

    @property
    def manifest(self) -> Manifest | None:
        """What was published."""
        return self.outcome.manifest if self.outcome else None

    @property
    def unchanged(self) -> bool:
        """Whether there was nothing to do."""
        return bool(self.outcome and self.outcome.sync and self.outcome.sync.unchanged)

    @property
    def verdict(self) -> str:
        """``PASS``, ``WARN`` or ``FAIL`` of the data, ``ERROR`` when it was not loaded."""
        return self.manifest.verdict if self.manifest else "ERROR"

    @property
    def verdict_or_code(self) -> str:
        """What stands in the verdict's place when there is none."""
        return self.error.code if self.error else "canceled" if self.canceled else self.verdict

    @property
    def exit_code(self) -> int:
        """What this input alone would end the command with."""
        if self.canceled:
            return INTERRUPTED
        if self.error:
            return int(self.error.exit_code)
        return int(Exit.DATA if any(outlook.contract == "FAIL" for outlook in self.outlooks) else Exit.OK)

    @cached_property
    def outlooks(self) -> tuple[Outlook, ...]:
        """What the published profiles say beside their verdicts."""
        return outlooks(self.manifest) if self.manifest else ()

    def summary(self) -> str:
        """The job in half a line."""
        if self.canceled:
            return "interrupted"
        if self.error:
            return f"{self.error.code}: {CODES[self.error.code].meaning}"
        sync = self.outcome.sync if self.outcome else None
        if sync is None or self.outcome is None:
            return "nothing loaded"
        spent = duration(sum(self.outcome.seconds.values()))
        if self.unchanged:
            return f"unchanged since version {sync.version} ({spent})"
        rows = number(sum(dataset.rows_committed for dataset in sync.datasets))
        return f"{rows} rows, version {sync.version} ({spent})"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        from udb_pipelines.operations import scrub

        sync = self.outcome.sync if self.outcome else None
        return {
            "input": self.typed,
            "source": self.source,
            "job_id": self.job_id,
            "status": self.outcome.status if self.outcome else "failure",
            "unchanged": self.unchanged,
            "verdict": self.manifest.verdict if self.manifest else None,
            "version": sync.version if sync else None,
            "datasets": [dataset.model_dump(mode="json", exclude={"findings"}) for dataset in sync.datasets]
            if sync
            else [],
            "contracts": {outlook.dataset: outlook.contract for outlook in self.outlooks if outlook.contract},
            "drift": {outlook.dataset: outlook.drift for outlook in self.outlooks if outlook.drift},
            "reports": {name: str(path) for name, path in report_paths(self.manifest).items()} if self.manifest else {},
            "error": scrub.error(self.error) if self.error else None,
            "seconds": self.outcome.seconds if self.outcome else {},
        }


def run_all(
    inputs: list[str], name: str | None, given: dict[str, Any], tags: dict[str, str], *, quiet: bool, as_json: bool
) -> int:
    """Run every input; one that fails does not stop the others.

    Returns:
        The highest exit code of all.
    """
    from udb_pipelines.operations import tracing

    settings, registry = session.settings(), session.registry()
    tracing.configure(settings)
    results: list[Result] = []
    with display(silent=quiet or as_json, jobs=len(inputs)) as shown:
        for typed in inputs:
            result = _run_one(typed, name, given, tags, settings, registry, shown)
            results.append(result)
            shown.done(result.name, result.job_id, result.verdict, result.summary())
            if result.canceled:
                break
    return _conclude(results, as_json)


def _conclude(results: list[Result], as_json: bool) -> int:
    code = max(result.exit_code for result in results)
    if as_json:
        print_json({"jobs": [result.as_dict() for result in results], "exit_code": code})
        return code
    for result in results:
        if result.error:
            show_error(result.error)
    _closing_table(results)
    if code == INTERRUPTED:
        note("Interrupted. What was committed is kept; what was not is gone.")
    return code


def _run_one(
    typed: str,
    name: str | None,
    given: dict[str, Any],
    tags: dict[str, str],
    settings: Settings,
    registry: SourceRegistry,
    shown: Display,
) -> Result:
    from udb_pipelines.cli.inputs import register
    from udb_pipelines.operations import scrub
    from udb_pipelines.operations.stages import translate

    outcome, known = None, None
    try:
        source = register(registry, typed, name, given)
        known = source.name
        with shown.job(source.name, source.uri):
            from udb_pipelines.orchestration.runner import run_source

            outcome = run_source(source, settings, tags=tags)
        error = _error_of(outcome)
    except UdbError as failure:
        error = failure
    except OSError as failure:
        error = translate(failure)
    return Result(scrub.text(typed), known, outcome, error)


def _error_of(outcome: JobOutcome) -> UdbError | None:
    if outcome.status != "failure":
        return None
    facts = outcome.error or {}
    return UdbError(
        facts.get("code") or "E_INTERNAL",
        facts.get("message") or "the job failed outside of its stages",
        source=outcome.source,
        stage=facts.get("stage"),
        kept=facts.get("kept"),
        remedy=facts.get("remedy"),
    )


def _closing_table(results: list[Result]) -> None:
    failures = {result.verdict_or_code: "red" for result in results if result.error}
    columns = (
        Column("source", wrap=True),
        Column("dataset", wrap=True),
        Column("rows", "right"),
        Column("rejected", "right"),
        Column("version", "right"),
        Column("verdict", styles={**VERDICT_STYLES, **failures}),
    )
    reports = [path for result in results if result.manifest for path in report_paths(result.manifest).values()]
    if on_terminal():
        print_line()
    print_table(columns, [row for result in results for row in _rows(result)])
    for line in (line for result in results for outlook in result.outlooks for line in outlook.lines()):
        print_line(line)
    print_paths("report", reports)
    if reports and on_terminal():
        print_line("look    udb report NAME --open, or all of them and the jobs: udb ui")


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    sync = result.outcome.sync if result.outcome else None
    if sync is None:
        yield (result.name, "", "", "", "", result.verdict_or_code)
        return
    for dataset in sync.datasets:
        yield (
            result.name,
            dataset.dataset,
            number(dataset.rows_total),
            number(dataset.rows_rejected),
            f"{dataset.version} (unchanged)" if result.unchanged else str(dataset.version),
            verdict_of(result.manifest, dataset.dataset) if result.manifest else result.verdict_or_code,
        )


def resume(
    job_id: Annotated[
        str, typer.Argument(metavar="JOB", help="A failed or interrupted job, or the first letters of its id.")
    ],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the closing table only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> int:
    """Run what a failed or interrupted job did not finish, from the stage at which it stopped.

    [bold]Example[/bold]

      udb resume 5e1281f6        the id as udb jobs shows it
    """
    from udb_pipelines.operations import tracing
    from udb_pipelines.orchestration import runner

    settings = session.settings()
    tracing.configure(settings)
    whole = whole_id(job_id, settings)
    with display(silent=quiet or as_json, jobs=1) as shown:
        with shown.job("job", whole):
            outcome = runner.resume(whole, settings)
        result = Result(outcome.source, outcome.source, outcome, _error_of(outcome))
        shown.done(result.name, result.job_id, result.verdict, result.summary())
    return _conclude([result], as_json)
