"""``udb profile``: a source profiled where it stands, and two of them compared."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from udb_pipelines.cli import options, session
from udb_pipelines.cli.display import display
from udb_pipelines.cli.present import (
    VERDICT_STYLES,
    Column,
    number,
    print_json,
    print_line,
    print_paths,
    print_table,
)
from udb_pipelines.cli.query import parse_as_of, unknown_dataset
from udb_pipelines.errors import Exit

if TYPE_CHECKING:
    import click

    from udb_pipelines.models import ColumnDrift, Manifest, Profile, ProfileSet, Source
    from udb_pipelines.profiling.diff import Comparison

HELP = """\
Profile a file, folder, address or database where it is, without loading it; compare two profiles.

The artifacts of a job (report.html, profile.json, metrics.csv, audit.log.json, rejects.parquet) go to one folder. \
Rejected rows do not stop it: they are counted, listed and part of the verdict. The exit code is 0 whatever the verdict.

[bold]Examples[/bold]

  udb profile orders.csv                 writes ./udb-profile-orders/
  udb profile orders.csv --out /tmp/look --delimiter ';'
  udb profile shop.sqlite --table orders --json
  udb profile of diff                    a file that is named as a command
  udb profile diff old.csv new.csv       what changed: udb profile diff --help
"""

DEFAULT = "of"
"""The command that is meant when none is named: ``udb profile orders.csv``."""


class FailOn(StrEnum):
    """From which verdict on a comparison the exit code tells."""

    MOVED = "moved"
    CHANGED = "changed"


_WEIGHT = {"stable": 0, "moved": 1, "changed": 2}


class Profiling(TyperGroup):
    """A group whose first argument may be what is to be profiled instead of a command."""

    default = DEFAULT

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front of what is not a command."""
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if named or not args else [DEFAULT, *args])


app = typer.Typer(
    cls=Profiling,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(DEFAULT, help=HELP)
@options.pinning(options.READING)
def profile(
    uri: Annotated[str, typer.Argument(metavar="PATH_OR_URI", help="What to profile.")],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name in the report and the folder.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Where to write; ./udb-profile-NAME by default."),
    ] = None,
    *,
    given: dict[str, Any],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the closing table only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Profile ``uri``, as :data:`HELP` says."""
    from udb_pipelines import standalone

    source = source_of(uri, name, given)
    folder = out or Path(f"udb-profile-{source.name}")
    standalone.check_folder(folder)
    with display(silent=quiet or as_json, jobs=1) as shown, standalone.workshop(session.settings()) as shop:
        with shown.job(source.name, source.uri):
            measured = standalone.measure(source, shop)
            manifest = standalone.write(measured, shop, folder)
        rows = number(sum(item.rows for item in measured.profiles.profiles))
        shown.done(source.name, manifest.job_id, manifest.verdict, f"{rows} rows profiled, nothing loaded")
    if as_json:
        print_json(_as_dict(measured.profiles, manifest))
        return
    _closing_table(measured.profiles)
    print_paths("report", _reports(manifest))


def source_of(uri: str, name: str | None, given: dict[str, Any]) -> Source:
    """A source that is registered nowhere.

    Raises:
        UdbError: ``E_NOT_FOUND``, ``E_NAME``, ``E_OPTION``, ``E_SECRET_INLINE``.
    """
    from udb_pipelines.cli.inputs import legal_name, must_exist
    from udb_pipelines.control.naming import derive_name
    from udb_pipelines.control.uris import canonical_uri
    from udb_pipelines.models import Source

    place = canonical_uri(uri)
    must_exist(uri, place)
    chosen = legal_name(name) if name else derive_name(place)
    return Source(name=chosen, uri=place, options=options.pinned(given), created_at=datetime.now(UTC))


def _reports(manifest: Manifest) -> list[Path]:
    return [manifest.folder / item.path for item in manifest.artifacts if item.path.endswith("report.html")]


def _as_dict(profiles: ProfileSet, manifest: Manifest) -> dict[str, Any]:
    return {
        "source": profiles.source,
        "folder": str(manifest.folder),
        "verdict": profiles.verdict,
        "datasets": [
            {
                "dataset": item.dataset,
                "rows": item.rows,
                "rows_read": item.rows_read,
                "rows_rejected": item.rows_rejected,
                "columns": len(item.columns),
                "findings": [finding.model_dump(mode="json") for finding in item.findings],
                "verdict": item.verdict,
                "profile": str(manifest.folder / item.dataset / "profile.json"),
                "report": str(manifest.folder / item.dataset / "report.html"),
            }
            for item in profiles.profiles
        ],
        "seconds": manifest.seconds,
    }


def _closing_table(profiles: ProfileSet) -> None:
    columns = (
        Column("dataset", wrap=True),
        Column("rows", "right"),
        Column("rejected", "right"),
        Column("columns", "right"),
        Column("findings", wrap=True),
        Column("verdict", styles=VERDICT_STYLES),
    )
    rows = [
        (
            item.dataset,
            number(item.rows),
            number(item.rows_rejected),
            number(len(item.columns)),
            ", ".join(sorted({finding.code for finding in item.findings})),
            item.verdict,
        )
        for item in profiles.profiles
    ]
    print_table(columns, rows)


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A file, address, DATASET[@VERSION], profile.json.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same kinds of things.")],
    every: Annotated[bool, typer.Option("--all", help="Also columns that did not change.")] = False,
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="Exit code 4 when the verdict is this, or worse.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the comparison only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> int:
    """Compare two files, two versions of a dataset, or two profiles: what changed, and how much it matters.

    The verdict on a column is stable, moved (worth a look) or changed (what was built on it may break). The exit
    code is 0 whatever changed; with --fail-on it is 4 when as much changed as you say. Nothing is loaded.

    [bold]Examples[/bold]

      udb profile diff old.csv new.csv
      udb profile diff orders@3 orders@5
      udb profile diff orders@2026-11-01 orders --fail-on changed
      udb profile diff udb-profile-orders/orders/profile.json new.csv --json
    """
    from udb_pipelines.profiling.diff import compare_all

    sides = [_side(text, silent=quiet or as_json) for text in (before, after)]
    found = compare_all(*sides)
    failed = fail_on is not None and _WEIGHT[found.verdict] >= _WEIGHT[fail_on.value]
    if as_json:
        print_json(
            {
                "verdict": found.verdict,
                "tables": [
                    {"before": one.dataset, "after": other.dataset, **drift.model_dump(mode="json")}
                    for one, other, drift in found.pairs
                ],
                "only_before": found.only_before,
                "only_after": found.only_after,
            }
        )
    else:
        _show_comparison(found, every=every)
    return int(Exit.DATA if failed else Exit.OK)


def _side(text: str, *, silent: bool) -> tuple[Profile, ...]:
    """The profiles that ``text`` stands for: a file first, then a dataset of the warehouse."""
    from udb_pipelines import standalone, warehouse
    from udb_pipelines.profiling.diff import profile_version, split_version, stored_profile

    if (stored := stored_profile(Path(text))) is not None:
        return (stored,)
    dataset = None if Path(text).exists() else split_version(text)
    settings = session.settings()
    if dataset and settings.home.exists():
        name, version = dataset
        lake = session.lake()
        if version is not None or warehouse.history(lake, name):
            as_of = parse_as_of(version)
            if not warehouse.history(lake, name):
                raise unknown_dataset(name, [info.dataset for info in warehouse.datasets(lake)])
            return (profile_version(lake, name, as_of),)
    if dataset and dataset[1] is not None:
        raise unknown_dataset(dataset[0], [])
    source = source_of(text, None, dict.fromkeys(options.READING))
    with (
        display(silent=silent, jobs=2) as shown,
        standalone.workshop(settings) as shop,
        shown.job(source.name, source.uri),
    ):
        return standalone.measure(source, shop).profiles.profiles


def _show_comparison(found: Comparison, *, every: bool) -> None:
    several = len(found.pairs) > 1
    for _, other, drift in found.pairs:
        print_line(
            f"{other.dataset if several else 'rows'}: {number(drift.rows_before)} → {number(drift.rows_after)}, "
            f"{drift.verdict}"
        )
        shown = [item for item in drift.columns if every or item.verdict != "stable"]
        if shown:
            print_table(_DRIFT_COLUMNS, [_drift_row(item) for item in shown])
        if hidden := len(drift.columns) - len(shown):
            print_line(f"{number(hidden)} of {number(len(drift.columns))} columns did not change")
    for name in found.only_before:
        print_line(f"{name}: the table is gone")
    for name in found.only_after:
        print_line(f"{name}: a new table")


_DRIFT_COLUMNS = (
    Column("column", wrap=True),
    Column("verdict", styles={"changed": "red", "moved": "yellow", "stable": "green"}),
    Column("type", wrap=True),
    Column("empty %", "right"),
    Column("distinct", "right"),
    Column("PSI", "right"),
    Column("KS", "right"),
    Column("why", wrap=True),
)


def _drift_row(item: ColumnDrift) -> tuple[str, ...]:
    return (
        item.column,
        item.verdict,
        _two(item.type_before, item.type_after),
        _two(_pct(item.null_pct_before), _pct(item.null_pct_after)),
        _two(_count(item.distinct_before), _count(item.distinct_after)),
        _figure(item.psi),
        _figure(item.ks),
        "; ".join(item.reasons),
    )


def _two(before: str | None, after: str | None) -> str:
    """Both where they differ, one where they do not."""
    if before == after:
        return before or ""
    return f"{before or '–'} → {after or '–'}"


def _pct(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"


def _count(value: int | None) -> str | None:
    return None if value is None else number(value)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
