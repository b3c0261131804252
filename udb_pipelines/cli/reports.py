"""``udb report``: where the newest reports are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import (
    VERDICT_STYLES,
    Column,
    moment,
    note,
    print_json,
    print_line,
    print_paths,
    print_table,
)
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.models import Manifest

REPORT = "report.html"


def report(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A source; all when absent.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Print the paths of the newest reports.

    [bold]Examples[/bold]

      udb report
      udb report customers --open
    """
    from udb_pipelines import publishing

    settings, registry = session.settings(), session.registry()
    names = [registry.get(name).name] if name else [source.name for source in registry.list()]
    manifests = [manifest for each in names if (manifest := publishing.latest(settings, each))]
    if name and not manifests:
        raise UdbError("E_NO_REPORT", f"nothing is published of {name} yet", source=name, remedy=f"udb run {name}")
    if as_json:
        print_json([_as_dict(manifest) for manifest in manifests])
    elif not manifests:
        note("No report yet. Make one with: udb run FILE")
    elif name:
        for path in report_paths(manifests[0]).values():
            print_line(str(path))
    else:
        _show(manifests)
    if open_it:
        for manifest in manifests:
            _open(manifest)


def report_paths(manifest: Manifest) -> dict[str, Path]:
    """The report of each dataset."""
    return {
        artifact.dataset: manifest.folder / artifact.path
        for artifact in manifest.artifacts
        if artifact.dataset and artifact.path.endswith(REPORT)
    }


def verdict_of(manifest: Manifest, dataset: str) -> str:
    """The verdict on one dataset, from its published profile."""
    profile = manifest.folder / dataset / "profile.json"
    return str(json.loads(profile.read_text(encoding="utf-8"))["verdict"])


def _show(manifests: list[Manifest]) -> None:
    rows = [
        (manifest.source, dataset, verdict_of(manifest, dataset), moment(manifest.published_at))
        for manifest in manifests
        for dataset in report_paths(manifest)
    ]
    columns = (
        Column("source", wrap=True),
        Column("dataset", wrap=True),
        Column("verdict", styles=VERDICT_STYLES),
        Column("published"),
    )
    print_table(columns, rows)
    print_paths("report", [path for manifest in manifests for path in report_paths(manifest).values()])


def _as_dict(manifest: Manifest) -> dict[str, object]:
    reports = {
        dataset: {"report": str(path), "verdict": verdict_of(manifest, dataset)}
        for dataset, path in report_paths(manifest).items()
    }
    return {**manifest.model_dump(mode="json"), "reports": reports}


def _open(manifest: Manifest) -> None:
    import webbrowser

    index = manifest.folder / "index.html"
    for path in [index] if index.exists() else report_paths(manifest).values():
        if not webbrowser.open(path.as_uri()):
            note(f"No browser can be started here; open {path}")
