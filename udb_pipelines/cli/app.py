"""The tree of commands, and the help that teaches it."""

from __future__ import annotations

import inspect
from typing import Annotated

import click
import typer

from udb_pipelines import __version__
from udb_pipelines.cli import (
    configuration,
    connectors,
    contracts,
    detecting,
    diff,
    doctor,
    export,
    jobs,
    keys,
    kpis,
    oauth,
    profiling,
    query,
    reports,
    restore,
    retention,
    running,
    schema,
    secrets,
    session,
    snapshots,
    sources,
    state,
    tenants,
    ui,
)

EPILOG = """\
[bold]First steps[/bold]

  udb run customers.csv orders.json     load, profile, report
  udb sql "SELECT count(*) FROM customers"
  udb report customers --open           look at what was found out

[bold]Exit codes[/bold]

  0  all went well, or there was nothing to do
  1  UDB itself failed
  2  the command, a name, a setting or a query is wrong
  3  a source cannot be read or holds no table
  4  a source was read, but its content breaks a rule
  5  disk, lock, catalog or permissions; the data is not to blame
  130  interrupted with Ctrl-C

Of several failures in one command, the highest code counts. `udb errors` explains every error code.
"""

_MARGIN = "[bold][/bold]"
"""Shows nothing. Where it stands at the left edge, typer sees text there and keeps the indentation of examples."""

app = typer.Typer(
    name="udb",
    help="Any source in, trusted data out: detect, load, profile, document, watch, recover.",
    epilog=EPILOG.replace("\n  ", f"\n{_MARGIN}  ").replace("\n", "\n\n"),
    no_args_is_help=True,
    suggest_commands=False,  # click does
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"udb {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None: ...


app.command("run", help=running.HELP)(running.run)
app.command("resume")(running.resume)
app.command("detect", help=detecting.HELP)(detecting.detect)
app.add_typer(profiling.app, name="profile")
app.add_typer(keys.app, name="keys")
app.add_typer(kpis.app, name="kpi")
app.add_typer(sources.app, name="sources")
app.add_typer(tenants.app, name="tenants")
app.command("sql")(query.sql)
app.command("history")(query.history)
app.add_typer(schema.app, name="schema")
app.command("export")(export.export)
app.add_typer(contracts.app, name="contract")
app.command("diff")(diff.diff)
app.command("report")(reports.report)
app.command("jobs")(jobs.jobs)
app.add_typer(state.app, name="state")
app.add_typer(connectors.app, name="connectors")
app.add_typer(secrets.app, name="secrets")
app.add_typer(oauth.app, name="oauth")
app.add_typer(snapshots.app, name="snapshot")
app.add_typer(retention.app, name="retention")
app.add_typer(restore.app, name="restore")
app.command("ui")(ui.ui)
app.command("config")(configuration.config)
app.command("doctor")(doctor.doctor)
app.command("errors")(doctor.errors)


_FOR_ALL = frozenset({"errors", "tenants", "ui"})
"""Commands that are the same for every tenant."""


def command() -> click.Command:
    """The whole tree as one click command; ``--tenant`` may stand before a command and behind it."""
    tree = typer.main.get_command(app)
    tree.params.append(_tenant_option())
    for name, node in tree.commands.items() if isinstance(tree, click.Group) else ():
        if name not in _FOR_ALL:
            _add_tenant(node)
    return tree


def _add_tenant(node: click.Command) -> None:
    if isinstance(node, click.Group):
        for child in node.commands.values():
            _add_tenant(child)
    else:
        node.params.append(_tenant_option())


def _tenant_option() -> click.Option:
    return typer.core.TyperOption(
        param_decls=["--tenant"],
        metavar="ID",
        help="Whose warehouse; UDB_TENANT otherwise.",
        expose_value=False,
        callback=session.choose_tenant,
    )


def program() -> click.Command:
    """The tree as it is run: with help that is laid out as it was written."""
    tree = command()
    _keep_indentation(tree)
    return tree


def _keep_indentation(node: click.Command) -> None:
    if isinstance(node, click.Group):
        for child in node.commands.values():
            _keep_indentation(child)
    elif node.help:
        node.help = f"{inspect.cleandoc(node.help)}\n\n{_MARGIN}"
