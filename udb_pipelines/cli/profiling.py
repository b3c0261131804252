"""``udb profile``: a source profiled where it stands, and two of them compared."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from udb_pipelines.cli import options, session
from udb_pipelines.cli.display import display
from udb_pipelines.cli.present import VERDICT_STYLES, Column, number, print_json, print_paths, print_table

if TYPE_CHECKING:
    import click

    from udb_pipelines.models import Manifest, ProfileSet, Source

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


class Profiling(TyperGroup):
    """A group whose first argument may be what is to be profiled instead of a command."""

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
