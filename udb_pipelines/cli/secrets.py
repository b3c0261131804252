"""``udb secrets``: the encrypted store that addresses refer to as ``${secret:name}``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from udb_pipelines.cli.present import Column, moment, note, print_json, print_line, print_table
from udb_pipelines.wording import counted

app = typer.Typer(
    help="Encrypted secrets, for addresses that say ${secret:name}: set, list, remove, rotate.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the secret: small letters, digits, _.")]


@app.command("key")
def key() -> None:
    """Print a new key for UDB_SECRET_KEY. Keep it where secrets are kept; UDB never stores it.

    [bold]Examples[/bold]

      udb secrets key
      export UDB_SECRET_KEY=$(udb secrets key)
    """
    from udb_pipelines.secrets.store import new_key

    print_line(new_key())


@app.command("set")
def set_secret(name: NameArgument) -> None:
    """Store a secret. The value is read from standard input, or asked for without being shown.

    [bold]Examples[/bold]

      udb secrets set shop_password
      cat password.txt | udb secrets set shop_password
      udb run 'postgresql://ann:${secret:shop_password}@db/shop'
    """
    from udb_pipelines.cli import session

    # Never an argument: those are seen by everyone who lists processes, and stay in the shell's history.
    value = typer.prompt("Value", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read().rstrip("\r\n")
    stored = session.secrets().set(name, value)
    note(f"Stored {stored.name}. Refer to it as ${{secret:{stored.name}}}")


@app.command("list")
def list_secrets(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """List names and dates; values are never shown.

    [bold]Examples[/bold]

      udb secrets list
      udb secrets list --json
    """
    from udb_pipelines.cli import session

    known = session.secrets().list()
    if as_json:
        print_json([info.model_dump(mode="json") for info in known])
    elif not known:
        note("No secret is stored. Store one with: udb secrets set NAME")
    else:
        print_table(
            (Column("secret", wrap=True), Column("set")), [(info.name, moment(info.updated_at)) for info in known]
        )


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Forget a secret. Sources that refer to it fail from then on, and say so.

    [bold]Example[/bold]

      udb secrets remove shop_password
    """
    from udb_pipelines.cli import session

    session.secrets().remove(name)
    note(f"Removed {name}.")


@app.command("rotate")
def rotate() -> None:
    """Encrypt everything anew with the first key of UDB_SECRET_KEY; the other keys can go afterwards.

    [bold]Example[/bold]

      UDB_SECRET_KEY="$NEW,$OLD" udb secrets rotate
    """
    from udb_pipelines.cli import session
    from udb_pipelines.control.tenants import TenantRegistry

    count = session.secrets().rotate()
    note(f"{counted(count, 'secret')} now open with the first key; the others are not needed any more.")
    others = [tenant for tenant in TenantRegistry(session.settings()).list() if tenant != session.settings().tenant]
    if others:
        note(f"Each tenant's secrets are rotated apart: udb secrets rotate --tenant {others[0]}")
