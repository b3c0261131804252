"""Failures as people see them (a panel on a terminal, lines otherwise) and as programs do (JSON on stdout)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from udb_pipelines.cli.present import console, print_json
from udb_pipelines.errors import CODES, Exit, UdbError

if TYPE_CHECKING:
    import click

_LABELS = (("source", "source"), ("stage", "stage"), ("kept", "kept"), ("remedy", "what to do"))


def show_error(error: UdbError, as_json: bool = False) -> None:
    """Tell ``error``: what happened, where, what was kept, what to do."""
    from udb_pipelines.operations import scrub

    facts = scrub.error(error)
    if as_json:
        print_json({"error": facts, "exit_code": int(error.exit_code)})
    elif sys.stderr.isatty():
        _panel(facts)
    else:
        sys.stderr.write("".join(line + "\n" for line in error_lines(facts)))


def error_lines(facts: dict[str, str | None]) -> list[str]:
    """The facts of an error as plain lines."""
    known = [f"  {label}: {facts[name]}" for name, label in _LABELS if facts[name]]
    return [f"error {facts['code']}: {facts['message']}", *known]


def show_usage_error(error: click.ClickException, as_json: bool = False) -> None:
    """Tell what is wrong with the command line, and where its help is."""
    import click

    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    help_line = f"{context.command_path} --help" if context else "udb --help"
    if as_json:
        fact = {"code": "USAGE", "message": message, "remedy": f"see {help_line}"}
        print_json({"error": fact, "exit_code": int(Exit.USAGE)})
        return
    lines = [f"error: {message}", *([f"usage: {context.get_usage().removeprefix('Usage: ')}"] if context else [])]
    sys.stderr.write("\n".join([*lines, f"help:  {help_line}"]) + "\n")


def _panel(facts: dict[str, str | None]) -> None:
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, label in _LABELS:
        if fact := facts[name]:
            grid.add_row(label, Text(fact, style="bold" if name == "remedy" else ""))
    code = str(facts["code"])
    meaning = CODES[code].meaning if code in CODES else ""
    title = Text.assemble((f" {code} ", "bold white on red"), f" {meaning} ")
    console(stderr=True).print(
        Panel(
            Group(Text(str(facts["message"]) + "\n"), grid),
            title=title,
            title_align="left",
            border_style="red",
            box=box.ROUNDED,
            padding=(1, 2),
            expand=False,
        )
    )
