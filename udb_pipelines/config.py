"""The only reader of the environment.

Every setting is a field here: typed, documented, with a default that needs nothing. ``udb config`` prints
them, ``docs/configuration.md`` is generated from them, and an unknown or invalid ``UDB_`` variable stops the
start with its name and what it accepts.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from udb_pipelines.errors import UdbError

PREFIX = "UDB_"

DEFAULT_TENANT = "default"
"""Whose files lie directly in UDB's home."""

TENANT_PATTERN = r"[a-z](?:_?[a-z0-9])*"
TENANT_LENGTH = 40
"""PostgreSQL cuts the name of a schema at 63 bytes, silently; with its prefix an id must stay below that."""


def tenant_id(text: str) -> str:
    """``text``, if it may be a tenant's id; nothing is ever made to fit.

    Ids consist of small letters, digits and single underscores, a letter first, so that no two of them can be one
    folder, one database schema or one partition key, whatever the file system makes of case and composed letters.

    Raises:
        ValueError: it may not.

    >>> tenant_id("acme_emea")
    'acme_emea'
    """
    if len(text) > TENANT_LENGTH or not re.fullmatch(TENANT_PATTERN, text, re.ASCII):
        raise ValueError(
            f"a tenant's id has small letters, digits and single underscores, a letter first, {TENANT_LENGTH} at most"
        )
    return text


def tenant_variable(tenant: str, name: str) -> str:
    """The variable by which the operator gives a named tenant the value of ``${name}``.

    Ids have no double underscores, so none of two tenants can name a variable of the other.

    >>> tenant_variable("acme_emea", "SHOP_PASSWORD")
    'UDB_TENANT_ACME_EMEA__SHOP_PASSWORD'
    """
    return f"{PREFIX}TENANT_{tenant.upper()}__{name}"


class Settings(BaseSettings):
    """Effective settings. Build with :func:`load_settings`; tests pass ``Settings(home=tmp_path)``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True)

    home: Annotated[Path, Field(description="Folder that holds everything UDB keeps")] = Path(".udb")
    tenant: Annotated[
        str, Field(description="Whose warehouse, sources and reports; others than default are made by udb tenants add")
    ] = DEFAULT_TENANT
    landing: Annotated[
        Path | None,
        Field(description="Folder the landing sensor watches for the default tenant; default <home>/landing"),
    ] = None
    catalog_url: Annotated[
        SecretStr | None,
        Field(description="PostgreSQL URL of the lake catalog; an SQLite file in <home>/warehouse when unset"),
    ] = None
    control_url: Annotated[
        SecretStr | None,
        Field(description="SQLAlchemy URL of the control database; an SQLite file in <home> when unset"),
    ] = None
    sources_file: Annotated[
        Path | None, Field(description="sources.yaml that Dagster applies whenever it loads; none when unset")
    ] = None
    accept_connector_licences: Annotated[
        bool, Field(description="Install a connector on first use without asking; its licence is then accepted")
    ] = False
    secret_key: Annotated[
        SecretStr | None,
        Field(description="Fernet keys of the encrypted secrets, newest first, comma between; see udb secrets key"),
    ] = None
    memory_limit: Annotated[
        str,
        Field(
            pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", description="Memory a job may use, e.g. 800MB; DuckDB gets 70 % of it"
        ),
    ] = "1GB"
    threads: Annotated[int, Field(ge=1, description="Threads DuckDB may use")] = max(1, min(os.cpu_count() or 1, 8))
    max_spill_gb: Annotated[float, Field(gt=0, description="Temporary disk space one job may use, GB")] = 50
    max_expanded_gb: Annotated[
        float, Field(gt=0, description="Size an archive or compressed file may unpack to, GB")
    ] = 50
    max_reject_pct: Annotated[
        float, Field(ge=0, le=100, description="Share of rejected rows above which a sync fails, %")
    ] = 0
    max_analysis_jobs: Annotated[int, Field(ge=1, description="Analyses that may run at once")] = 2
    max_top_values: Annotated[int, Field(ge=1, le=1000, description="Top values kept per column")] = 10
    type_threshold: Annotated[
        float, Field(gt=0.5, le=1, description="Share of values that must match a column's type")
    ] = 0.95
    gaussian_test: Annotated[
        Literal["dagostino", "jarque_bera", "ks"], Field(description="Test of normality in the profile")
    ] = "dagostino"
    mask_pii: Annotated[
        bool, Field(description="Show the values of personal columns as shapes only (AAA 999) in everything published")
    ] = True
    lock_timeout_seconds: Annotated[
        float, Field(gt=0, description="How long a job waits for the warehouse's writer lock")
    ] = 300
    http_timeout_seconds: Annotated[float, Field(gt=0, description="How long an HTTP server may stay silent, s")] = 60
    download_timeout_seconds: Annotated[float, Field(gt=0, description="How long one download may take in all, s")] = (
        7200
    )
    http_retry_seconds: Annotated[
        float, Field(ge=0, description="How long a web server that is busy (429, 5xx) is asked again, s")
    ] = 60
    ssh_known_hosts: Annotated[
        Path | None,
        Field(description="File of the keys of SFTP servers, as OpenSSH writes it; default ~/.ssh/known_hosts"),
    ] = None
    egress: Annotated[
        Literal["auto", "open", "guarded", "listed"],
        Field(
            description="Hosts that addresses may reach: open any, guarded public ones, listed none, and always "
            "UDB_EGRESS_ALLOW; auto: open for the default tenant, guarded for others"
        ),
    ] = "auto"
    egress_allow: Annotated[
        str,
        Field(
            pattern=r"^[\w.*:/\-, ]*$",
            description="What may be reached: names, patterns, networks, connectors, e.g. *.lan,10.1.0.0/16,airbyte:x",
        ),
    ] = ""
    landing_quiet_seconds: Annotated[
        float, Field(ge=0, description="A landed file is taken when it has not changed for this long")
    ] = 5
    retention_hot_days: Annotated[
        int, Field(ge=1, description="Days that everything a job published is kept; then profile and audit log")
    ] = 7
    retention_days: Annotated[
        int,
        Field(ge=1, description="Days that profiles and rejects of old jobs are kept; then the audit log, archived"),
    ] = 30
    retention_jobs: Annotated[
        int, Field(ge=1, description="Jobs of a source whose artifacts are kept, however young")
    ] = 1000
    archive_target: Annotated[
        str | None,
        Field(
            description="Where audit logs of old jobs move: a folder, s3://bucket/prefix, gs://… or az://…; "
            "default <home>/archive"
        ),
    ] = None
    history_days: Annotated[int, Field(ge=1, description="Days that every version of the warehouse is kept")] = 7
    history_daily_days: Annotated[
        int, Field(ge=1, description="Days that one version a day is kept; one a month after that")
    ] = 90
    merge_below_mb: Annotated[
        float, Field(ge=0, description="Data files smaller than this are merged when a table has many; 0: never, MB")
    ] = 16
    unneeded_file_hours: Annotated[
        float, Field(ge=0, description="Hours that a data file stays after the last version let go of it")
    ] = 24
    disk_high_pct: Annotated[
        float, Field(gt=0, le=100, description="A disk fuller than this loses old artifacts before their time, %")
    ] = 80
    snapshot_target: Annotated[
        str | None,
        Field(
            description="Where snapshots go: a folder, s3://bucket/prefix, gs://… or az://…; default <home>/snapshots"
        ),
    ] = None
    snapshot_keep_days: Annotated[
        int, Field(ge=1, description="Days that snapshots are kept; the newest always is")
    ] = 30
    snapshot_copy_seconds: Annotated[
        int,
        Field(
            ge=0,
            description="How long a change may wait for its copy to the snapshot target, s; 0: until the snapshot",
        ),
    ] = 60
    snapshot_endpoint: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("UDB_SNAPSHOT_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
            pattern=r"^(https?://[^@]+)?$",
            description="Address of an S3-compatible store; Amazon's when unset. Or AWS_ENDPOINT_URL",
        ),
    ] = None
    snapshot_region: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("UDB_SNAPSHOT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
            description="Region of the S3 bucket. Or AWS_REGION",
        ),
    ] = None
    snapshot_access_key: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("UDB_SNAPSHOT_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            description="Access key id for the S3 bucket. Or AWS_ACCESS_KEY_ID",
        ),
    ] = None
    snapshot_secret_key: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("UDB_SNAPSHOT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
            description="Secret access key for the S3 bucket. Or AWS_SECRET_ACCESS_KEY",
        ),
    ] = None
    snapshot_session_token: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("UDB_SNAPSHOT_SESSION_TOKEN", "AWS_SESSION_TOKEN"),
            description="Session token of temporary S3 credentials. Or AWS_SESSION_TOKEN",
        ),
    ] = None
    kpis: Annotated[
        Path | None, Field(description="File of KPIs and views; kpis.yaml in the current folder when unset")
    ] = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Field(description="Least level that is logged")
    ] = "INFO"
    log_format: Annotated[
        Literal["auto", "json", "text"], Field(description="auto: text on a terminal, JSON otherwise")
    ] = "auto"
    dagster_pg_url: Annotated[
        SecretStr | None,
        Field(description="PostgreSQL URL of Dagster's storage; SQLite files in DAGSTER_HOME when unset"),
    ] = None
    airbyte_url: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("AIRBYTE_URL", "airbyte_url"),
            pattern=r"^https?://[^@\s]+$",
            description="Airbyte server for airbyte-server: sources, e.g. http://localhost:8000, https://api.airbyte.com",
        ),
    ] = None
    airbyte_client_id: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("AIRBYTE_CLIENT_ID", "airbyte_client_id"),
            description="Id of an application of the Airbyte server; none is sent when unset",
        ),
    ] = None
    airbyte_client_secret: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("AIRBYTE_CLIENT_SECRET", "airbyte_client_secret"),
            description="Secret of that application",
        ),
    ] = None
    airbyte_workspace: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("AIRBYTE_WORKSPACE", "airbyte_workspace"),
            description="Id or name of the Airbyte workspace; needed where there are several",
        ),
    ] = None
    airbyte_destination: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("AIRBYTE_DESTINATION", "airbyte_destination"),
            description="PostgreSQL URL that Airbyte writes to and UDB reads from; ${NAME} for secrets",
        ),
    ] = None
    airbyte_sync_hours: Annotated[
        float, Field(gt=0, description="How long a sync of the Airbyte server may take before it is cancelled, hours")
    ] = 24
    connector_silence_minutes: Annotated[
        float,
        Field(gt=0, description="How long an embedded Airbyte connector may say nothing before it is stopped, minutes"),
    ] = 90
    otlp_endpoint: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
            description="OTLP/HTTP endpoint that receives traces; none are made when unset",
        ),
    ] = None

    @field_validator("home", "kpis", "landing", "sources_file", "ssh_known_hosts")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @field_validator("archive_target", "snapshot_target")
    @classmethod
    def _absolute_folder(cls, value: str | None) -> str | None:
        return value if value is None or "://" in value else str(Path(value).expanduser().absolute())

    @field_validator("tenant")
    @classmethod
    def _legal_tenant(cls, value: str) -> str:
        return tenant_id(value)

    # Properties and not cached ones: a copy for another tenant must not inherit what was computed for this one.

    def for_tenant(self, tenant: str) -> Settings:
        """The same settings for another tenant of this home.

        Raises:
            ValueError: the id is not legal; see :func:`tenant_id`.
        """
        return self.model_copy(update={"tenant": tenant_id(tenant)})

    @property
    def tenant_home(self) -> Path:
        """What belongs to the tenant: UDB's home itself for the default one, a folder inside for every other."""
        return self.home if self.tenant == DEFAULT_TENANT else self.home / "tenants" / self.tenant

    @property
    def warehouse(self) -> Path:
        """Catalog, data files and lock of the lake."""
        return self.tenant_home / "warehouse"

    @property
    def staging(self) -> Path:
        """Files of running jobs; on the same file system as the warehouse, so that a commit can rename."""
        return self.tenant_home / "staging"

    @property
    def rejects(self) -> Path:
        """``<source>/<job id>/<dataset>.parquet``: rejected rows, also those of jobs that failed."""
        return self.tenant_home / "rejects"

    @property
    def contracts(self) -> Path:
        """``<dataset>.yaml``: the contracts that people have pinned, and their history."""
        return self.tenant_home / "contracts"

    @property
    def stages(self) -> Path:
        """The typed outputs of the stages, for the next process and for resuming."""
        return self.tenant_home / "stages"

    @property
    def artifacts(self) -> Path:
        """``<source>/<job id>/``: what jobs published."""
        return self.tenant_home / "artifacts"

    @property
    def archive(self) -> str:
        """Where audit logs of old jobs go: a folder, or the address of an object store."""
        if self.archive_target is None:
            return str(self.tenant_home / "archive")
        own = self.tenant == DEFAULT_TENANT
        return self.archive_target if own else f"{self.archive_target.rstrip('/')}/tenants/{self.tenant}"

    @property
    def retention_journal(self) -> Path:
        """A line for everything that retention removed."""
        return self.tenant_home / "retention.jsonl"

    @property
    def cache(self) -> Path:
        """Downloads and unpacked archive members."""
        return self.tenant_home / "cache"

    @property
    def spill(self) -> Path:
        """DuckDB's temporary files."""
        return self.tenant_home / "tmp"

    @property
    def landing_folder(self) -> Path:
        """Where people drop files. ``landing`` is the default tenant's: its sub-folders become sources."""
        own = self.landing if self.tenant == DEFAULT_TENANT else None
        return own or self.tenant_home / "landing"

    @property
    def snapshots(self) -> str:
        """Where snapshots go: a folder, or the address of an object store."""
        if self.snapshot_target is None:
            return str(self.tenant_home / "snapshots")
        own = self.tenant == DEFAULT_TENANT
        return self.snapshot_target if own else f"{self.snapshot_target.rstrip('/')}/tenants/{self.tenant}"

    def is_foreign(self, path: Path) -> bool:
        """Whether a path leads, by whatever links, to what another tenant of this home keeps."""
        real, home = path.resolve(), self.home.resolve()
        if not real.is_relative_to(home):
            return False
        names = [*real.relative_to(home).parts, "", ""]
        if names[0] == "tenants":
            return names[1] != self.tenant
        return self.tenant != DEFAULT_TENANT and (names[0] in _KEPT or names[0].startswith("control."))

    @property
    def connectors(self) -> Path:
        """Environments and catalogs of Airbyte connectors; the same for all tenants."""
        return self.home / "connectors"

    @property
    def dagster_home(self) -> Path:
        """``DAGSTER_HOME``, or a folder of ours. One for all tenants."""
        return Path(os.environ.get("DAGSTER_HOME") or self.home / "dagster").absolute()


_KEPT = frozenset(
    {
        "archive", "artifacts", "cache", "contracts", "dagster", "kpis", "landing", "rejects", "snapshots", "stages",
        "staging", "tmp", "warehouse",
    }
)  # fmt: skip
"""The default tenant's folders in the home, and Dagster's. People may keep files of their own beside them."""


def variable_of(name: str) -> str:
    """The environment variable that sets the field ``name``.

    >>> variable_of("memory_limit"), variable_of("otlp_endpoint")
    ('UDB_MEMORY_LIMIT', 'OTEL_EXPORTER_OTLP_ENDPOINT')
    """
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name}".upper()


_TENANT_VARIABLE = re.compile(rf"{PREFIX}TENANT_{TENANT_PATTERN.replace('a-z', 'A-Z')}__.")


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        UdbError: ``E_CONFIG`` with the name of each invalid or unknown variable and what it accepts.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    problems = [
        f"{name} is not a setting of UDB"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not _TENANT_VARIABLE.match(name)
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        for detail in error.errors():
            name = str(detail["loc"][0])
            variable = name if name.isupper() else f"{PREFIX}{name}".upper()
            field = Settings.model_fields.get(name.lower().removeprefix("udb_"))
            about = f" ({field.description})" if field and field.description else ""
            problems.append(f"{variable}: {detail['msg']}{about}")
        raise UdbError("E_CONFIG", "; ".join(problems)) from None
    if problems:
        raise UdbError("E_CONFIG", "; ".join(problems))
    return settings
