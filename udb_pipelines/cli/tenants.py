"""``udb tenants``: warehouses that share a home and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from udb_pipelines.cli import session
from udb_pipelines.cli.present import Column, note, number, print_json, print_line, print_table
from udb_pipelines.wording import counted, size

app = typer.Typer(
    help="Tenants: each has its own warehouse, sources, reports and snapshots.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("add")
def add(
    tenant: Annotated[
        str, typer.Argument(metavar="ID", help="Small letters, digits, single underscores; a letter first; 40 at most.")
    ],
) -> None:
    """Make a tenant. Every command then works on it with --tenant, or with UDB_TENANT.

    [bold]Example[/bold]

      udb tenants add acme
      udb run --tenant acme orders.csv
    """
    from udb_pipelines.control.tenants import TenantRegistry

    made = TenantRegistry(session.settings()).add(tenant)
    note(f"The tenant {tenant} lies in {made.tenant_home}. Load something: udb run --tenant {tenant} FILE")


@app.command("remove")
def remove(
    tenant: Annotated[str, typer.Argument(metavar="ID", help="The tenant.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; only said what would go otherwise.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Remove a tenant for good: warehouse, sources, secrets, reports. Refused while a legal hold lasts.

    A lake catalog in PostgreSQL goes too. Snapshots and an archive elsewhere stay, and are named.

    [bold]Examples[/bold]

      udb export acme.duckdb --tenant acme     what it may take along
      udb tenants remove acme                  what would go
      udb tenants remove acme --yes
    """
    from udb_pipelines.control.offboarding import leave, plan_leave

    done = (leave if yes else plan_leave)(session.settings(), tenant)
    if as_json:
        print_json({"removed": yes, **done.model_dump(mode="json")})
        return
    gone = "removed" if yes else "would go, for good"
    print_line(
        f"{done.folder}: {counted(done.tables, 'table')}, {counted(done.rows, 'row')}, "
        f"{counted(done.sources, 'source')}, {counted(done.secrets, 'secret')}, {size(done.bytes)} {gone}"
    )
    if done.schemas:
        print_line(f"in PostgreSQL: {counted(len(done.schemas), 'schema')} {', '.join(done.schemas)} {gone}")
    for left in done.elsewhere:
        note(f"Not removed: {left}")
    if not yes:
        note(f"Do it with: udb tenants remove {tenant} --yes")


@app.command("list")
def list_tenants(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """List the tenants, what each holds and where.

    [bold]Example[/bold]

      udb tenants list
    """
    from udb_pipelines.control.sources import SourceRegistry
    from udb_pipelines.control.tenants import TenantRegistry
    from udb_pipelines.warehouse import Lake, datasets

    registry = TenantRegistry(session.settings())
    found = []
    for tenant in registry.list():
        settings = registry.open(tenant)
        tables = datasets(Lake(settings))
        found.append(
            {
                "tenant": tenant,
                "sources": len(SourceRegistry(settings).list()),
                "tables": len(tables),
                "rows": sum(table.rows_total for table in tables),
                "folder": str(settings.tenant_home),
            }
        )
    if as_json:
        print_json(found)
        return
    columns = (
        Column("tenant"),
        Column("sources", "right"),
        Column("tables", "right"),
        Column("rows", "right"),
        Column("folder", wrap=True),
    )
    print_table(
        columns, [tuple(number(cell) if isinstance(cell, int) else str(cell) for cell in row.values()) for row in found]
    )
