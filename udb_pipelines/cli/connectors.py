"""``udb connectors``: what can be read, what an Airbyte connector needs to know, and how to get one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from udb_pipelines.cli import extras
from udb_pipelines.cli.present import Column, note, print_json, print_line, print_table
from udb_pipelines.errors import UdbError

if TYPE_CHECKING:
    from udb_pipelines.config import Settings
    from udb_pipelines.connectors.airbyte.pins import Pin

app = typer.Typer(
    help="What can be read: list, search, show, install.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

NATIVE = (
    (
        "file",
        "CSV and its dialects, JSON, Parquet, Arrow, Avro, ORC, Excel, ODS, XML, fixed width, logs; packed or not",
    ),
    ("http", "any of these behind http:// or https://"),
    ("s3", "objects, folders and patterns of S3 and what speaks its protocol: s3://bucket/2024/*.csv"),
    ("gs", "the same of Google Cloud Storage: gs://bucket/folder/"),
    ("az", "the same of Azure Blob Storage: az://container/folder/"),
    ("sftp", "files, folders and patterns of an SFTP server: sftp://user@host/in/*.csv"),
    ("sqlite", "tables, views and queries of an SQLite file"),
    ("duckdb", "tables, views and queries of a DuckDB file"),
    ("postgres", "tables, views and queries of a PostgreSQL server: postgresql://user:${PASSWORD}@host/database"),
    ("mysql", "tables, views and queries of a MySQL or MariaDB server: mysql://user:${PASSWORD}@host/database"),
    ("mongodb", "collections, views and queries of MongoDB: mongodb://user:${PASSWORD}@host/database"),
    ("mssql", "tables, views and queries of SQL Server: mssql://user:${PASSWORD}@host/database"),
    (
        "odbc",
        "tables, views and queries of what has an ODBC driver: odbc://user:${PASSWORD}@host/database?driver=NAME, odbc://DSN",
    ),
    (
        "airbyte-server",
        "what a connector of an Airbyte server (AIRBYTE_URL) reads: airbyte-server:NAME, airbyte-server:connection/ID",
    ),
)
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a connector, such as faker or faker@7.2.1.")]


@app.command("list")
def list_connectors(as_json: Json = False) -> None:
    """List the connectors: UDB's own, and those of Airbyte that it has tried.

    [bold]Example[/bold]

      udb connectors list
    """
    from udb_pipelines.cli import session

    _show(_rows(session.settings()), as_json)


@app.command("search")
def search(
    words: Annotated[str, typer.Argument(metavar="WORD", help="Part of a name or a description.")],
    as_json: Json = False,
) -> None:
    """Find connectors by a word.

    [bold]Example[/bold]

      udb connectors search rest
    """
    from udb_pipelines.cli import session

    wanted = words.lower()
    found = [row for row in _rows(session.settings()) if wanted in " ".join(row).lower()]
    if found or as_json:
        _show(found, as_json)
        return
    name = "-".join(wanted.split())
    note(f"None of the connectors that UDB has tried is about {words}. Any other of Airbyte's in Python may be there:")
    note(f"look for its version at https://pypi.org/project/airbyte-source-{name}")
    note(f"then: udb connectors install {name}@VERSION")


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """Show what an installed connector needs to know.

    [bold]Example[/bold]

      udb connectors show faker
    """
    from udb_pipelines.cli import session
    from udb_pipelines.connectors.airbyte.discovery import INJECTED
    from udb_pipelines.connectors.airbyte.environments import is_installed, specification
    from udb_pipelines.connectors.airbyte.pins import MANIFEST, pin_of

    native = next((about for known, about in NATIVE if known == name), None)
    if native is not None:
        print_line(f"{name}: {native}. Read it with: udb run PATH_OR_URI")
        for line in extras.about(name):
            print_line(line)
        if known := _settings_of(name):
            print_line(f"--config takes {', '.join(known)}; secrets as ${{NAME}}, ${{secret:name}} or ${{oauth:name}}")
        return
    name = name.removeprefix("airbyte:")
    pin, settings = pin_of(f"airbyte:{name}"), session.settings()
    about = f"airbyte:{pin.name}@{pin.version}: {pin.about}. Licence: {pin.licence}"
    if not is_installed(pin, settings):
        raise UdbError(
            "E_CONNECTOR",
            f"{about}. It is not installed, so what it needs to know is not known yet",
            remedy=f"udb connectors install {name}, then show it",
        )
    spec = specification(pin, settings)
    if as_json:
        print_json(spec)
        return
    print_line(about)
    required = spec.get("required", [])
    rows = [
        (setting, *_field(field, setting in required)) for setting, field in spec.get("properties", {}).items()
        if setting != INJECTED
    ]  # fmt: skip
    if pin.name == MANIFEST:
        rows += [
            ("manifest", "path", "required", "The manifest, a YAML file"),
            ("...", "", "", "What its spec asks for"),
        ]
    print_table((Column("setting"), Column("kind"), Column("default"), Column("what", wrap=True)), rows)
    print_line(f"udb run airbyte:{pin.name} --as NAME --config SETTING=VALUE ...")


@app.command("install")
def install(
    name: Name,
    accept: Annotated[
        bool, typer.Option("--accept-licence", "-y", help="Accept the connector's licence; do not ask.")
    ] = False,
) -> None:
    """Install an Airbyte connector in an environment of its own, and try it.

    One that UDB has not tried is named with its version, that of the package airbyte-source-NAME.

    [bold]Example[/bold]

      udb connectors install faker

      udb connectors install hubspot@5.7.0
    """
    from udb_pipelines.cli import session
    from udb_pipelines.connectors.airbyte.environments import folder_of, is_installed
    from udb_pipelines.connectors.airbyte.environments import install as make
    from udb_pipelines.connectors.airbyte.pins import pin_of

    name = name.removeprefix("airbyte:")
    if name in dict(NATIVE):
        note(f"{name} is UDB's own: {extras.to_install(name)}. udb connectors show {name}")
        return
    pin, settings = pin_of(f"airbyte:{name}"), session.settings()
    if is_installed(pin, settings):
        note(f"{pin.name} {pin.version} is installed already, in {folder_of(pin, settings)}")
        return
    if not pin.tried:
        note(f"UDB has not tried {pin.requirement}; it is made by others, and so is what it installs.")
    if not accept and not settings.accept_connector_licences and not _accepts(pin):
        raise UdbError(
            "E_CONNECTOR",
            f"{pin.requirement} was not installed: nobody accepted its licence, {pin.licence}",
            kept="nothing was changed",
            remedy=f"read the licence, then: udb connectors install {name} --accept-licence",
        )
    note(f"Installing {pin.requirement}; this takes a minute or two.")
    spec = make(pin, settings)
    note(f"{pin.name} answers. It knows {len(spec.get('properties', {}))} settings: udb connectors show {name}")


def _accepts(pin: Pin) -> bool:
    """Asks; no answer is a no."""
    try:
        return typer.confirm(f"{pin.requirement} comes under: {pin.licence}. Accept and install?", err=True)
    except typer.Abort:
        return False


def _rows(settings: Settings) -> list[tuple[str, str, str, str]]:
    from udb_pipelines.connectors.airbyte.environments import is_installed
    from udb_pipelines.connectors.airbyte.pins import PINS

    own = [(name, extras.status_of(name), "", about) for name, about in NATIVE]
    of_others = [
        (f"airbyte:{pin.name}", "installed" if is_installed(pin, settings) else "to install", pin.version, pin.about)
        for pin in PINS
    ]
    return own + of_others


def _settings_of(name: str) -> tuple[str, ...]:
    """What ``--config`` may say to a native connector."""
    if name == "http":
        return ("header.NAME",)
    from udb_pipelines.detection.remote.sftp import place
    from udb_pipelines.detection.remote.stores import FIELDS

    return {**FIELDS, "sftp": place.FIELDS, "mongodb": ("snapshot",)}.get(name, ())


def _show(rows: list[tuple[str, str, str, str]], as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(("name", "status", "version", "about"), row, strict=True)) for row in rows])
        return
    print_table((Column("connector"), Column("status"), Column("version"), Column("reads", wrap=True)), rows)


def _field(field: dict[str, Any], required: bool) -> tuple[str, str, str]:
    kind = str(field.get("type", "one of several"))
    secret = ", secret" if field.get("airbyte_secret") else ""
    default = "required" if required else str(field.get("default", ""))
    return kind + secret, default, str(field.get("description", field.get("title", "")))
