"""Writes the reference pages from the code: settings, error codes, commands, and the published JSON Schemas.

``make docs`` runs it; a test compares what it would write with what is there, so that no setting, code or command goes
undocumented. Pages written by hand are not touched, except between the markers in the README.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from udb_pipelines.cli.app import command
from udb_pipelines.config import Settings, variable_of
from udb_pipelines.control.sources_file import generate as sources_schema
from udb_pipelines.errors import CODES, CodeInfo, Exit
from udb_pipelines.kpis.definitions import generate as kpis_schema
from udb_pipelines.profiling.schema import generate as profile_schema
from udb_pipelines.publishing.metrics import METRICS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "udb_pipelines"
NOTE = "<!-- Written by `make docs` from the code; do not edit. -->"
DEPENDS_ON_MACHINE = {"threads": "cores, at most 8"}
"""Defaults that differ from machine to machine, in words."""
FIRST_SETTINGS = (
    "home",
    "landing",
    "memory_limit",
    "max_reject_pct",
    "mask_pii",
    "catalog_url",
    "secret_key",
    "snapshot_target",
    "retention_days",
)
"""Those that a newcomer sets first; the README shows them."""

EXITS = {
    Exit.OK: "all went well, or there was nothing to do",
    Exit.FAILED: "UDB itself failed",
    Exit.USAGE: "the command, a name, a setting or a query is wrong",
    Exit.INPUT: "a source cannot be read or holds no table; nothing was loaded",
    Exit.DATA: "a source was read, but its content breaks a rule; the last version stays",
    Exit.ENVIRONMENT: "disk, lock, catalog or permissions; the data is not to blame",
}
INTERRUPTED = 130


def pages() -> dict[Path, str]:
    """Every page that is written from the code, and what it must say."""
    return {
        ROOT / "docs" / "configuration.md": configuration(),
        ROOT / "docs" / "errors.md": errors(),
        ROOT / "docs" / "commands.md": commands(),
        ROOT / "docs" / "metrics.md": metrics(),
        ROOT / "README.md": readme((ROOT / "README.md").read_text(encoding="utf-8")),
        PACKAGE / "profiling" / "schema" / "profile.v1.json": profile_schema(),
        PACKAGE / "kpis" / "schema" / "kpis.v1.json": kpis_schema(),
        PACKAGE / "control" / "schema" / "sources.v1.json": sources_schema(),
    }


def metrics() -> str:
    """Every column of ``metrics.csv``."""
    return _page(
        "metrics.csv",
        "One row per column of a dataset, for spreadsheets and scripts. An empty cell is not defined for that column.",
        _table(("column", "meaning"), [(f"`{metric.name}`", metric.meaning) for metric in METRICS]),
    )


def configuration() -> str:
    """Every setting."""
    return _page(
        "Configuration",
        "Settings are environment variables; none is needed. `udb config` prints the effective ones and where each "
        "comes from. An unknown or invalid `UDB_` variable stops the start and is named.",
        settings_table(),
    )


def settings_table(names: Collection[str] = tuple(Settings.model_fields)) -> str:
    """Variable, default and meaning, a row per setting."""
    rows = [
        (f"`{variable_of(name)}`", _default(name, field), _meaning(field))
        for name, field in Settings.model_fields.items()
        if name in names
    ]
    return _table(("variable", "default", "meaning"), rows)


def _default(name: str, field: FieldInfo) -> str:
    if name in DEPENDS_ON_MACHINE:
        return DEPENDS_ON_MACHINE[name]
    return "" if field.default is None else f"`{field.default}`"


def _meaning(field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    meaning = (field.description or "").replace("<", "&lt;")  # it would begin an HTML tag
    return f"{meaning}: {', '.join(f'`{choice}`' for choice in choices)}" if choices else meaning


def errors() -> str:
    """Every code."""
    stops = [(code, about) for code, about in CODES.items() if about.exit_code]
    findings = [(code, about) for code, about in CODES.items() if not about.exit_code]
    return _page(
        "Error codes",
        "Every failure and every finding has a code; `udb errors CODE` explains one on the command line. Messages name "
        "files, columns, rows and counts, never a value from the data.",
        "## Failures\n\nThe job stops, the last version stays, and the command ends with the exit code.\n",
        _table(("code", "exit", "meaning", "what to do"), [_code(*item, exit_code=True) for item in stops]),
        "\n## Findings\n\nIn the report and in `profile.json`, with count, share and first row. Rejected rows beyond "
        "the limit become `E_REJECTS`.\n",
        _table(("code", "meaning", "what to do"), [_code(*item, exit_code=False) for item in findings]),
    )


def _code(code: str, about: CodeInfo, *, exit_code: bool) -> tuple[str, ...]:
    return (f"`{code}`", *([str(int(about.exit_code))] if exit_code else []), about.meaning, about.remedy)


def exit_table() -> str:
    """Exit codes of the command."""
    rows = [(str(int(code)), EXITS[code]) for code in Exit]
    return _table(("exit code", "meaning"), [*rows, (str(INTERRUPTED), "interrupted with Ctrl-C")])


def commands() -> str:
    """Every command with its options and examples."""
    tree = command()
    sections = [part for path, node in _walk("udb", tree) for part in _section(path, node)]
    return _page(
        "Commands",
        "Of several failures in one command, the highest exit code counts.",
        exit_table(),
        *sections,
    )


def _walk(path: str, node: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(node, click.Group):
        for name, child in node.commands.items():
            yield from _walk(f"{path} {name}", child)
    else:
        yield path, node


def _section(path: str, node: click.Command) -> Iterator[str]:
    context = click.Context(node, info_name=path)
    arguments = " ".join(
        parameter.make_metavar(context) for parameter in node.params if isinstance(parameter, click.Argument)
    )
    yield f"\n## {path}\n"
    yield f"    {path} {arguments}".rstrip() + "\n"
    yield _help(node.help or "")
    options = [
        ("`" + "`, `".join([*option.opts, *option.secondary_opts]) + "`", _plain(option.help or ""))
        for option in node.params
        if isinstance(option, click.Option) and option.name != "help"
    ]
    if options:
        yield "\n" + _table(("option", "meaning"), options)


def _help(text: str) -> str:
    """A docstring with rich's markup, as Markdown: indented lines stay as they are, which makes them code."""
    lines = [f"    {line.strip()}" if line.startswith("  ") else line for line in text.strip().splitlines()]
    return _plain("\n".join(lines))


def _plain(text: str) -> str:
    return re.sub(r"\[(/?)bold\]", "**", text)


def readme(text: str) -> str:
    """The README with its tables replaced."""
    return _between(_between(text, "settings", settings_table(FIRST_SETTINGS)), "exit codes", exit_table())


def _between(text: str, name: str, table: str) -> str:
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"\n<!-- end of {name} -->")
    return "".join((before, start, table, end, after)) if end else text


def _page(title: str, *parts: str) -> str:
    return "\n".join([f"# {title}", "", NOTE, "", parts[0], "", *parts[1:], ""])


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
