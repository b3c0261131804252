"""``udb oauth``: sign in at a provider once; addresses and settings then say ``${oauth:name}``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from udb_pipelines.cli.present import Column, moment, note, print_json, print_table
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.oauth.flows import Code
    from udb_pipelines.oauth.grants import Grants
    from udb_pipelines.oauth.provider import ClientAuth, Provider

app = typer.Typer(
    help="Sign in at a provider (OAuth), for addresses and settings that say ${oauth:name}: login, list, remove.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ClientAuthChoice(StrEnum):
    """Where a client's secret goes."""

    AUTO = "auto"
    BASIC = "basic"
    POST = "post"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the sign-in: small letters, digits, _.")]
_REFERENCE = re.compile(r"\$\{(?:secret:)?\w+\}")


@app.command("login")
def login(
    name: NameArgument,
    client_id: Annotated[str, typer.Option("--client-id", help="How the provider knows UDB.")],
    provider_url: Annotated[
        str, typer.Option("--provider-url", help="Provider that publishes its endpoints; the three URLs otherwise.")
    ] = "",
    authorize_url: Annotated[str, typer.Option("--authorize-url", help="Where a person signs in.")] = "",
    token_url: Annotated[str, typer.Option("--token-url", help="Where tokens are fetched and renewed.")] = "",
    device_url: Annotated[str, typer.Option("--device-url", help="Where the device flow begins.")] = "",
    scope: Annotated[list[str] | None, typer.Option("--scope", help="What is asked for; may be repeated.")] = None,
    client_secret: Annotated[
        str, typer.Option("--client-secret", help="Reference to the client's secret: ${NAME} or ${secret:name}.")
    ] = "",
    client_auth: Annotated[
        ClientAuthChoice,
        typer.Option("--client-auth", help="How the secret is sent: in a header, in the form, or as is published."),
    ] = ClientAuthChoice.AUTO,
    client_secret_expires: Annotated[
        datetime | None,
        typer.Option("--client-secret-expires", formats=["%Y-%m-%d"], help="Day it ends; udb doctor warns before."),
    ] = None,
    device: Annotated[bool, typer.Option("--device", help="Sign in on another device, with a code.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser, or show the address.")] = (
        True
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the redirect to 127.0.0.1; 0: any.")] = 0,
) -> None:
    """Sign in, and keep what was granted in the encrypted store (UDB_SECRET_KEY).

    [bold]Examples[/bold]

      udb oauth login crm --provider-url https://login.example.org --client-id udb --scope read
      udb oauth login crm --device --token-url https://... --device-url https://... --client-id udb
      udb run https://api.example.org/orders.json --config header.Authorization='Bearer ${oauth:crm}'
    """
    from udb_pipelines.cli import session
    from udb_pipelines.oauth.flows import by_device, in_browser
    from udb_pipelines.oauth.grants import Grant, granted
    from udb_pipelines.oauth.provider import Client, Provider, checked, discover
    from udb_pipelines.secrets.references import resolve

    settings = session.settings()
    grants = _usable(settings, name)
    if client_secret and not _REFERENCE.fullmatch(client_secret):
        raise UdbError("E_SECRET_INLINE", "the client's secret stands in the command itself",
                       remedy="store it (udb secrets set NAME) and write --client-secret '${secret:NAME}'")  # fmt: skip
    found = discover(provider_url, settings) if provider_url else Provider("")
    provider = checked(Provider(
        token_url or found.token_url, authorize_url or found.authorize_url, device_url or found.device_url
    ))  # fmt: skip
    by_code = device or not provider.authorize_url
    _check_complete(provider, by_code=by_code)
    published = found.client_auth if client_auth is ClientAuthChoice.AUTO else client_auth.value
    auth: ClientAuth = "post" if published == "post" else "basic"
    client, asked_for = Client(client_id, resolve(client_secret, settings), auth), " ".join(scope or ())
    now = datetime.now(UTC)
    if by_code:
        answer = by_device(provider, client, asked_for, settings, _show_code)
    else:
        show = _open if browser else _show_address
        answer = in_browser(provider, client, asked_for, settings, show, port=port)
    known = Grant(
        token_url=provider.token_url, client_id=client_id, client_secret=client_secret, scope=asked_for,
        client_auth=auth,
        client_secret_expires=client_secret_expires.date() if client_secret_expires else None,
        access_token="", obtained_at=now,
    )  # fmt: skip
    grant = granted(answer, known, datetime.now(UTC))
    grants.save(name, grant)
    note(f"Signed in. Refer to it as ${{oauth:{name}}}")
    if grant.expires_at and not grant.refresh_token:
        note(f"The provider gave nothing to renew it with: it ends {moment(grant.expires_at)}.")


@app.command("list")
def list_grants(as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False) -> None:
    """List the sign-ins and when they end; tokens are never shown.

    [bold]Example[/bold]

      udb oauth list
    """
    from udb_pipelines.cli import session
    from udb_pipelines.oauth.grants import Grants

    known = Grants(session.settings()).list()
    if as_json:
        print_json([info.model_dump(mode="json") for info in known])
    elif not known:
        note("Nobody has signed in. Sign in with: udb oauth login NAME")
    else:
        columns = (
            Column("name", wrap=True), Column("scope", wrap=True), Column("access ends"), Column("then"),
            Column("client secret ends"),
        )  # fmt: skip
        rows = [
            (
                info.name,
                info.scope,
                moment(info.expires_at) if info.expires_at else "never",
                "renewed" if info.renewable else "sign in again" if info.expires_at else "",
                info.client_secret_expires.isoformat() if info.client_secret_expires else "",
            )
            for info in known
        ]
        print_table(columns, rows)


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Forget a sign-in. The provider is not told: end the access there as well.

    [bold]Example[/bold]

      udb oauth remove crm
    """
    from udb_pipelines.cli import session
    from udb_pipelines.oauth.grants import Grants

    Grants(session.settings()).remove(name)
    note(f"Removed {name}.")


def _usable(settings: Settings, name: str) -> Grants:
    """Where grants are kept, if one of that name can be: to find out after a person has signed in would be late."""
    from udb_pipelines.models import slug
    from udb_pipelines.oauth.grants import Grants

    if slug(name) != name:
        raise UdbError("E_NAME", "a sign-in is named with small letters, digits and single underscores",
                       remedy=f"for example {slug(name)}")  # fmt: skip
    if settings.secret_key is None:
        raise UdbError("E_SECRET_KEY", "UDB_SECRET_KEY is not set, so what is granted cannot be kept")
    return Grants(settings)


def _check_complete(provider: Provider, *, by_code: bool) -> None:
    missing = [
        option
        for option, url in (
            ("--token-url", provider.token_url),
            ("--device-url" if by_code else "--authorize-url", provider.device_url if by_code else "-"),
        )
        if not url
    ]
    if missing:
        raise UdbError("E_OPTION", f"{' and '.join(missing)} cannot be found out",
                       remedy="give them, or --provider-url of a provider that publishes its endpoints")  # fmt: skip


def _show_code(code: Code) -> None:
    note(f"Open {code.address} on any device and type in: {code.code}")


def _show_address(address: str) -> None:
    note("Open this address in a browser on this machine:")
    note(address)


def _open(address: str) -> None:
    import webbrowser

    _show_address(address)
    webbrowser.open(address)
